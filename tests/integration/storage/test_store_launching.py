from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from partita.definitions.keys import AssetKey
from partita.definitions.specs import JobSpec, RepositorySpec
from partita.errors import AmbiguousNameError, ConflictError, NotFoundError
from partita.records.events import RunStatusChanged
from partita.records.filters import RunFilter
from partita.records.locations import LocationCatalog
from partita.records.runs import RunRequest, RunStatus
from partita.storage.idempotency_keys import Idempotency
from partita.storage.store import Store
from support.stores import launch, request


def test_a_launched_run_is_queued_and_can_be_found(store: Store) -> None:
    before = datetime.now(UTC)

    [run] = store.runs.launch([request("orders", tags={"team": "sales"}, priority=3, config={"steps": {}})]).runs

    assert run.status is RunStatus.QUEUED
    assert before <= run.created_at <= datetime.now(UTC)
    assert (run.attempt, run.last_seq, run.root_id, run.started_at) == (1, 1, run.id, None)
    assert store.runs.get(run.id) == store.runs.find(run.id) == run


def test_the_log_of_a_launched_run_begins_with_queued(store: Store) -> None:
    run = launch(store, "orders")

    [first] = store.events.after(run.id, seq=0)

    assert first.seq == 1
    assert first.event == RunStatusChanged(at=run.created_at, status=RunStatus.QUEUED)


def test_runs_launched_together_keep_the_order_of_their_requests(store: Store) -> None:
    keys = [f"2026-03-{day:02}" for day in range(1, 32)]

    launched = store.runs.launch([request("orders", partition_keys=(key,)) for key in keys]).runs

    assert [run.request.partition_keys for run in launched] == [(key,) for key in keys]
    assert [run.id for run in launched] == sorted(run.id for run in launched)


def test_launching_nothing_answers_with_nothing(store: Store) -> None:
    assert store.runs.launch([]).runs == ()


def test_a_run_is_found_by_its_short_id(store: Store) -> None:
    run = launch(store, "orders")

    assert store.runs.get(run.id[-8:]) == run
    assert store.runs.get(run.id[-8:].upper()) == run


@pytest.mark.parametrize("run_id", ["run_01jd0000000000000000000000", "zzzzzzzz", "", "nonsense with spaces"])
def test_an_unknown_run_is_not_found(store: Store, run_id: str) -> None:
    with pytest.raises(NotFoundError, match="There is no run"):
        store.runs.get(run_id)
    assert store.runs.find(run_id) is None


def test_a_short_id_of_two_runs_is_ambiguous(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["run_01aaaaaaaaaaaaaaaasame0000", "run_01bbbbbbbbbbbbbbbbsame0000"])
    monkeypatch.setattr("partita.storage.launches.new_id", lambda kind: next(ids))
    launch(store, "orders")
    launch(store, "orders")

    with pytest.raises(AmbiguousNameError, match="run_01aaaaaaaaaaaaaaaasame0000, run_01bbbbbbbbbbbbbbbbsame0000"):
        store.runs.get("same0000")


def test_the_same_idempotency_key_answers_with_the_same_runs(store: Store) -> None:
    key = Idempotency(caller="ann", key="k1")
    wanted = [request("orders"), request("customers")]

    first = store.runs.launch(wanted, idempotency=key)
    again = store.runs.launch(wanted, idempotency=key)

    assert not first.is_replay
    assert again.is_replay
    assert again.runs == first.runs
    assert store.runs.count() == 2


def test_a_replay_shows_the_runs_as_they_are_now(store: Store) -> None:
    key = Idempotency(caller="ann", key="k1")
    [run] = store.runs.launch([request("orders")], idempotency=key).runs
    store.runs.request_cancel(run.id)

    [again] = store.runs.launch([request("orders")], idempotency=key).runs

    assert again.status is RunStatus.CANCELED


def test_an_idempotency_key_of_another_request_is_refused(store: Store) -> None:
    store.runs.launch([request("orders")], idempotency=Idempotency(caller="ann", key="k1"))

    with pytest.raises(ConflictError, match="'k1' was used for another request"):
        store.runs.launch([request("customers")], idempotency=Idempotency(caller="ann", key="k1"))

    assert store.runs.count() == 1


