"""The server itself: its daemons, the queue and its pools."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal

from partita_client.tui.render.spark import progress
from partita_client.tui.render.text import Line, ago, duration, fit, plain
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.store.topics import Changes, Topic
from partita_client.tui.widgets.line_text import LineText
from partita_client.tui.widgets.virtual_table import Column, Row, VirtualTable

if TYPE_CHECKING:
    from partita_client.models import TuiDaemon


class HealthScreen(PlaceScreen):
    """Daemons, queue, server."""

    TOPICS = frozenset({Topic.SERVER, Topic.CONNECTION, Topic.RUNS})
    AUTO_FOCUS = "#daemons"

    def body(self) -> ComposeResult:
        """Daemons beside the server, the queue below."""
        with Horizontal(classes="row"):
            with Pane(id="daemons-pane") as pane:
                pane.set_title("Daemons")
                yield VirtualTable(
                    Column("role", "role", width=10, max_width=20, is_flexible=True),
                    Column("state", "state", width=12, max_width=16),
                    Column("last seen", "last seen", width=5, max_width=8),
                    Column("error", "error", max_width=60, drop=1),
                    empty="The server names no daemon.",
                    id="daemons",
                )
            with Pane(id="server-pane") as pane:
                pane.set_title("Server")
                yield LineText(id="server")
        with Pane(id="queue-pane") as pane:
            pane.set_title("Queue and pools")
            yield VirtualTable(
                Column("name", "limit", width=12, max_width=40, is_flexible=True),
                Column("used", "used", align="right", width=9, max_width=12),
                Column("bar", "", width=16, max_width=16),
                Column("waiting", "waiting", align="right", width=7, max_width=8),
                empty="Nothing is limited.",
                id="queue",
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
    error = plain(f"{daemon.errors[0].class_name}: {daemon.errors[0].message}", 200) if daemon.errors else ""
    return Row(daemon.kind.value, (daemon.kind.value, state, beat, ((error, "failed"),)))


def _limit_row(name: str, used: int, limit: int | None, waiting: int) -> Row:
    bar: Line = progress(used, limit, 16) if limit else (("no limit", "dim"),)
    return Row(name, (plain(name, 80), f"{used}/{limit}" if limit else str(used), bar, ((str(waiting), "queued" if waiting else "dim"),)))
