from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from partita.definitions.keys import AssetKey
from partita.definitions.metadata import to_entries
from partita.errors import AlreadyFinishedError, ConflictError, LeaseLostError, NotFoundError
from partita.records.events import (
    Event,
    InputLoaded,
    LogLevel,
    OutputSaved,
    ProcessStarted,
    ProgressMade,
    StepCanceled,
    StepFailed,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    StepUpstreamFailed,
)
from partita.records.runs import RunStatus
from partita.storage.claims import Claim
from partita.storage.store import Store
from support.stores import (
    BOOM,
    LEASE,
    NOON,
    OVER,
    Writer,
    checked,
    claim,
    launch,
    log,
    materialized,
    plan,
    statements,
    status,
    url_of,
    words,
)

EVERY_KIND: tuple[Event, ...] = (
    plan("orders", "customers", reused=["customers"]),
    status(RunStatus.RUNNING),
    ProcessStarted(at=NOON, step="orders", pid=42, host="box", how="fork", startup=0.004),
    StepStarted(at=NOON, step="orders"),
    InputLoaded(at=NOON, step="orders", input="raw", asset=AssetKey("raw/orders")),
    log('line one\nline "two" \u2603 \U0001f600 \x00', LogLevel.WARNING, step="orders"),
    ProgressMade(at=NOON, step="orders", done=1, total=3, message="a third"),
    OutputSaved(at=NOON, step="orders", output="result", metadata=to_entries({"rows": 3})),
    materialized("orders", "2026-03-01", data_version="v1", metadata=to_entries({"rows": 3, "share": 0.5})),
    checked("orders", "is_fresh", passed=False, partition="2026-03-01"),
    StepFailed(at=NOON, step="orders", error=BOOM, duration=1.5, retry_after=2.0),
    StepStarted(at=NOON, step="orders", attempt=2),
    StepSucceeded(at=NOON, step="orders", attempt=2, duration=0.5),
    StepSkipped(at=NOON, step="x", reason="not produced"),
    StepUpstreamFailed(at=NOON, step="y", causes=("x",)),
    StepCanceled(at=NOON, step="z"),
    status(RunStatus.FAILED, error=BOOM, reason="because"),
)


def claimed_writer(store: Store, name: str = "worker") -> Writer:
    """A writer of a run that was just claimed."""
    launch(store, "orders")
    [claimed] = claim(store)
    return Writer(store, claimed, name)


def test_events_come_back_as_they_were_sent(store: Store) -> None:
    writer = claimed_writer(store)

    last = writer.send(*EVERY_KIND)

    stored = store.events.after(writer.run_id, seq=2)
    assert [each.event for each in stored] == list(EVERY_KIND)
    assert [each.seq for each in stored] == list(range(3, 3 + len(EVERY_KIND)))
    assert last == stored[-1].seq == store.runs.get(writer.run_id).last_seq


def test_sequence_numbers_have_no_gap_whoever_writes(store: Store) -> None:
    writer = claimed_writer(store)
    other = Writer(store, claim_of(writer), "another")

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda each: [each.send(log("x"), log("y")) for _ in range(50)], (writer, other)))
    store.runs.request_cancel(writer.run_id)

    seqs = [each.seq for each in store.events.after(writer.run_id, seq=0, limit=1000)]
    assert seqs == list(range(1, 2 + 200 + 1 + 1))


def claim_of(writer: Writer) -> Claim:
    """The claim that a writer works under."""
    return Claim(writer.store.runs.get(writer.run_id), writer.epoch)


def test_a_batch_sent_again_is_recognised(store: Store) -> None:
    writer = claimed_writer(store)
    batch: list[Event] = [log("one"), materialized("orders"), log("two")]
    first = store.events.append(writer.run_id, epoch=writer.epoch, writer="w", first=7, events=batch, lease=LEASE)
    cursor = store.changes.latest()

    again = store.events.append(writer.run_id, epoch=writer.epoch, writer="w", first=7, events=batch, lease=LEASE)

    assert again == first
    assert store.events.count(writer.run_id) == 2 + 3
    assert store.assets.states([AssetKey("orders")])[AssetKey("orders")].materialization_count == 1
    assert store.changes.latest() == cursor


