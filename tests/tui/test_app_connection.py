"""A server that is not there yet, goes away, and comes back."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from partita.api.app import SERVER_OPTIONS, create_app
from partita.records.events import StepStarted
from partita.records.runs import RunStatus
from partita.storage.store import Store
from support.api import NOW, Api, fill, settings_of
from support.screens import NARROW, WIDE, screen_text, shows, until
from support.stores import at, status, url_of
from support.tui import app_of, opened

pytestmark = pytest.mark.anyio


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def up(app: Any, port: int) -> Iterator[None]:
    """The application on a port, as long as this lasts."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off", **SERVER_OPTIONS))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.005)
        assert thread.is_alive(), "uvicorn did not start"
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A store with its workspace; nothing serves it yet, but a port is chosen."""
    with Store(url_of(tmp_path)) as store:
        fill(store)
        yield Api(store, settings_of(tmp_path), free_port(), tmp_path)


def app_over(api: Api) -> Any:
    return create_app(api.store, settings=api.settings, clock=lambda: NOW)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_it_starts_before_the_server_does_and_fills_when_that_is_there(api: Api, size: tuple[int, int]) -> None:
    api.run()
    async with opened(f"http://127.0.0.1:{api.port}", "runs", size=size, waits=False) as pilot:
        await shows(pilot, "no server yet at http://127.0.0.1:", "connecting", "retry in")
        with up(app_over(api), api.port):
            await pilot.press("ctrl+r")
            await shows(pilot, "● live", "nightly", "queued")


async def test_a_lost_server_leaves_what_was_known_and_says_how_old_it_is(api: Api) -> None:
    run = api.run()
    async with opened(f"http://127.0.0.1:{api.port}", "runs", waits=False) as pilot:
        with up(app_over(api), api.port):
            await shows(pilot, "● live", run.id[-8:])
        await shows(pilot, "⚠ disconnected", "showing data as of", "retry in", run.id[-8:], "⚠ lost")
        await pilot.press("c")
        await shows(pilot, "cancel: the server does not answer")
        assert app_of(pilot).screen.has_class("-stale")
        other = api.run(job="refresh")
        with up(app_over(api), api.port):
            await pilot.press("ctrl+r")
            await shows(pilot, "● live", other.id[-8:])
            await until(pilot, lambda: "disconnected" not in screen_text(pilot.app))
            assert not app_of(pilot).screen.has_class("-stale")


async def test_a_run_that_is_followed_goes_on_where_it_was_lost(api: Api) -> None:
    writer = api.begin("fetch", "report")
    async with opened(f"http://127.0.0.1:{api.port}", f"run {writer.run_id[-8:]}", waits=False) as pilot:
        with up(app_over(api), api.port):
            await shows(pilot, "RUNNING", "[Events 4]")
        await shows(pilot, "⚠ disconnected")
        writer.send(StepStarted(at=at(1), step="fetch"), status(RunStatus.FAILED, 2))
        with up(app_over(api), api.port):
            await pilot.press("ctrl+r")
            await shows(pilot, "FAILED", "[Events 6]")
