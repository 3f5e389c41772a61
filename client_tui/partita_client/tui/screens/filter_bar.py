"""The row that says what a list is filtered by, and takes another filter."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from partita_client.tui.render.text import Piece, line_width, plain
from partita_client.tui.widgets.line_text import PlainLine


class FilterBar(Horizontal):
    """A filter and what came of it."""

    BINDINGS: ClassVar[list[Any]] = [Binding("escape", "leave", "Leave", show=False), Binding("down,tab", "leave", "Leave", show=False)]

    class Changed(Message):
        """Another filter was typed; `is_done` when the typing is over."""

        def __init__(self, text: str, *, is_done: bool) -> None:
            super().__init__()
            self.text, self.is_done = text, is_done

    def __init__(self, fields: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._fields = fields
        self._text = ""
        self._note = ""
        self._problem = ""

    def compose(self) -> ComposeResult:
        """The line that is read, the field that is typed into, and the note."""
        yield PlainLine(id="filter-line")
        yield Input(id="filter-input", compact=True, select_on_focus=False, placeholder=self._fields)
        yield PlainLine(id="filter-note")

    def on_mount(self) -> None:
        """Show that there is no filter yet."""
        self.query_one(Input).display = False
        self._show()

    @property
    def text(self) -> str:
        """The filter as it stands."""
        return self._text

    def set_text(self, text: str) -> None:
        """Another filter, from elsewhere."""
        self._text = text
        with self.prevent(Input.Changed):
            self.query_one(Input).value = text
        self._show()

    def say(self, note: str, problem: str = "") -> None:
        """Say how many match, or why the filter cannot be read."""
        self._note, self._problem = note, problem
        self._show()

    def begin(self) -> None:
        """Type a filter."""
        field = self.query_one(Input)
        field.display = True
        self.query_one("#filter-line").display = False
        field.focus()
        field.cursor_position = len(field.value)

    def action_leave(self) -> None:
        """The typing is over."""
        field = self.query_one(Input)
        field.display = False
        self.query_one("#filter-line").display = True
        self._show()
        self.post_message(self.Changed(self._text, is_done=True))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value != self._text:
            self._text = event.value
            self.post_message(self.Changed(self._text, is_done=False))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_leave()

    def _show(self) -> None:
        if not self.is_mounted:
            return
        pieces: list[Piece] = [(" / ", "key"), (plain(self._text), "") if self._text else (f"filter by {self._fields}", "dim")]
        self.query_one("#filter-line", PlainLine).show(tuple(pieces))
        note = ((f"✗ {plain(self._problem)} ", "failed"),) if self._problem else ((f"{self._note} ", "dim"),)
        words = self.query_one("#filter-note", PlainLine)
        words.styles.width = min(line_width(note), max(20, self.size.width * 2 // 3))
        words.show(note)
