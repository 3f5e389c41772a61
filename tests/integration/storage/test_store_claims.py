from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from partita.errors import AlreadyFinishedError, ConflictError, LeaseLostError, NotFoundError
from partita.records.events import RunStatusChanged, StepFailed, StepStarted, StepSucceeded
from partita.records.runs import Run, RunStatus, StepStatus
from partita.storage.store import Store
from support.stores import BOOM, LEASE, NOON, OVER, Writer, begin, claim, launch, log, plan, request, status


def statuses(store: Store, run_id: str) -> list[RunStatus]:
    """The statuses that the run's log tells of."""
    return [each.event.status for each in store.events.after(run_id, seq=0) if isinstance(each.event, RunStatusChanged)]


def test_a_claimed_run_is_starting_under_a_new_epoch(store: Store) -> None:
    run = launch(store, "orders")

    [claimed] = claim(store, catalog_hash="c0ffee")

    assert claimed.epoch == 1
    assert (claimed.run.id, claimed.run.status, claimed.run.catalog_hash) == (run.id, RunStatus.STARTING, "c0ffee")
    assert store.runs.get(run.id) == claimed.run
    assert statuses(store, run.id) == [RunStatus.QUEUED, RunStatus.STARTING]


def test_nothing_queued_is_nothing_claimed(store: Store) -> None:
    assert claim(store) == []


def test_a_run_is_claimed_once(store: Store) -> None:
    store.runs.launch([request("orders") for _ in range(40)])

    with ThreadPoolExecutor(8) as threads:
        claims = [each.run.id for found in threads.map(lambda _: claim(store, limit=3), range(16)) for each in found]

    assert len(claims) == 40
    assert len(set(claims)) == 40


def test_high_priority_comes_first_and_then_the_oldest(store: Store) -> None:
    low = launch(store, "orders", priority=-1)
    first = launch(store, "orders")
    both = store.runs.launch([request("orders", priority=5), request("orders", priority=5)]).runs

    claimed = [each.run.id for each in claim(store, limit=10)]

    assert claimed == [both[0].id, both[1].id, first.id, low.id]


def test_the_limit_is_kept(store: Store) -> None:
    runs = store.runs.launch([request("orders") for _ in range(3)]).runs

    assert [each.run.id for each in claim(store, limit=2)] == [runs[0].id, runs[1].id]
    assert claim(store, limit=0) == []
    assert [each.run.id for each in claim(store, limit=2)] == [runs[2].id]


def test_only_runs_of_the_location_are_claimed(store: Store) -> None:
    launch(store, "orders", location="elsewhere")

    assert claim(store) == []


def test_active_runs_of_every_location_count_against_the_maximum(store: Store) -> None:
    store.runs.launch([request("orders", location="elsewhere"), *(request("orders") for _ in range(5))])
    claim(store, limit=1, location="elsewhere")
    first = claim(store, limit=10, max_concurrent=3)

    assert len(first) == 2
    assert claim(store, limit=10, max_concurrent=3) == []

    Writer(store, first[0]).send(status(RunStatus.SUCCEEDED))

    assert len(claim(store, limit=10, max_concurrent=3)) == 1


def test_many_claimers_never_exceed_the_maximum(store: Store) -> None:
    store.runs.launch([request("orders") for _ in range(30)])

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: claim(store, limit=5, max_concurrent=7), range(16)))

    assert sum(map(len, found)) == 7


def test_a_lease_is_renewed_by_its_epoch_only(store: Store) -> None:
    store.runs.launch([request("orders"), request("orders")])
    first, second = claim(store, limit=2, lease=OVER)

    renewed = store.runs.renew([(first.run.id, first.epoch), (second.run.id, second.epoch + 1), ("run_gone", 1)], lease=LEASE)

    assert renewed == {first.run.id}
    assert [run.id for run in store.runs.expired()] == [second.run.id]
    assert store.runs.renew([], lease=LEASE) == set()


def test_a_finished_run_is_not_renewed(store: Store) -> None:
    writer = begin(store, "orders")
    writer.send(status(RunStatus.SUCCEEDED))

    assert store.runs.renew([(writer.run_id, writer.epoch)], lease=LEASE) == set()


def test_a_batch_of_events_renews_the_lease(store: Store) -> None:
    launch(store, "orders")
    [claimed] = claim(store, lease=OVER)
    assert [run.id for run in store.runs.expired()] == [claimed.run.id]

    Writer(store, claimed).send(log("alive"), lease=LEASE)

    assert store.runs.expired() == []


