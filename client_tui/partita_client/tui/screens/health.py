"""The server itself: its daemons, the queue and its pools, and what people were told of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from partita_client.tui.render.spark import progress
from partita_client.tui.render.text import Line, ago, clock, duration, fit, plain
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.screens.modals.report import Report
from partita_client.tui.store.run_rows import short_id
from partita_client.tui.store.topics import Changes, Topic
from partita_client.tui.widgets.line_text import LineText
from partita_client.tui.widgets.virtual_table import Column, Row, VirtualTable

if TYPE_CHECKING:
    from partita_client.models import Alert, TuiDaemon

LATE = timedelta(milliseconds=100)
"""Less is no lateness that anybody would look for."""


class HealthScreen(PlaceScreen):
    """Daemons, queue, server, alerts."""

    TOPICS = frozenset({Topic.SERVER, Topic.CONNECTION, Topic.RUNS, Topic.ALERTS})
    AUTO_FOCUS = "#daemons"

    def body(self) -> ComposeResult:
        """Daemons beside the server; the queue beside the alerts below."""
        with Horizontal(classes="row"):
            with Pane(id="daemons-pane") as pane:
                pane.set_title("Daemons")
                yield VirtualTable(
                    Column("role", "role", width=10, max_width=20, is_flexible=True),
                    Column("state", "state", width=12, max_width=16),
                    Column("last seen", "last seen", width=5, max_width=8),
                    Column("late", "late", align="right", width=5, max_width=8),
                    Column("host", "host", max_width=16, drop=2),
                    Column("error", "error", max_width=60, drop=1),
                    empty="The server names no daemon.",
                    id="daemons",
                )
            with Pane(id="server-pane") as pane:
                pane.set_title("Server")
                yield LineText(id="server")
        with Horizontal(classes="row"):
            with Pane(id="queue-pane") as pane:
                pane.set_title("Queue and pools")
                yield VirtualTable(
                    Column("name", "limit", width=12, max_width=40, is_flexible=True),
                    Column("used", "used", align="right", width=7, max_width=12),
                    Column("bar", "", width=16, max_width=16, drop=1),
                    Column("waiting", "waiting", align="right", width=7, max_width=8),
                    empty="Nothing is limited.",
                    id="queue",
                )
            with Pane(id="alerts-pane") as pane:
                pane.set_title("Alerts")
                yield VirtualTable(
                    Column("when", "when", width=5, max_width=8),
                    Column("told", "told", width=9, max_width=12),
                    Column("what", "what", width=16, max_width=100, is_flexible=True),
                    Column("rule", "rule", max_width=12, drop=1),
                    empty="Nobody was told of anything: see docs/alerts.md.",
                    id="alerts",
                )

    def show(self, changes: Changes) -> None:  # noqa: ARG002  all is drawn anew
        """Draw anew."""
        self._draw(self.desk.now())

    def show_clock(self, now: datetime) -> None:
        """Beats grow old."""
        self._draw(now)

    def _draw(self, now: datetime) -> None:
        server = self.desk.world.server
        if server is None:
            return
        self.put_rows("#daemons", [_daemon_row(daemon, now) for daemon in server.daemons])
        self.put_lines(
            "#server",
            [
                ((fit("address", 10), "dim"), (self.desk.feed.link.url, "")),
                ((fit("version", 10), "dim"), (plain(server.version), "")),
                ((fit("up", 10), "dim"), (duration(now - server.started_at), "")),
                ((fit("schema", 10), "dim"), (plain(server.schema_hash, 16), "")),
                *(((("⚠ ", "warning"), (f"{topic.value}: {plain(problem)}", ""))) for topic, problem in self.desk.world.problems.items()),
            ],
        )
        self.put_rows("#queue", self._queue_rows())
        alerts = sorted(self.desk.world.alerts.values(), key=lambda each: (each.last_at, each.id), reverse=True)
        self.put_rows("#alerts", [_alert_row(alert, now) for alert in alerts])

    @on(VirtualTable.RowSelected, "#alerts")
    def _read_alert(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        alert = self.desk.world.alerts.get(event.row_id)
        if alert is not None:
            self.app.push_screen(Report("Alert", list(_alert_lines(alert, self.desk.now()))))

    def _queue_rows(self) -> list[Row]:
        server = self.desk.world.server
        assert server is not None
        queue = server.queue
        rows = [_limit_row("runs at once", queue.running, queue.max_concurrent, queue.queued)]
        rows += [_limit_row(f"pool {pool.name}", pool.used, pool.limit, pool.waiting) for pool in queue.pools]
        for tag in queue.tag_limits:
            rows.append(_limit_row(f"tag {tag.key}={tag.value if tag.value is not None else '(each value)'}", tag.used, tag.limit, tag.waiting))
        return rows


def _daemon_row(daemon: TuiDaemon, now: datetime) -> Row:
    if daemon.is_healthy:
        state: Line = (("● healthy", "ok"),)
    else:
        state = (("✗ down", "failed"),) if daemon.is_required else (("○ idle", "dim"),)
    # Its beats alone are not told: how old the last is says something only when they have stopped.
    beat = "" if daemon.is_healthy else ago(daemon.last_heartbeat_at, now)
    late = "" if daemon.lateness is None else duration(daemon.lateness) if daemon.lateness >= LATE else "–"
    return Row(daemon.kind.value, (daemon.kind.value, state, beat, late, ((plain(daemon.host or "", 40), "dim"),), _error_of(daemon, now)))


def _error_of(daemon: TuiDaemon, now: datetime) -> Line:
    """What keeps it from its work, or what last did."""
    if daemon.errors:
        return ((plain(f"{daemon.errors[0].class_name}: {daemon.errors[0].message}", 200), "failed"),)
    if daemon.past_errors:
        last = daemon.past_errors[0]
        return ((plain(f"{ago(last.at, now)} ago: {last.error.class_name}: {last.error.message}", 200), "dim"),)
    return (("", ""),)


TOLD = {"waiting": ("○ waiting", "queued"), "sent": ("● sent", "ok"), "dropped": ("– dropped", "dim"), "failed": ("✗ refused", "failed")}
"""How an alert stands, and its colour."""


def _alert_row(alert: Alert, now: datetime) -> Row:
    word, style = TOLD.get(alert.status.value, (alert.status.value, ""))
    if alert.status.value == "waiting" and alert.error is not None:
        word, style = "✗ refused", "warning"
    times = f" ({alert.count} times)" if alert.count > 1 else ""
    why = f"  {plain(alert.error, 200)}" if alert.error is not None and alert.status.value != "sent" else ""
    mood = "failed" if alert.is_open else "dim" if alert.is_end else ""
    return Row(
        alert.id, (ago(alert.last_at, now), ((word, style),), ((plain(alert.title + times, 200), mood), (why, "warning")), ((alert.rule, "dim"),))
    )


def _limit_row(name: str, used: int, limit: int | None, waiting: int) -> Row:
    bar: Line = progress(used, limit, 16) if limit else (("no limit", "dim"),)
    return Row(name, (plain(name, 80), f"{used}/{limit}" if limit else str(used), bar, ((str(waiting), "queued" if waiting else "dim"),)))


def _alert_lines(alert: Alert, now: datetime) -> Iterator[Line]:
    """All that is known of it."""
    yield ((plain(alert.title, 300), "title"),)
    for detail in alert.details:
        yield ((plain(detail, 1000), ""),)
    yield (("", ""),)
    told = "nobody so far" if alert.sent_at is None else f"{clock(alert.sent_at, now)}  {ago(alert.sent_at, now)} ago"
    over = "" if alert.ended_at is None else f"  over since {clock(alert.ended_at, now)}"
    facts = {
        "rule": alert.rule,
        "about": f"{alert.kind.value}  {plain(alert.subject, 200)}",
        "happened": f"{clock(alert.at, now)}  {ago(alert.at, now)} ago{f', {alert.count} times' if alert.count > 1 else ''}{over}",
        "told": told,
        "waits for": ", ".join(alert.waiting_for),
        "refused": f"{alert.attempts} times: {plain(alert.error, 500)}" if alert.error else "",
        "run": short_id(alert.run.id) if alert.run is not None else "",
    }
    for label, value in facts.items():
        if value:
            yield ((fit(label, 12), "dim"), (value, ""))