def test_of_a_batch_that_is_partly_there_the_rest_is_added(store: Store) -> None:
    writer = claimed_writer(store)
    batch = [log(f"line {number}") for number in range(5)]
    store.events.append(writer.run_id, epoch=writer.epoch, writer="w", first=0, events=batch[:3], lease=LEASE)

    store.events.append(writer.run_id, epoch=writer.epoch, writer="w", first=0, events=batch, lease=LEASE)

    assert [each.event for each in store.events.after(writer.run_id, seq=2)] == batch


def test_two_writers_may_use_the_same_numbers(store: Store) -> None:
    writer = claimed_writer(store)

    for name in ("a", "b"):
        store.events.append(writer.run_id, epoch=writer.epoch, writer=name, first=0, events=[log(name)], lease=LEASE)

    assert [each.event for each in store.events.after(writer.run_id, seq=2)] == [log("a"), log("b")]


def test_the_last_batch_of_a_run_can_be_sent_again(store: Store) -> None:
    writer = claimed_writer(store)
    batch: list[Event] = [log("done"), status(RunStatus.SUCCEEDED)]
    first = store.events.append(writer.run_id, epoch=writer.epoch, writer="w", first=0, events=batch, lease=LEASE)

    assert store.events.append(writer.run_id, epoch=writer.epoch, writer="w", first=0, events=batch, lease=LEASE) == first


@pytest.mark.parametrize("difference", [-1, 1])
def test_another_epoch_writes_nothing(store: Store, difference: int) -> None:
    run = launch(store, "orders")
    store.runs.release(run.id, claim(store)[0].epoch)
    [claimed] = claim(store, lease=OVER)
    before = (store.runs.get(run.id), store.events.after(run.id, seq=0), store.changes.latest())

    with pytest.raises(LeaseLostError, match=run.id):
        store.events.append(run.id, epoch=claimed.epoch + difference, writer="w", first=0, events=EVERY_KIND, lease=LEASE)

    assert (store.runs.get(run.id), store.events.after(run.id, seq=0), store.changes.latest()) == before
    assert [expired.id for expired in store.runs.expired()] == [run.id]


def test_a_run_that_does_not_exist_is_not_found(store: Store) -> None:
    with pytest.raises(NotFoundError, match="run_gone"):
        store.events.append("run_gone", epoch=1, writer="w", first=0, events=[log("x")], lease=LEASE)


def test_nothing_is_added_after_the_end(store: Store) -> None:
    writer = claimed_writer(store)
    writer.send(status(RunStatus.SUCCEEDED))

    with pytest.raises(AlreadyFinishedError):
        writer.send(log("one more thing"))

    assert store.events.count(writer.run_id) == 3


def test_a_status_that_may_not_follow_refuses_the_whole_batch(store: Store) -> None:
    writer = claimed_writer(store)
    store.runs.request_cancel(writer.run_id)
    before = store.runs.get(writer.run_id)

    with pytest.raises(ConflictError, match="cannot become running"):
        writer.send(plan("orders"), status(RunStatus.RUNNING), materialized("orders"))

    assert store.runs.get(writer.run_id) == before
    assert store.runs.steps([writer.run_id]) == {writer.run_id: []}
    assert store.assets.states([AssetKey("orders")])[AssetKey("orders")].materialization_count == 0


def test_a_big_batch_takes_no_more_statements_than_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def batch(size: int) -> list[Event]:
        return [
            event
            for number in range(size)
            for event in (StepStarted(at=NOON, step=f"s{number}"), materialized(f"a{number}", "p"), checked(f"a{number}", "c", passed=True))
        ]

    with statements(monkeypatch) as seen, Store(url_of(tmp_path)) as store:
        writer = claimed_writer(store)
        writer.send(*batch(2))  # so that every name is known
        counts = []
        for size in (2, 200):
            writer.send(*batch(size))
            seen.clear()
            writer.send(*batch(size))
            counts.append(len(seen))

    assert counts[0] == counts[1] <= 14, [words(sql) for sql, _ in seen]
