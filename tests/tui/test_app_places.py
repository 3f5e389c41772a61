"""Every section at both sizes, against the real API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from textual.events import Key

import partita as pt
from partita.automation.conditions import ConditionRole
from partita.definitions.keys import AssetKey
from partita.records.alerts import Alert, AlertKind
from partita.records.assets import ReportedMaterialization
from partita.records.failures import PythonError
from partita.records.runs import RunStatus
from partita.storage.alerts import AlertTurn
from partita_client.tui.routes import Route
from support.api import Api, serving
from support.screens import NARROW, WIDE, screen_text, shows, until
from support.stores import materialized, status
from support.tui import app_of, opened, typed, url_of_api

pytestmark = pytest.mark.anyio
NAMES = {":": "colon", "\r": "enter"}
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW])


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path) as api:
        yield api


@SIZES
async def test_the_overview_says_what_needs_to_be_looked_at(api: Api, size: tuple[int, int]) -> None:
    api.begin("fetch").send(status(RunStatus.FAILED, 2))
    api.begin("fetch")
    async with opened(url_of_api(api), size=size) as pilot:
        screen = await shows(pilot, "Needs attention", "no daemon is running", "Running now (1)", "broken  load error  ImportError: No", "nightly")
    assert "● live" in screen


@SIZES
async def test_assets_are_listed_with_groups_and_lineage(api: Api, size: tuple[int, int]) -> None:
    async with opened(url_of_api(api), "assets", size=size) as pilot:
        await shows(pilot, "raw/orders", "raw/customers", "marts/revenue", "source/orders", "missing", "external")
        await pilot.press("down", "down", "down")
        screen = await shows(pilot, "Lineage of raw/orders", "source/orders")
        assert ("Groups" in screen) is (size == WIDE)
        await pilot.press("enter")
        screen = await shows(pilot, "Orders as they came.", "[Overview]", "Partitions", "It was never written.")
        await pilot.press("p")
        await shows(pilot, "[Partitions]", "2026", "missing")
        await pilot.press("right_square_bracket", "right_square_bracket", "right_square_bracket", "right_square_bracket")
        await shows(pilot, "[Definition]", "defined in", "team:data")
        await pilot.press("escape")
        await shows(pilot, "row 4/5")


@SIZES
async def test_an_asset_shows_what_its_condition_came_to_and_why(api: Api, size: tuple[int, int]) -> None:
    @pt.asset(deps=["raw"], automation=pt.Condition.eager(), freshness=pt.Freshness(within=timedelta(hours=2)))
    def total() -> int:
        return 1

    api.publish("ingest", assets=[pt.AssetSpec("raw"), total])
    role = ConditionRole(api.store)
    role()
    async with opened(url_of_api(api), "asset total", size=size) as pilot:
        await shows(pilot, "freshness", "never written  written within 2:00:00", "Condition")
        await pilot.press("right_square_bracket", "right_square_bracket")
        await shows(pilot, "[Condition]", "eager", "It has not asked for anything so far.")
        api.store.reports.add(ReportedMaterialization(asset=AssetKey("raw")))
        role()
        [run] = api.store.runs.list().items
        await shows(pilot, f"{run.id[-8:]} queued", "● eager  total", "● newly updated  raw")
        await pilot.press("t")
        await shows(pilot, "switched off: the daemon does not act on it")
        assert api.store.conditions.paused() == {"total"}
        await pilot.press("t")
        await until(pilot, lambda: not api.store.conditions.paused(), what="the condition to be on again")


@SIZES
async def test_what_a_run_wrote_is_shown_at_its_asset(api: Api, size: tuple[int, int]) -> None:
    writer = api.begin("raw/customers", job="refresh")
    writer.send(materialized("raw/customers"), status(RunStatus.SUCCEEDED, 3))
    async with opened(url_of_api(api), "asset raw/customers", size=size) as pilot:
        await shows(pilot, "latest write", writer.run_id[-8:])
        await pilot.press("right_square_bracket")
        await shows(pilot, "[Checks 1]", "not_empty", "blocking", "never evaluated")
        await pilot.press("right_square_bracket", "right_square_bracket")
        await shows(pilot, "[Writes]", writer.run_id[-8:])
        await pilot.press("enter")
        await shows(pilot, f"Runs ▸ {writer.run_id[-8:]} refresh", "SUCCEEDED", "MATERIALIZED")


@SIZES
async def test_an_asset_changes_as_it_is_written(api: Api, size: tuple[int, int]) -> None:
    async with opened(url_of_api(api), "assets status:materialized", size=size) as pilot:
        await shows(pilot, "No asset fits the filter.", "0 of 5")
        writer = api.begin("raw/customers", job="refresh")
        writer.send(materialized("raw/customers"), status(RunStatus.SUCCEEDED, 3))
        await shows(pilot, "raw/customers", "✓ materialized", "1 of 5")


@SIZES
async def test_the_workspace_shows_why_a_location_does_not_load(api: Api, size: tuple[int, int]) -> None:
    async with opened(url_of_api(api), "location broken", size=size) as pilot:
        await shows(pilot, "✗ failed", "ImportError: No module named 'nowhere'", "its newest code did not load")
        await pilot.press("up", "up")
        await shows(pilot, "repositories", "main")
        await pilot.press("right_square_bracket")
        await shows(pilot, "[Jobs 3]", "nightly", "daily", "refresh")


@SIZES
async def test_health_shows_daemons_and_the_queue(api: Api, size: tuple[int, int]) -> None:
    api.begin("fetch")
    async with opened(url_of_api(api), "health", size=size) as pilot:
        await shows(pilot, "monitor", "retention", "runs at once", "Nobody was told of anything")


@SIZES
async def test_health_shows_what_people_were_told_of_and_how_daemons_fare(api: Api, size: tuple[int, int]) -> None:
    beat = api.store.leases.heartbeat
    beat("schedules", owner="box1/boot/1.2", error=PythonError(class_name="OSError", message="disk full"))
    beat("schedules", owner="box1/boot/1.2", lateness=timedelta(seconds=3))
    async with opened(url_of_api(api), "health", size=size) as pilot:
        await shows(pilot, "schedules", "healthy", "3.0s")
        now = api.store.now()
        alert = Alert(id="alert_1", rule="oncall", kind=AlertKind.RUN_FAILED, subject="x", title="Run of x failed", at=now, last_at=now, count=3)
        assert api.store.alerts.commit(api.store.alerts.turn(), AlertTurn(run=1, check=1), [alert]) is not None
        await shows(pilot, "waiting", "Run of x failed")
        pilot.app.screen.query_one("#alerts").focus()
        await pilot.press("enter")
        await shows(pilot, "nobody so far", "3 times", "oncall")


async def test_number_keys_go_to_sections_and_history_goes_back(api: Api) -> None:
    async with opened(url_of_api(api)) as pilot:
        for key, title in (
            ("2", "[2 Assets]"),
            ("3", "[3 Runs]"),
            ("6", "[6 Workspace]"),
            ("7", "[7 Health]"),
            ("4", "[4 Automation]"),
            ("5", "[5 Backfills]"),
        ):
            await pilot.press(key)
            await shows(pilot, title)
        await pilot.press("less_than_sign")
        await shows(pilot, "[4 Automation]")
        await pilot.press("less_than_sign")
        await shows(pilot, "[7 Health]")
        await pilot.press("greater_than_sign")
        await shows(pilot, "[4 Automation]")


async def test_a_jump_goes_anywhere_and_a_mistyped_one_says_so(api: Api) -> None:
    async with opened(url_of_api(api)) as pilot:
        await pilot.press("colon")
        await shows(pilot, "jump")
        await typed(pilot, "asset marts/rev")
        await pilot.press("enter")
        await shows(pilot, "Assets ▸ marts/revenue")
        await pilot.press("colon")
        await typed(pilot, "asets")
        await pilot.press("enter")
        await shows(pilot, "There is no place 'asets'. Did you mean 'assets'?")


async def test_the_palette_finds_assets_jobs_and_actions_with_reasons(api: Api) -> None:
    async with opened(url_of_api(api), "runs") as pilot:
        await pilot.press("ctrl+p")
        await typed(pilot, "cancel")
        await shows(pilot, "not now: there is no run here")
        await pilot.press(*["backspace"] * 6)
        await typed(pilot, "revenue")
        await pilot.press("enter")
        await shows(pilot, "Assets ▸ marts/revenue")


async def test_help_is_made_from_the_actions_of_the_place(api: Api) -> None:
    async with opened(url_of_api(api), "runs") as pilot:
        await pilot.press("question_mark")
        screen = await shows(pilot, "Help · Runs", "retry failed", "not now: there is no run here")
        assert "failed only" in screen
        await pilot.press("escape")
        await until(pilot, lambda: "Help" not in screen_text(pilot.app))


async def test_escape_goes_up_and_q_quits_only_at_the_root(api: Api) -> None:
    async with opened(url_of_api(api), "asset raw/orders") as pilot:
        await shows(pilot, "Assets ▸ raw/orders")
        await pilot.press("q")
        await shows(pilot, "row 1/5")
        await pilot.press("q")
        await until(pilot, lambda: not app_of(pilot).is_running, what="the app to end")


async def test_a_terminal_that_is_too_small_says_so_and_comes_back(api: Api) -> None:
    async with opened(url_of_api(api), "assets") as pilot:
        await shows(pilot, "raw/orders")
        await pilot.resize_terminal(50, 12)
        await shows(pilot, "terminal too small (50x12, need 60x16)")
        await pilot.resize_terminal(80, 24)
        await shows(pilot, "raw/orders", "2 Assets")


async def test_times_are_told_by_the_clock_that_it_is_given(api: Api) -> None:
    run = api.run()
    async with opened(url_of_api(api), "runs", clock=lambda: run.created_at + timedelta(hours=3)) as pilot:
        await shows(pilot, "waits 3h")


async def test_keys_that_come_faster_than_screens_open_lead_to_the_last(api: Api) -> None:
    async with opened(url_of_api(api)) as pilot:
        for _ in range(3):
            for key in "2345671":
                app_of(pilot).post_message(Key(key, key))
        app_of(pilot).post_message(Key("3", "3"))
        await shows(pilot, "[3 Runs]", "No runs yet.")


async def test_nothing_is_done_in_a_terminal_that_is_too_small(api: Api) -> None:
    async with opened(url_of_api(api), "assets") as pilot:
        await shows(pilot, "raw/orders")
        await pilot.resize_terminal(50, 12)
        await shows(pilot, "terminal too small")
        await pilot.press("3", "colon", "c")
        await pilot.resize_terminal(120, 36)
        await shows(pilot, "[2 Assets]", "raw/orders")


async def test_ascii_is_all_that_a_plain_terminal_is_sent(api: Api) -> None:
    api.begin("fetch").send(status(RunStatus.FAILED, 2))
    async with opened(url_of_api(api), "runs", classes="ascii") as pilot:
        for section in "1234567":
            await pilot.press(section)
            await shows(pilot, f"[{section}")
        await pilot.press("3")
        screen = await shows(pilot, "x failed", "nightly")
        assert screen.isascii(), {character for character in screen if not character.isascii()}


async def test_what_is_typed_ahead_of_a_place_opens_its_dialog_there(api: Api) -> None:
    async with opened(url_of_api(api)) as pilot:
        for section, dialog, shown in (("3", Key("colon", ":"), "─ jump ─"), ("1", Key("question_mark", "?"), "Everywhere")) * 3:
            pilot.app.post_message(Key(section, section))
            pilot.app.post_message(dialog)
            await shows(pilot, shown)
            await pilot.press("escape")


async def test_nothing_is_lost_of_what_is_typed_at_once(api: Api) -> None:
    run_id = api.begin("fetch").run_id
    async with opened(url_of_api(api)) as pilot:
        for way_out in (["3"], ["escape"], ["1", "3", "q"]) * 3:
            pilot.app.go(Route("runs", run_id))  # type: ignore[attr-defined]
            await shows(pilot, "Runs ▸", "0/1")
            for key in [*way_out, ":", *"schedules", "\r"]:
                pilot.app.post_message(Key(NAMES.get(key, key), key))
            await shows(pilot, "[4 Automation]")
