"""All backfills, the newest first, with the partitions of the one under the cursor counted."""

from __future__ import annotations

from datetime import datetime

from textual import on, work
from textual.app import ComposeResult

from partita_client.tui.actions import Action
from partita_client.tui.desk import Desk
from partita_client.tui.routes import Route
from partita_client.tui.screens.backfill_actions import cancel_backfill, retry_backfill, start_backfill, toggle_backfill, why_not
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.screens.filter_bar import FilterBar
from partita_client.tui.store.backfills import backfill_cells, backfill_lines, list_backfills, parse_backfill_filter
from partita_client.tui.store.filters import Filter
from partita_client.tui.store.topics import Changes, Topic
from partita_client.tui.widgets.line_text import LineText
from partita_client.tui.widgets.virtual_table import Column, KeyedSource, Row, VirtualTable


class BackfillsScreen(PlaceScreen):
    """The table of backfills."""

    TOPICS = frozenset({Topic.BACKFILLS})
    OFFERS = ("list.open", "backfill.retry", "backfill.toggle", "backfill.cancel", "backfill.start", "backfill.runs", "app.filter")
    AUTO_FOCUS = "#backfills"

    def __init__(self, desk: Desk, route: Route) -> None:
        super().__init__(desk, route)
        self._wanted = Filter()
        self._ids: list[str] = []

    def body(self) -> ComposeResult:
        """The filter, the table, and one of them."""
        yield FilterBar("status: asset: job: or words", id="filter")
        with Pane(id="backfills-pane") as pane:
            pane.set_title("Backfills")
            yield VirtualTable(
                Column("id", "id", max_width=8),
                Column("target", "target", width=12, max_width=50, is_flexible=True),
                Column("status", "status", width=11, max_width=12),
                Column("progress", "progress", width=17, max_width=17),
                Column("ok", "ok", align="right", width=4, max_width=7, drop=1),
                Column("failed", "failed", align="right", width=6, max_width=7),
                Column("running", "run", align="right", width=3, max_width=6, drop=2),
                Column("waiting", "wait", align="right", width=4, max_width=7, drop=3),
                Column("took", "took", align="right", width=6, max_width=7),
                empty="Asking the server …",
                id="backfills",
            )
        with Pane(id="backfill-preview"):
            yield LineText(id="backfill-facts")

    def crumbs(self) -> list[str]:
        """The filter is part of where one is."""
        return [self.route.filter] if self.route.filter else []

    @property
    def _table(self) -> VirtualTable:
        return self.query_one("#backfills", VirtualTable)

    def visit(self, route: Route) -> None:
        """Come here with another filter."""
        super().visit(route)
        self.query_one(FilterBar).set_text(route.filter)
        self._wanted = parse_backfill_filter(route.filter)
        self._list()

    def begin_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).begin()

    def do_app_filter(self) -> None:
        """Type a filter."""
        self.begin_filter()

    @on(FilterBar.Changed)
    def _filtered(self, event: FilterBar.Changed) -> None:
        event.stop()
        self._wanted = parse_backfill_filter(event.text)
        self._list()
        if event.is_done:
            self._table.focus()
            if event.text != self.route.filter:
                self.desk.go(Route("backfills", filter=event.text))

    # What is shown.

    def show(self, changes: Changes) -> None:  # noqa: ARG002  all is drawn anew
        """List anew."""
        self._list()

    def show_clock(self, now: datetime) -> None:  # noqa: ARG002  all is drawn anew
        """What runs takes longer."""
        self._table.changed(self._table.visible_ids())
        self._preview()

    def _list(self) -> None:
        found = self.desk.world.backfills
        if Topic.BACKFILLS in self.desk.world.loaded:
            self._table.set_empty("Nothing fits the filter." if found else "No backfills yet. Start one with b on an asset, or here.")
        self._ids = list_backfills(found, self._wanted)
        self._table.set_source(KeyedSource(self._ids, self._row))
        self.query_one(FilterBar).say(f"{len(self._ids)} of {len(found)}", self._wanted.problem)
        self._preview()

    def _row(self, backfill_id: str) -> Row | None:
        found = self.desk.world.backfills.get(backfill_id)
        return None if found is None else Row(backfill_id, backfill_cells(found, self.desk.now()))

    def _preview(self) -> None:
        found = self.desk.world.backfills.get(self._table.cursor_id or "")
        self.query_one("#backfill-preview", Pane).set_title((found.title or found.id[-8:]) if found else "")
        self.put_lines("#backfill-facts", backfill_lines(found, self.desk.now()) if found else [])

    @on(VirtualTable.RowHighlighted, "#backfills")
    def _highlighted(self) -> None:
        self._preview()

    @on(VirtualTable.RowSelected, "#backfills")
    def _selected(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        self.desk.go(Route("backfills", id=event.row_id))

    # Actions.

    def why_not(self, action: Action) -> str | None:
        """What can be done depends on how it stands."""
        return why_not(action, self.desk.world.backfills.get(self._table.cursor_id or ""))

    @work(group="action", exit_on_error=False)
    async def do_backfill_cancel(self) -> None:
        """End it, after asking."""
        await cancel_backfill(self, self.desk.world.backfills[self._table.cursor_id or ""])

    @work(group="action", exit_on_error=False)
    async def do_backfill_toggle(self) -> None:
        """Hold it, or let it go on."""
        await toggle_backfill(self, self.desk.world.backfills[self._table.cursor_id or ""])

    @work(group="action", exit_on_error=False)
    async def do_backfill_retry(self) -> None:
        """Run again what failed."""
        await retry_backfill(self, self.desk.world.backfills[self._table.cursor_id or ""])

    @work(group="action", exit_on_error=False)
    async def do_backfill_start(self) -> None:
        """Begin another one."""
        await start_backfill(self)

    def do_backfill_runs(self) -> None:
        """Its runs."""
        self.desk.go(Route("runs", filter=f"backfill:{self._table.cursor_id}"))
