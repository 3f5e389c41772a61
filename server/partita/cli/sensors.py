"""`partita sensor`: list, switch and try out the sensors of a server."""

from __future__ import annotations

import click

from partita.cli.automations import NAME_HELP, add_switches, add_ticks, due, last, print_tick, target
from partita.cli.failures import Exit
from partita.cli.options import json_option
from partita.cli.output import brief, print_json, print_table, status_text
from partita.cli.remote import Server, server_options


@click.group()
def sensor() -> None:
    """List sensors, switch them, see their ticks, try them out."""


@sensor.command("list")
@json_option
@server_options
def list_sensors(*, server: Server, as_json: bool) -> None:
    """List sensors and what became of their newest tick."""
    with server.connect() as client:
        found = list(client.sensors())
    if as_json:
        print_json(found)
        return
    rows = [
        [each.name, status_text(str(each.status)), str(each.kind), brief(each.minimum_interval), target(each), due(each), last(each)]
        for each in found
    ]
    print_table(["sensor", "status", "waits for", "every", "launches", "next", "last"], rows, empty="There are no sensors.")


add_switches(sensor, "sensor", lambda client, name: client.sensor(name))
add_ticks(sensor, "sensor", lambda client, name: client.sensor(name))


@sensor.command(epilog=NAME_HELP.format("sensor"))
@click.argument("name")
@click.option("--cursor", help="What it goes on from; else its own cursor.")
@json_option
@server_options
def evaluate(name: str, *, server: Server, cursor: str | None, as_json: bool) -> int:
    """Evaluate a sensor and show what it would launch; nothing is launched. Exit code 1 when it fails."""
    with server.connect() as client:
        tick = client.evaluate_sensor(name, cursor=cursor)
    if as_json:
        print_json(tick)
    else:
        print_tick(tick)
    return Exit.FAILED if tick.error is not None else Exit.DONE


@sensor.command(epilog=NAME_HELP.format("sensor"))
@click.argument("name")
@click.option("--set", "value", help="Set it to this.")
@click.option("--reset", is_flag=True, help="Remove it, so that the sensor begins anew.")
@json_option
@server_options
def cursor(name: str, *, server: Server, value: str | None, reset: bool, as_json: bool) -> None:
    """Show a sensor's cursor, or set it."""
    if value is not None and reset:
        raise click.UsageError("Give one of --set and --reset.")
    with server.connect() as client:
        changed = value is not None or reset
        found = client.set_sensor_cursor(name, value) if changed else client.sensor(name)
    if as_json:
        print_json({"sensor": found.name, "cursor": found.cursor})
    else:
        click.echo(found.cursor if found.cursor is not None else "It has no cursor.")
