"""Assets against partitions, as a backfill works them off."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

from textual.binding import Binding
from textual.events import Click

from partita_client.tui.render.matrix import buckets, cell_state, fitting, paint_row, titles
from partita_client.tui.render.states import Kind
from partita_client.tui.render.text import Line, fit
from partita_client.tui.widgets.line_view import LineView, ViewMessage


class PartitionMatrix(LineView):
    """A row for each asset, a cell for one or several partitions; a cell shows the worst of them."""

    HEAD = 1
    BINDINGS: ClassVar[list[Any]] = [
        Binding("left,h", "step(0,-1)", "Left", show=False, id="matrix.left"),
        Binding("right,l", "step(0,1)", "Right", show=False, id="matrix.right"),
        Binding("up,k", "step(-1,0)", "Up", show=False, id="matrix.up"),
        Binding("down,j", "step(1,0)", "Down", show=False, id="matrix.down"),
        Binding("home,g", "step(0,-1000000)", "First", show=False, id="matrix.first"),
        Binding("end,G", "step(0,1000000)", "Last", show=False, id="matrix.last"),
        Binding("plus,equals_sign", "zoom(1)", "Finer", show=False, id="matrix.finer"),
        Binding("minus", "zoom(-1)", "Coarser", show=False, id="matrix.coarser"),
        Binding("n", "next_failed(1)", "Next failed", show=False, id="matrix.next"),
        Binding("N", "next_failed(-1)", "Previous failed", show=False, id="matrix.previous"),
        Binding("enter", "choose", "Open", show=False, id="matrix.open"),
    ]

    class CellHighlighted(ViewMessage):
        """The cursor came to a cell; `key` is its first partition in the state that it shows."""

        def __init__(self, view: PartitionMatrix, row: str, key: str, status: str) -> None:
            super().__init__(view)
            self.row, self.key, self.status = row, key, status

    class CellSelected(ViewMessage):
        """A cell was opened; `key` is its first partition in the state that it shows."""

        def __init__(self, view: PartitionMatrix, row: str, key: str, status: str) -> None:
            super().__init__(view)
            self.row, self.key, self.status = row, key, status

    def __init__(self, *, empty: str = "No partitions.", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(empty=empty, id=id, classes=classes)
        self._matrix: tuple[tuple[str, tuple[str, ...]], ...] = ()
        self._keys: tuple[str, ...] = ()
        self._kind: Kind = "item"
        self._each: int | None = None
        """Partitions of a cell that were asked for; None: as many as it takes to see all."""
        self._at = (0, 0)
        """Row, and first partition of the cell, under the cursor."""

    def show(self, rows: Sequence[tuple[str, Sequence[str]]], keys: Sequence[str], *, kind: Kind = "item") -> None:
        """Show the states of all `keys` for each row; the cursor stays where it is."""
        self._matrix = tuple((name, tuple(statuses)) for name, statuses in rows)
        self._keys, self._kind = tuple(keys), kind
        row, partition = self._at
        self._at = (min(row, max(0, len(rows) - 1)), min(partition, max(0, len(keys) - 1)))
        self.resized()

    # The picture.

    @property
    def per_cell(self) -> int:
        """Partitions that a cell stands for."""
        return self._each or fitting(len(self._keys), self.view_width - self._indent())

    def _indent(self) -> int:
        longest = max((len(name) for name, _ in self._matrix), default=0)
        return min(longest + 2, max(10, self.view_width // 3))

    def action_zoom(self, way: int) -> None:
        """Have a cell stand for fewer partitions, or for more."""
        now = self.per_cell
        self._each = max(1, now // 2) if way > 0 else min(max(1, len(self._keys)), now * 2)
        self.resized()
        self._reveal()

    # The cursor.

    def _cell(self) -> range | None:
        """The partitions of the cell under the cursor."""
        if not self._matrix or not self._keys:
            return None
        start = self._at[1] // self.per_cell * self.per_cell
        return range(start, min(len(self._keys), start + self.per_cell))

    def under_cursor(self) -> tuple[str, str, str] | None:
        """Row, partition and state under the cursor; of several partitions the first in the state that is shown."""
        cell = self._cell()
        if cell is None:
            return None
        name, statuses = self._matrix[self._at[0]]
        status = cell_state(statuses, cell)
        return name, self._keys[next(at for at in cell if statuses[at] == status)], status

    def action_step(self, rows: int, cells: int) -> None:
        """Go to another cell."""
        if not self._matrix or not self._keys:
            return
        row = min(max(0, self._at[0] + rows), len(self._matrix) - 1)
        last = (len(self._keys) - 1) // self.per_cell
        cell = min(max(0, self._at[1] // self.per_cell + cells), last)
        self._to(row, cell * self.per_cell if cells else self._at[1])

    def _to(self, row: int, partition: int) -> None:
        if (row, partition) == self._at:
            return
        before, self._at = self._at, (row, partition)
        self.redraw(before[0], row)
        self._reveal()
        if here := self.under_cursor():
            self.post_message(self.CellHighlighted(self, *here))

    def _reveal(self) -> None:
        self.reveal(self._at[0])
        x = self._indent() + self._at[1] // self.per_cell
        if not self.scroll_x <= x < self.scroll_x + self.view_width:
            self.scroll_to(x=max(0, x - self.view_width // 2), animate=False, force=True)

    def action_next_failed(self, way: int) -> None:
        """Go to the next partition that failed, row by row, or the one before."""
        size, (row, partition) = len(self._keys), self._at
        here = row * size + partition
        cell = self._cell()
        places = range((cell.stop if cell else 0) + row * size, len(self._matrix) * size) if way > 0 else range(here - 1, -1, -1)
        found = next((at for at in places if self._matrix[at // size][1][at % size] == "failed"), None)
        if found is not None:
            self._to(found // size, found % size)

    def action_choose(self) -> None:
        """Open the cell under the cursor."""
        if here := self.under_cursor():
            self.post_message(self.CellSelected(self, *here))

    def on_click(self, event: Click) -> None:
        """The first click moves the cursor to a cell, one on the cell under it opens it."""
        spot = self.spot(event)
        row = None if spot is None else self.index_at(spot.y)
        if spot is None or row is None:
            return
        cell = spot.x - self._indent()
        if not 0 <= cell * self.per_cell < len(self._keys) or cell < 0:
            return
        if (row, cell) == (self._at[0], self._at[1] // self.per_cell):
            self.action_choose()
        else:
            self._to(row, cell * self.per_cell)

    # Lines.

    def line_count(self) -> int:
        """A line for each row."""
        return len(self._matrix) if self._keys else 0

    def line_width(self) -> int:
        """Cells of the picture where it is wider than the widget."""
        width = self._indent() + -(-len(self._keys) // self.per_cell)
        return width if width > self.view_width else 0

    def line_key(self, index: int) -> Hashable:
        """What the look of a row depends on."""
        return (self._matrix[index], self._kind, self.per_cell, self._at[1] if index == self._at[0] else None)

    def line_at(self, index: int, width: int) -> Line:  # noqa: ARG002  its base knows the width
        """The cells of a row."""
        name, statuses = self._matrix[index]
        here = self._at[1] // self.per_cell if index == self._at[0] else None
        cells = buckets(len(self._keys), self.per_cell)
        return paint_row(name, statuses, cells, kind=self._kind, indent=self._indent(), chosen=lambda place: "cell" if place == here else "")

    def head_key(self) -> Hashable:
        """What the look of the titles depends on."""
        return (self._keys, self.per_cell, self._indent())

    def head_line(self, width: int) -> Line:
        """Months, or keys."""
        return ((fit(titles(self._keys, buckets(len(self._keys), self.per_cell), self._indent()), width), "dim"),) if self._keys else ()
