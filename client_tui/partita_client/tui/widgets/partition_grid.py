"""Partitions as a picture, a cell for each, to walk over and to choose ranges from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

from textual.binding import Binding
from textual.events import Click, MouseDown, MouseEvent, MouseMove

from partita_client.tui.render.grid import Direction, Grid, counts_line, lay_out, paint, tally
from partita_client.tui.render.states import Kind
from partita_client.tui.render.text import Line
from partita_client.tui.widgets.line_view import LineView, ViewMessage


class PartitionGrid(LineView):
    """Every partition of something, laid out by time where their keys tell it."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("left,h", "step('left')", "Left", show=False, id="grid.left"),
        Binding("right,l", "step('right')", "Right", show=False, id="grid.right"),
        Binding("up,k", "step('up')", "Up", show=False, id="grid.up"),
        Binding("down,j", "step('down')", "Down", show=False, id="grid.down"),
        Binding("home,g", "first", "First", show=False, id="grid.first"),
        Binding("end,G", "last", "Last", show=False, id="grid.last"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="grid.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="grid.page_up"),
        Binding("V", "range", "Range", show=False, id="grid.range"),
        Binding("escape", "end_range", "Clear", show=False, id="grid.clear"),
        Binding("n", "next_failed(1)", "Next failed", show=False, id="grid.next"),
        Binding("N", "next_failed(-1)", "Previous failed", show=False, id="grid.previous"),
        Binding("enter", "choose", "Open", show=False, id="grid.open"),
    ]

    class CellHighlighted(ViewMessage):
        """The cursor came to a partition."""

        def __init__(self, view: PartitionGrid, key: str, status: str) -> None:
            super().__init__(view)
            self.key, self.status = key, status

    class CellSelected(ViewMessage):
        """A partition was opened."""

        def __init__(self, view: PartitionGrid, key: str, status: str) -> None:
            super().__init__(view)
            self.key, self.status = key, status

    class RangeChanged(ViewMessage):
        """Other partitions are chosen than before; none when the range was given up."""

        def __init__(self, view: PartitionGrid, keys: tuple[str, ...]) -> None:
            super().__init__(view)
            self.keys = keys

    def __init__(self, *, empty: str = "No partitions.", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(empty=empty, id=id, classes=classes)
        self._keys: tuple[str, ...] = ()
        self._statuses: tuple[str, ...] = ()
        self._kind: Kind = "partition"
        self._grid: Grid = lay_out((), 80)
        self._laid_out_for = 0
        self._cursor = 0
        self._anchor: int | None = None
        self._is_dragged = False
        self._counts: Counter[str] = Counter()

    # What is shown.

    def show(self, keys: Sequence[str], statuses: Sequence[str], *, kind: Kind = "partition") -> None:
        """Show partitions in their order with their states; the cursor stays on its key."""
        before, is_new = self.cursor_key, tuple(keys) != self._keys
        self._statuses, self._kind = tuple(statuses), kind
        self._counts = tally(statuses)
        if is_new:
            self._keys, self._anchor = tuple(keys), None
            self._lay_out()
            self._cursor = self._keys.index(before) if before in self._keys else max(0, len(self._keys) - 1)
        self.resized()
        if is_new and self.is_mounted:
            self._reveal()
        if self._keys and self.cursor_key != before:
            self.post_message(self.CellHighlighted(self, self._keys[self._cursor], self._statuses[self._cursor]))

    def counts(self) -> Line:
        """How many there are of each state."""
        return counts_line(self._counts, self._kind)

    def _lay_out(self) -> None:
        """Lay the cells out, once it is known how much room there is."""
        if not self.size.width:
            self._laid_out_for, self._grid = 0, lay_out((), 80)
            return
        self._laid_out_for = self.view_width
        self._grid = lay_out(self._keys, self.view_width)
        self._strips.clear()

    def on_mount(self) -> None:
        """Show what was set before."""
        self.call_after_refresh(self._reveal)

    def on_resize(self) -> None:
        """Rows that run on have another length."""
        if self.view_width != self._laid_out_for:
            self._lay_out()
        self.resized()
        self._reveal()

    # The cursor.

    @property
    def cursor_key(self) -> str | None:
        """The partition under the cursor."""
        return self._keys[self._cursor] if self._keys else None

    @property
    def selected(self) -> tuple[str, ...]:
        """The partitions of the range, in their order; none when no range is drawn."""
        low, high = self._range()
        return self._keys[low : high + 1]

    def _range(self) -> tuple[int, int]:
        """First and last partition of the range; an empty one when none is drawn."""
        if self._anchor is None:
            return 0, -1
        return min(self._anchor, self._cursor), max(self._anchor, self._cursor)

    def move_to(self, key: str) -> bool:
        """Put the cursor on a partition; whether it is here."""
        if key not in self._keys:
            return False
        self._to(self._keys.index(key))
        return True

    def _to(self, index: int) -> None:
        before, self._cursor = self._cursor, index
        if before == index:
            return
        if self._anchor is not None:
            self.refresh()
        if self._laid_out_for:
            self.redraw(self._grid.places[before][0], self._grid.places[index][0])
        self._reveal()
        self.post_message(self.CellHighlighted(self, self._keys[index], self._statuses[index]))
        if self._anchor is not None:
            self.post_message(self.RangeChanged(self, self.selected))

    def _reveal(self) -> None:
        """Have the cell under the cursor in sight, with the title of its block if there is room."""
        if not self._keys or not self._laid_out_for:
            return
        row, column = self._grid.places[self._cursor]
        self.reveal(row)
        if row < self.shown_rows:
            self.reveal(0)
        x = self._grid.indent + column * self._grid.pitch
        if not self.scroll_x <= x < self.scroll_x + self.view_width:
            self.scroll_to(x=max(0, x - self.view_width // 2), animate=False, force=True)

    def action_step(self, direction: Direction) -> None:
        """Go to the partition beside."""
        if self._keys:
            self._to(self._grid.beside(self._cursor, direction))

    def action_first(self) -> None:
        """Go to the first partition."""
        if self._keys:
            self._to(0)

    def action_last(self) -> None:
        """Go to the last partition."""
        if self._keys:
            self._to(len(self._keys) - 1)

    def action_page(self, way: int) -> None:
        """Go as many rows on as are seen."""
        if not self._keys:
            return
        row, column = self._grid.places[self._cursor]
        wanted = min(max(0, row + way * self.shown_rows), len(self._grid.rows) - 1)
        cells = [(abs(place - wanted), abs(at - column), index) for index, (place, at) in enumerate(self._grid.places) if (place - row) * way > 0]
        if cells:
            self._to(min(cells)[2])

    def action_next_failed(self, way: int) -> None:
        """Go to the next partition that failed, or the one before."""
        indexes = range(self._cursor + 1, len(self._keys)) if way > 0 else range(self._cursor - 1, -1, -1)
        found = next((index for index in indexes if self._statuses[index] == "failed"), None)
        if found is not None:
            self._to(found)

    def action_choose(self) -> None:
        """Open the partition under the cursor."""
        if self._keys:
            self.post_message(self.CellSelected(self, self._keys[self._cursor], self._statuses[self._cursor]))

    # Ranges.

    def action_range(self) -> None:
        """Begin a range at the cursor, or give it up."""
        if self._keys:
            self._begin_range(None if self._anchor is not None else self._cursor)

    def action_end_range(self) -> None:
        """Give the range up."""
        self._begin_range(None)

    def _begin_range(self, anchor: int | None) -> None:
        self._anchor = anchor
        self.refresh()
        self.post_message(self.RangeChanged(self, self.selected))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the screen's as long as no range is drawn."""
        if action == "end_range":
            return self._anchor is not None
        return super().check_action(action, parameters)

    def _partition_at(self, event: MouseEvent) -> int | None:
        spot = self.spot(event)
        row = None if spot is None else self.index_at(spot.y)
        return None if spot is None or row is None else self._grid.at(row, spot.x)

    def on_mouse_down(self, event: MouseDown) -> None:
        """Go to the cell, and be ready to draw a range from it."""
        found = self._partition_at(event)
        if found is not None:
            self._is_dragged = True
            self._to(found)
            self.capture_mouse()

    def on_mouse_move(self, event: MouseMove) -> None:
        """Draw a range while the button is held."""
        found = self._partition_at(event)
        if self._is_dragged and found is not None and found != self._cursor:
            if self._anchor is None:
                self._begin_range(self._cursor)
            self._to(found)

    def on_mouse_up(self) -> None:
        """The range is drawn."""
        if self._is_dragged:
            self._is_dragged = False
            self.release_mouse()

    def on_click(self, event: Click) -> None:
        """A double click opens a partition."""
        if event.chain == 2 and self._partition_at(event) == self._cursor:
            self.action_choose()

    # Lines.

    def line_count(self) -> int:
        """Rows of the picture."""
        return len(self._grid.rows)

    def line_width(self) -> int:
        """Cells of the picture where it is wider than the widget."""
        return self._grid.width if self._grid.width > self.view_width else 0

    def line_key(self, index: int) -> Hashable:
        """What the look of a row depends on: the states of its cells, and what of them is chosen."""
        cells = self._grid.rows[index].cells
        low, high = self._range()
        chosen = tuple(cell for cell in cells if cell == self._cursor or low <= cell <= high)
        return (index, self._kind, tuple(self._statuses[cell] for cell in cells if cell >= 0), chosen, self._cursor if chosen else None)

    def line_at(self, index: int, width: int) -> Line:  # noqa: ARG002  its base knows the width
        """A row of the picture."""
        low, high = self._range()

        def chosen(cell: int) -> str:
            return "cell" if cell == self._cursor else "range" if low <= cell <= high else ""

        return paint(self._grid, index, self._statuses, self._kind, chosen)
