"""The terminal app against a real API over a real store, without a terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from textual.pilot import Pilot

from partita_client.tui.app import PartitaApp
from partita_client.tui.routes import parse_route
from partita_client.tui.store.topics import Topic
from support.api import Api
from support.screens import WIDE, until

LOADED = (Topic.RUNS, Topic.ASSETS, Topic.WORKSPACE, Topic.JOBS, Topic.AUTOMATIONS, Topic.TICKS, Topic.BACKFILLS, Topic.SERVER)


def real_now() -> datetime:
    """What the app takes for now where a test does not move it."""
    return datetime.now(UTC)


@asynccontextmanager
async def opened(
    url: str,
    place: str = "overview",
    *,
    size: tuple[int, int] = WIDE,
    clock: Callable[[], datetime] = real_now,
    waits: bool = True,
    classes: str = "",
) -> AsyncIterator[Pilot[None]]:
    """The app at a place, everything loaded that it loads by itself."""
    app = PartitaApp(url, route=parse_route(place), clock=clock)
    app.set_classes(classes)
    async with app.run_test(size=size, notifications=True) as pilot:
        if waits:
            await until(pilot, lambda: set(LOADED) <= app.desk.world.loaded, what="everything to be loaded")
        yield pilot


def url_of_api(api: Api) -> str:
    """Where the API of a test is."""
    return f"http://127.0.0.1:{api.port}"


def app_of(pilot: Pilot[Any]) -> PartitaApp:
    """The app that is driven."""
    assert isinstance(pilot.app, PartitaApp)
    return pilot.app


async def typed(pilot: Pilot[Any], text: str) -> None:
    """Type a text."""
    names = {" ": "space", ":": "colon", "/": "slash", "*": "asterisk", "_": "underscore", "-": "minus", ".": "full_stop", "=": "equals_sign"}
    await pilot.press(*(names.get(character, character) for character in text))
