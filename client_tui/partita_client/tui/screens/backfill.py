"""One backfill: how far it is, every partition of every asset, and its runs."""

from __future__ import annotations

import asyncio
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult

from partita_client.errors import PartitaClientError
from partita_client.models.generated import operations
from partita_client.tui.actions import Action
from partita_client.tui.desk import Desk
from partita_client.tui.feed import problem_of
from partita_client.tui.render.states import mark_line
from partita_client.tui.render.text import Line, ago, duration, plain
from partita_client.tui.routes import Route
from partita_client.tui.screens.backfill_actions import cancel_backfill, retry_backfill, toggle_backfill, why_not
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.screens.tabs import Tabbed
from partita_client.tui.store.backfills import Items, backfill_lines, bar_of, item_line, target_of
from partita_client.tui.store.run_rows import is_active, partition_of, short_id, steps_of, took
from partita_client.tui.store.run_rows import target_of as run_target_of
from partita_client.tui.store.topics import BackfillsSeen, Changes, RunsSeen, Topic
from partita_client.tui.widgets.line_text import LineText, PlainLine
from partita_client.tui.widgets.partition_matrix import PartitionMatrix
from partita_client.tui.widgets.virtual_table import Column, Row, VirtualTable

if TYPE_CHECKING:
    from partita_client.models import TuiBackfill, TuiRun

PAGE = 500
MOST = 100_000


