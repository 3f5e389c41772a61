"""All runs: filtered on the server, kept up to date as they change, with what the one under the cursor did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from textual import on, work
from textual.app import ComposeResult
from textual.worker import Worker

from partita_client.errors import PartitaClientError
from partita_client.models.generated import operations
from partita_client.tui.actions import Action
from partita_client.tui.desk import Desk
from partita_client.tui.feed import problem_of
from partita_client.tui.render.text import Line, count, plain
from partita_client.tui.routes import Route
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.screens.filter_bar import FilterBar
from partita_client.tui.screens.modals.chooser import Choice, Chooser
from partita_client.tui.screens.run_actions import cancel_runs, retry_runs
from partita_client.tui.store.filters import Filter
from partita_client.tui.store.run_list import ORDERS, RunList, is_whole, parse_run_filter, server_filter
from partita_client.tui.store.run_rows import is_active, run_cells, short_id, summary, tags_line, target_of, what_of
from partita_client.tui.store.topics import Changes, RunsSeen, Topic
from partita_client.tui.widgets.line_text import LineText
from partita_client.tui.widgets.virtual_table import Column, KeyedSource, Row, VirtualTable

PAGE = 200
MOST_LISTED = 10_000
"""Rows of a list: who looks for an older run filters."""
MOST_LOOKS = 10
"""Pages that are looked through at once for a filter that only this side can read."""


class RunsScreen(PlaceScreen):
    """The table of runs."""

    TOPICS = frozenset({Topic.RUNS})
    OFFERS = ("list.open", "list.mark", "run.retry", "run.rerun", "run.cancel", "runs.sort", "runs.failed", "app.filter")
    AUTO_FOCUS = "#runs"

    def __init__(self, desk: Desk, route: Route) -> None:
        super().__init__(desk, route)
        self._list = RunList()
        self._after: str | None = None
        self._has_asked = False
        self._until = 0
        """The last row that was asked for."""
        self._loads: Worker[None] | None = None

    def body(self) -> ComposeResult:
        """The filter, the table, the preview."""
        yield FilterBar("status: job: asset: partition: tag: by: since: or words", id="filter")
        with Pane(id="runs-pane"):
            yield VirtualTable(
                Column("run", "run", max_width=8),
                Column("what", "job or assets", width=14, max_width=60, is_flexible=True),
                Column("status", "status", width=10, max_width=11),
                Column("partition", "partition", width=10, max_width=22, drop=1),
                Column("started", "started", max_width=11, is_sortable=True),
                Column("took", "took", align="right", width=6),
                Column("by", "by", max_width=24, drop=3),
                Column("steps", "steps", width=5, max_width=14, drop=2),
                empty="No runs yet. Launch one with x on an asset, or on a job in 6 Workspace.",
                id="runs",
            )
        with Pane(id="preview-pane"):
            yield LineText(id="preview")

    def crumbs(self) -> list[str]:
        """The filter is part of where one is."""
        return [self.route.filter] if self.route.filter else []

    @property
    def _table(self) -> VirtualTable:
        return self.query_one("#runs", VirtualTable)

    # The filter.

    def visit(self, route: Route) -> None:
        """Come here with another filter."""
        super().visit(route)
        self.query_one(FilterBar).set_text(route.filter)
        self._apply(parse_run_filter(route.filter))

    def begin_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).begin()

    @on(FilterBar.Changed)
    def _filtered(self, event: FilterBar.Changed) -> None:
        event.stop()
        if event.is_done:
            self._table.focus()
            if event.text != self.route.filter:
                self.desk.go(Route("runs", filter=event.text))
            return
        wanted = parse_run_filter(event.text)
        if wanted.problem:
            self.query_one(FilterBar).say("", wanted.problem)
        else:
            self._apply(wanted)

    def _apply(self, wanted: Filter) -> None:
        """List what a filter means: what is here at once, the rest when the server has answered."""
        if wanted.problem:
            self.query_one(FilterBar).say("", wanted.problem)
        if (wanted.terms, wanted.problem) == (self._list.wanted.terms, self._list.wanted.problem) and self._has_asked:
            return
        self._begin(RunList(wanted, self._list.order, is_descending=self._list.is_descending))

    def _begin(self, fresh: RunList) -> None:
        self._list, self._after, self._has_asked, self._until = fresh, None, True, 0
        self._table.set_sort("started" if fresh.order in ("created", "started") else None, is_descending=fresh.is_descending)
        self._loads = self._load()

    @work(group="runs-page", exclusive=True, exit_on_error=False)
    async def _load(self) -> None:
        """Load pages until the last row that was asked for is here."""
        listing = self._list
        looks = 0
        while listing is self._list and not listing.is_complete and (len(listing) <= min(self._until, MOST_LISTED - 1) or not looks):
            looks += 1
            if looks > max(MOST_LOOKS, self._until // PAGE + 1):
                return
            try:
                page = await self.desk.feed.ask(
                    operations.tui_runs(
                        first=PAGE,
                        after=self._after,
                        filter=server_filter(listing.wanted, self.desk.now()) or None,  # type: ignore[arg-type]  # made from a closed list of fields
                        order_by={"field": _field(listing.order), "direction": "DESC" if listing.is_descending else "ASC"},
                    )
                )
            except PartitaClientError as error:
                self.query_one(FilterBar).say("", problem_of(error))
                return
            if listing is not self._list:
                return
            found = page.runs
            self.desk.world.apply_all([RunsSeen(found.nodes)])
            listing.add_page(found.nodes, self.desk.now(), is_last=not found.page_info.has_next_page)
            listing.total = found.total_count if is_whole(listing.wanted) else None
            self._after = found.page_info.end_cursor
            del page, found  # else they stay until the next has come
            self._show_list()

    def _show_list(self) -> None:
        listing = self._list
        total = listing.total if listing.total is not None else len(listing)
        self._table.set_source(KeyedSource(listing.ids, self._row, min(total, MOST_LISTED) if not listing.is_complete else len(listing)))
        self._say_count()
        self._preview()

    def _say_count(self) -> None:
        listing = self._list
        more = "" if listing.is_complete or listing.total is not None else "+"
        shown = count(listing.total if listing.total is not None else len(listing)) + more
        noun = "run" if shown == "1" else "runs"
        order = f"by {listing.order}{'' if listing.is_descending else ', oldest first'}"
        rest = f"  the first {count(MOST_LISTED)} are listed" if (listing.total or 0) > MOST_LISTED else ""
        self.query_one(FilterBar).say(f"{shown} {noun}  {order}{rest}", self._list.wanted.problem)
        self.query_one("#runs-pane", Pane).set_title(f"Runs  {shown}")
        self._say_marks()

    @on(VirtualTable.NeedPage)
    def _needed(self, event: VirtualTable.NeedPage) -> None:
        event.stop()
        self._until = max(self._until, event.last)
        if self._has_asked and (self._loads is None or self._loads.is_finished):
            self._loads = self._load()

    # Rows.

    def _row(self, run_id: str) -> Row | None:
        run = self.desk.world.runs.get(run_id)
        return None if run is None else Row(run_id, run_cells(run, self.desk.now(), is_narrow=self.is_narrow))

    def show(self, changes: Changes) -> None:
        """Rows that changed, and those that are new."""
        changed = changes.get(Topic.RUNS, set()) if changes else set(self.desk.world.runs)
        if self._list.update(self.desk.world.runs, changed, self.desk.now()):
            self._show_list()
        else:
            self._table.changed(changed)
            self._preview()

    def show_clock(self, now: datetime) -> None:  # noqa: ARG002  all is drawn anew
        """What runs takes longer."""
        runs = self.desk.world.runs
        running = [run_id for run_id in self._table.visible_ids() if run_id in runs and (is_active(runs[run_id]) or self.is_narrow)]
        if running:
            self._table.changed(running)
            self._preview()

    @on(VirtualTable.RowHighlighted, "#runs")
    def _highlighted(self) -> None:
        self.set_timer(0.08, self._preview)

    @on(VirtualTable.RowSelected, "#runs")
    def _selected(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        self.desk.go(Route("runs", id=event.row_id))

    @on(VirtualTable.MarksChanged, "#runs")
    def _marked(self) -> None:
        self._say_marks()

    def _say_marks(self) -> None:
        table = self._table
        marked = f"{len(table.marked)} marked · " if table.marked else ""
        self.query_one("#runs-pane", Pane).set_note(f"{marked}row {min(table.cursor_index + 1, len(self._list))}/{count(len(self._list))}")
        self.show_hints()

    def _preview(self) -> None:
        run = self.desk.world.runs.get(self._table.cursor_id or "")
        pane = self.query_one("#preview-pane", Pane)
        self._say_marks()
        if run is None:
            pane.set_title("")
            self.put_lines("#preview", [])
            return
        pane.set_title(f"{short_id(run.id)}  {what_of(run)}")
        lines: list[Line] = summary(run, self.desk.now(), width=self.size.width)
        lines.append((("writes ", "dim"), (plain(", ".join(asset.key for asset in run.assets) or target_of(run), 400), "")))
        if run.tags:
            lines.append((("tags ", "dim"), *tags_line([(tag.key, tag.value) for tag in run.tags])))
        lines.append(((f"id {run.id}", "dim"),))
        self.put_lines("#preview", lines)

    # Actions.

    def chosen(self) -> list[Any]:
        """The marked runs, or the one under the cursor."""
        ids: Sequence[str] = sorted(self._table.marked) or [self._table.cursor_id or ""]
        return [self.desk.world.runs[run_id] for run_id in ids if run_id in self.desk.world.runs]

    def why_not(self, action: Action) -> str | None:
        """Runs that have not ended cannot be retried, those that have not cancelled."""
        if not action.id.startswith("run.") or self._list is None:
            return None
        runs = self.chosen()
        if not runs:
            return "there is no run here"
        if action.id == "run.cancel" and not any(run.can_cancel for run in runs):
            return "it has ended" if len(runs) == 1 else "they have ended"
        if action.id in ("run.retry", "run.rerun") and not any(run.can_retry for run in runs):
            return "it has not ended, or what it ran is gone"
        return None

    @work(group="action", exit_on_error=False)
    async def do_run_cancel(self) -> None:
        """End the chosen runs, after asking."""
        if await cancel_runs(self, self.chosen()):
            self._table.clear_marks()

    @work(group="action", exit_on_error=False)
    async def do_run_retry(self) -> None:
        """Run again what failed."""
        await retry_runs(self, [run for run in self.chosen() if run.can_retry], strategy="FROM_FAILURE", key=uuid4().hex)

    @work(group="action", exit_on_error=False)
    async def do_run_rerun(self) -> None:
        """Run everything again."""
        await retry_runs(self, [run for run in self.chosen() if run.can_retry], strategy="ALL_STEPS", key=uuid4().hex)

    def do_runs_failed(self) -> None:
        """Failed runs only, or all again."""
        self.desk.go(Route("runs", filter="" if self.route.filter == "status:failed" else "status:failed"))

    def do_runs_sort(self) -> None:
        """Choose an order."""
        choices = [
            Choice(f"{order} {way}", f"{order}, {words}")
            for order in ORDERS
            for way, words in (("down", "newest or highest first"), ("up", "oldest or lowest first"))
        ]
        self.app.push_screen(Chooser("sort runs by", lambda text: [choice for choice in choices if text.lower() in choice.title]), self._sorted)

    def _sorted(self, chosen: str | None) -> None:
        if chosen:
            order, way = chosen.split()
            self._begin(RunList(self._list.wanted, order, is_descending=way == "down"))  # type: ignore[arg-type]  # one of ORDERS

    def do_app_filter(self) -> None:
        """Type a filter."""
        self.begin_filter()


def _field(order: str) -> str:
    return {"created": "CREATED_AT", "started": "STARTED_AT", "ended": "ENDED_AT", "priority": "PRIORITY"}[order]
