"""Launching from the dialog: partitions, config and tags, with mistakes answered in words before anything starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input, TextArea

from partita.records.filters import RunFilter
from partita.records.pages import PageRequest
from support.api import Api, serving
from support.screens import NARROW, WIDE, shows, until
from support.tui import app_of, opened, typed, url_of_api

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW])


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path) as api:
        yield api


def launched(api: Api) -> list[object]:
    return list(api.store.runs.list(RunFilter(), page=PageRequest(first=10)).items)


@SIZES
async def test_a_config_of_a_wrong_type_is_answered_at_its_place_and_launches_nothing(api: Api, size: tuple[int, int]) -> None:
    async with opened(url_of_api(api), "location ingest", size=size) as pilot:
        await shows(pilot, "Jobs 3")
        await pilot.press("right_square_bracket")
        await shows(pilot, "[Jobs 3]")
        await pilot.press("down", "x")
        await shows(pilot, "Launch nightly", "steps:", "launches job nightly as a run")
        editor = app_of(pilot).screen.query_one("#config", TextArea)
        editor.load_text("steps:\n  fetch:\n    limit: many\n")
        await shows(pilot, "line 3", "limit", "1 error")
        await pilot.press("f5")
        await shows(pilot, "launch: the config has 1 error")
        editor.load_text("steps:\n  fetch:\n    limti: 3\n")
        await shows(pilot, "line 3", "limit")
        editor.load_text("steps: [oops\n")
        await shows(pilot, "line 2")
        assert not launched(api)
        editor.load_text("steps:\n  fetch:\n    limit: 3\n")
        await shows(pilot, "launches job nightly as a run")
        await pilot.press("f5")
        await shows(pilot, "nightly", "waits")
    [run] = launched(api)
    assert run.request.config == {"steps": {"fetch": {"limit": 3}}}  # type: ignore[attr-defined]


@SIZES
async def test_partitions_are_typed_and_those_that_do_not_exist_are_named(api: Api, size: tuple[int, int]) -> None:
    async with opened(url_of_api(api), "asset raw/orders", size=size) as pilot:
        await shows(pilot, "Orders as they came.")
        await pilot.press("x")
        await shows(pilot, "Launch raw/orders", "choose partitions first", "40 partitions")
        await until(pilot, lambda: isinstance(app_of(pilot).focused, Input))
        await typed(pilot, "2026-13-01")
        await shows(pilot, "There is no partition '2026-13-01'. They run from 2026-01-01 to 2026-02-09.")
        await pilot.press(*["backspace"] * 10)
        await typed(pilot, "2026-01-05..2026-01-04")
        await shows(pilot, "2026-01-05 comes after 2026-01-04.")
        await pilot.press(*["backspace"] * 22)
        await typed(pilot, "latest")
        await shows(pilot, "launches raw/orders for 2026-02-09 as a run")
        app_of(pilot).screen.query_one("#tags", Input).value = "team"
        await shows(pilot, "'team' is no tag; write key=value.")
        app_of(pilot).screen.query_one("#tags", Input).value = "team=core"
        await pilot.press("f5")
        await shows(pilot, "raw/orders", "waits", "2026-02-09")
    [run] = launched(api)
    assert dict(run.request.tags)["team"] == "core"  # type: ignore[attr-defined]


async def test_several_partitions_become_a_backfill(api: Api) -> None:
    async with opened(url_of_api(api), "asset raw/orders") as pilot:
        await shows(pilot, "Orders as they came.")
        await pilot.press("b")
        await shows(pilot, "Backfill raw/orders", "40 partitions")
        await until(pilot, lambda: isinstance(app_of(pilot).focused, Input))
        await typed(pilot, "2026-01-01..2026-01-03")
        await shows(pilot, "3 partitions as a backfill")
        await pilot.press("f5")
        await shows(pilot, "Backfills ▸", "requested", "waiting 3")
    assert api.store.backfills.count() == 1


async def test_what_has_no_partitions_is_written_after_one_question(api: Api) -> None:
    async with opened(url_of_api(api), "asset raw/customers") as pilot:
        await shows(pilot, "raw/customers", "missing")
        await pilot.press("x")
        await shows(pilot, "Materialize raw/customers?", "left as it is: 1 asset")
        await pilot.press("enter")
        await shows(pilot, "Runs ▸", "raw/customers", "waits")
    assert len(launched(api)) == 1


async def test_what_nothing_can_write_says_so(api: Api) -> None:
    async with opened(url_of_api(api), "asset source/orders") as pilot:
        await shows(pilot, "Kept by others.")
        await pilot.press("x")
        await shows(pilot, "materialize: no code location writes it")
