"""Panes of which one is shown: a row of their titles, and the keys to go from one to the next."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from partita_client.tui.render.text import Line, plain
from partita_client.tui.screens.chrome import ClickLine


class Tabbed(Vertical):
    """Panes by id, one at a time."""

    class Turned(Message):
        """Another pane is shown."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, *panes: tuple[str, Widget], id: str | None = None) -> None:
        """Panes with their titles; the id of each pane is the name of its tab."""
        super().__init__(id=id)
        self._titles = {pane.id or "": title for title, pane in panes}
        self._panes = [pane for _, pane in panes]
        self._notes: dict[str, str] = {}
        self._hidden: frozenset[str] = frozenset()

    def compose(self) -> ComposeResult:
        """The titles above the pane."""
        yield ClickLine(id=f"{self.id}-titles")
        with ContentSwitcher(initial=self._panes[0].id, id=f"{self.id}-panes"):
            yield from self._panes

    def on_mount(self) -> None:
        """Show the titles."""
        self._show_titles()

    @property
    def current(self) -> str:
        """Name of the tab that is shown."""
        return self._switcher.current or ""

    @property
    def _switcher(self) -> ContentSwitcher:
        return self.query_one(f"#{self.id}-panes", ContentSwitcher)

    @property
    def tabs(self) -> list[str]:
        """Names of the tabs that there are."""
        return [name for name in self._titles if name not in self._hidden]

    def hide(self, *tabs: str) -> None:
        """Leave tabs out that have nothing to show."""
        if frozenset(tabs) != self._hidden:
            self._hidden = frozenset(tabs)
            if self.current in self._hidden:
                self.turn_to(self.tabs[0])
            self._show_titles()

    def set_note(self, tab: str, note: str) -> None:
        """Say something beside the title of a tab."""
        if self._notes.get(tab) != note:
            self._notes[tab] = note
            self._show_titles()

    def turn_to(self, tab: str) -> None:
        """Show a tab and give it the focus."""
        if tab not in self.tabs:
            return
        self._switcher.current = tab
        self._show_titles()
        pane = self._switcher.get_child_by_id(tab)
        target = pane if pane.focusable else next((widget for widget in pane.query("*") if widget.focusable), None)
        if target is not None:
            target.focus(scroll_visible=False)
        self.post_message(self.Turned(tab))

    def turn(self, way: int) -> None:
        """Show the next or the previous tab."""
        tabs = self.tabs
        self.turn_to(tabs[(tabs.index(self.current) + way) % len(tabs)])

    def _show_titles(self) -> None:
        parts: list[tuple[Line, str]] = [((("", ""),), "")]
        for name in self.tabs:
            note = f" {plain(self._notes[name], 40)}" if self._notes.get(name) else ""
            title = f"[{self._titles[name]}{note}]" if name == self.current else f" {self._titles[name]}{note} "
            parts.append((((title, "strong accent" if name == self.current else ""),), name))
        self.query_one(f"#{self.id}-titles", ClickLine).show_parts(parts)

    @on(ClickLine.Clicked)
    def _clicked(self, event: ClickLine.Clicked) -> None:
        event.stop()
        self.turn_to(event.name)
