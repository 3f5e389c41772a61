from __future__ import annotations

import pytest

from partita.definitions.keys import AssetKey
from partita.records.assets import PartitionState, PartitionStatus
from partita.records.events import StepCanceled, StepFailed, StepSkipped, StepStarted, StepSucceeded, StepUpstreamFailed
from partita.records.runs import RunStatus
from partita.storage.store import Store
from support.stores import BOOM, NOON, OVER, Writer, at, begin, claim, launch, materialized, plan, status

DAYS = ("mon", "tue", "wed")
ORDERS, SALES = AssetKey("orders"), AssetKey("sales")


def shown(store: Store, key: AssetKey = ORDERS) -> dict[str, PartitionStatus]:
    """The states of an asset's partitions; the counts must agree."""
    states = store.assets.partition_states([key])[key]
    counted = store.assets.partition_counts([key])[key]
    assert counted == {status: [state.status for state in states].count(status) for status in {state.status for state in states}}
    return {state.partition: state.status for state in states}


def all_are(status: PartitionStatus) -> dict[str, PartitionStatus]:
    return dict.fromkeys(DAYS, status)


def test_a_queued_run_changes_no_partition(store: Store) -> None:
    launch(store, "orders", partition_keys=DAYS)
    claim(store)

    assert shown(store) == {}


def test_partitions_run_while_their_run_does(store: Store) -> None:
    writer = begin(store, "orders", "sales", partition_keys=DAYS)

    assert shown(store) == shown(store, SALES) == all_are(PartitionStatus.RUNNING)
    assert {state.run_id for state in store.assets.partition_states([ORDERS])[ORDERS]} == {writer.run_id}


def test_it_does_not_matter_whether_the_plan_or_the_status_comes_first(store: Store) -> None:
    launch(store, "orders", partition_keys=DAYS)
    [claimed] = claim(store)
    writer = Writer(store, claimed)

    writer.send(status(RunStatus.RUNNING))
    writer.send(plan("orders"))

    assert shown(store) == all_are(PartitionStatus.RUNNING)


def test_steps_that_are_taken_over_or_left_out_run_nothing(store: Store) -> None:
    launch(store, "orders", "sales", "stock", partition_keys=DAYS)
    [claimed] = claim(store)

    Writer(store, claimed).send(plan("orders", reused=["sales"]), status(RunStatus.RUNNING))

    assert shown(store) == all_are(PartitionStatus.RUNNING)
    assert shown(store, SALES) == shown(store, AssetKey("stock")) == {}


def test_a_written_partition_is_materialized_at_once(store: Store) -> None:
    writer = begin(store, "orders", partition_keys=DAYS)

    writer.send(StepStarted(at=NOON, step="orders"), materialized("orders", "tue", seconds=4))

    assert shown(store) == all_are(PartitionStatus.RUNNING) | {"tue": PartitionStatus.MATERIALIZED}
    [tue] = store.assets.partition_states([ORDERS], partition_keys=["tue", "never"])[ORDERS]
    assert tue == PartitionState(asset=ORDERS, partition="tue", status=PartitionStatus.MATERIALIZED, run_id=writer.run_id, at=at(4))


def test_a_failed_step_fails_the_partitions_it_did_not_write(store: Store) -> None:
    writer = begin(store, "orders", "sales", partition_keys=DAYS)

    writer.send(materialized("orders", "mon"), StepFailed(at=at(5), step="orders", error=BOOM, duration=1))

    assert shown(store) == {"mon": PartitionStatus.MATERIALIZED, "tue": PartitionStatus.FAILED, "wed": PartitionStatus.FAILED}
    assert shown(store, SALES) == all_are(PartitionStatus.RUNNING)


def test_a_step_that_will_be_tried_again_still_runs(store: Store) -> None:
    writer = begin(store, "orders", partition_keys=DAYS)

    writer.send(StepStarted(at=NOON, step="orders"), StepFailed(at=at(5), step="orders", error=BOOM, duration=1, retry_after=1.0))

    assert shown(store) == all_are(PartitionStatus.RUNNING)


