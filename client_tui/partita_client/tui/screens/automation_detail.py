"""One schedule or sensor: what it is, and the history of its ticks."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult

from partita_client.errors import PartitaClientError, did_you_mean
from partita_client.models.generated import operations
from partita_client.tui.actions import Action
from partita_client.tui.desk import Desk
from partita_client.tui.feed import problem_of
from partita_client.tui.render.text import plain
from partita_client.tui.routes import Route
from partita_client.tui.screens.automation_actions import edit_cursor, evaluate, switch
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.store.automation import Automation, automation_lines, keep_ticks, tick_cells_of, tick_lines
from partita_client.tui.store.topics import Changes, Topic
from partita_client.tui.widgets.line_text import LineText
from partita_client.tui.widgets.virtual_table import Column, KeyedSource, Row, VirtualTable

if TYPE_CHECKING:
    from partita_client.models import TuiTick

PAGE = 200
MOST = 5_000


class AutomationDetailScreen(PlaceScreen):
    """A schedule or a sensor."""

    TOPICS = frozenset({Topic.AUTOMATIONS, Topic.TICKS})
    OFFERS = ("automation.toggle", "automation.evaluate", "automation.cursor", "automation.tick_runs", "automation.runs", "app.next_tab")
    AUTO_FOCUS = "#ticks"

    def __init__(self, desk: Desk, route: Route) -> None:
        super().__init__(desk, route)
        self._ticks: list[TuiTick] = []
        self._after: str | None = None
        self._has_more = True
        self._problem = ""

    def body(self) -> ComposeResult:
        """What it is, its ticks, and one of them."""
        with Pane(id="automation-head"):
            yield LineText(id="facts")
        with Pane(id="ticks-pane") as pane:
            pane.set_title("Ticks")
            yield VirtualTable(
                Column("due", "due", max_width=12),
                Column("status", "status", width=10, max_width=12),
                Column("runs", "runs", align="right", width=4, max_width=5),
                Column("took", "took", align="right", width=6, max_width=7),
                Column("note", "what came of it", max_width=300, is_flexible=True),
                empty="It has not ticked yet.",
                id="ticks",
            )
        with Pane(id="tick-pane"):
            yield LineText(id="tick")

    def crumbs(self) -> list[str]:
        """Its name."""
        return [self.automation.name if self.automation else self.route.id]

    def stands_for(self, route: Route) -> bool:
        """A name alone stands for it too."""
        return super().stands_for(route) or (route.section == "automation" and self.route.id.endswith(f"/{route.id}"))

    @property
    def automation(self) -> Automation | None:
        """It, found by its id or by its name alone."""
        found = self.desk.world.automations
        return found.get(self.route.id) or next((each for each in found.values() if each.name == self.route.id), None)

    def on_mount(self) -> None:
        """Ask for its ticks."""
        self._load()

    @work(group="ticks", exclusive=True, exit_on_error=False)
    async def _load(self) -> None:
        await self.desk.feed.until_loaded(Topic.AUTOMATIONS)
        each = self.automation
        if each is None:
            names = {known.name for known in self.desk.world.automations.values()}
            self._problem = f"There is no schedule or sensor {self.route.id!r}.{did_you_mean(self.route.id, names)}"
            self.show({})
            return
        try:
            answer = await self.desk.feed.ask(operations.tui_ticks(first=PAGE, after=self._after, filter={"automationIds": [each.node_id]}))
        except PartitaClientError as error:
            self._problem = problem_of(error)
        else:
            self._ticks = keep_ticks(self._ticks, answer.ticks.nodes, MOST)
            self._after, self._has_more = answer.ticks.page_info.end_cursor, answer.ticks.page_info.has_next_page
        self.show({})

    def show(self, changes: Changes) -> None:  # noqa: ARG002  all is drawn anew
        """Its ticks and its state."""
        if not self.is_ready:
            return
        each, now = self.automation, self.desk.now()
        if each is None:
            self.put_lines("#facts", [((self._problem or "asking the server …", "failed" if self._problem else "dim"),)])
            return
        self.put_lines("#facts", automation_lines(each, now))
        self.query_one("#automation-head", Pane).set_title(f"{each.kind} {each.name}")
        self._ticks = keep_ticks(self._ticks, self.desk.world.ticks.get(each.id, ()), MOST)
        by_id = {tick.id: tick for tick in reversed(self._ticks)}
        total = len(by_id) + (1 if self._has_more and by_id else 0)
        table = self.query_one("#ticks", VirtualTable)
        table.set_source(KeyedSource(list(by_id), lambda tick_id: Row(tick_id, tick_cells_of(by_id[tick_id], now)), total))
        self._show_tick()
        self.show_frame()

    def show_clock(self, now: datetime) -> None:
        """What is due comes nearer."""
        if self.automation is not None:
            self.put_lines("#facts", automation_lines(self.automation, now))

    def _show_tick(self) -> None:
        wanted = self.query_one("#ticks", VirtualTable).cursor_id
        found = next((tick for tick in self._ticks if tick.id == wanted), None)
        self.query_one("#tick-pane", Pane).set_title(f"tick {plain(found.id[-8:])}" if found else "")
        self.put_lines("#tick", list(tick_lines(found, self.desk.now())) if found else [])

    @on(VirtualTable.RowHighlighted, "#ticks")
    def _highlighted(self) -> None:
        self._show_tick()

    @on(VirtualTable.NeedPage, "#ticks")
    def _needed(self, event: VirtualTable.NeedPage) -> None:
        event.stop()
        self._load()

    @on(VirtualTable.RowSelected, "#ticks")
    def _selected(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        self._open_runs(event.row_id)

    def _open_runs(self, tick_id: str) -> None:
        found = next((tick for tick in self._ticks if tick.id == tick_id), None)
        runs = [request.run.id for request in found.requests if request.run] if found else []
        if len(runs) == 1:
            self.desk.go(Route("runs", id=runs[0]))
        elif runs:
            self.desk.go(Route("runs", filter=f"tick:{tick_id}"))
        else:
            self.query_one("#tick", LineText).focus()

    def page_tabs(self, way: int) -> None:
        """The next pane."""
        self.focus_next() if way > 0 else self.focus_previous()

    def do_app_next_tab(self) -> None:
        """The next pane."""
        self.page_tabs(1)

    # Actions.

    def why_not(self, action: Action) -> str | None:
        """Only sensors are evaluated on demand and have a cursor."""
        each = self.automation
        if not action.id.startswith("automation."):
            return None
        if each is None:
            return "it is not known yet"
        if action.id in ("automation.evaluate", "automation.cursor") and each.kind != "sensor":
            return "only sensors are evaluated on demand" if action.id == "automation.evaluate" else "a schedule has no cursor"
        return None

    @work(group="action", exit_on_error=False)
    async def do_automation_toggle(self) -> None:
        """Switch it."""
        if self.automation is not None:
            await switch(self, [self.automation])

    @work(group="action", exit_on_error=False)
    async def do_automation_evaluate(self) -> None:
        """See what it would do now."""
        if self.automation is not None:
            await evaluate(self, self.automation)

    @work(group="action", exit_on_error=False)
    async def do_automation_cursor(self) -> None:
        """Give it another cursor."""
        if self.automation is not None:
            await edit_cursor(self, self.automation)

    def do_automation_tick_runs(self) -> None:
        """The runs of the tick under the cursor."""
        self._open_runs(self.query_one("#ticks", VirtualTable).cursor_id or "")

    def do_automation_runs(self) -> None:
        """The runs that it launched."""
        if self.automation is not None:
            self.desk.go(Route("runs", filter=f"by:{self.automation.name}"))
