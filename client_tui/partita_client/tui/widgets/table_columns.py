"""How wide the columns of a table are, and which of them have room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from partita_client.tui.render.text import Align, Line, fit_line, line_of, line_width

GAP = 2
"""Cells between two columns."""
LEAD = 3
"""Cells before the first: the cursor, the mark, a space."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    key: str
    title: str
    width: int = 4
    """Cells that it takes at least."""
    max_width: int = 60
    align: Align = "left"
    is_sortable: bool = False
    drop: int = 0
    """Where room is missing the columns with the highest number go first; 0: never."""
    is_flexible: bool = False
    """Whether it takes the room that is left over."""


class Columns:
    """The columns of one table; they grow with what is in them, and never shrink."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.all = tuple(columns)
        self._natural = [max(column.width, line_width(line_of(column.title)) + (2 if column.is_sortable else 0)) for column in columns]
        self._laid_out: dict[int, tuple[tuple[int, int], ...]] = {}

    def measure(self, cells: Sequence[str | Line]) -> bool:
        """Make room for the cells of a row; whether any column grew."""
        grew = False
        for place, (column, cell) in enumerate(zip(self.all, cells, strict=False)):
            width = min(column.max_width, line_width(line_of(cell)))
            if width > self._natural[place]:
                self._natural[place] = width
                grew = True
        if grew:
            self._laid_out.clear()
        return grew

    def lay_out(self, width: int) -> tuple[tuple[int, int], ...]:
        """Number and cells of each column that has room in `width`."""
        if width not in self._laid_out:
            self._laid_out[width] = tuple(self._fitted(width))
        return self._laid_out[width]

    def _fitted(self, width: int) -> list[tuple[int, int]]:
        shown = list(range(len(self.all)))
        least = [column.width for column in self.all]
        room = width - LEAD - 1

        def needed(widths: Sequence[int]) -> int:
            return sum(widths[place] for place in shown) + GAP * (len(shown) - 1)

        # A column that can be cut gives way before one that would be gone altogether.
        while needed(self._cut(least)) > room and any(self.all[place].drop for place in shown):
            shown.remove(max(shown, key=lambda place: (self.all[place].drop, place)))
        widths = dict.fromkeys(shown, 0) | {place: self._natural[place] for place in shown}
        missing = needed(self._natural) - room
        for place in sorted(shown, key=lambda place: (not self.all[place].is_flexible, -widths[place])):
            if missing <= 0:
                break
            given = min(missing, max(0, widths[place] - least[place]))
            widths[place] -= given
            missing -= given
        if missing < 0 and (flexible := next((place for place in shown if self.all[place].is_flexible), None)) is not None:
            widths[flexible] -= missing
        return [(place, widths[place]) for place in shown]

    def _cut(self, least: Sequence[int]) -> list[int]:
        """The widths when every flexible column is as narrow as it may be."""
        return [least[place] if column.is_flexible else self._natural[place] for place, column in enumerate(self.all)]

    def line(self, cells: Sequence[str | Line], width: int) -> Line:
        """The cells of a row side by side."""
        pieces: list[tuple[str, str]] = []
        for place, cell_width in self.lay_out(width):
            if pieces:
                pieces.append((" " * GAP, ""))
            cell = cells[place] if place < len(cells) else ""
            pieces += fit_line(line_of(cell), cell_width, self.all[place].align)
        return tuple(pieces)

    def at(self, x: int, width: int) -> Column | None:
        """The column at a cell of the line."""
        left = LEAD
        for place, cells in self.lay_out(width):
            if left <= x < left + cells + GAP:
                return self.all[place]
            left += cells + GAP
        return None

    def total(self) -> int:
        """Cells of a line in which every column is as narrow as it may be and none is left out that may not be."""
        kept = [column for column in self.all if not column.drop]
        return LEAD + 1 + sum(column.width for column in kept) + GAP * (len(kept) - 1)
