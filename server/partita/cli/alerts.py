"""`partita alert`: what people are told of without asking."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from partita.cli.failures import CommandError, Exit
from partita.cli.options import json_option, settings_of, workspace_options
from partita.cli.output import age, brief, print_facts, print_json, print_table, status_text
from partita.cli.remote import Server, server_options

if TYPE_CHECKING:
    from partita_client.models import Alert

KINDS = click.Choice(["run_failed", "check_failed", "freshness_lost", "schedule_failing", "sensor_failing", "location_broken", "daemon_gone"])
STATUSES = click.Choice(["waiting", "sent", "dropped", "failed"])


@click.group()
def alert() -> None:
    """List what people were told of, and try who is told. The rules are in partita.toml: docs/alerts.md."""


@alert.command("list")
@click.option("--rule", help="Only those of this rule.")
@click.option("--kind", "kinds", type=KINDS, multiple=True, help="Only what is called like this; may be repeated.")
@click.option("--status", "statuses", type=STATUSES, multiple=True, help="Only those that stand like this; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@json_option
@server_options
def list_alerts(*, server: Server, rule: str | None, kinds: tuple[str, ...], statuses: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List alerts, the newest first."""
    with server.connect() as client:
        found = list(client.alerts(rule=rule, kind=kinds or None, status=statuses or None, limit=limit))
    if as_json:
        print_json(found)
        return
    rows = [(age(each.last_at), each.rule, status_text(each.status.value), each.count, _what(each)) for each in found]
    print_table(["when", "rule", "told", "times", "what"], rows, empty="Nobody was told of anything.")


@alert.command()
@json_option
@server_options
def rules(*, server: Server, as_json: bool) -> None:
    """Show the rules that the server's settings have: who is told of what."""
    with server.connect() as client:
        found = client.server().alert_rules
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("Nobody is told of anything: partita.toml has no [[alert]]. See docs/alerts.md.")
    for number, each in enumerate(found):
        if number:
            click.echo()
        print_facts(
            {
                "rule": each.name,
                "tells of": ", ".join(kind.value for kind in each.kinds),
                "only": ", ".join(each.only) or "any name",
                "to": ", ".join(each.targets),
                "quiet": brief(each.quiet),
                "again": "once" if each.repeat is None else f"every {brief(each.repeat)}",
                "limit": f"{each.limit} messages an hour",
                "the end": "is told too" if each.is_end_told else "is not told",
            }
        )


@alert.command("test")
@click.argument("rule", required=False)
@workspace_options
@json_option
def test_rules(rule: str | None, *, as_json: bool, **chosen: Any) -> int:
    """Send a message to everybody whom the rules of partita.toml, or one RULE, name. No server is needed; exit code 1 when one refuses it."""
    from partita.automation.alert_targets import tell
    from partita.errors import NotFoundError
    from partita.planning.alerts import Message
    from partita.records import alerts

    found = settings_of(**chosen).alerts
    if not found:
        raise CommandError("Nobody is told of anything: partita.toml has no [[alert]]. See docs/alerts.md.", exit_code=Exit.WRONG_USE)
    wanted = [each for each in found if rule in {None, each.rule.name}]
    if rule is not None and not wanted:
        raise NotFoundError("alert rule", rule, [each.rule.name for each in found])
    now = datetime.now(UTC)
    told: list[dict[str, Any]] = []
    for each in wanted:
        text = f"This is a test of rule {each.rule.name}."
        trial = alerts.Alert(
            id="alert_test", rule=each.rule.name, kind=each.rule.on[0], subject="test", title="Test", details=(text,), at=now, last_at=now
        )
        message = Message(id="message_test", rule=each.rule, alerts=(trial,))
        told += [{"rule": each.rule.name, "target": target.name, "error": tell(target, message)} for target in each.targets]
    if as_json:
        print_json(told)
    else:
        for one in told:
            click.echo(f"{one['rule']}: {one['target']} " + ("was told." if one["error"] is None else f"refuses it: {one['error']}"))
    return Exit.DONE if all(one["error"] is None for one in told) else Exit.FAILED


def _what(found: Alert) -> str:
    why = f"  (not told: {found.error})" if found.error is not None and found.status.value in {"waiting", "failed"} else ""
    return f"{found.title}{'  (goes on)' if found.is_open else ''}{why}"
