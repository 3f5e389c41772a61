"""What runs write is what their plans say, whether or not they are planned each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import partita as pt
from partita.definitions.asset_graph import AssetGraph
from partita.definitions.partitions import Partitions
from partita.planning.build import build_plan
from partita.planning.condition_facts import cut_of
from partita.planning.plan import Plan
from partita.planning.run_writes import KnownWrites, RunWrites
from partita.records.runs import RunRequest

START = datetime(2026, 1, 3, 12, tzinfo=UTC)
DAYS, WEEKS = pt.DailyPartitions("2026-01-01"), pt.WeeklyPartitions("2025-12-01")
LATER = pt.DailyPartitions("2026-01-05")


@pt.asset(partitions=DAYS)
def orders() -> int:
    return 1


@pt.asset(partitions=DAYS, deps=["orders"])
def revenue() -> int:
    return 1


@pt.asset(partitions=DAYS)
def sums(orders: int) -> int:
    return 1


@pt.asset(partitions=LATER)
def late() -> int:
    return 1


@pt.asset
def prices() -> int:
    return 1


@pt.asset(partitions=WEEKS)
def weekly() -> int:
    return 1


@pt.asset_check(asset=revenue)
def rows() -> bool:
    return True


@pt.asset_check(asset=prices)
def many() -> bool:
    return True


@pt.multi_asset(specs=[pt.AssetSpec("x", partitions=DAYS), pt.AssetSpec("y", partitions=DAYS)])
def both():  # type: ignore[no-untyped-def]
    yield pt.Output(1, output="x")


@pt.op
def look() -> None: ...


@pt.job(partitions=DAYS)
def looking() -> None:
    look()


JOBS = [
    pt.asset_job("all_days", selection="orders or revenue or prices"),
    pt.asset_job("two", selection="x or y"),
    pt.asset_job("with_late", selection="orders or late", partitions=DAYS),
    pt.asset_job("late_alone", selection="late", partitions=DAYS),
]
REPOSITORY = pt.Repository("main", assets=[orders, revenue, sums, late, prices, weekly, both], checks=[rows, many], jobs=[*JOBS, looking]).spec
GRAPH = AssetGraph(REPOSITORY.assets, REPOSITORY.checks)
TARGETS: list[dict[str, Any]] = [
    *({"job": name} for name in (*(job.name for job in JOBS), "looking")),
    *({"assets": tuple(map(pt.AssetKey, names))} for names in (["orders"], ["sums"], ["orders", "sums"], ["prices"], ["late"], ["weekly", "orders"])),
]


class Planned:
    """Counts plans."""

    def __init__(self) -> None:
        self.count = 0
        self.known = KnownWrites(self.plan, cut, lambda job: next(each.partitions for each in REPOSITORY.jobs if each.name == job))

    def plan(self, request: RunRequest, now: datetime) -> Plan:
        self.count += 1
        return build_plan(REPOSITORY, request, now=now)


def cut(subject: str) -> Partitions:
    return cut_of(GRAPH.spec(pt.AssetKey(subject.split(":")[0])).partitions, None)


def asked(target: dict[str, Any], *keys: str) -> RunRequest:
    return RunRequest(location="here", repository="main", partition_keys=keys, **target)


def told(known: KnownWrites, request: RunRequest, now: datetime) -> RunWrites | str:
    try:
        return known.of(request, now)
    except pt.PartitaError as error:
        return str(error)


KEYS = st.sampled_from(
    [(), ("2025-12-29",), ("2026-01-01",), ("2026-01-02",), ("2026-01-05",), ("2026-01-06",), ("2026-01-01", "2026-01-02"), ("no",)]
)


@settings(max_examples=200)
@given(story=st.lists(st.tuples(st.sampled_from(TARGETS), KEYS, st.integers(0, 2)), max_size=12))
def test_what_is_known_is_what_a_plan_would_say(story: list[tuple[dict[str, Any], tuple[str, ...], int]]) -> None:
    remembering = Planned().known
    now = START
    for target, keys, days in story:
        now += timedelta(days=days)
        assert told(remembering, asked(target, *keys), now) == told(Planned().known, asked(target, *keys), now)


@pytest.mark.parametrize(("target", "plans"), [({"job": "all_days"}, 1), ({"job": "two"}, 1), ({"assets": (pt.AssetKey("sums"),)}, 3)])
def test_days_alike_are_planned_once_unless_other_days_are_read(target: dict[str, Any], plans: int) -> None:
    planned = Planned()

    for day in (1, 2, 3, 3, 3):
        planned.known.of(asked(target, f"2026-01-0{day}"), START + timedelta(days=9))

    assert planned.count == plans
