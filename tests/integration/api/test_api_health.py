"""How well assets are after runs that fail, are tried again, overlap or are canceled, and when their partitions change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

import partita as pt
from partita.definitions.keys import AssetKey
from partita.records.assets import ReportedMaterialization
from partita.records.events import AssetObserved, Event, StepFailed, StepSucceeded, StepUpstreamFailed
from partita.records.runs import RunStatus
from support.api import Api
from support.stores import BOOM, NOON, Writer, at, materialized, plan, status

Found = tuple[str, list[str]]
FAILED: Found = ("DEGRADED", ["The last run failed to write it"])
WELL: Found = ("HEALTHY", [])
UNKNOWN: Found = ("UNKNOWN", [])


@pt.asset
def aa() -> int:
    return 1


@pt.asset(deps=[aa])
def bb() -> int:
    return 1


@pt.observable_asset
def source() -> pt.Observation:
    return pt.Observation(data_version="1")


@pytest.fixture
def served(api: Api) -> Api:
    api.publish("ingest", assets=[aa, bb, source])
    return api


def healths(api: Api, *keys: str) -> list[Found]:
    """How well these assets are, and why not better."""
    nodes = api.ask("{ assets(first: 500) { nodes { key health healthReasons } } }")["assets"]["nodes"]
    found = {each["key"]: (each["health"], each["healthReasons"]) for each in nodes}
    return [found[key] for key in keys]


def begin(api: Api, *assets: str, steps: Sequence[str] | None = None, **rest: Any) -> Writer:
    """A run of these assets that is under way."""
    return api.begin(*(assets if steps is None else steps), assets=tuple(map(AssetKey, assets)), **rest)


def wrote(asset: str, seconds: float = 0) -> tuple[Event, Event]:
    """What a step tells that wrote an asset."""
    return materialized(asset, seconds=seconds), StepSucceeded(at=at(seconds), step=asset, duration=1)


def broke(step: str) -> StepFailed:
    return StepFailed(at=NOON, step=step, error=BOOM, duration=1)


def test_what_a_retry_takes_over_has_not_failed_with_it(served: Api) -> None:
    first = begin(served, "aa", "bb")
    first.send(*wrote("aa"), broke("bb"), status(RunStatus.FAILED))
    assert healths(served, "aa", "bb") == [WELL, FAILED]

    run = served.run(assets=(AssetKey("aa"), AssetKey("bb")), parent_id=first.run_id, is_resumed=True)
    [claimed] = served.store.runs.claim(limit=1, lease=timedelta(seconds=30), owner="worker", location="ingest", catalog_hash="abc")
    assert claimed.run.id == run.id
    again = Writer(served.store, claimed)
    again.send(plan("bb", reused=["aa"]), status(RunStatus.RUNNING), broke("bb"), status(RunStatus.FAILED, 9))

    assert healths(served, "aa", "bb") == [WELL, FAILED]


def test_what_was_not_come_to_has_failed_with_what_it_needs(served: Api) -> None:
    writer = begin(served, "aa", "bb")
    writer.send(broke("aa"), StepUpstreamFailed(at=NOON, step="bb", causes=("aa",)), status(RunStatus.FAILED))

    assert healths(served, "aa", "bb") == [FAILED, FAILED]


def test_what_is_observed_well_has_not_failed_where_another_step_has(served: Api) -> None:
    look = AssetObserved(at=NOON, step="source", asset=AssetKey("source"), data_version="1")
    begin(served, "source", "aa").send(look, StepSucceeded(at=NOON, step="source", duration=1), broke("aa"), status(RunStatus.FAILED))
    assert healths(served, "source", "aa") == [WELL, FAILED]

    begin(served, "source").send(broke("source"), status(RunStatus.FAILED, 5))
    assert healths(served, "source") == [FAILED]

    later = begin(served, "source")
    later.send(AssetObserved(at=at(9), step="source", asset=AssetKey("source"), data_version="2"))
    assert healths(served, "source") == [WELL]


def test_what_is_reported_after_a_failure_makes_up_for_it(served: Api) -> None:
    begin(served, "aa").send(broke("aa"), status(RunStatus.FAILED))
    assert healths(served, "aa") == [FAILED]

    served.store.reports.add(ReportedMaterialization(asset=AssetKey("aa")))

    assert healths(served, "aa") == [WELL]


@pytest.mark.parametrize(("seconds", "expected"), [(5, FAILED), (15, WELL)], ids=["before", "after"])
def test_an_older_run_makes_up_for_the_failure_of_a_newer_one_when_it_writes_after_it(served: Api, seconds: float, expected: Found) -> None:
    slow, quick = begin(served, "aa"), begin(served, "aa")
    if seconds < 10:
        slow.send(*wrote("aa", seconds))
    quick.send(broke("aa"), status(RunStatus.FAILED, 10))
    assert healths(served, "aa") == [FAILED]
    if seconds > 10:
        slow.send(*wrote("aa", seconds))

    slow.send(status(RunStatus.SUCCEEDED, 20))

    assert healths(served, "aa") == [expected]


def test_an_older_run_that_fails_late_does_not_undo_what_a_newer_one_has_written(served: Api) -> None:
    slow = begin(served, "aa")
    begin(served, "aa").send(*wrote("aa"), status(RunStatus.SUCCEEDED, 1))

    slow.send(broke("aa"), status(RunStatus.FAILED, 9))

    assert healths(served, "aa") == [WELL]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ((status(RunStatus.CANCELED, 9),), FAILED),
        ((broke("aa"), status(RunStatus.FAILED, 9)), FAILED),
        ((*wrote("aa", 8), status(RunStatus.SUCCEEDED, 9)), WELL),
    ],
    ids=["canceled", "failed", "succeeded"],
)
def test_a_failure_stands_until_another_run_has_settled(served: Api, end: Sequence[Event], expected: Found) -> None:
    begin(served, "aa").send(broke("aa"), status(RunStatus.FAILED))
    served.run(assets=(AssetKey("bb"),))
    assert healths(served, "aa", "bb") == [FAILED, UNKNOWN]

    waiting = served.run(assets=(AssetKey("aa"),))
    assert healths(served, "aa") == [FAILED]
    served.store.runs.request_cancel(waiting.id)
    assert healths(served, "aa") == [FAILED]
    second = begin(served, "aa")
    assert healths(served, "aa") == [FAILED]
    if end[-1] == status(RunStatus.CANCELED, 9):
        served.store.runs.request_cancel(second.run_id)
    second.send(*end)

    assert healths(served, "aa") == [expected]


def test_a_run_of_other_steps_says_nothing_of_an_asset(served: Api) -> None:
    begin(served, "aa", "bb").send(broke("aa"), *wrote("bb"), status(RunStatus.FAILED))
    chosen = served.begin("bb", assets=(AssetKey("aa"), AssetKey("bb")), steps=("bb",))
    chosen.send(broke("bb"), status(RunStatus.FAILED, 4))
    assert healths(served, "aa", "bb") == [FAILED, FAILED]

    served.begin("aa", assets=(AssetKey("aa"), AssetKey("bb")), steps=("aa",)).send(*wrote("aa", 8), status(RunStatus.SUCCEEDED, 9))

    assert healths(served, "aa", "bb") == [WELL, FAILED]


def test_a_run_that_was_never_planned_has_failed_to_write_all_it_was_asked_for(served: Api) -> None:
    run = served.run(assets=(AssetKey("aa"), AssetKey("bb")))
    served.store.runs.fail_queued(run.id, BOOM)

    assert healths(served, "aa", "bb") == [FAILED, FAILED]


def test_a_step_of_several_assets_has_failed_to_write_those_that_it_had_not_come_to(api: Api) -> None:
    @pt.multi_asset(specs=[pt.AssetSpec("first"), pt.AssetSpec("second")])
    def both() -> None:
        return None

    api.publish("ingest", assets=[both])
    begin(api, "first", "second", steps=["both"]).send(materialized("first"), broke("both"), status(RunStatus.FAILED, 9))

    assert healths(api, "first", "second") == [WELL, FAILED]


@pytest.mark.parametrize("is_needed", [True, False], ids=["needed", "beside"])
def test_an_asset_of_ops_has_failed_when_an_op_that_it_needs_has(api: Api, is_needed: bool) -> None:
    @pt.op
    def one() -> int:
        return 1

    @pt.op
    def breaks(number: int) -> int:
        raise RuntimeError("no")

    @pt.graph_asset
    def summed() -> int:
        number = one()
        broken = breaks(number)
        return broken if is_needed else number

    api.publish("ingest", assets=[summed])
    pt.materialize(summed, store=api.store, raise_on_error=False)
    assert api.store.runs.list().items[0].status is RunStatus.FAILED

    assert healths(api, "summed") == [FAILED if is_needed else WELL]


def fail_partitions(api: Api, *partitions: str) -> None:
    for partition in partitions:
        begin(api, "cut", partition_keys=(partition,)).send(broke("cut"), status(RunStatus.FAILED))


def cut(partitions: pt.Partitions | None) -> Any:
    """An asset with these partitions."""

    @pt.asset(key="cut", partitions=partitions)
    def made() -> int:
        return 1

    return made


def test_partitions_that_an_asset_no_longer_has_are_not_held_against_it(api: Api) -> None:
    api.publish("ingest", assets=[cut(pt.StaticPartitions(["a", "b", "c", "d"]))])
    fail_partitions(api, "a", "b")
    begin(api, "cut", partition_keys=("c",)).send(materialized("cut", "c"), status(RunStatus.SUCCEEDED, 2))
    assert healths(api, "cut") == [("DEGRADED", ["2 partitions could not be written"])]

    api.publish("ingest", assets=[cut(pt.StaticPartitions(["b", "c", "d", "e", "f"]))])
    assert healths(api, "cut") == [("DEGRADED", ["1 partition could not be written"])]
    api.publish("ingest", assets=[cut(pt.StaticPartitions(["c", "d", "e", "f", "g"]))])
    assert healths(api, "cut") == [WELL]
    api.publish("ingest", assets=[cut(pt.DailyPartitions("2026-01-01"))])
    assert healths(api, "cut") == [WELL]
    api.publish("ingest", assets=[cut(None)])
    assert healths(api, "cut") == [WELL]


def test_a_failed_partition_counts_until_it_is_written_whatever_others_do(api: Api) -> None:
    api.publish("ingest", assets=[cut(pt.StaticPartitions(["a", "b"]))])
    fail_partitions(api, "a")
    begin(api, "cut", partition_keys=("b",)).send(materialized("cut", "b", seconds=5), status(RunStatus.SUCCEEDED, 6))
    assert healths(api, "cut") == [("DEGRADED", ["1 partition could not be written"])]

    again = begin(api, "cut", partition_keys=("a",))
    again.send(materialized("cut", "a", seconds=7), status(RunStatus.SUCCEEDED, 8))

    assert healths(api, "cut") == [WELL]
