"""A table of any number of rows: cursor and marks are by row, so that rows that come and go never move the user."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, ClassVar

from textual.binding import Binding
from textual.events import Click

from partita_client.tui.render.text import Line, count
from partita_client.tui.widgets.cursor_view import CursorView
from partita_client.tui.widgets.line_view import ViewMessage
from partita_client.tui.widgets.table_columns import Column, Columns
from partita_client.tui.widgets.table_marks import Marks
from partita_client.tui.widgets.table_rows import KeyedSource, PageSource, Row, rows_source

__all__ = ["Column", "KeyedSource", "PageSource", "Row", "VirtualTable"]

MEASURED = 200
"""Rows that decide how wide the columns are at first."""
PLACEHOLDER = "▒▒▒"


class VirtualTable(CursorView):
    """Rows under a header, drawn when they are seen."""

    HEAD = 1
    BINDINGS: ClassVar[list[Any]] = [
        Binding("space", "mark", "Mark", show=False, id="table.mark"),
        Binding("V", "range", "Range", show=False, id="table.range"),
        Binding("escape", "clear_marks", "Clear", show=False, id="table.clear"),
    ]

    class RowHighlighted(ViewMessage):
        """The cursor came to another row, or its row to another place."""

        def __init__(self, view: VirtualTable, row_id: str, index: int) -> None:
            super().__init__(view)
            self.row_id, self.index = row_id, index

    class RowSelected(ViewMessage):
        """A row was opened."""

        def __init__(self, view: VirtualTable, row_id: str, index: int) -> None:
            super().__init__(view)
            self.row_id, self.index = row_id, index

    class MarksChanged(ViewMessage):
        """Other rows are marked than before."""

        def __init__(self, view: VirtualTable, row_ids: frozenset[str]) -> None:
            super().__init__(view)
            self.row_ids = row_ids

    class NeedPage(ViewMessage):
        """Rows are, or will soon be, seen that are not here; `last` is the last of them."""

        def __init__(self, view: VirtualTable, first: int, last: int) -> None:
            super().__init__(view)
            self.first, self.last = first, last

    class SortRequested(ViewMessage):
        """The header of a sortable column was clicked."""

        def __init__(self, view: VirtualTable, column_key: str) -> None:
            super().__init__(view)
            self.column_key = column_key

    def __init__(self, *columns: Column, empty: str = "Nothing here.", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(empty=empty, id=id, classes=classes)
        self._columns = Columns(columns)
        self._source: PageSource = rows_source(())
        self._sort: tuple[str | None, bool] = (None, False)
        self._cursor_id: str | None = None
        self._cursor = 0
        self._was_moved = False
        self._marks = Marks()
        self._come_above = 0
        self._is_measured = False
        self._asked: tuple[int, int] | None = None

    # Rows.

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show rows that are all here."""
        self.set_source(rows_source(rows))

    def set_source(self, source: PageSource) -> None:
        """Show the rows of `source`; the cursor stays on its row, and the row where it is on the screen."""
        self._source, self._asked = source, None
        self._measure()
        self._keep_place()

    def _measure(self) -> None:
        """Find out how wide the columns are, once there are rows; later ones make room for themselves when they are seen."""
        if self._is_measured:
            return
        for index in range(min(MEASURED, len(self._source))):
            row = self._source.row(index)
            if row is None:
                break
            self._columns.measure(row.cells)
            self._is_measured = True

    def changed(self, ids: Iterable[str] | None = None) -> None:
        """Rows of the source have changed in place; None: any of them, or their number."""
        if ids is None:
            self._asked = None
            self._keep_place()
            return
        places = (self._source.index_of(row_id) for row_id in ids)
        self.redraw(*(place for place in places if place is not None))

    def _keep_place(self) -> None:
        """Find the row under the cursor in its new place; where it is gone, take the one that came into its place."""
        before_id, before, size = self._cursor_id, self._cursor, len(self._source)
        found = self._source.index_of(before_id) if before_id is not None else None
        self._cursor = found if found is not None else min(before, max(0, size - 1))
        self._cursor_id = self._source.id_at(self._cursor) if size else None
        moved, top = self._cursor - before, self.top
        is_anchored = found is not None and moved and (top > 0 or self._was_moved or self._cursor >= self.shown_rows)
        self.resized()
        if is_anchored and self.is_mounted:
            self._come_above = max(0, self._come_above + moved)
            self.jump_to(top + moved)
        self._told_height()
        if self._cursor_id is not None and (self._cursor_id, self._cursor) != (before_id, before):
            self.post_message(self.RowHighlighted(self, self._cursor_id, self._cursor))
        self._ask_for_pages()

    def _told_height(self) -> None:
        if self.top == 0:
            self._come_above = 0

    # The cursor.

    @property
    def cursor_id(self) -> str | None:
        """The row under the cursor; None when there is none, or it is not here yet."""
        return self._cursor_id

    @property
    def cursor_index(self) -> int:
        """The place of the row under the cursor."""
        return self._cursor

    def cursor_line(self) -> int:
        """The line under the cursor."""
        return self._cursor

    def move_to(self, row_id: str) -> bool:
        """Put the cursor on a row; whether it is here."""
        index = self._source.index_of(row_id)
        if index is not None:
            self.cursor_to(index)
        return index is not None

    def cursor_to(self, index: int) -> None:
        """Put the cursor on the row at a place."""
        before, self._cursor = self._cursor, index
        self._cursor_id = self._source.id_at(index)
        self._was_moved = True
        if self._marks.anchor is not None:
            self._stretch_range()
        self.redraw(before, index)
        self.reveal(index)
        self._ask_for_pages()
        if before != index and self._cursor_id is not None:
            self.post_message(self.RowHighlighted(self, self._cursor_id, index))

    def visible_ids(self) -> list[str]:
        """The rows that are seen and here."""
        ids = (self._source.id_at(index) for index in range(self.top, min(len(self._source), self.top + self.shown_rows)))
        return [row_id for row_id in ids if row_id is not None]

    def action_choose(self) -> None:
        """Open the row under the cursor."""
        if self._cursor_id is not None:
            self.post_message(self.RowSelected(self, self._cursor_id, self._cursor))

    def action_cursor_first(self) -> None:
        """Move to the first row, and see what comes from now on."""
        super().action_cursor_first()
        self._was_moved = False

    # Marks.

    @property
    def marked(self) -> frozenset[str]:
        """The marked rows, seen or not."""
        return self._marks.ids

    def clear_marks(self) -> bool:
        """Take all marks away; whether there were any."""
        had = self._marks.clear()
        if had:
            self._tell_marks()
        return had

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the screen's as long as there is nothing to clear."""
        if action == "clear_marks":
            return bool(self._marks.ids)
        return super().check_action(action, parameters)

    def action_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and go on to the next."""
        if self._cursor_id is None:
            return
        self._marks.toggle(self._cursor_id)
        self._tell_marks()
        self.action_cursor_move(1)

    def action_range(self) -> None:
        """Begin a range at the cursor, or end the one that is being drawn."""
        if self._marks.anchor is not None:
            self._marks.keep()
        elif self._cursor_id is not None:
            self._marks.begin(self._cursor_id)
        self._tell_marks()

    def action_clear_marks(self) -> None:
        """Take all marks away."""
        self.clear_marks()

    def _stretch_range(self) -> None:
        start = self._source.index_of(self._marks.anchor or "")
        if start is None:
            return
        low, high = sorted((start, self._cursor))
        ids = (self._source.id_at(index) for index in range(low, high + 1))
        self._marks.stretch(frozenset(row_id for row_id in ids if row_id is not None))
        self._tell_marks()

    def _tell_marks(self) -> None:
        self.refresh()
        self.post_message(self.MarksChanged(self, self._marks.ids))

    # Columns.

    def set_columns(self, *columns: Column) -> None:
        """Show other columns; rows whose cells are for them follow with `set_source`."""
        self._columns, self._is_measured = Columns(columns), False
        self.resized()

    def set_sort(self, column_key: str | None, *, is_descending: bool = False) -> None:
        """Say in the header how the rows are sorted."""
        self._sort = (column_key, is_descending)
        self.refresh()

    # Lines.

    def line_count(self) -> int:
        """How many rows there are, a line to say so if there are none."""
        return len(self._source)

    def line_width(self) -> int:
        """Wider than the widget only when the columns that must be seen are."""
        total = self._columns.total()
        return total if total > self.view_width else 0

    def line_key(self, index: int) -> Hashable:
        """What the look of a row depends on."""
        row = self._source.row(index)
        if row is None:
            return ("placeholder", index == self._cursor)
        grew = self._columns.measure(row.cells)
        if grew:
            self.call_after_refresh(self.refresh)
        widths = self._columns.lay_out(max(self.view_width, self.line_width()))
        return (row.key, widths, index == self._cursor, row.id in self._marks.ids)

    def line_at(self, index: int, width: int) -> Line:
        """The cells of a row after the signs of cursor and mark."""
        row = self._source.row(index)
        is_here = index == self._cursor
        if row is None:
            return (("▌  " if is_here else "   ", "accent"), (PLACEHOLDER, "dim"))
        is_marked = row.id in self._marks.ids
        lead = ("▌" if is_here else "●" if is_marked else " ") + ("● " if is_here and is_marked else "  ")
        return ((lead, "mark"), *self._columns.line(row.cells, width))

    def line_under(self, index: int) -> str:
        """The row under the cursor stands out."""
        return "cursor" if index == self._cursor else ""

    def head_key(self) -> Hashable:
        """What the look of the header depends on."""
        return (self._sort, self._come_above, self._columns.lay_out(max(self.view_width, self.line_width())))

    def head_line(self, width: int) -> Line:
        """The titles of the columns."""
        cells: list[str | Line] = []
        key, is_descending = self._sort
        for column in self._columns.all:
            sign = "" if column.key != key else " ▾" if is_descending else " ▴"
            cells.append(((column.title, "header"), (sign, "accent")))
        return (("   ", ""), *self._columns.line(cells, width))

    def overlay(self, y: int) -> Line | None:
        """How many rows have come above those that are seen."""
        return ((f" {count(self._come_above)} new ▲ ", "pill"),) if y == 0 and self._come_above else super().overlay(y)

    # Pages.

    def _ask_for_pages(self) -> None:
        """Ask for what is seen and the page around it, once."""
        if not self.is_mounted:
            return
        rows = self.shown_rows
        around = range(max(0, self.top - rows), min(len(self._source), self.top + 2 * rows))
        missing = [index for index in around if not self._source.is_loaded(index)]
        if missing and self._asked != (asked := (missing[0], missing[-1])):
            self._asked = asked
            self.post_message(self.NeedPage(self, *asked))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are seen."""
        super().watch_scroll_y(old_value, new_value)
        self._told_height()
        self._ask_for_pages()

    def on_mount(self) -> None:
        """Show what was set before."""
        self._ask_for_pages()

    def on_click(self, event: Click) -> None:
        """A click on a title asks for another order."""
        spot = self.spot(event)
        if spot is None or spot.y >= self.HEAD:
            return  # the handler of the lines comes after this one
        event.prevent_default()
        column = self._columns.at(spot.x, max(self.view_width, self.line_width()))
        if column is not None and column.is_sortable:
            self.post_message(self.SortRequested(self, column.key))
