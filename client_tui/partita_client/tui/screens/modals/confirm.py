"""Is that meant? What would happen, and the keys to do it or to leave it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen

from partita_client.tui.render.text import Line
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.widgets.line_text import LineText, PlainLine


class Confirm(ModalScreen[str | None]):
    """Answers with the name of the way that was chosen, or None."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("enter", "do", "Do it", show=False, priority=True),
        Binding("escape,q,n", "leave", "Leave it", show=False),
        Binding("left,right,tab,h,l", "other", "The other way", show=False, priority=True),
    ]

    def __init__(self, title: str, lines: Sequence[Line], *, ways: Sequence[tuple[str, str]], keep: str = "leave it") -> None:
        """`ways` are names and words of what Enter may do; the first is meant unless another is chosen."""
        super().__init__()
        self._title, self._lines, self._ways, self._keep = title, lines, ways, keep
        self._way = 0

    def compose(self) -> ComposeResult:
        """What would happen, and the answers."""
        with Pane(classes="dialog") as pane:
            pane.set_title(self._title)
            yield LineText(self._lines, id="facts")
            yield PlainLine(id="ways")
            yield PlainLine(((" ", ""), ("↵ ", "key"), ("do it   ", ""), ("esc ", "key"), (self._keep, "")), id="answers")

    def on_mount(self) -> None:
        """Show which way is meant."""
        self.query_one("#ways").display = len(self._ways) > 1
        self.query_one("#facts").styles.height = min(len(self._lines) + 1, 14)
        self._show()

    def _show(self) -> None:
        marks = (("(•) " if place == self._way else "( ) ") + words for place, (_, words) in enumerate(self._ways))
        self.query_one("#ways", PlainLine).show(((" " + "   ".join(marks), ""),))
        doing = ((" ↵ ", "key"), (f"{self._ways[self._way][1]}   ", "strong"), ("esc ", "key"), (self._keep, ""))
        self.query_one("#answers", PlainLine).show(doing)

    def action_other(self) -> None:
        """Mean another way."""
        self._way = (self._way + 1) % len(self._ways)
        self._show()

    def action_do(self) -> None:
        """Do it."""
        self.dismiss(self._ways[self._way][0])

    def action_leave(self) -> None:
        """Do nothing."""
        self.dismiss(None)
