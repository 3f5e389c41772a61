"""What `partita schedule` and `partita sensor` have in common: switches and ticks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import click

from partita.cli.options import json_option
from partita.cli.output import age, brief, print_error, print_facts, print_json, print_table, status_text
from partita.cli.remote import Server, server_options
from partita.records.ids import short_id

NAME_HELP = "NAME is the name of a {0}, or location/repository/name where several are called so."
TICK_STATUSES = click.Choice(["started", "succeeded", "skipped", "failed"])


def add_switches(group: click.Group, kind: str, get: Callable[[Any, str], Any]) -> None:
    """Give a group the commands `on`, `off` and `reset`."""

    def switch(names: tuple[str, ...], *, server: Server, as_json: bool, on: bool | None) -> None:
        with server.connect() as client:
            client.set_automation(*names, on=on)
            records = [get(client, name) for name in names]
        if as_json:
            print_json(records)
            return
        for record in records:
            click.echo(f"{record.name}: {record.status}")

    for word, on, text in (
        ("on", True, f"Switch {kind}s on."),
        ("off", False, f"Switch {kind}s off; runs that they launched go on."),
        ("reset", None, f"Leave it to the code again whether {kind}s are on."),
    ):
        _command(group, word, text, kind, on=on, act=switch)


def _command(group: click.Group, word: str, text: str, kind: str, *, on: bool | None, act: Callable[..., None]) -> None:
    @group.command(word, help=text, epilog=NAME_HELP.format(kind))
    @click.argument("names", metavar="NAME...", nargs=-1, required=True)
    @json_option
    @server_options
    def command(names: tuple[str, ...], *, server: Server, as_json: bool) -> None:
        act(names, server=server, as_json=as_json, on=on)


def add_ticks(group: click.Group, kind: str, get: Callable[[Any, str], Any]) -> None:
    """Give a group the command `ticks`."""

    @group.command(help=f"List what became of the times that a {kind} was due, newest first.", epilog=NAME_HELP.format(kind))
    @click.argument("name")
    @click.option("--status", "statuses", multiple=True, type=TICK_STATUSES, help="Only those that stand like this.")
    @click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many at most.")
    @json_option
    @server_options
    def ticks(name: str, *, server: Server, statuses: tuple[str, ...], limit: int, as_json: bool) -> None:
        with server.connect() as client:
            get(client, name)  # so that a wrong name is told with the nearest
            found = list(client.ticks(name, status=list(statuses) or None, limit=limit))
        if as_json:
            print_json(found)
            return
        rows = [
            [
                short_id(each.id),
                status_text(str(each.status)),
                f"{each.due_at.astimezone():%Y-%m-%d %H:%M:%S}",
                brief(each.duration),
                runs_of(each),
                why(each),
            ]
            for each in found
        ]
        print_table(["tick", "status", "due", "took", "runs", "why"], rows, empty=f"The {kind} has not ticked yet.")


def runs_of(tick: Any) -> str:
    """The runs that a tick launched, the first of them by id."""
    ids = [short_id(request.run.id) for request in tick.requests if request.run is not None and not request.is_already_launched]
    return ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "") or "-"


def why(tick: Any) -> str:
    """Why a tick launched nothing."""
    if tick.error is not None:
        lines = tick.error.message.splitlines()
        return f"{tick.error.class_name}: {lines[0] if lines else ''}"
    return tick.skip_reason or "-"


def target(record: Any) -> str:
    """What a schedule or sensor launches."""
    targets: Sequence[Any] = [record.target] if hasattr(record, "target") else record.targets
    return ", ".join(each.job.name if each.job is not None else each.selection or "-" for each in targets) or "-"


def due(record: Any) -> str:
    """When it is due next."""
    return at(record.next_tick_at)


def at(instant: datetime | None) -> str:
    """An instant on this machine's clock."""
    return "-" if instant is None else f"{instant.astimezone():%Y-%m-%d %H:%M:%S}"


def last(record: Any) -> str:
    """What became of its newest tick."""
    tick = record.last_tick
    return f"{tick.status} {age(tick.due_at)}" if tick is not None else "-"


def print_tick(tick: Any) -> None:
    """A tick with all that it asked for."""
    facts = {"tick": tick.id, "status": str(tick.status), "took": brief(tick.duration), "cursor": tick.cursor or "-", "why": why(tick)}
    print_facts(facts)
    rows = [[each.run_key or "-", each.job_name or ", ".join(each.asset_keys) or "-", each.partition_key or "-"] for each in tick.requests]
    print_table(["run key", "what", "partition"], rows, empty="It asks for no run.")
    for added in tick.added_partitions:
        click.echo(f"Adds to {added.set_name}: {', '.join(added.keys)}")
    if tick.logs:
        click.echo(tick.logs)
    if tick.error is not None:
        print_error("It failed", tick.error)
