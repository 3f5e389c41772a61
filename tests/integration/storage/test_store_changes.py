from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from partita.errors import ConflictError, RequestError
from partita.records.changes import ChangeBatch, ChangeKind
from partita.records.events import StepStarted
from partita.records.runs import RunStatus
from partita.storage.store import Store
from support.stores import NOON, begin, claim, launch, log, materialized, request, status


def subjects(batch: ChangeBatch) -> list[tuple[ChangeKind, str]]:
    return [(change.kind, change.subject) for change in batch.changes]


def test_a_transaction_tells_each_subject_once(store: Store) -> None:
    writer = begin(store, "orders")
    cursor = store.changes.latest()

    writer.send(log("x"), materialized("orders"), materialized("sales"), materialized("orders"), StepStarted(at=NOON, step="orders"))

    told = subjects(store.changes.after(cursor))
    assert sorted(told) == sorted([(ChangeKind.RUN, writer.run_id), (ChangeKind.ASSET, "orders"), (ChangeKind.ASSET, "sales")])


def test_everything_that_happens_to_a_run_is_told(store: Store) -> None:
    run = launch(store, "orders")

    def claim_it() -> None:
        claim(store)

    for act in (
        claim_it,
        lambda: store.runs.release(run.id, 1),
        claim_it,
        lambda: store.runs.request_cancel(run.id),
        lambda: store.runs.request_cancel(run.id, force=True),
    ):
        cursor = store.changes.latest()
        act()
        assert subjects(store.changes.after(cursor, kinds=[ChangeKind.RUN])) == [(ChangeKind.RUN, run.id)]


def test_the_feed_is_read_in_portions(store: Store) -> None:
    cursor = store.changes.latest()
    runs = store.runs.launch([request() for _ in range(5)]).runs

    first = store.changes.after(cursor, limit=2)
    second = store.changes.after(first.cursor, limit=2)
    third = store.changes.after(second.cursor, limit=2)
    nothing = store.changes.after(third.cursor, limit=2)

    assert [change.subject for batch in (first, second, third) for change in batch.changes] == [run.id for run in runs]
    assert nothing == ChangeBatch(changes=(), cursor=third.cursor)
    assert third.cursor == store.changes.latest()


def test_only_the_wanted_kinds_are_told_and_the_rest_is_passed_over(store: Store) -> None:
    cursor = store.changes.latest()
    launch(store, "orders")

    batch = store.changes.after(cursor, kinds=[ChangeKind.LOCATION])

    assert batch.changes == ()
    assert batch.cursor == store.changes.latest() != cursor


def test_without_a_cursor_the_feed_begins_with_what_is_kept(store: Store) -> None:
    run = launch(store)

    assert subjects(store.changes.after(None)) == [(ChangeKind.RUN, run.id)]


def test_a_pruned_cursor_is_expired_and_leads_to_now(store: Store) -> None:
    old = store.changes.latest()
    for _ in range(3):
        launch(store, "orders")
    store.retention.prune(events_before=NOON, changes_before=datetime.now(UTC) + timedelta(seconds=1), idempotency_before=NOON)

    batch = store.changes.after(old)

    assert batch.is_expired
    assert batch.changes == ()
    assert batch.cursor == store.changes.latest()
    assert not store.changes.after(batch.cursor).is_expired


def test_a_cursor_from_after_the_end_is_expired(store: Store) -> None:
    assert store.changes.after("12345").is_expired


@pytest.mark.parametrize("cursor", ["", "x", "-1", "9" * 30])
def test_a_bad_cursor_of_changes_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(RequestError, match="is not a cursor of the changes"):
        store.changes.after(cursor)


def test_nothing_is_missed_while_many_write(store: Store) -> None:
    """A reader that follows the feed sees every run, though it starts before and reads between."""
    cursor, seen = store.changes.latest(), set()
    threads = [threading.Thread(target=lambda: [launch(store, "orders") for _ in range(25)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or cursor != store.changes.latest():
        batch = store.changes.after(cursor, limit=7)
        seen |= {change.subject for change in batch.changes if change.kind is ChangeKind.RUN}
        cursor = batch.cursor

    assert len(seen) == 100


def test_the_bell_rings_for_a_commit_of_this_process(store: Store) -> None:
    with store.bell() as bell:
        assert not bell.poll()
        launch(store, "orders")
        assert bell.wait(10)  # PostgreSQL carries it a moment after the commit
        assert not bell.poll()


def test_the_bell_rings_for_a_commit_of_another_store(store: Store) -> None:
    with store.bell() as bell, Store(store.url) as other:
        bell.poll()
        launch(other, "orders")
        assert bell.wait(10)  # PostgreSQL carries it a moment after the commit


def test_the_bell_does_not_ring_for_reading(store: Store) -> None:
    launch(store, "orders")
    with store.bell() as bell:
        store.runs.list()
        store.changes.latest()
        assert not bell.poll()


def test_waiting_ends_with_the_commit_or_the_time(store: Store) -> None:
    with store.bell() as bell:
        assert not bell.wait(0.02)
        later = threading.Timer(0.05, lambda: launch(store, "orders"))
        later.start()
        began = time.monotonic()
        assert bell.wait(30)
        assert time.monotonic() - began < 10
        later.join()


def test_a_refused_write_rings_no_bell_and_tells_no_change(store: Store) -> None:
    writer = begin(store, "orders")
    cursor = store.changes.latest()
    with store.bell() as bell:
        with pytest.raises(ConflictError):
            writer.send(materialized("orders"), status(RunStatus.QUEUED))

        assert not bell.poll()
    assert store.changes.after(cursor).changes == ()
