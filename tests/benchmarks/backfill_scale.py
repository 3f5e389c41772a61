"""A backfill of 100,000 partitions: asked for in one call, and how long and how much the daemon's looks at it take."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import partita as pt
from benchmarks.figures import Figure, timed
from partita.automation.backfills import Backfills
from partita.records.backfills import BackfillItemStatus
from partita.records.events import StepSucceeded
from partita.records.runs import RunStatus
from support.api import Api, serving
from support.stores import NOON, Writer, claim, plan, status, url_of

HOURS = pt.HourlyPartitions(start="2012-01-01", end="2026-01-01")
CHAIN = 4
SPAN = {"range": {"from": "2012-01-01-00:00", "to": "2014-11-07-15:00"}}
"""25,000 hours, of each of four assets."""
START = "mutation($i: StartBackfillInput!) { startBackfill(input: $i) { backfill { id partitionCount } errors { message } } }"
PREVIEW = "query($i: StartBackfillInput!) { backfillPreview(input: $i) { partitionCount runCount errors { message } } }"
LOOKS = """
import sys
import psutil
from partita.automation.backfills import Backfills
from partita.storage.store import Store

with Store(sys.argv[1]) as store:
    look = Backfills(store)
    before = psutil.Process().memory_info().rss
    look(), look()
    print((psutil.Process().memory_info().rss - before) / 1e6)
"""
ROUNDS = 40
"""Looks at a backfill that goes on, a hundred runs ending before each."""


def an_hour(context: pt.AssetContext) -> str:
    return context.partition_key


def measure_backfill_scale(times: int = 5) -> Iterator[Figure]:
    """25,000 hours of four assets, two of which need the hour before, so that no run can write all four."""
    with tempfile.TemporaryDirectory() as home, serving(Path(home)) as api:
        before = pt.TimeWindowMapping(-1, -1, allow_missing=True)
        deps: list[list[Any]] = [[], ["a0"], [pt.Dep("a1", mapping=before)], ["a2"]]
        api.publish("ingest", assets=[pt.asset(key=f"a{number}", deps=deps[number], partitions=HOURS)(an_hour) for number in range(CHAIN)])
        api.publish("analytics")
        given = {"selection": "*", "partitions": SPAN}
        api.ask(PREVIEW, i=given)
        values = [timed(lambda: preview(api, given)) for _ in range(times)]
        yield Figure(what="preview of 100,000 partitions", incumbent="", reach="< 2 s", values=values)
        values = [timed(lambda: start(api, given)) for _ in range(times)]
        yield Figure(what="backfill of 100,000 partitions asked for in one call", incumbent="", reach="< 5 s", values=values)
        for each in api.store.backfills.active()[1:]:
            api.store.backfills.pause(each.id)
        yield from _looks(api)


def _looks(api: Api) -> Iterator[Figure]:
    yield Figure(what="memory that it takes of a daemon", incumbent="", reach="< 150 MB", values=[float(looked(api))], unit="MB")
    look = Backfills(api.store)
    yield Figure(what="the daemon's first look at it", incumbent="", reach="< 1 s", values=[timed(look)])
    idle = [timed(look) for _ in range(ROUNDS)]
    busy: list[float] = []
    for _ in range(ROUNDS):
        work(api)
        busy.append(timed(look))
    done = api.store.backfill_items.counts([each.id for each in api.store.backfills.active()])
    assert sum(counts[BackfillItemStatus.SUCCEEDED] for counts in done.values()) >= ROUNDS * 100
    yield Figure(what="a look at it when nothing has happened", incumbent="", reach="< 10 ms", values=idle)
    yield Figure(what="a look at it when 100 runs have ended, which launches 100", incumbent="", reach="< 1 s", values=busy)
    paused = [each.id for each in api.store.backfills.active()]
    for each in paused:
        api.store.backfills.pause(each)
    yield Figure(what="a look at five that are paused", incumbent="", reach="< 10 ms", values=[timed(look) for _ in range(ROUNDS)])


def looked(api: Api) -> str:
    """What two looks of a fresh process print."""
    return subprocess.run([sys.executable, "-c", LOOKS, url_of(api.home)], capture_output=True, text=True, check=True).stdout


def preview(api: Api, given: dict[str, Any]) -> None:
    assert api.ask(PREVIEW, i=given)["backfillPreview"]["partitionCount"] == 100_000


def start(api: Api, given: dict[str, Any]) -> None:
    answer = api.ask(START, i=given)["startBackfill"]
    assert answer["backfill"]["partitionCount"] == 100_000, answer["errors"]


def work(api: Api) -> None:
    """Have what is queued written, without a worker."""
    for claimed in claim(api.store, limit=100, location="ingest"):
        steps = [str(key) for key in claimed.run.request.assets]
        ends = [StepSucceeded(at=NOON, step=each, duration=1) for each in steps]
        Writer(api.store, claimed).send(plan(*steps), status(RunStatus.RUNNING), *ends, status(RunStatus.SUCCEEDED))
