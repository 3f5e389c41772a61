"""What frames every screen: where one is, the sections, the state of the connection, and what the keys do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.containers import Vertical
from textual.content import Content
from textual.events import Click
from textual.message import Message

from partita_client.tui.actions import COMMON, Action
from partita_client.tui.render.text import Line, Piece, duration, line_width, plain
from partita_client.tui.routes import SECTIONS, SHORT_TITLES, TITLES
from partita_client.tui.store.world import Connection, since_lost
from partita_client.tui.widgets.line_text import PlainLine

NARROW = 100
"""Columns below which titles are short and second panes are tabs."""


class Pane(Vertical):
    """A frame with a title and a note at its foot; both may come from the server."""

    def set_title(self, title: str) -> None:
        """Say what is in it."""
        self.border_title = Content(plain(title, 200))

    def set_note(self, note: str) -> None:
        """Say something at its foot."""
        self.border_subtitle = Content(plain(note, 200))


class ClickLine(PlainLine):
    """A line whose parts can be clicked."""

    class Clicked(Message):
        """A part was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._spans: list[tuple[int, int, str]] = []

    def show_parts(self, parts: Sequence[tuple[Line, str]], between: str = " ") -> None:
        """Show parts, each with its name; those with an empty name cannot be clicked."""
        line: list[Piece] = []
        self._spans = []
        for piece, name in parts:
            if line and line != [("", "")]:
                line.append((between, ""))
            start = line_width(tuple(line))
            line += piece
            if name:
                self._spans.append((start, line_width(tuple(line)), name))
        self.show(tuple(line))

    def on_click(self, event: Click) -> None:
        """Tell which part was clicked."""
        for start, end, name in self._spans:
            if start <= event.x < end:
                self.post_message(self.Clicked(name))


class Crumbs(PlainLine):
    """Where one is, and whether the server answers."""

    def show_place(self, crumbs: Sequence[str], connection: Connection, now: datetime, *, width: int) -> None:
        """Show the way here on the left, the connection and the time on the right."""
        left: list[Piece] = [(" ◆ ", "accent"), ("PARTITA", "title"), ("  ", "")]
        for place, crumb in enumerate(crumbs):
            left += [(" ▸ ", "dim")] if place else []
            left.append((plain(crumb, 80), "strong" if place == len(crumbs) - 1 else ""))
        right = (*_state_of(connection, now), (f"  {now:%H:%M:%S}Z " if width >= NARROW else f"  {now:%H:%M}Z ", "dim"))
        gap = width - line_width(tuple(left)) - line_width(right)
        self.show((*left, (" " * max(1, gap), ""), *right))


def _state_of(connection: Connection, now: datetime) -> Line:
    if connection.is_connected:
        return (("● live", "ok"),)
    if connection.was_connected:
        return ((f"⚠ lost {duration(since_lost(connection, now))}", "failed"),)
    return (("◌ connecting", "queued"),)


class Sections(ClickLine):
    """The sections and their number keys."""

    def show_section(self, current: str, *, width: int) -> None:
        """Show which section this is."""
        titles = TITLES if width >= NARROW else SHORT_TITLES
        parts: list[tuple[Line, str]] = []
        for number, section in enumerate(SECTIONS, 1):
            if section == current:
                parts.append((((f"[{number} {titles[section]}]", "strong accent"),), section))
            else:
                parts.append((((f" {number} ", "key"), (f"{titles[section]} ", "")), section))
        self.show_parts(parts, "" if width < NARROW else " ")


class Banner(PlainLine):
    """What stands across the screen while the server does not answer; gone otherwise."""

    def show_connection(self, connection: Connection, url: str, now: datetime) -> None:
        """Say since when it does not answer, how old what is shown is, and when it is tried again."""
        self.display = not connection.is_connected and bool(connection.problem or connection.lost_at)
        if not self.display:
            return
        retry = ""
        if connection.retry_at is not None:
            retry = f" · retry in {max(0.0, (connection.retry_at - now).total_seconds()):.0f}s (^r now)"
        if connection.was_connected and connection.seen_at is not None:
            text = f"disconnected {duration(since_lost(connection, now))} — showing data as of {connection.seen_at:%H:%M:%S}{retry}"
        else:
            text = f"no server yet at {url}{retry}"
        self.show((("⚠ ", "failed"), (text, "strong"), (" · " + connection.problem, "dim")))


class Hints(ClickLine):
    """What the keys do here: what can be done first, what cannot be done now dimmed."""

    def show_actions(self, actions: Sequence[tuple[Action, str | None]]) -> None:
        """Show actions with the reason why each cannot be done now."""
        width = self.size.width or 80
        common = [_hint(action, None) for action, _ in actions if action.id in COMMON]
        right = sum(line_width(line) + 2 for line, _ in common)
        parts: list[tuple[Line, str]] = []
        used = 1
        for action, reason in sorted(actions, key=lambda pair: pair[1] is not None):
            part = _hint(action, reason)
            used += line_width(part[0]) + 2
            if action.id not in COMMON and used + right <= width:
                parts.append(part)
            elif action.id not in COMMON:
                break
        taken = sum(line_width(line) + 2 for line, _ in parts)
        gap: tuple[Line, str] = (((" " * max(0, width - taken - right - 1), ""),), "")
        self.show_parts([((("", ""),), ""), *parts, gap, *common], "  ")


def _hint(action: Action, reason: str | None) -> tuple[Line, str]:
    return ((action.key, "dim" if reason else "key"), (f" {action.title}", "dim" if reason else "")), action.id
