"""Runs: the list as it changes, one run as it goes on, and what can be done to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.definitions.metadata import MetadataEntry, MetadataKind
from partita.execution.capture import captured_path
from partita.records.events import LogLevel, StepFailed, StepStarted, StepSucceeded
from partita.records.failures import PythonError
from partita.records.runs import RunRequest, RunStatus
from partita_client.tui.screens import runs
from partita_client.tui.widgets.virtual_table import VirtualTable
from support.api import Api, serving
from support.screens import NARROW, WIDE, screen_text, shows, until
from support.stores import at, log, materialized, status
from support.tui import app_of, opened, typed, url_of_api

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW])
NASTY = "[/ [type=x, v={'a[0]'}] a[b]c[/red] \x1b[31mred"
SEEN = "[/ [type=x, v={'a[0]'}] a[b]c[/red] red"
"""What markup and escapes in a text of the server look like when nothing reads them."""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path) as api:
        yield api


@SIZES
async def test_runs_appear_and_change_without_being_asked_for(api: Api, size: tuple[int, int]) -> None:
    async with opened(url_of_api(api), "runs", size=size) as pilot:
        await shows(pilot, "No runs yet.")
        run = api.run()
        await shows(pilot, run.id[-8:], "nightly", "queued")
        writer = api.begin("fetch")
        await shows(pilot, writer.run_id[-8:], "running", "2 runs")
        writer.send(status(RunStatus.SUCCEEDED, 3))
        await shows(pilot, "succeeded")


async def test_a_filter_is_looked_up_by_the_server_and_kept_as_runs_come(api: Api) -> None:
    api.begin("fetch").send(status(RunStatus.FAILED, 2, error=PythonError(class_name="ValueError", message=NASTY)))
    api.run(job="refresh")
    async with opened(url_of_api(api), "runs") as pilot:
        await shows(pilot, "2 runs")
        await pilot.press("slash")
        await typed(pilot, "status:failed")
        await pilot.press("enter")
        await shows(pilot, "1 run ", "failed", "ValueError", "Runs ▸ status:failed")
        await until(pilot, lambda: "refresh" not in screen_text(pilot.app))
        api.begin("fetch").send(status(RunStatus.FAILED, 2))
        await shows(pilot, "2 runs")


async def test_a_filter_that_cannot_be_read_says_what_is_meant(api: Api) -> None:
    async with opened(url_of_api(api), "runs") as pilot:
        await pilot.press("slash")
        await typed(pilot, "statsu:failed")
        await shows(pilot, "There is no filter 'statsu'. Did you mean 'status'?")
        await pilot.press(*["backspace"] * 13)
        await typed(pilot, "status:faild")
        await shows(pilot, "No status is called 'faild'. Did you mean 'failed'?")


async def test_older_runs_are_asked_for_when_they_are_scrolled_to(api: Api) -> None:
    runs = [api.run() for _ in range(450)]
    async with opened(url_of_api(api), "runs") as pilot:
        await shows(pilot, runs[-1].id[-8:], "450 runs")
        await pilot.press("G")
        await until(pilot, lambda: len(app_of(pilot).desk.world.runs) == 450, what="all runs to be here")
        await pilot.press("G")
        await shows(pilot, runs[0].id[-8:], "row 450/450")


async def test_a_list_ends_somewhere_and_says_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_LISTED", 400)
    api.store.runs.launch([RunRequest(location="ingest", repository="main", job="nightly")] * 650)
    async with opened(url_of_api(api), "runs") as pilot:
        await shows(pilot, "650 runs", "the first 400 are listed")
        await pilot.press("G")
        await until(pilot, lambda: app_of(pilot).screen.query_one("#runs", VirtualTable).cursor_id is not None, what="the last row to be here")
        await shows(pilot, "row 400/400")


async def test_cancelling_shows_what_it_interrupts_and_asks(api: Api) -> None:
    run = api.run(job="refresh")
    async with opened(url_of_api(api), "runs") as pilot:
        await shows(pilot, run.id[-8:])
        await pilot.press("c")
        await shows(pilot, f"Cancel run {run.id[-8:]}?", "refresh", "let them run", "1 asset may stay unwritten; 1 asset downstream")
        await pilot.press("escape")
        await until(pilot, lambda: "Cancel run" not in screen_text(pilot.app))
        assert api.store.runs.get(run.id).status is RunStatus.QUEUED
        await pilot.press("c", "enter")
        await shows(pilot, "asked to end 1 of 1", "canceled")
        assert api.store.runs.get(run.id).status is RunStatus.CANCELED


async def test_several_marked_runs_are_cancelled_together(api: Api) -> None:
    runs = [api.run(), api.run()]
    async with opened(url_of_api(api), "runs") as pilot:
        await shows(pilot, "2 runs")
        await pilot.press("space", "space")
        await shows(pilot, "2 marked")
        await pilot.press("c")
        await shows(pilot, "Cancel 2 runs?")
        await pilot.press("enter")
        await until(pilot, lambda: all(api.store.runs.get(run.id).status is RunStatus.CANCELED for run in runs))


async def test_what_cannot_be_done_says_why(api: Api) -> None:
    api.begin("fetch").send(status(RunStatus.SUCCEEDED, 1))
    async with opened(url_of_api(api), "runs") as pilot:
        await shows(pilot, "succeeded")
        await pilot.press("c")
        await shows(pilot, "cancel: it has ended")


async def test_a_retry_opens_the_new_run(api: Api) -> None:
    failed = api.begin("fetch", "report")
    failed.send(status(RunStatus.FAILED, 1))
    async with opened(url_of_api(api), f"run {failed.run_id[-8:]}") as pilot:
        await shows(pilot, "FAILED")
        await pilot.press("r")
        await shows(pilot, "waits", "attempt 2")
        assert failed.run_id[-8:] not in screen_text(pilot.app).splitlines()[0]


@SIZES
async def test_a_run_is_followed_as_it_goes_on(api: Api, size: tuple[int, int]) -> None:
    writer = api.begin("fetch", "report")
    async with opened(url_of_api(api), f"run {writer.run_id[-8:]}", size=size) as pilot:
        await shows(pilot, "RUNNING", "fetch", "report", "following")
        writer.send(StepStarted(at=at(1), step="fetch"), log("twelve rows", step="fetch"))
        await shows(pilot, "STARTED", "twelve rows")
        writer.send(StepSucceeded(at=at(3), step="fetch", duration=2.0))
        await shows(pilot, "1 succeeded")
        error = PythonError(class_name="ValueError", message=NASTY, stack=('  File "report.py", line 3\n',))
        writer.send(StepStarted(at=at(4), step="report"), StepFailed(at=at(5), step="report", error=error, duration=1.0), status(RunStatus.FAILED, 5))
        await shows(pilot, "FAILED", "1 failed")
        await pilot.press("right_square_bracket", "right_square_bracket")
        await shows(pilot, "step report", "report.py", SEEN)


@SIZES
async def test_texts_of_the_server_are_shown_as_they_are(api: Api, size: tuple[int, int]) -> None:
    writer = api.begin("fetch")
    writer.send(
        log(NASTY, LogLevel.ERROR, step="fetch"),
        materialized("raw/customers", metadata=(MetadataEntry(label="[/x", kind=MetadataKind.TEXT, value=NASTY),)),
    )
    writer.send(status(RunStatus.FAILED, 5, error=PythonError(class_name="Odd", message=NASTY)))
    async with opened(url_of_api(api), f"run {writer.run_id[-8:]}", size=size) as pilot:
        await shows(pilot, "Odd: [/ [type=x")
        for place in ("overview", "asset raw/customers", "runs"):
            await pilot.press("colon")
            await typed(pilot, place)
            await pilot.press("enter")
            await until(pilot, lambda place=place: app_of(pilot).screen_stack and place.split()[0][:5] in app_of(pilot).current_mode)
            await pilot.press("G")
            await shows(pilot, "[/")


async def test_what_a_step_wrote_is_shown(api: Api) -> None:
    writer = api.begin("fetch")
    writer.send(StepStarted(at=at(1), step="fetch"))
    for stream, text in (("stdout", f"out {NASTY}\n"), ("stderr", "err\n")):
        path = captured_path(api.settings.logs_directory / writer.run_id, "fetch", attempt=1, stream=stream)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    async with opened(url_of_api(api), f"run {writer.run_id[-8:]}") as pilot:
        await shows(pilot, "fetch", "STARTED")
        await pilot.press("o")
        await shows(pilot, "stdout of fetch", f"out {SEEN}")
        await pilot.press("e")
        await shows(pilot, "stderr of fetch", "err")


async def test_a_run_that_does_not_exist_is_said_so(api: Api) -> None:
    async with opened(url_of_api(api), "run deadbeef") as pilot:
        await shows(pilot, "There is no run 'deadbeef'.")
