"""Schedules and sensors in the app: switched, evaluated, their ticks read."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import partita as pt
from partita.planning.ticks import Asked
from partita.records.failures import PythonError
from partita.records.runs import RunRequest
from partita.storage.tick_rows import Outcome
from partita.workspace.loader import describe
from support.api import LEASE, Api, serving
from support.screens import NARROW, WIDE, screen_text, shows, until
from support.tui import opened, typed, url_of_api

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW])
NASTY = "[/ bad prefix [type=x, v={'a[0]'}]"


@pt.op
def greet() -> None:
    return None


@pt.job
def hello() -> None:
    greet()


@pt.sensor(target="hello", interval=30)
def files(context: pt.SensorContext) -> pt.Skip:
    """Waits for files."""
    return pt.Skip("nothing there")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path) as api:
        nightly = pt.Schedule("each_night", cron="0 2 * * *", target="hello", default_on=True)
        found = describe("ingest", [pt.Repository("main", jobs=[hello], schedules=[nightly], sensors=[files])])
        api.store.locations.publish("ingest", found, python_version="3.11", library_version="0.1", start="fork")
        yield api


def tick(api: Api, outcome: Outcome) -> None:
    """One evaluation of the sensor, as a worker would have done it."""
    sensor = api.store.automations.set_on(["ingest/main/files"], True)[0]
    now = api.store.now()
    api.store.ticks.request(sensor, due_at=now, next_due_at=now + timedelta(seconds=30))
    [claim] = api.store.ticks.claim(owner="worker", location="ingest", limit=1, lease=LEASE)
    api.store.ticks.finish(claim, outcome)


@SIZES
async def test_both_are_listed_with_what_they_launch_and_when(api: Api, size: tuple[int, int]) -> None:
    async with opened(url_of_api(api), "automation", size=size) as pilot:
        await shows(pilot, "each_night", "● on", "files", "○ off", "every 30s", "job hello", "2 of 2 · 1 on")


@SIZES
async def test_a_switch_overrides_the_code_and_is_switched_back(api: Api, size: tuple[int, int]) -> None:
    async with opened(url_of_api(api), "automation", size=size) as pilot:
        await shows(pilot, "each_night", "files")
        await pilot.press("down", "t")
        await shows(pilot, "files is on now", "◉ on")
        assert api.store.automations.find(["ingest/main/files"])["ingest/main/files"].is_on
        await pilot.press("t")
        await shows(pilot, "files is off now", "◉ off")


async def test_switching_several_that_differ_asks_which_way(api: Api) -> None:
    async with opened(url_of_api(api), "automation") as pilot:
        await shows(pilot, "each_night", "files")
        await pilot.press("space", "space", "t")
        await shows(pilot, "Switch 2?", "all on", "all off")
        await pilot.press("right", "enter")
        await shows(pilot, "2 of them are off now")
        assert not any(each.is_on for each in api.store.automations.list())


@SIZES
async def test_ticks_appear_with_what_came_of_them(api: Api, size: tuple[int, int]) -> None:
    async with opened(url_of_api(api), "sensor files", size=size) as pilot:
        await shows(pilot, "Automation ▸ files", "It has not ticked yet.")
        asked = Asked(RunRequest(location="ingest", repository="main", job="hello"), "key-1")
        tick(api, Outcome(asks=(asked,), sets_cursor=True, cursor="7"))
        await shows(pilot, "succeeded", "1 run", "job hello", "key key-1")
        await pilot.press("enter")
        await shows(pilot, "Runs ▸", "hello", "waits")


@SIZES
async def test_a_failed_tick_is_read_in_full_and_needs_attention(api: Api, size: tuple[int, int]) -> None:
    tick(api, Outcome(error=PythonError(class_name="ValueError", message=NASTY, stack=('  File "sensors.py", line 33\n',))))
    async with opened(url_of_api(api), "automation", size=size) as pilot:
        await pilot.press("down")
        await shows(pilot, "sensors.py", f"ValueError: {NASTY}")
        await pilot.press("1", "G")
        await shows(pilot, "sensor files  ValueError: [/ bad")


async def test_a_dry_run_shows_what_would_have_been_done(api: Api) -> None:
    def work() -> None:
        while not done.is_set():
            for claim in api.store.ticks.claim(owner="worker", location="ingest", limit=1, lease=LEASE):
                api.store.ticks.finish(claim, Outcome(skip_reason="nothing new since noon"))
            done.wait(0.02)

    done = threading.Event()
    worker = threading.Thread(target=work)
    worker.start()
    try:
        async with opened(url_of_api(api), "sensor files") as pilot:
            await shows(pilot, "Automation ▸ files", "sensor files")
            await pilot.press("E")
            await shows(pilot, "files evaluated", "dry run: nothing was launched", "nothing new since noon")
            await pilot.press("escape")
            await until(pilot, lambda: "files evaluated" not in screen_text(pilot.app))
            assert "It has not ticked yet." in screen_text(pilot.app)
    finally:
        done.set()
        await asyncio.to_thread(worker.join)


async def test_a_cursor_is_edited_and_schedules_have_none(api: Api) -> None:
    async with opened(url_of_api(api), "sensor files") as pilot:
        await shows(pilot, "Automation ▸ files", "sensor files")
        await pilot.press("e")
        await shows(pilot, "Cursor of files")
        await typed(pilot, "2026-01-01")
        await pilot.press("enter")
        await shows(pilot, "the cursor of files is '2026-01-01' now")
        assert api.store.automations.find(["ingest/main/files"])["ingest/main/files"].cursor == "2026-01-01"
        await pilot.press("escape", "up", "e")
        await shows(pilot, "set cursor: a schedule has no cursor")


async def test_a_name_that_nothing_has_is_said_so(api: Api) -> None:
    async with opened(url_of_api(api), "sensor fils") as pilot:
        await shows(pilot, "There is no schedule or sensor 'fils'. Did you mean 'files'?")
    async with opened(url_of_api(api), "asset raw/order") as pilot:
        await shows(pilot, "There is no asset 'raw/order'. Did you mean 'raw/orders'?")
