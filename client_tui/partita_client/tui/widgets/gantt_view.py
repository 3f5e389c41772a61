"""The steps of a run over time."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual.binding import Binding
from textual.reactive import reactive

from partita_client.tui.render.gantt import Attempt, GanttRow, Window, axis, bar, head, whole
from partita_client.tui.render.text import Line, line_of, line_width
from partita_client.tui.widgets.cursor_view import CursorView
from partita_client.tui.widgets.line_view import ViewMessage

__all__ = ["Attempt", "GanttRow", "GanttView"]

ZOOM = 1.5
PAN = 0.2


class GanttView(CursorView):
    """A bar for each step under an axis of time; bars of what runs grow with the clock that it is given."""

    HEAD = 1
    BINDINGS: ClassVar[list[Any]] = [
        Binding("plus,equals_sign", "zoom(1)", "Finer", show=False, id="gantt.finer"),
        Binding("minus", "zoom(-1)", "Coarser", show=False, id="gantt.coarser"),
        Binding("left,h", "pan(-1)", "Earlier", show=False, id="gantt.earlier"),
        Binding("right,l", "pan(1)", "Later", show=False, id="gantt.later"),
        Binding("0", "whole", "Whole run", show=False, id="gantt.whole"),
    ]
    critical: reactive[frozenset[str]] = reactive(frozenset(), init=False)
    """Steps whose bars are drawn as the critical path."""

    class StepHighlighted(ViewMessage):
        """The cursor came to a step."""

        def __init__(self, view: GanttView, step_id: str) -> None:
            super().__init__(view)
            self.step_id = step_id

    class StepSelected(ViewMessage):
        """A step was opened."""

        def __init__(self, view: GanttView, step_id: str) -> None:
            super().__init__(view)
            self.step_id = step_id

    def __init__(self, *, empty: str = "No steps yet.", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(empty=empty, id=id, classes=classes)
        self._rows: tuple[GanttRow, ...] = ()
        self._now: datetime | None = None
        self._started_at: datetime | None = None
        self._is_live = False
        self._window: Window | None = None
        """What was zoomed or panned to; None: the whole run."""
        self._whole: Window | None = None
        """The window of the whole run as it stands; None: to be found out."""
        self._longest = 0
        """Cells of the longest name."""
        self._cursor_id: str | None = None

    def show(self, rows: Sequence[GanttRow], *, now: datetime, started_at: datetime | None = None, is_live: bool = True) -> None:
        """Show these steps as they stand; the cursor stays on its step."""
        before = self._cursor_id
        self._rows, self._now, self._started_at, self._is_live = tuple(rows), now, started_at, is_live
        self._whole, self._longest = None, max((line_width(line_of(row.name)) for row in rows), default=0)
        if before not in {row.id for row in rows}:
            self._cursor_id = rows[0].id if rows else None
        self.resized()
        if self._cursor_id is not None and self._cursor_id != before:
            self.post_message(self.StepHighlighted(self, self._cursor_id))

    def tick(self, now: datetime) -> None:
        """The clock went on: what runs has grown."""
        self._now, self._whole = now, None
        if not self._is_live:
            return
        if self._window is None:
            self.refresh()
        else:
            self.redraw(*(index for index, row in enumerate(self._rows) if row.is_running))

    def watch_critical(self) -> None:
        """Other bars stand out."""
        self.refresh()

    # Time.

    def _split(self, width: int) -> int:
        """Cells for the names."""
        longest = self._longest
        return min(max(16, longest + 14), max(20, width * 2 // 5), 56)

    def _shown(self, width: int) -> Window | None:
        if self._now is None:
            return None
        cells = max(1, width - self._split(width) - 1)
        if self._window is not None:
            return Window(self._window.origin, self._window.start, self._window.seconds, cells)
        if self._whole is None or self._whole.width != cells:
            self._whole = whole(self._rows, cells, now=self._now, started_at=self._started_at)
        return self._whole

    def _set_window(self, window: Window | None) -> None:
        self._window = window
        self.refresh()

    def action_zoom(self, way: int) -> None:
        """See a shorter or a longer stretch of time; while the run goes on its end stays in sight."""
        window = self._shown(self.view_width)
        if window is not None:
            self._set_window(window.zoomed(ZOOM**way, 1.0 if self._is_live and self._window is None else 0.5).panned(0))

    def action_pan(self, way: int) -> None:
        """See what was before or after."""
        window = self._shown(self.view_width)
        if window is not None:
            self._set_window(window.panned(PAN * way))

    def action_whole(self) -> None:
        """See the whole run again."""
        self._set_window(None)

    # The cursor.

    @property
    def cursor_id(self) -> str | None:
        """The step under the cursor."""
        return self._cursor_id

    def cursor_line(self) -> int:
        """The line of the step under the cursor."""
        return next((index for index, row in enumerate(self._rows) if row.id == self._cursor_id), 0)

    def cursor_to(self, index: int) -> None:
        """Put the cursor on the step of a line."""
        before, self._cursor_id = self.cursor_line(), self._rows[index].id
        self.redraw(before, index)
        self.reveal(index)
        if before != index:
            self.post_message(self.StepHighlighted(self, self._cursor_id))

    def move_to(self, step_id: str) -> bool:
        """Put the cursor on a step; whether there is one of this id."""
        index = next((index for index, row in enumerate(self._rows) if row.id == step_id), None)
        if index is not None:
            self.cursor_to(index)
        return index is not None

    def action_choose(self) -> None:
        """Open the step under the cursor."""
        if self._cursor_id is not None:
            self.post_message(self.StepSelected(self, self._cursor_id))

    # Lines.

    def line_count(self) -> int:
        """A line for each step."""
        return len(self._rows)

    def line_key(self, index: int) -> Hashable:
        """What the look of a bar depends on: a step that is over looks the same as long as the window does."""
        row = self._rows[index]
        grows = row.is_running or any(attempt.ended_at is None for attempt in row.attempts)
        return (row, row.id == self._cursor_id, row.id in self.critical, self._shown(self.view_width), self._now if grows else None)

    def line_at(self, index: int, width: int) -> Line:
        """The name, the state and the bar of a step."""
        row, window = self._rows[index], self._shown(width)
        if window is None or self._now is None:
            return ()
        sign = "▌" if row.id == self._cursor_id else " "
        split = self._split(width)
        return ((sign, "mark"), *head(row, split, self._now), *bar(row, window, self._now, is_critical=row.id in self.critical))

    def line_under(self, index: int) -> str:
        """The step under the cursor stands out."""
        return "cursor" if self._rows[index].id == self._cursor_id else ""

    def head_key(self) -> Hashable:
        """What the look of the axis depends on."""
        return (self._shown(self.view_width), self._now if self._is_live else None)

    def head_line(self, width: int) -> Line:
        """The axis of time."""
        window = self._shown(width)
        if window is None or self._now is None or not self._rows:
            return ()
        return ((" " * (self._split(width) + 1), ""), *axis(window, self._now, is_live=self._is_live))