def test_a_batch_without_a_lease_leaves_it_as_it_is(store: Store) -> None:
    launch(store, "orders")
    [claimed] = claim(store, lease=OVER)

    Writer(store, claimed).send(log("alive"), lease=None)

    assert [run.id for run in store.runs.expired()] == [claimed.run.id]


def test_a_released_run_is_queued_again_and_its_former_holder_refused(store: Store) -> None:
    run = launch(store, "orders")
    [claimed] = claim(store)
    writer = Writer(store, claimed)
    writer.send(plan("orders"))

    store.runs.release(run.id, claimed.epoch)

    again = store.runs.get(run.id)
    assert (again.status, again.started_at, again.catalog_hash) == (RunStatus.QUEUED, None, None)
    assert store.runs.steps([run.id]) == {run.id: []}
    with pytest.raises(LeaseLostError):
        writer.send(log("too late"))
    [second] = claim(store)
    assert second.run.id == run.id
    assert second.epoch > claimed.epoch


def test_only_the_holder_can_release(store: Store) -> None:
    run = launch(store, "orders")
    [claimed] = claim(store)

    with pytest.raises(LeaseLostError):
        store.runs.release(run.id, claimed.epoch + 1)
    with pytest.raises(NotFoundError):
        store.runs.release("run_gone", 1)

    assert store.runs.get(run.id).status is RunStatus.STARTING


def test_a_run_that_has_begun_cannot_go_back_to_the_queue(store: Store) -> None:
    writer = begin(store, "orders")

    with pytest.raises(ConflictError, match="only a run that is starting"):
        store.runs.release(writer.run_id, writer.epoch)


def test_cancelling_a_queued_run_ends_it_at_once(store: Store) -> None:
    run = launch(store, "orders")

    canceled = store.runs.request_cancel(run.id, force=False)

    assert canceled.status is RunStatus.CANCELED
    assert canceled.ended_at is not None
    assert claim(store) == []
    assert statuses(store, run.id) == [RunStatus.QUEUED, RunStatus.CANCELED]


def test_cancelling_an_active_run_asks_its_holder(store: Store) -> None:
    writer = begin(store, "orders")

    canceling = store.runs.request_cancel(writer.run_id, force=False)

    assert canceling.status is RunStatus.CANCELING
    assert canceling.cancel_requested_at is not None
    assert store.runs.cancel_requests([writer.run_id, "run_gone"]) == {writer.run_id: False}


def test_a_second_request_can_add_force_but_not_take_it_away(store: Store) -> None:
    writer = begin(store, "orders")
    asked_at = store.runs.request_cancel(writer.run_id).cancel_requested_at

    store.runs.request_cancel(writer.run_id, force=True)
    last = store.runs.request_cancel(writer.run_id, force=False)

    assert (last.cancel_requested_at, last.is_cancel_forced) == (asked_at, True)
    assert store.runs.cancel_requests([writer.run_id]) == {writer.run_id: True}
    assert statuses(store, writer.run_id).count(RunStatus.CANCELING) == 1


def test_a_finished_run_cannot_be_cancelled(store: Store) -> None:
    writer = begin(store, "orders")
    writer.send(status(RunStatus.SUCCEEDED))

    with pytest.raises(AlreadyFinishedError, match="already ended"):
        store.runs.request_cancel(writer.run_id)
    with pytest.raises(NotFoundError):
        store.runs.request_cancel("run_gone")


def test_a_run_whose_lease_holds_is_not_failed(store: Store) -> None:
    writer = begin(store, "orders")

    assert store.runs.fail_expired(writer.run_id, BOOM) is None
    assert store.runs.get(writer.run_id).status is RunStatus.RUNNING


def test_a_run_that_is_queued_or_finished_is_not_failed(store: Store) -> None:
    queued = launch(store, "orders", location="elsewhere")
    done = begin(store, "orders")
    done.send(status(RunStatus.SUCCEEDED), lease=OVER)

    assert store.runs.expired() == []
    assert store.runs.fail_expired(queued.id, BOOM) is None
    assert store.runs.fail_expired(done.run_id, BOOM) is None
    with pytest.raises(NotFoundError):
        store.runs.fail_expired("run_gone", BOOM)


def lost_run(store: Store) -> Writer:
    """A run with a step that succeeded, one that runs and one that waits, whose lease has ended."""
    writer = begin(store, "a", "b", "c")
    writer.send(StepStarted(at=NOON, step="a"), StepSucceeded(at=NOON, step="a", duration=1), StepStarted(at=NOON, step="b"), lease=OVER)
    return writer


