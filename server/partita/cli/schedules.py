"""`partita schedule`: list and switch the schedules of a server."""

from __future__ import annotations

import click

from partita.cli.automations import add_switches, add_ticks, due, last, target
from partita.cli.options import json_option
from partita.cli.output import print_json, print_table, status_text
from partita.cli.remote import Server, server_options


@click.group()
def schedule() -> None:
    """List schedules, switch them, see their ticks."""


@schedule.command("list")
@json_option
@server_options
def list_schedules(*, server: Server, as_json: bool) -> None:
    """List schedules, when they are due and what became of their newest tick."""
    with server.connect() as client:
        found = list(client.schedules())
    if as_json:
        print_json(found)
        return
    rows = [[each.name, status_text(str(each.status)), "; ".join(each.cron), each.timezone, target(each), due(each), last(each)] for each in found]
    print_table(["schedule", "status", "cron", "zone", "launches", "next", "last"], rows, empty="There are no schedules.")


add_switches(schedule, "schedule", lambda client, name: client.schedule(name))
add_ticks(schedule, "schedule", lambda client, name: client.schedule(name))
