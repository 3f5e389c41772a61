"""A list of lines of which one is under the cursor, with the keys to move it."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import Binding
from textual.events import Click

from partita_client.tui.widgets.line_view import LineView


class CursorView(LineView):
    """Lines with a cursor; a subclass says where it is and what a move means."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("down,j", "cursor_move(1)", "Down", show=False, id="list.down"),
        Binding("up,k", "cursor_move(-1)", "Up", show=False, id="list.up"),
        Binding("pagedown", "cursor_page(1.0)", "Page down", show=False, id="list.page_down"),
        Binding("pageup", "cursor_page(-1.0)", "Page up", show=False, id="list.page_up"),
        Binding("ctrl+d", "cursor_page(0.5)", "Half a page down", show=False, id="list.half_down"),
        Binding("ctrl+u", "cursor_page(-0.5)", "Half a page up", show=False, id="list.half_up"),
        Binding("home,g", "cursor_first", "First", show=False, id="list.first"),
        Binding("end,G", "cursor_last", "Last", show=False, id="list.last"),
        Binding("left,h", "sideways(-8)", "Left", show=False, id="list.left"),
        Binding("right,l", "sideways(8)", "Right", show=False, id="list.right"),
        Binding("enter", "choose", "Open", show=False, id="list.open"),
    ]

    def cursor_line(self) -> int:
        """The line under the cursor."""
        raise NotImplementedError

    def cursor_to(self, index: int) -> None:
        """Put the cursor on a line that exists."""
        raise NotImplementedError

    def action_choose(self) -> None:
        """Open what is under the cursor."""
        raise NotImplementedError

    def _clamped(self, index: int) -> int:
        return min(max(0, index), self.line_count() - 1)

    def action_cursor_move(self, lines: int) -> None:
        """Move by a number of lines."""
        if self.line_count():
            self.cursor_to(self._clamped(self.cursor_line() + lines))

    def action_cursor_page(self, pages: float) -> None:
        """Move by a share of what is seen."""
        self.action_cursor_move(round(pages * self.shown_rows) or (1 if pages > 0 else -1))

    def action_cursor_first(self) -> None:
        """Move to the first line."""
        if self.line_count():
            self.cursor_to(0)

    def action_cursor_last(self) -> None:
        """Move to the last line."""
        if self.line_count():
            self.cursor_to(self.line_count() - 1)

    def action_sideways(self, cells: int) -> None:
        """Scroll left or right."""
        self.scroll_to(x=max(0, self.scroll_x + cells), animate=False, force=True)

    def on_click(self, event: Click) -> None:
        """The first click moves the cursor, one on the line under it opens it."""
        spot = self.spot(event)
        index = None if spot is None else self.index_at(spot.y)
        if index is None:
            return
        if index == self.cursor_line():
            self.action_choose()
        else:
            self.cursor_to(index)
