"""What can be done here, made from the registry of actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen

from partita_client.tui.actions import Action
from partita_client.tui.render.text import Line, fit
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.widgets.line_text import LineText

MOVES = (
    ("1 … 7", "sections"), ("arrows, hjkl", "move"), ("pgup pgdn ^u ^d g G", "move by pages, first, last"), ("tab shift+tab", "panes"),
    ("↵", "open"), ("esc", "up, close"), ("[ ]", "tabs"), ("< >", "back and forward"), ("space V", "mark, mark a range"),
    ("/", "filter; in a log: search, n N for the next and the previous match"), (":", "jump, such as :runs status:failed or :asset raw/orders"),
    ("^p", "palette: search everything"), ("f", "in a log: follow"), ("w", "in a log: wrap"), ("+ -", "zoom"),
)  # fmt: skip


class Help(ModalScreen[None]):
    """Keys and what they do, with the reason where something cannot be done now."""

    BINDINGS: ClassVar[list[Any]] = [Binding("escape,q,question_mark", "leave", "Close", show=False)]

    def __init__(self, title: str, actions: Sequence[tuple[Action, str | None]]) -> None:
        super().__init__()
        self._title, self._actions = title, actions

    def compose(self) -> ComposeResult:
        """The list."""
        with Pane(classes="dialog -help") as pane:
            pane.set_title(f"Help · {self._title}")
            pane.set_note("esc close")
            yield LineText(help_lines(self._actions), wraps=False, id="help-text")

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss(None)


def help_lines(actions: Sequence[tuple[Action, str | None]]) -> list[Line]:
    """Actions with their keys, what they ask of the server, and why they cannot be done now; then the moves."""
    lines: list[Line] = [(("Here", "title"),)]
    for action, reason in actions:
        keys = " ".join(part for part in action.keys.split(","))
        shown = action.key if len(action.keys.split(",")) == 1 else keys
        line: Line = ((fit(f"  {shown}", 22), "key"), (fit(action.title, 26), "" if reason is None else "dim"))
        note = f"not now: {reason}" if reason else action.operation
        lines.append((*line, (note, "warning" if reason else "dim")))
    lines += [(("", ""),), (("Everywhere", "title"),)]
    lines += [((fit(f"  {keys}", 22), "key"), (words, "")) for keys, words in MOVES]
    return lines