@pytest.mark.parametrize(
    "end",
    [
        StepCanceled(at=at(9), step="orders"),
        StepSkipped(at=at(9), step="orders", reason="why"),
        StepUpstreamFailed(at=at(9), step="orders", causes=("x",)),
        status(RunStatus.CANCELED, 9),
        status(RunStatus.FAILED, 9),
        status(RunStatus.SUCCEEDED, 9),
    ],
    ids=lambda event: getattr(event, "status", type(event).__name__),
)
def test_partitions_that_were_not_written_are_as_they_were_before(store: Store, end: StepCanceled) -> None:
    first = begin(store, "orders", partition_keys=DAYS)
    first.send(materialized("orders", "mon"), StepFailed(at=at(1), step="orders", error=BOOM, duration=1), status(RunStatus.FAILED))
    later = begin(store, "orders", partition_keys=("mon", "tue", "thu"))
    assert shown(store) == dict.fromkeys(("mon", "tue", "thu"), PartitionStatus.RUNNING) | {"wed": PartitionStatus.FAILED}

    later.send(end)

    assert shown(store) == {"mon": PartitionStatus.MATERIALIZED, "tue": PartitionStatus.FAILED, "wed": PartitionStatus.FAILED}
    assert {state.run_id for state in store.assets.partition_states([ORDERS])[ORDERS]} == {first.run_id}


def test_a_partition_is_as_its_newest_outcome(store: Store) -> None:
    for outcome in (materialized("orders", "mon"), StepFailed(at=at(1), step="orders", error=BOOM, duration=1), materialized("orders", "mon")):
        begin(store, "orders", partition_keys=("mon",)).send(outcome, status(RunStatus.SUCCEEDED))
        expected = PartitionStatus.FAILED if isinstance(outcome, StepFailed) else PartitionStatus.MATERIALIZED
        assert shown(store) == {"mon": expected}


def test_a_failure_does_not_touch_what_another_run_wrote_meanwhile(store: Store) -> None:
    slow = begin(store, "orders", partition_keys=("mon",))
    quick = begin(store, "orders", partition_keys=("mon",))
    quick.send(materialized("orders", "mon"), StepSucceeded(at=NOON, step="orders", duration=1), status(RunStatus.SUCCEEDED))

    slow.send(StepFailed(at=at(9), step="orders", error=BOOM, duration=9), status(RunStatus.FAILED))

    assert shown(store) == {"mon": PartitionStatus.MATERIALIZED}


def test_the_partitions_of_a_lost_run_fail(store: Store) -> None:
    writer = begin(store, "orders", partition_keys=DAYS)
    writer.send(StepStarted(at=NOON, step="orders"), materialized("orders", "mon"), lease=OVER)

    store.runs.fail_expired(writer.run_id, BOOM)

    assert shown(store) == {"mon": PartitionStatus.MATERIALIZED, "tue": PartitionStatus.FAILED, "wed": PartitionStatus.FAILED}


def test_partition_keys_are_shared_between_assets_and_keep_apart(store: Store) -> None:
    writer = begin(store, "orders", "sales", partition_keys=("mon",))

    writer.send(materialized("orders", "mon"), materialized("unlaunched", "mon"))

    assert shown(store) == shown(store, AssetKey("unlaunched")) == {"mon": PartitionStatus.MATERIALIZED}
    assert shown(store, SALES) == {"mon": PartitionStatus.RUNNING}


def test_assets_without_partitions_have_no_partition_states(store: Store) -> None:
    begin(store, "orders").send(materialized("orders"), status(RunStatus.SUCCEEDED))

    assert shown(store) == {}
    assert store.assets.partition_states([AssetKey("gone")]) == {"gone": []}
    assert store.assets.partition_counts([AssetKey("gone")]) == {"gone": {}}
