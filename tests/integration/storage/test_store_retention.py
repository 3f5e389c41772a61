from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from partita.definitions.keys import AssetKey
from partita.errors import AlreadyFinishedError
from partita.records.events import StepFailed, StepStarted, StepSucceeded
from partita.records.filters import HistoryFilter, RunFilter, RunOrder, RunOrderField
from partita.records.runs import RunStatus
from partita.storage.idempotency_keys import Idempotency
from partita.storage.retention import Pruned
from partita.storage.store import Store
from support.stores import BOOM, NOON, Writer, at, begin, checked, launch, log, materialized, request, status

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ORDERS = AssetKey("orders")


def a_finished_run(store: Store, *, lines: int = 3) -> Writer:
    """A run with something of everything, that ended ten seconds after noon."""
    writer = begin(store, "orders", "sales", partition_keys=("mon", "tue"), tags={"team": "a"})
    writer.send(StepStarted(at=NOON, step="orders"), *(log(f"line {number}") for number in range(lines)))
    writer.send(materialized("orders", "mon"), checked("orders", "fresh", passed=False), StepSucceeded(at=at(3), step="orders", duration=3))
    writer.send(StepFailed(at=at(9), step="sales", error=BOOM, duration=1), status(RunStatus.FAILED, 10, error=BOOM))
    return writer


def prune(store: Store, *, events: datetime = LONG_AGO, changes: datetime = LONG_AGO, keys: datetime = LONG_AGO, limit: int = 5000) -> Pruned:
    return store.retention.prune(events_before=events, changes_before=changes, idempotency_before=keys, limit=limit)


def answers(store: Store, run_id: str) -> list[Any]:
    """What the store says of everything but the log."""
    return [
        store.runs.get(run_id),
        store.runs.steps([run_id]),
        store.runs.stats([run_id]),
        store.runs.list(RunFilter(assets=(ORDERS,), tags=(("team", "a"),), partition_keys=("mon",)), order=RunOrder(field=RunOrderField.ENDED_AT)),
        store.assets.states([ORDERS, AssetKey("sales")]),
        store.assets.materializations(HistoryFilter(asset=ORDERS)),
        store.assets.partition_states([ORDERS, AssetKey("sales")]),
        store.assets.partition_counts([ORDERS, AssetKey("sales")]),
        store.assets.check_results([(ORDERS, "fresh")]),
        store.assets.check_history(ORDERS, "fresh"),
    ]


def test_pruning_events_changes_no_answer(store: Store) -> None:
    writer = a_finished_run(store)
    before = answers(store, writer.run_id)

    pruned = prune(store, events=at(11))

    assert pruned == Pruned(events=before[0].last_seq)
    assert answers(store, writer.run_id) == before
    assert store.events.list(writer.run_id).items == []
    assert store.events.count(writer.run_id) == 0


def test_a_pruned_run_takes_no_more_events(store: Store) -> None:
    writer = a_finished_run(store)
    prune(store, events=at(11))

    with pytest.raises(AlreadyFinishedError):
        writer.send(log("late"))
    assert store.events.count(writer.run_id) == 0


def test_only_runs_that_ended_before_are_pruned(store: Store) -> None:
    finished, active, queued = a_finished_run(store), begin(store, "orders"), launch(store, "orders", location="elsewhere")

    assert prune(store, events=at(10)) == Pruned()
    assert prune(store, events=at(10.1)).events == store.runs.get(finished.run_id).last_seq
    assert (store.events.count(active.run_id), store.events.count(queued.id)) == (4, 1)


def test_pruning_goes_in_portions_until_all_is_gone(store: Store) -> None:
    runs = [a_finished_run(store, lines=10) for _ in range(3)]
    total = sum(store.events.count(run.run_id) for run in runs)

    portions = []
    while (portion := prune(store, events=at(11), limit=7).events) > 0:
        portions.append(portion)

    assert sum(portions) == total
    assert set(portions[:-1]) == {7}


def test_old_changes_go_and_the_newest_stays(store: Store) -> None:
    for _ in range(5):
        launch(store)
    latest = store.changes.latest()

    pruned = prune(store, changes=datetime.now(UTC) + timedelta(seconds=1))

    assert pruned == Pruned(changes=4)
    assert store.changes.latest() == latest
    launch(store)
    assert int(store.changes.latest()) == int(latest) + 1


def test_young_changes_stay(store: Store) -> None:
    launch(store)

    assert prune(store, changes=datetime.now(UTC) - timedelta(hours=1)) == Pruned()


def test_an_expired_idempotency_key_can_be_used_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partita.storage.idempotency_keys.REMEMBERED_FOR", timedelta(seconds=-1))
    key = Idempotency(caller="ann", key="k1")

    first = store.runs.launch([request("orders")], idempotency=key)
    second = store.runs.launch([request("sales")], idempotency=key)

    assert not second.is_replay
    assert first.runs != second.runs


def test_expired_idempotency_keys_are_pruned(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.runs.launch([request("orders")], idempotency=Idempotency(caller="ann", key="young"))
    monkeypatch.setattr("partita.storage.idempotency_keys.REMEMBERED_FOR", timedelta(seconds=-1))
    for number in range(3):
        store.runs.launch([request("orders")], idempotency=Idempotency(caller="ann", key=f"old {number}"))

    assert prune(store, keys=datetime.now(UTC), limit=2) == Pruned(idempotency_keys=2)
    assert prune(store, keys=datetime.now(UTC), limit=2) == Pruned(idempotency_keys=1)
    assert store.runs.launch([request("orders")], idempotency=Idempotency(caller="ann", key="young")).is_replay


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_the_file_shrinks_when_much_is_pruned(store: Store) -> None:
    writer = begin(store, "orders")
    for _ in range(10):
        writer.send(*(log("x" * 1000) for _ in range(200)))
    writer.send(status(RunStatus.SUCCEEDED, 10))
    prune(store)
    before = size_of(store)

    while prune(store, events=at(11), limit=500).total:
        pass

    assert size_of(store) < before / 2


def size_of(store: Store) -> int:
    return sum(path.stat().st_size for path in store.database_path.parent.iterdir())