class BackfillScreen(PlaceScreen):
    """A backfill as it goes on."""

    TOPICS = frozenset({Topic.BACKFILLS, Topic.RUNS})
    OFFERS = ("backfill.retry", "backfill.toggle", "backfill.cancel", "backfill.runs", "app.next_tab")
    AUTO_FOCUS = "#matrix"

    def __init__(self, desk: Desk, route: Route) -> None:
        super().__init__(desk, route)
        self._items = Items()
        self._problem = ""
        self._has_runs = False
        self._is_loading = False
        self._asked_of: TuiBackfill | None = None
        """Its record when its partitions were asked for last: they are others only when it is."""

    def body(self) -> ComposeResult:
        """How it stands, the picture, the runs."""
        with Pane(id="backfill-head"):
            yield LineText(id="backfill-facts")
        with Pane(id="backfill-tabs-pane"):
            yield Tabbed(
                ("Partitions", PartitionMatrix(id="matrix")),
                ("Runs", VirtualTable(*_RUNS, empty="It has no run yet.", id="backfill-runs")),
                id="backfill-tabs",
            )
        yield PlainLine(id="backfill-item")

    def crumbs(self) -> list[str]:
        """Its title or its short id."""
        found = self.backfill
        return [(found.title if found else None) or short_id(self.route.id)]

    @property
    def backfill(self) -> TuiBackfill | None:
        """Its record as last told."""
        found = self.desk.world.backfills
        return found.get(self.route.id) or next((each for each in found.values() if each.id.endswith(self.route.id)), None)

    def on_mount(self) -> None:
        """Ask for its partitions, also where its record is not known."""
        self._load()

    @work(group="items", exit_on_error=False)
    async def _load(self) -> None:
        """Ask for all partitions; again when it has changed meanwhile, but to the end first: many are never read faster than they change."""
        self._is_loading = True
        try:
            await self.desk.feed.until_loaded(Topic.BACKFILLS)
            while (found := self.backfill or await self._ask()) is not None and found != self._asked_of:
                if self._asked_of is not None and not self.is_ready:  # nobody sees it: asked for again on return
                    break
                began = monotonic()
                self._asked_of = found
                await self._load_once(found)
                await asyncio.sleep(monotonic() - began)  # at most half of the time the server is asked
        finally:
            self._is_loading = False
        self._draw()

    async def _load_once(self, found: TuiBackfill) -> None:
        fresh, after, count = Items(), None, 0
        while count < MOST:
            try:
                answer = await self.desk.feed.ask(operations.tui_backfill_items(id=found.id, first=PAGE, after=after))
            except PartitaClientError as error:
                self._problem = problem_of(error)
                break
            if answer.backfill is None:
                break
            page = answer.backfill.partitions
            fresh.take(page.nodes, target_of(found))
            fresh.take_assets(answer.backfill.assets)
            count += len(page.nodes)
            after = page.page_info.end_cursor
            if not page.page_info.has_next_page:
                self._problem = ""
                break
        fresh.settle()
        self._items = fresh
        self._draw()
        if not self._has_runs:
            await self._ask_runs(found.id)

    async def _ask_runs(self, backfill_id: str) -> None:
        """The newest of its runs, once; those that come later are told by the stream of runs."""
        try:
            answer = await self.desk.feed.ask(operations.tui_runs(first=PAGE, filter={"backfill": backfill_id}))
        except PartitaClientError as error:
            self._problem = problem_of(error)
            return
        self._has_runs = True
        self.desk.world.apply_all([RunsSeen(answer.runs.nodes)])
        self._draw()

    async def _ask(self) -> TuiBackfill | None:
        """Its record from the server, when it is older than those that are followed, or so new that no stream has told of it yet."""
        try:
            answer = await self.desk.feed.ask(operations.tui_get_backfill(id=self.route.id))
        except PartitaClientError as error:
            self._problem = problem_of(error)
            return None
        if answer.backfill is None:
            self._problem = f"There is no backfill {self.route.id!r}."
        else:
            self.desk.world.apply_all([BackfillsSeen([answer.backfill])])
        return answer.backfill

    def show(self, changes: Changes) -> None:  # noqa: ARG002  its record tells whether it is another
        """It has come further."""
        if not self.is_ready:
            return
        if self.backfill != self._asked_of and not self._is_loading:
            self._load()
        self._draw()

    def show_clock(self, now: datetime) -> None:
        """What runs takes longer."""
        self._draw_head(now)

    def _draw(self) -> None:
        now = self.desk.now()
        self._draw_head(now)
        self.query_one(PartitionMatrix).show(self._items.rows(), self._items.keys, kind="item")
        found = self.backfill
        mine = [run for run in self.desk.world.runs.values() if found and run.backfill and run.backfill.id == found.id]
        rows = [_run_row(run, now) for run in sorted(mine, key=lambda run: run.created_at, reverse=True)]
        self.put_rows("#backfill-runs", rows)
        self.query_one(Tabbed).set_note("backfill-runs", str(len(rows)) if rows else "")
        self.show_frame()

    def _draw_head(self, now: datetime) -> None:
        found = self.backfill
        if found is None:
            self.put_lines("#backfill-facts", [((self._problem or "asking the server …", "failed" if self._problem else "dim"),)])
            return
        self.query_one("#backfill-head", Pane).set_title(found.title or short_id(found.id))
        lines = [(*bar_of(found, 40), (f"   {duration((found.ended_at or now) - found.created_at)}", "strong")), *backfill_lines(found, now)]
        self.put_lines("#backfill-facts", lines)

    @on(PartitionMatrix.CellHighlighted)
    def _highlighted(self, event: PartitionMatrix.CellHighlighted) -> None:
        key = self._items.own_key(event.row, event.key)
        self.query_one("#backfill-item", PlainLine).show(item_line(event.row, key, event.status, self._items.runs.get((event.row, key), "")))

    @on(PartitionMatrix.CellSelected)
    def _cell_selected(self, event: PartitionMatrix.CellSelected) -> None:
        event.stop()
        run_id = self._items.runs.get((event.row, self._items.own_key(event.row, event.key)))
        if run_id:
            self.desk.go(Route("runs", id=run_id))

    @on(VirtualTable.RowSelected, "#backfill-runs")
    def _run_selected(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        self.desk.go(Route("runs", id=event.row_id))

    def page_tabs(self, way: int) -> None:
        """The next or the previous tab."""
        self.query_one(Tabbed).turn(way)

    def do_app_next_tab(self) -> None:
        """The next tab."""
        self.page_tabs(1)

    # Actions.

    def why_not(self, action: Action) -> str | None:
        """What can be done depends on how it stands."""
        return why_not(action, self.backfill)

    @work(group="action", exit_on_error=False)
    async def do_backfill_cancel(self) -> None:
        """End it, after asking."""
        if self.backfill is not None:
            await cancel_backfill(self, self.backfill)

    @work(group="action", exit_on_error=False)
    async def do_backfill_toggle(self) -> None:
        """Hold it, or let it go on."""
        if self.backfill is not None:
            await toggle_backfill(self, self.backfill)

    @work(group="action", exit_on_error=False)
    async def do_backfill_retry(self) -> None:
        """Run again what failed."""
        if self.backfill is not None:
            await retry_backfill(self, self.backfill)

    def do_backfill_runs(self) -> None:
        """Its runs as a list of their own."""
        if self.backfill is not None:
            self.desk.go(Route("runs", filter=f"backfill:{self.backfill.id}"))


_RUNS = (
    Column("run", "run", max_width=8),
    Column("status", "status", width=10, max_width=11),
    Column("target", "target", max_width=40, is_flexible=True, drop=1),
    Column("partition", "partition", max_width=24),
    Column("age", "age", align="right", width=4),
    Column("took", "took", align="right", width=6),
    Column("steps", "steps", max_width=40, drop=2),
)


def _run_row(run: TuiRun, now: datetime) -> Row:
    waits: Line = ((plain(run.wait_reason.message if run.wait_reason else "queued", 100), "queued"),)
    cells: tuple[str | Line, ...] = (
        ((short_id(run.id), "accent"),),
        mark_line("run", run.status.value),
        run_target_of(run),
        partition_of(run),
        ago(run.created_at, now),
        duration(took(run, now)),
        steps_of(run) if run.started_at or not is_active(run) else waits,
    )
    return Row(run.id, cells)
