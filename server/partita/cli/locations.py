"""`partita location`: list and reload the code locations of a server."""

from __future__ import annotations

from typing import Any

import click

from partita.cli.failures import Exit
from partita.cli.options import json_option
from partita.cli.output import age, print_json, print_table, status_text
from partita.cli.remote import Server, server_options


@click.group()
def location() -> None:
    """List and reload code locations."""


@location.command("list")
@json_option
@server_options
def list_locations(*, server: Server, as_json: bool) -> None:
    """List code locations and how they stand."""
    with server.connect() as client:
        found = list(client.locations())
    if as_json:
        print_json(found)
        return
    rows = [[each.name, status_text(str(each.status)), _repositories(each), age(each.loaded_at), each.start or "-", _problem(each)] for each in found]
    print_table(["location", "status", "repositories", "loaded", "processes", "problem"], rows, empty="There are no code locations.")


@location.command()
@click.argument("name")
@json_option
@server_options
def reload(name: str, *, server: Server, as_json: bool) -> int:
    """Load the code of location NAME again and tell how it went; exit code 1 when it cannot be loaded."""
    with server.connect() as client:
        loaded = client.reload(name)
    if as_json:
        print_json(loaded)
    else:
        click.echo(f"{loaded.name}: {loaded.status}")
        if loaded.error is not None:
            click.echo("".join(loaded.error.stack) + f"{loaded.error.class_name}: {loaded.error.message}", err=True)
    return Exit.FAILED if loaded.error is not None else Exit.DONE


def _repositories(found: Any) -> str:
    return ", ".join(each.name for each in found.repositories) or "-"


def _problem(found: Any) -> str:
    if found.error is not None:
        lines = found.error.message.splitlines()
        # several errors: the first line only counts them
        shown = " ".join(lines[:2]) if lines and lines[0].endswith(":") else "".join(lines[:1])
        return f"{found.error.class_name}: {shown}"
    return found.warnings[0] if found.warnings else "-"
