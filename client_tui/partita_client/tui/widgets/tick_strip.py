"""The last ticks of a schedule or a sensor, a cell for each."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from textual.binding import Binding
from textual.events import Click

from partita_client.tui.render.states import mark, mark_line
from partita_client.tui.render.text import Line, Piece, ago, clock, fit, fit_line, line_of
from partita_client.tui.widgets.line_view import LineView, ViewMessage

PITCH = 2
"""Cells from one tick to the next."""


@dataclass(frozen=True, slots=True)
class TickCell:
    """One tick."""

    id: str
    status: str
    at: datetime
    note: str = ""
    """What came of it: runs, why it was skipped, its error."""


class TickStrip(LineView):
    """Ticks from left to right, times above them, and below what the one under the cursor did."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("left,h", "step(-1)", "Earlier", show=False, id="ticks.earlier"),
        Binding("right,l", "step(1)", "Later", show=False, id="ticks.later"),
        Binding("home,g", "step(-100000)", "First", show=False, id="ticks.first"),
        Binding("end,G", "step(100000)", "Last", show=False, id="ticks.last"),
        Binding("enter", "choose", "Open", show=False, id="ticks.open"),
    ]
    DEFAULT_CSS = "TickStrip { height: 3; }"

    class TickHighlighted(ViewMessage):
        """The cursor came to a tick."""

        def __init__(self, view: TickStrip, tick_id: str) -> None:
            super().__init__(view)
            self.tick_id = tick_id

    class TickSelected(ViewMessage):
        """A tick was opened."""

        def __init__(self, view: TickStrip, tick_id: str) -> None:
            super().__init__(view)
            self.tick_id = tick_id

    def __init__(self, *, empty: str = "No ticks yet.", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(empty=empty, id=id, classes=classes)
        self._ticks: tuple[TickCell, ...] = ()
        self._now: datetime | None = None
        self._cursor_id: str | None = None
        self._follows = True

    def show(self, ticks: Sequence[TickCell], now: datetime) -> None:
        """Show ticks, oldest first; the cursor stays on its tick, or goes along with the last."""
        before = self._cursor_id
        self._ticks, self._now = tuple(ticks), now
        if self._follows or before not in {tick.id for tick in ticks}:
            self._cursor_id, self._follows = (ticks[-1].id, True) if ticks else (None, True)
        self.resized()
        if self._cursor_id is not None and self._cursor_id != before:
            self.post_message(self.TickHighlighted(self, self._cursor_id))

    @property
    def cursor_id(self) -> str | None:
        """The tick under the cursor."""
        return self._cursor_id

    def _place(self) -> int:
        return next((at for at, tick in enumerate(self._ticks) if tick.id == self._cursor_id), 0)

    def _shown(self, width: int) -> tuple[int, tuple[TickCell, ...]]:
        """The first tick that is seen, and as many as there is room for, the one under the cursor among them."""
        room = max(1, (width - 2) // PITCH)
        first = min(max(0, len(self._ticks) - room), self._place())
        return first, self._ticks[first : first + room]

    def action_step(self, ticks: int) -> None:
        """Go to an earlier or a later tick."""
        if self._ticks:
            self._to(min(max(0, self._place() + ticks), len(self._ticks) - 1))

    def _to(self, place: int) -> None:
        before, self._cursor_id = self._cursor_id, self._ticks[place].id
        self._follows = place == len(self._ticks) - 1
        self.refresh()
        if before != self._cursor_id:
            self.post_message(self.TickHighlighted(self, self._cursor_id))

    def action_choose(self) -> None:
        """Open the tick under the cursor."""
        if self._cursor_id is not None:
            self.post_message(self.TickSelected(self, self._cursor_id))

    def on_click(self, event: Click) -> None:
        """The first click on a tick moves the cursor to it, one on the tick under it opens it."""
        spot = self.spot(event)
        if spot is None or spot.y != 1:
            return
        first, shown = self._shown(self.view_width)
        place = first + max(0, spot.x - 1) // PITCH
        if place >= first + len(shown):
            return
        if place == self._place():
            self.action_choose()
        else:
            self._to(place)

    # Lines.

    def line_count(self) -> int:
        """Times, ticks, and what came of one."""
        return 3 if self._ticks else 0

    def line_key(self, index: int) -> Hashable:
        """What the look of a line depends on."""
        _, shown = self._shown(self.view_width)
        return (index, shown, self._cursor_id, self._now if index != 1 else None)

    def line_at(self, index: int, width: int) -> Line:
        """One of the three lines."""
        _, shown = self._shown(width)
        if index == 0:
            return self._times(shown, width)
        if index == 1:
            return ((" ", ""), *(piece for tick in shown for piece in self._cell(tick)))
        return self._said(width)

    def _cell(self, tick: TickCell) -> tuple[Piece, ...]:
        glyph, _, style = mark("tick", tick.status)
        return (glyph, f"{style} cell".strip() if tick.id == self._cursor_id else style), (" " * (PITCH - 1), "")

    def _times(self, shown: Sequence[TickCell], width: int) -> Line:
        """A time above every so many ticks."""
        text = ""
        for at, tick in enumerate(shown):
            x = 1 + at * PITCH
            if (len(text) < x or not text) and x + 5 <= width:
                text = fit(text, x) + f"{tick.at:%H:%M}  "
        return ((text, "dim"),)

    def _said(self, width: int) -> Line:
        """What the tick under the cursor did."""
        tick = self._ticks[self._place()]
        now = self._now or tick.at
        when = (f"{clock(tick.at, now)} ({ago(tick.at, now)} ago)  ", "")
        return fit_line((("▸ ", "accent"), when, *mark_line("tick", tick.status), ("  ", ""), *line_of(tick.note, "dim")), width)
