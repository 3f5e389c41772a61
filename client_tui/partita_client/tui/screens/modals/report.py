"""Something to read."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen

from partita_client.tui.render.text import Line
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.widgets.line_text import LineText


class Report(ModalScreen[None]):
    """Something to read."""

    BINDINGS = [Binding("escape,q,enter", "leave", "Close", show=False)]  # noqa: RUF012  Textual reads it as it is

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        super().__init__()
        self._title, self._lines = title, lines

    def compose(self) -> ComposeResult:
        """The lines."""
        with Pane(classes="dialog -help") as pane:
            pane.set_title(self._title)
            pane.set_note("esc close")
            yield LineText(self._lines, id="report")

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss(None)
