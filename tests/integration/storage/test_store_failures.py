"""What went wrong with assets last."""

from __future__ import annotations

from partita.definitions.keys import AssetKey
from partita.records.events import StepFailed, StepSkipped, StepSucceeded, StepUpstreamFailed
from partita.records.runs import FailedRun, RunStatus
from partita.storage.store import Store
from support.stores import BOOM, NOON, Writer, at, begin, claim, launch, materialized, plan, status

A, B, C, D = map(AssetKey, "abcd")


def failed(*assets: str, store: Store, seconds: float = 0) -> Writer:
    """A run of these assets, of which each has failed."""
    writer = begin(store, *assets)
    writer.send(*(StepFailed(at=NOON, step=each, error=BOOM, duration=1) for each in assets), status(RunStatus.FAILED, seconds))
    return writer


def test_the_last_run_of_an_asset_is_known_where_it_has_failed_with_what_it_left_undone(store: Store) -> None:
    failed("a", "d", store=store)
    begin(store, "d").send(materialized("d"), status(RunStatus.SUCCEEDED))
    writer = begin(store, "a", "b", "c", "e")
    writer.send(
        StepSucceeded(at=NOON, step="a", duration=1),
        StepFailed(at=NOON, step="b", error=BOOM, duration=1),
        StepUpstreamFailed(at=NOON, step="c", causes=("b",)),
        StepSkipped(at=NOON, step="e", reason="nothing new"),
        status(RunStatus.FAILED, 9),
    )

    found = store.failures.last_runs([A, B, C, D, AssetKey("unknown")])

    last = FailedRun(id=writer.run_id, ended_at=at(9), is_planned=True, undone=frozenset({"b", "c"}))
    assert found == {A: last, B: last, C: last}
    assert store.failures.last_runs([]) == {}


def test_runs_that_wait_are_under_way_or_were_canceled_are_passed_over(store: Store) -> None:
    first = failed("a", store=store)
    begin(store, "a").send(status(RunStatus.CANCELING), status(RunStatus.CANCELED))
    begin(store, "a")
    launch(store, "a")

    assert store.failures.last_runs([A])[A].id == first.run_id


def test_a_run_that_was_never_planned_has_no_steps(store: Store) -> None:
    launch(store, "a")
    [claimed] = claim(store)
    Writer(store, claimed).send(status(RunStatus.FAILED, error=BOOM))

    assert store.failures.last_runs([A]) == {A: FailedRun(id=claimed.run.id, ended_at=NOON, is_planned=False)}


def test_more_assets_are_asked_for_than_fit_into_one_statement(store: Store) -> None:
    writer = failed("a", store=store)
    keys = [AssetKey(f"other/{number}") for number in range(2_500)]

    assert [(key, run.id) for key, run in store.failures.last_runs([*keys, A]).items()] == [(A, writer.run_id)]
    assert store.failures.partitions([*keys, A]) == {}


def test_partitions_have_failed_until_they_are_written(store: Store) -> None:
    for partition in ("mon", "tue"):
        writer = begin(store, "a", "b", partition_keys=(partition,))
        writer.send(StepFailed(at=NOON, step="a", error=BOOM, duration=1), materialized("b", partition), status(RunStatus.FAILED))
    assert {key: sorted(keys) for key, keys in store.failures.partitions([A, B]).items()} == {A: ["mon", "tue"]}

    begin(store, "a", partition_keys=("mon",)).send(materialized("a", "mon"), status(RunStatus.SUCCEEDED))

    assert store.failures.partitions([A, B]) == {A: ["tue"]}


def test_a_plan_that_took_over_what_succeeded_left_only_the_rest_undone(store: Store) -> None:
    launch(store, "a", "b")
    [claimed] = claim(store)
    Writer(store, claimed).send(plan("b", reused=["a"]), StepFailed(at=NOON, step="b", error=BOOM, duration=1), status(RunStatus.FAILED))

    assert store.failures.last_runs([A])[A].undone == {"b"}
