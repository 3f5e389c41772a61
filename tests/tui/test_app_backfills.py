"""Backfills in the app: listed, looked into, cancelled, begun."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from partita.definitions.keys import AssetKey
from partita.definitions.policies import BackfillPolicy
from partita.planning.backfill_batches import Launch
from partita.planning.backfill_chunks import Chunk
from partita.planning.backfill_progress import Ended
from partita.records.backfills import BackfillItemStatus, BackfillStatus
from partita.records.pages import Direction
from partita.records.runs import RunRequest
from partita.storage.backfills import BackfillStep
from partita_client.tui.feed import Feed
from partita_client.tui.screens import backfill
from partita_client.tui.widgets.partition_matrix import PartitionMatrix
from support.api import Api, serving
from support.screens import NARROW, WIDE, screen_text, shows, until
from support.tui import app_of, opened, typed, url_of_api

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW])
START = "mutation($input: StartBackfillInput!) { startBackfill(input: $input) { backfill { id } errors { message } } }"
ORDERS = AssetKey("raw/orders")
RANGE = {"range": {"from": "2026-01-01", "to": "2026-01-10"}}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path) as api:
        yield api


def start(api: Api, **given: object) -> str:
    """The id of a new backfill."""
    made = api.ask(START, input={"selection": "raw/orders or marts/revenue", "partitions": RANGE, **given})["startBackfill"]
    assert not made["errors"]
    backfill_id: str = made["backfill"]["id"]
    return backfill_id


@SIZES
async def test_backfills_appear_as_they_are_begun(api: Api, size: tuple[int, int]) -> None:
    async with opened(url_of_api(api), "backfills", size=size) as pilot:
        await shows(pilot, "No backfills yet.")
        backfill_id = start(api, selection="raw/orders", title="[/ first quarter")
        await shows(pilot, backfill_id[-8:], "[/ first quarter", "requested", "0%")


@SIZES
async def test_every_partition_of_every_asset_is_seen(api: Api, size: tuple[int, int]) -> None:
    backfill_id = start(api, selection="raw/orders")
    async with opened(url_of_api(api), f"backfill {backfill_id[-8:]}", size=size) as pilot:
        await shows(pilot, f"Backfills ▸ {backfill_id[-8:]}", "raw/orders", "░░░░░░░░░░", "waiting 10")
        await pilot.press("right", "right")
        await shows(pilot, "2026-01-03", "waiting")
        await pilot.press("right_square_bracket")
        await shows(pilot, "[Runs]", "It has no run yet.")


async def test_partitions_are_seen_although_they_change_faster_than_they_are_read(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "PAGE", 1)
    backfill_id = start(api, selection="raw/orders")
    asked = itertools.count(1)
    ask = Feed.ask

    async def change_and_ask(feed: Feed, request: Any) -> Any:
        if request.name == "TuiBackfillItems":
            api.store.backfills.set_priority(backfill_id, next(asked))
            await asyncio.sleep(0.05)
        return await ask(feed, request)

    monkeypatch.setattr(Feed, "ask", change_and_ask)
    async with opened(url_of_api(api), f"backfill {backfill_id}") as pilot:
        matrix = app_of(pilot).screen.query_one(PartitionMatrix)
        await until(pilot, lambda: matrix.line_count() == 1, what="all of them to be read once")
        read = next(asked)
        await until(pilot, lambda: next(asked) > 2 * read, what="them to be read again")


async def test_runs_of_an_old_backfill_are_asked_for(api: Api) -> None:
    backfill_id = start(api, selection="raw/orders")
    old = api.run(backfill_id=backfill_id, job="refresh")
    for _ in range(205):  # more than the app keeps from the start
        api.run()
    async with opened(url_of_api(api), f"backfill {backfill_id}") as pilot:
        await shows(pilot, "Runs 1")
        await pilot.press("right_square_bracket")
        await shows(pilot, old.id[-8:])


async def test_what_happened_while_another_place_was_seen_is_shown_on_return(api: Api) -> None:
    backfill_id = start(api, selection="raw/orders")
    async with opened(url_of_api(api), f"backfill {backfill_id}") as pilot:
        await shows(pilot, "raw/orders", "░░░░░░░░░░")
        await pilot.press("1")
        await shows(pilot, "[1 Overview]")
        api.ask("mutation($input: CancelBackfillInput!) { cancelBackfill(input: $input) { errors { message } } }", input={"backfillId": backfill_id})
        step = BackfillStep(cancels_waiting=True, status=BackfillStatus.CANCELED)
        assert api.store.backfills.advance(api.store.backfills.get(backfill_id), step)
        await pilot.press("5")
        await shows(pilot, "canceled", "raw/orders")
        await until(pilot, lambda: "░" not in screen_text(pilot.app), what="the partitions to be asked for again")


@SIZES
async def test_cancelling_says_what_is_left_undone(api: Api, size: tuple[int, int]) -> None:
    backfill_id = start(api, selection="raw/orders")
    async with opened(url_of_api(api), "backfills", size=size) as pilot:
        await shows(pilot, backfill_id[-8:])
        await pilot.press("c")
        await shows(pilot, "Cancel this backfill?", "10 partitions: never begun")
        await pilot.press("enter")
        await shows(pilot, "canceling")
        assert api.store.backfills.get(backfill_id).status is BackfillStatus.CANCELING
        await pilot.press("r")
        await shows(pilot, "retry failed: nothing of it failed, or it has not ended")


@SIZES
async def test_a_backfill_is_paused_and_resumed_from_the_list(api: Api, size: tuple[int, int]) -> None:
    backfill_id = start(api, selection="raw/orders")
    async with opened(url_of_api(api), "backfills", size=size) as pilot:
        await shows(pilot, backfill_id[-8:], "t pause/resume")
        await pilot.press("t")
        await shows(pilot, "paused", "it is paused: runs that have begun go on")
        assert api.store.backfills.get(backfill_id).status is BackfillStatus.PAUSED
        await pilot.press("t")
        await shows(pilot, "requested", "it goes on")
        assert api.store.backfills.get(backfill_id).status is BackfillStatus.REQUESTED


@SIZES
async def test_a_backfill_is_paused_and_resumed_where_it_is_seen(api: Api, size: tuple[int, int]) -> None:
    backfill_id = start(api, selection="raw/orders")
    async with opened(url_of_api(api), f"backfill {backfill_id}", size=size) as pilot:
        await shows(pilot, "raw/orders", "░░░░░░░░░░", "t pause/resume")
        await pilot.press("t")
        await shows(pilot, "⏸ paused")
        api.store.backfills.resume(backfill_id)
        await shows(pilot, "◌ requested")
        api.store.backfills.request_cancel(backfill_id)
        await shows(pilot, "canceling")
        await pilot.press("t")
        await shows(pilot, "pause/resume: it is canceling")


async def test_it_is_asked_whether_only_what_failed_is_meant(api: Api) -> None:
    backfill_id = start(api, selection="raw/orders")
    backfills = api.store.backfills
    claimed = backfills.advance(backfills.get(backfill_id), step_of("2026-01-01"))
    assert claimed is not None
    failed = [Ended(claimed.run_ids[0], ORDERS, BackfillItemStatus.FAILED, 1)]
    assert backfills.advance(backfills.get(backfill_id), BackfillStep(ended=failed, cancels_waiting=True, status=BackfillStatus.CANCELED))
    async with opened(url_of_api(api), "backfills") as pilot:
        await shows(pilot, backfill_id[-8:], "canceled")
        await pilot.press("r")
        await shows(pilot, "Retry this backfill?", "failed     1 partition", "canceled   9 partitions", "(•) all that is not written")
        await pilot.press("tab")
        await shows(pilot, "(•) only what failed")
        await pilot.press("enter")
        await shows(pilot, "requested")
    counts = api.store.backfill_items.counts([backfill_id])[backfill_id]
    assert (counts[BackfillItemStatus.WAITING], counts[BackfillItemStatus.CANCELED]) == (1, 9)


def step_of(day: str) -> BackfillStep:
    """One day of orders, launched."""
    wanted = RunRequest(location="ingest", repository="main", assets=(ORDERS,), partition_keys=(day,))
    return BackfillStep(launches=[Launch(wanted, Chunk(0, None, (ORDERS,), {day: 0}))], status=BackfillStatus.RUNNING)


async def test_one_that_does_not_exist_is_said_so(api: Api) -> None:
    async with opened(url_of_api(api), "backfill deadbeef") as pilot:
        await shows(pilot, "There is no backfill 'deadbeef'.")


async def test_a_backfill_is_begun_from_the_list(api: Api) -> None:
    async with opened(url_of_api(api), "backfills") as pilot:
        await shows(pilot, "No backfills yet.")
        await pilot.press("b")
        await shows(pilot, "backfill what?", "raw/orders", "marts/revenue", "daily")
        await typed(pilot, "orders")
        await pilot.press("enter")
        await shows(pilot, "Backfill raw/orders", "40 partitions")
        await until(pilot, lambda: isinstance(app_of(pilot).focused, Input))
        await typed(pilot, "missing")
        await shows(pilot, "40 partitions as a backfill", "40 partitions of 1 asset in 40 runs")
        app_of(pilot).screen.query_one("#ways", Input).value = "runs of 15, last first, priority 2"
        await shows(pilot, "40 partitions of 1 asset in 3 runs")
        await pilot.press("f5")
        await shows(pilot, "Backfills ▸", "waiting 40", "15 partitions in each run   priority 2   the last first")
    (made,) = api.store.backfills.list().items
    assert (made.request.order, made.request.priority, made.request.policy) == (Direction.DESC, 2, BackfillPolicy(max_partitions_per_run=15))


async def test_a_backfill_that_would_be_refused_says_so_before_it_is_begun(api: Api) -> None:
    async with opened(url_of_api(api), "backfills") as pilot:
        await shows(pilot, "No backfills yet.")
        await pilot.press("b")
        await shows(pilot, "backfill what?")
        await typed(pilot, "orders")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app_of(pilot).focused, Input))
        await typed(pilot, "stale")
        await shows(pilot, "launches raw/orders for what is stale as a backfill", "There is nothing to write")
        app_of(pilot).screen.query_one("#ways", Input).value = "runs of none"
        await shows(pilot, "'runs of none' says nothing of how a backfill goes")
    assert api.store.backfills.count() == 0
