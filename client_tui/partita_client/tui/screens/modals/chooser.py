"""A line to type on, and below it what it may mean: the jump, the palette, and every choice of one among many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen
from textual.widgets import Input

from partita_client.tui.render.text import plain
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.widgets.line_text import PlainLine
from partita_client.tui.widgets.virtual_table import Column, Row, VirtualTable


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the things that may be meant."""

    id: str
    title: str
    kind: str = ""
    note: str = ""
    why_not: str = ""
    """Why it cannot be chosen now."""


class Chooser(ModalScreen[str | None]):
    """Answers with the id of what was chosen, or None."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("escape", "leave", "Leave", show=False, priority=True),
        Binding("down,ctrl+n", "move(1)", "Down", show=False, priority=True),
        Binding("up,ctrl+p", "move(-1)", "Up", show=False, priority=True),
        Binding("pagedown", "move(10)", "Page down", show=False, priority=True),
        Binding("pageup", "move(-10)", "Page up", show=False, priority=True),
        Binding("tab", "take", "Complete", show=False, priority=True),
    ]

    def __init__(
        self, title: str, search: Callable[[str], Sequence[Choice]], *, text: str = "", takes_text: bool = False, hint: str = "type to search"
    ) -> None:
        """`search` says what a text may mean; with `takes_text` a text that is no choice is an answer too."""
        super().__init__()
        self._title, self._search, self._text, self._takes_text, self._hint = title, search, text, takes_text, hint
        self._found: dict[str, Choice] = {}

    def compose(self) -> ComposeResult:
        """The line and the choices."""
        with Pane(classes="dialog -chooser") as pane:
            pane.set_title(self._title)
            yield Input(self._text, id="chooser-input", compact=True, placeholder=self._hint, select_on_focus=False)
            yield VirtualTable(
                Column("kind", "", max_width=10),
                Column("title", "", max_width=80),
                Column("note", "", max_width=60, is_flexible=True),
                empty="Nothing is called so.",
                id="choices",
            )
            yield PlainLine((("↵ ", "key"), ("choose  ", ""), ("↹ ", "key"), ("complete  ", ""), ("esc ", "key"), ("leave", "")))

    def on_mount(self) -> None:
        """Offer what fits the text that it begins with."""
        self.query_one("#choices").can_focus = False
        self.query_one(Input).focus()
        self._offer(self._text)

    def _offer(self, text: str) -> None:
        found = self._search(text)
        self._found = {choice.id: choice for choice in found}
        table = self.query_one("#choices", VirtualTable)
        table.set_rows([Row(choice.id, _cells(choice)) for choice in found])
        if found:
            table.move_to(found[0].id)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._offer(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        chosen = self.query_one("#choices", VirtualTable).cursor_id
        if self._takes_text and event.value.strip() and not (chosen or "").startswith(event.value.strip()):
            self.dismiss(event.value)
        elif chosen is not None:
            self._choose(chosen)
        elif self._takes_text:
            self.dismiss(event.value)

    @on(VirtualTable.RowSelected)
    def _clicked(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        self._choose(event.row_id)

    def _choose(self, choice_id: str) -> None:
        choice = self._found.get(choice_id)
        if choice is not None and choice.why_not:
            self.notify(plain(f"{choice.title}: {choice.why_not}", 300), severity="error", markup=False)
            return
        self.dismiss(choice_id)

    def action_move(self, rows: int) -> None:
        """Go to another choice."""
        self.query_one("#choices", VirtualTable).action_cursor_move(rows)

    def action_take(self) -> None:
        """Put the choice under the cursor on the line."""
        chosen = self.query_one("#choices", VirtualTable).cursor_id
        if chosen is not None and self._takes_text:
            field = self.query_one(Input)
            field.value = chosen + " "
            field.cursor_position = len(field.value)

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss(None)


def _cells(choice: Choice) -> tuple[Any, ...]:
    style = "dim" if choice.why_not else ""
    return (
        ((choice.kind, "dim"),),
        ((choice.title, style or "strong"),),
        ((f"not now: {choice.why_not}" if choice.why_not else choice.note, "dim"),),
    )


class Prompt(ModalScreen[str | None]):
    """Answers with the text that was typed, or None."""

    BINDINGS: ClassVar[list[Any]] = [Binding("escape", "leave", "Leave", show=False, priority=True)]

    def __init__(self, title: str, *, text: str = "", hint: str = "", note: str = "") -> None:
        super().__init__()
        self._title, self._text, self._hint, self._note = title, text, hint, note

    def compose(self) -> ComposeResult:
        """The line, and what is said of it."""
        with Pane(classes="dialog -prompt") as pane:
            pane.set_title(self._title)
            yield Input(self._text, id="prompt-input", compact=True, placeholder=self._hint)
            yield PlainLine(((self._note, "dim"),))
            yield PlainLine((("↵ ", "key"), ("done  ", ""), ("esc ", "key"), ("leave", "")))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Leave it as it is."""
        self.dismiss(None)