def test_a_given_request_hash_decides_what_is_the_same_request(store: Store) -> None:
    first = store.runs.launch([request("orders")], idempotency=Idempotency(caller="ann", key="k1", request_hash="h"))

    again = store.runs.launch([request("customers")], idempotency=Idempotency(caller="ann", key="k1", request_hash="h"))

    assert again.runs == first.runs


def test_what_was_launched_under_a_key_can_be_looked_up(store: Store) -> None:
    key = Idempotency(caller="ann", key="k1", request_hash="h")
    assert store.runs.find_launched(key) is None

    launched = store.runs.launch([request("orders")], idempotency=key)

    found = store.runs.find_launched(key)
    assert found is not None
    assert (found.runs, found.is_replay) == (launched.runs, True)
    with pytest.raises(ConflictError, match="'k1' was used for another request"):
        store.runs.find_launched(Idempotency(caller="ann", key="k1", request_hash="other"))


def test_idempotency_keys_of_two_callers_do_not_meet(store: Store) -> None:
    store.runs.launch([request("orders")], idempotency=Idempotency(caller="ann", key="k1"))

    other = store.runs.launch([request("customers")], idempotency=Idempotency(caller="bob", key="k1"))

    assert not other.is_replay


def test_many_callers_with_one_idempotency_key_at_once_make_one_run(store: Store) -> None:
    key = Idempotency(caller="ann", key="k1")

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: store.runs.launch([request("orders")], idempotency=key), range(50)))

    assert len({answer.runs[0].id for answer in answers}) == 1
    assert sum(not answer.is_replay for answer in answers) == 1


def test_a_launch_that_fails_leaves_nothing_behind(store: Store) -> None:
    key = Idempotency(caller="ann", key="k1")
    cursor = store.changes.latest()

    with pytest.raises(NotFoundError, match="run_gone"):
        store.runs.launch([request("orders"), request("orders", parent_id="run_gone")], idempotency=key)

    assert store.runs.count() == 0
    assert store.changes.after(cursor).changes == ()
    assert store.assets.known_keys() == []
    assert not store.runs.launch([request("orders")], idempotency=key).is_replay


def test_a_name_first_seen_in_a_launch_that_failed_gets_its_number_later(store: Store) -> None:
    with pytest.raises(NotFoundError):
        store.runs.launch([request("orders", partition_keys=("a",)), request(parent_id="run_gone")])
    launch(store, "customers", partition_keys=("b",))

    run = launch(store, "orders", partition_keys=("a",))

    assert [found.id for found in store.runs.list(RunFilter(assets=(AssetKey("orders"),), partition_keys=("a",))).items] == [run.id]


def test_a_re_execution_belongs_to_the_group_of_its_parent_and_counts_up(store: Store) -> None:
    first = launch(store, "orders")

    second = launch(store, "orders", parent_id=first.id)
    third = launch(store, "orders", parent_id=second.id)

    assert [run.attempt for run in (first, second, third)] == [1, 2, 3]
    assert {run.root_id for run in (first, second, third)} == {first.id}
    assert third.request.parent_id == second.id
    assert store.runs.count(RunFilter(root_id=first.id)) == 3


def test_a_run_of_an_asset_job_targets_the_assets_that_the_job_has_now(store: Store) -> None:
    job = JobSpec(name="nightly", selection="*", assets=(AssetKey("orders"), AssetKey("customers")))
    catalog = LocationCatalog(location="here", repositories=(RepositorySpec(name="main", jobs=(job,)),))
    store.locations.declare([("here", {})])
    store.locations.publish("here", catalog, python_version="3", library_version="1", start="fork")

    [run] = store.runs.launch([RunRequest(location="here", repository="main", job="nightly")]).runs

    assert store.runs.list(RunFilter(assets=(AssetKey("customers"),))).items == [run]
    assert store.assets.states([AssetKey("orders")])[AssetKey("orders")].latest_run_id == run.id


def test_a_run_of_some_steps_targets_only_their_assets(store: Store) -> None:
    run = launch(store, "orders", "customers", steps=("orders",))

    assert store.runs.list(RunFilter(assets=(AssetKey("orders"),))).items == [run]
    assert store.runs.list(RunFilter(assets=(AssetKey("customers"),))).items == []
