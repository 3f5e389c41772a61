"""Where one lands: how things stand, what needs to be looked at, and what goes on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from partita_client.tui.render.states import mark
from partita_client.tui.render.text import Line, ago, duration, until
from partita_client.tui.routes import Route
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.store.attention import Concern, concerns
from partita_client.tui.store.overview import Card, cards, one_line, upcoming
from partita_client.tui.store.run_rows import partition_of, short_id, steps_of, took, what_of
from partita_client.tui.store.topics import Changes, Topic
from partita_client.tui.store.world import active_runs
from partita_client.tui.widgets.line_text import LineText, PlainLine
from partita_client.tui.widgets.virtual_table import Column, Row, VirtualTable

if TYPE_CHECKING:
    from partita_client.models import TuiRun

CARDS = ("runs", "now", "assets", "automation")


class OverviewScreen(PlaceScreen):
    """Cards, the attention list, what runs now, and what comes next."""

    TOPICS = frozenset(Topic)
    OFFERS = ("list.open", "app.next_tab")
    AUTO_FOCUS = "#attention"

    def body(self) -> ComposeResult:
        """The cards above two lists and what comes next."""
        with Horizontal(id="cards"):
            for name in CARDS:
                with Pane(id=f"card-{name}", classes="card"):
                    yield LineText(wraps=False, id=f"facts-{name}")
        yield PlainLine(id="card-line")
        with Horizontal(id="overview-lists"):
            with Pane(id="attention-pane"):
                yield VirtualTable(
                    Column("mark", "", max_width=2),
                    Column("kind", "", max_width=7),
                    Column("what", "what", max_width=200, is_flexible=True),
                    Column("age", "age", align="right", width=4),
                    empty="All is well.",
                    id="attention",
                )
            with Pane(id="running-pane"):
                yield VirtualTable(
                    Column("run", "run", max_width=8),
                    Column("job", "job or assets", max_width=60, is_flexible=True),
                    Column("partition", "partition", max_width=22, drop=1),
                    Column("steps", "steps", max_width=20),
                    Column("took", "took", align="right", width=6),
                    empty="Nothing runs.",
                    id="running",
                )
        with Pane(id="upcoming-pane") as pane:
            pane.set_title("Next")
            yield VirtualTable(
                Column("when", "when", width=9),
                Column("name", "automation", max_width=40),
                Column("target", "target", max_width=60, is_flexible=True),
                empty="Nothing is scheduled.",
                id="upcoming",
            )

    def show(self, changes: Changes) -> None:  # noqa: ARG002  all is drawn anew
        """Count and list anew."""
        self._draw(self.desk.now())

    def show_clock(self, now: datetime) -> None:
        """Ages grow."""
        self._draw(now)

    def _draw(self, now: datetime) -> None:
        world = self.desk.world
        found = cards(world, now)
        for name in CARDS:
            self._draw_card(name, found[name])
        self.query_one("#card-line", PlainLine).show(one_line(world))
        worries = {each.id: each for each in concerns(world, now)}
        self._worries = worries
        self.put_rows("#attention", [_concern_row(each, now) for each in worries.values()])
        self.query_one("#attention-pane", Pane).set_title(f"Needs attention ({len(worries)})" if worries else "Needs attention")
        running = active_runs(world)
        self.put_rows("#running", [_running_row(run, now) for run in running])
        self.query_one("#running-pane", Pane).set_title(f"Running now ({len(running)})" if running else "Running now")
        self._draw_upcoming(now)

    def _draw_card(self, name: str, card: Card) -> None:
        self.query_one(f"#card-{name}", Pane).set_title(card.title)
        self.put_lines(f"#facts-{name}", card.lines)

    def _draw_upcoming(self, now: datetime) -> None:
        found = upcoming(self.desk.world)
        rows = [Row(each.id, (until(each.next_at, now), each.name, ((each.target, "dim"),))) for each in found]
        self.put_rows("#upcoming", rows)

    @on(VirtualTable.RowSelected, "#attention")
    def _open_concern(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        worry = self._worries.get(event.row_id)
        if worry is not None:
            self.desk.go(worry.route)

    @on(VirtualTable.RowSelected, "#running")
    def _open_run(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        self.desk.go(Route("runs", id=event.row_id))

    @on(VirtualTable.RowSelected, "#upcoming")
    def _open_automation(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        self.desk.go(Route("automation", id=event.row_id))

    def page_tabs(self, way: int) -> None:
        """The next pane."""
        self.focus_next() if way > 0 else self.focus_previous()

    def do_app_next_tab(self) -> None:
        """The next pane."""
        self.page_tabs(1)


def _concern_row(each: Concern, now: datetime) -> Row:
    glyph, _, style = mark(*each.mark)
    cells: tuple[str | Line, ...] = (((glyph, style),), ((each.kind, "dim"),), each.text, ago(each.at, now) if each.at else "")
    return Row(each.id, cells)


def _running_row(run: TuiRun, now: datetime) -> Row:
    state = mark("run", run.status.value)
    steps: Line = steps_of(run) if run.started_at else ((f"{state.glyph} {state.word}", state.style),)
    cells: tuple[str | Line, ...] = (
        ((short_id(run.id), "accent"),),
        what_of(run),
        partition_of(run),
        steps,
        duration(took(run, now)) if run.started_at else ago(run.created_at, now),
    )
    return Row(run.id, cells)
