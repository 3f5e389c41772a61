"""What a terminal app shows, as text, and waiting for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from textual import on
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget

from partita_client.tui.widgets.line_view import ViewMessage
from partita_client.tui.widgets.styles import state_colours

WIDE, NARROW = (120, 36), (80, 24)


class Stage(App[None]):
    """An app that shows nothing but the given widgets, and keeps the facts that they tell."""

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self._shown = widgets
        self.told: list[ViewMessage] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return state_colours(self.current_theme)

    def compose(self) -> ComposeResult:
        yield from self._shown

    @on(ViewMessage)
    def keep(self, message: ViewMessage) -> None:
        self.told.append(message)


def screen_lines(app: App[Any]) -> list[str]:
    """The rows of the screen as text."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


def screen_text(app: App[Any]) -> str:
    """All rows of the screen."""
    return "\n".join(line.rstrip() for line in screen_lines(app))


async def until(pilot: Pilot[Any], condition: Callable[[], Any], *, seconds: float = 10.0, what: str = "the condition") -> None:
    """Let the app work until `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"Waited {seconds:g} s in vain for {what}; the screen:\n{screen_text(pilot.app)}"
        await asyncio.sleep(0)
        await pilot.pause()


async def shows(pilot: Pilot[Any], *texts: str) -> str:
    """Wait until the screen shows all `texts`; the screen."""
    await until(pilot, lambda: all(text in screen_text(pilot.app) for text in texts), what=f"{texts} on the screen")
    return screen_text(pilot.app)


def told(app: Stage, kind: type[ViewMessage]) -> Sequence[Any]:
    """What was told of one kind, oldest first."""
    return [message for message in app.told if isinstance(message, kind)]
