"""Schedules and sensors: switches, when each is due, what its ticks did."""

from __future__ import annotations

from datetime import datetime

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal

from partita_client.tui.actions import Action
from partita_client.tui.desk import Desk
from partita_client.tui.routes import Route
from partita_client.tui.screens.automation_actions import edit_cursor, evaluate, switch
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.screens.filter_bar import FilterBar
from partita_client.tui.store.automation import (
    Automation,
    automation_cells,
    automation_lines,
    list_automations,
    parse_automation_filter,
    tick_lines,
    tick_note,
)
from partita_client.tui.store.filters import Filter
from partita_client.tui.store.topics import Changes, Topic
from partita_client.tui.widgets.line_text import LineText
from partita_client.tui.widgets.tick_strip import TickCell, TickStrip
from partita_client.tui.widgets.virtual_table import Column, KeyedSource, Row, VirtualTable


class AutomationScreen(PlaceScreen):
    """The table, and the ticks of the one under the cursor."""

    TOPICS = frozenset({Topic.AUTOMATIONS, Topic.TICKS})
    OFFERS = (
        "list.open",
        "list.mark",
        "automation.toggle",
        "automation.evaluate",
        "automation.cursor",
        "automation.runs",
        "app.filter",
        "app.next_tab",
    )
    AUTO_FOCUS = "#automations"

    def __init__(self, desk: Desk, route: Route) -> None:
        super().__init__(desk, route)
        self._wanted = Filter()
        self._ids: list[str] = []

    def body(self) -> ComposeResult:
        """The filter, the table, and below it ticks and facts."""
        yield FilterBar("kind: status: last: location: or words", id="filter")
        with Pane(id="automations-pane") as pane:
            pane.set_title("Schedules and sensors")
            yield VirtualTable(
                Column("name", "name", width=12, max_width=32),
                Column("kind", "kind", width=8, max_width=8, drop=3),
                Column("on", "on", width=5, max_width=5),
                Column("target", "launches", width=12, max_width=60, is_flexible=True, drop=2),
                Column("cadence", "cadence", max_width=24, drop=1),
                Column("when", "next / last", width=10, max_width=22),
                Column("ticks", "ticks ■ run · skip", width=18, max_width=18, drop=4),
                empty="Asking the server …",
                id="automations",
            )
        with Horizontal(id="automation-lower"):
            with Pane(id="ticks-pane") as pane:
                pane.set_title("Ticks")
                yield TickStrip(id="strip")
                yield LineText(id="tick")
            with Pane(id="facts-pane"):
                yield LineText(id="facts")

    def crumbs(self) -> list[str]:
        """The filter is part of where one is."""
        return [self.route.filter] if self.route.filter else []

    @property
    def _table(self) -> VirtualTable:
        return self.query_one("#automations", VirtualTable)

    @property
    def under_cursor(self) -> Automation | None:
        """The automation under the cursor."""
        return self.desk.world.automations.get(self._table.cursor_id or "")

    def visit(self, route: Route) -> None:
        """Come here with another filter."""
        super().visit(route)
        self.query_one(FilterBar).set_text(route.filter)
        self._wanted = parse_automation_filter(route.filter)
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
        self._wanted = parse_automation_filter(event.text)
        self._list()
        if event.is_done:
            self._table.focus()
            if event.text != self.route.filter:
                self.desk.go(Route("automation", filter=event.text))

    # What is shown.

    def show(self, changes: Changes) -> None:  # noqa: ARG002  all is drawn anew
        """List anew."""
        self._list()

    def show_clock(self, now: datetime) -> None:  # noqa: ARG002  all is drawn anew
        """What is due comes nearer."""
        self._table.changed(self._table.visible_ids())
        self._show_facts()

    def _list(self) -> None:
        world = self.desk.world
        self._ids = list_automations(world.automations, self._wanted)
        if Topic.AUTOMATIONS in world.loaded:
            empty = "Nothing fits the filter." if world.automations else "No code location declares schedules or sensors."
            self._table.set_empty(empty)
        self._table.set_source(KeyedSource(self._ids, self._row))
        on = sum(each.is_on for each in world.automations.values())
        self.query_one(FilterBar).say(f"{len(self._ids)} of {len(world.automations)} · {on} on", self._wanted.problem)
        self._show_ticks()
        self._show_facts()

    def _row(self, automation_id: str) -> Row | None:
        each = self.desk.world.automations.get(automation_id)
        if each is None:
            return None
        statuses = [tick.status.value for tick in self.desk.world.ticks.get(automation_id, ())]
        return Row(automation_id, automation_cells(each, statuses, self.desk.now()))

    def _show_ticks(self) -> None:
        each = self.under_cursor
        ticks = self.desk.world.ticks.get(each.id, ()) if each else ()
        cells = [TickCell(tick.id, tick.status.value, tick.due_at, tick_note(tick)) for tick in ticks]
        self.query_one("#ticks-pane", Pane).set_title(f"Ticks of {each.name}" if each else "Ticks")
        self.query_one(TickStrip).show(cells, self.desk.now())
        self._show_tick(self.query_one(TickStrip).cursor_id)

    def _show_tick(self, tick_id: str | None) -> None:
        each = self.under_cursor
        found = next((tick for tick in self.desk.world.ticks.get(each.id, ()) if tick.id == tick_id), None) if each else None
        self.put_lines("#tick", list(tick_lines(found, self.desk.now())) if found else [])

    def _show_facts(self) -> None:
        each = self.under_cursor
        self.query_one("#facts-pane", Pane).set_title(each.name if each else "")
        self.put_lines("#facts", automation_lines(each, self.desk.now()) if each else [])

    @on(VirtualTable.RowHighlighted, "#automations")
    def _highlighted(self) -> None:
        self._show_ticks()
        self._show_facts()

    @on(VirtualTable.RowSelected, "#automations")
    def _selected(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        self.desk.go(Route("automation", id=event.row_id))

    @on(TickStrip.TickHighlighted)
    def _tick_highlighted(self, event: TickStrip.TickHighlighted) -> None:
        self._show_tick(event.tick_id)

    @on(TickStrip.TickSelected)
    def _tick_selected(self, event: TickStrip.TickSelected) -> None:
        event.stop()
        self.desk.go(Route("runs", filter=f"tick:{event.tick_id}"))

    def page_tabs(self, way: int) -> None:
        """The next pane."""
        self.focus_next() if way > 0 else self.focus_previous()

    def do_app_next_tab(self) -> None:
        """The next pane."""
        self.page_tabs(1)

    # Actions.

    def chosen(self) -> list[Automation]:
        """The marked ones, or the one under the cursor."""
        ids = sorted(self._table.marked) or [self._table.cursor_id or ""]
        return [self.desk.world.automations[each] for each in ids if each in self.desk.world.automations]

    def why_not(self, action: Action) -> str | None:
        """Only sensors are evaluated on demand and have a cursor."""
        if not action.id.startswith("automation."):
            return None
        chosen = self.chosen()
        if not chosen:
            return "there is nothing here"
        if action.id in ("automation.evaluate", "automation.cursor") and chosen[0].kind != "sensor":
            return "only sensors are evaluated on demand" if action.id == "automation.evaluate" else "a schedule has no cursor"
        return None

    @work(group="action", exit_on_error=False)
    async def do_automation_toggle(self) -> None:
        """Switch the chosen ones."""
        await switch(self, self.chosen())

    @work(group="action", exit_on_error=False)
    async def do_automation_evaluate(self) -> None:
        """See what the sensor would do now."""
        await evaluate(self, self.chosen()[0])

    @work(group="action", exit_on_error=False)
    async def do_automation_cursor(self) -> None:
        """Give the sensor another cursor."""
        await edit_cursor(self, self.chosen()[0])

    def do_automation_runs(self) -> None:
        """The runs that it launched."""
        self.desk.go(Route("runs", filter=f"by:{self.chosen()[0].name}"))
