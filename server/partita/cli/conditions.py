"""`partita condition`: when the daemon makes assets by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from partita.cli.options import json_option
from partita.cli.output import age, print_json, print_table, status_text
from partita.cli.remote import Server, server_options

if TYPE_CHECKING:
    from partita_client.models import ListConditionsAssetsNodes


@click.group()
def condition() -> None:
    """List the conditions of assets and switch them. What one has come to: `partita asset show KEY`."""


@condition.command("list")
@json_option
@server_options
def list_conditions(*, server: Server, as_json: bool) -> None:
    """List the assets with a condition and what it last came to."""
    with server.connect() as client:
        found = list(client.conditions())
    if as_json:
        print_json(found)
        return
    rows = [[each.key, status_text("off" if _is_off(each) else "on"), each.condition, _last(each)] for each in found]
    print_table(["asset", "status", "condition", "last asked"], rows, empty="No asset has a condition.")


@condition.command()
@click.argument("keys", metavar="ASSET...", nargs=-1, required=True)
@json_option
@server_options
def on(keys: tuple[str, ...], *, server: Server, as_json: bool) -> None:
    """Switch conditions on. They act from now on: what came before is not made up for."""
    _switch(keys, server, on=True, as_json=as_json)


@condition.command()
@click.argument("keys", metavar="ASSET...", nargs=-1, required=True)
@json_option
@server_options
def off(keys: tuple[str, ...], *, server: Server, as_json: bool) -> None:
    """Switch conditions off; runs that they launched go on."""
    _switch(keys, server, on=False, as_json=as_json)


def _switch(keys: tuple[str, ...], server: Server, *, on: bool, as_json: bool) -> None:
    with server.connect() as client:
        client.set_conditions(*keys, on=on)
    word = "on" if on else "off"
    if as_json:
        print_json([{"key": key, "condition_status": word} for key in keys])
    else:
        for key in keys:
            click.echo(f"{key}: {word}")


def _is_off(each: ListConditionsAssetsNodes) -> bool:
    return each.condition_status is not None and each.condition_status.value == "off"


def _last(each: ListConditionsAssetsNodes) -> str:
    evaluations = each.condition_evaluations.nodes
    return age(evaluations[0].at) if evaluations else "never"