def steps_of(store: Store, run_id: str) -> dict[str, StepStatus]:
    return {step.key: step.status for step in store.runs.steps([run_id])[run_id]}


def test_a_lost_run_fails_with_its_unfinished_steps(store: Store) -> None:
    writer = lost_run(store)

    failed = store.runs.fail_expired(writer.run_id, BOOM)

    assert failed == store.runs.get(writer.run_id)
    assert isinstance(failed, Run)
    assert (failed.status, failed.error) == (RunStatus.FAILED, BOOM)
    assert steps_of(store, writer.run_id) == {"a": StepStatus.SUCCEEDED, "b": StepStatus.FAILED, "c": StepStatus.UPSTREAM_FAILED}
    outcomes = [each.event for each in store.events.after(writer.run_id, seq=0) if isinstance(each.event, StepFailed)]
    assert [(event.step, event.attempt, event.error) for event in outcomes] == [("b", 1, BOOM)]


def test_a_lost_run_that_was_to_be_cancelled_is_cancelled(store: Store) -> None:
    writer = lost_run(store)
    store.runs.request_cancel(writer.run_id)

    ended = store.runs.fail_expired(writer.run_id, BOOM)

    assert ended is not None
    assert ended.status is RunStatus.CANCELED
    assert steps_of(store, writer.run_id) == {"a": StepStatus.SUCCEEDED, "b": StepStatus.CANCELED, "c": StepStatus.CANCELED}


def test_the_holder_of_a_lost_run_writes_nothing_more(store: Store) -> None:
    writer = lost_run(store)
    store.runs.fail_expired(writer.run_id, BOOM)
    before = store.events.after(writer.run_id, seq=0)

    with pytest.raises(LeaseLostError):
        writer.send(status(RunStatus.SUCCEEDED))

    assert store.events.after(writer.run_id, seq=0) == before
    assert store.runs.fail_expired(writer.run_id, BOOM) is None


def test_a_lost_run_that_never_had_a_plan_fails_too(store: Store) -> None:
    run = launch(store, "orders")
    claim(store, lease=OVER)

    failed = store.runs.fail_expired(run.id, BOOM)

    assert failed is not None
    assert failed.status is RunStatus.FAILED


def test_a_run_that_was_lost_before_it_began_goes_back_to_the_queue(store: Store) -> None:
    run = launch(store, "orders")
    [lost] = claim(store, lease=OVER)

    again = store.runs.requeue_expired(run.id)

    assert again is not None
    assert again.status is RunStatus.QUEUED
    with pytest.raises(LeaseLostError):
        Writer(store, lost).send(status(RunStatus.RUNNING))
    [held] = claim(store)
    assert (held.run.id, held.epoch) == (run.id, lost.epoch + 2)
    assert store.runs.requeue_expired(run.id) is None, "its lease holds"


def test_a_run_that_three_workers_have_died_of_is_not_given_to_a_fourth(store: Store) -> None:
    run = launch(store, "orders")
    for _ in range(2):
        claim(store, lease=OVER)
        assert store.runs.requeue_expired(run.id) is not None
    claim(store, lease=OVER)

    assert store.runs.requeue_expired(run.id) is None
    assert store.runs.fail_expired(run.id, BOOM) is not None


def test_a_run_that_had_begun_is_not_begun_anew(store: Store) -> None:
    writer = lost_run(store)

    assert store.runs.requeue_expired(writer.run_id) is None


def test_two_that_find_a_lost_run_end_it_once(store: Store) -> None:
    writer = lost_run(store)

    with ThreadPoolExecutor(4) as threads:
        ends = list(threads.map(lambda _: store.runs.fail_expired(writer.run_id, BOOM), range(8)))

    assert sum(run is not None for run in ends) == 1
    assert statuses(store, writer.run_id).count(RunStatus.FAILED) == 1


def test_expired_runs_come_with_the_longest_lost_first(store: Store) -> None:
    runs = store.runs.launch([request("orders") for _ in range(3)]).runs
    for seconds in (-10, -30, -20):
        claim(store, lease=timedelta(seconds=seconds))

    assert [run.id for run in store.runs.expired()] == [runs[1].id, runs[2].id, runs[0].id]
    assert [run.id for run in store.runs.expired(limit=1)] == [runs[1].id]


def test_runs_launched_together_are_claimed_in_their_order(store: Store) -> None:
    launched = [run.id for run in store.runs.launch([request("orders") for _ in range(200)]).runs]

    assert [each.run.id for each in claim(store, limit=200)] == launched
