"""Backfills in a store: asked for once, advanced whole or not at all, cancelled, retried and listed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from partita.definitions.keys import AssetKey
from partita.errors import AlreadyFinishedError, AmbiguousNameError, ConflictError, NotFoundError, RequestError
from partita.planning.backfill_batches import Launch
from partita.planning.backfill_chunks import Chunk
from partita.planning.backfill_progress import Ended
from partita.records.backfills import Backfill, BackfillFilter, BackfillItem, BackfillItemStatus, BackfillJob, BackfillRequest, BackfillStatus
from partita.records.changes import ChangeKind
from partita.records.filters import RunFilter
from partita.records.pages import PageRequest
from partita.records.queue import Limits, WaitKind, no_pools
from partita.records.runs import RunStatus
from partita.storage import backfills as storage_backfills
from partita.storage.backfills import Advanced, BackfillStep
from partita.storage.idempotency_keys import Idempotency
from partita.storage.store import Store
from support.stores import BOOM, begin, claim, launch, request, statements, status, url_of, words

ORDERS = AssetKey("orders")
DAYS = ("mon", "tue", "wed")
WAITING, RUNNING = BackfillItemStatus.WAITING, BackfillItemStatus.RUNNING
SUCCEEDED, FAILED = BackfillItemStatus.SUCCEEDED, BackfillItemStatus.FAILED
CANCELED, SKIPPED = BackfillItemStatus.CANCELED, BackfillItemStatus.SKIPPED
ASKED = BackfillRequest(selection="orders", assets=(ORDERS,), title="Orders again", tags={"team": "sales"}, priority=3)


def create(store: Store, *days: str, asked: BackfillRequest = ASKED, key: Idempotency | None = None) -> Backfill:
    """A backfill of some days of one asset."""
    return store.backfills.create(asked, [BackfillItem(asset=ORDERS, partition=day) for day in days or DAYS], key=key).backfill


def launch_of(*days: str, **rest: object) -> Launch:
    """One run for some days."""
    return Launch(request("orders", partition_keys=days, **rest), Chunk(0, None, (ORDERS,), {day: turn for turn, day in enumerate(days)}))


def step(*launches: Launch, status: BackfillStatus = BackfillStatus.RUNNING, **rest: object) -> BackfillStep:
    return BackfillStep(launches=launches, status=status, **rest)  # type: ignore[arg-type]


def advance(store: Store, backfill: Backfill, wanted: BackfillStep) -> Advanced | None:
    """Write a step of a backfill as it stands now."""
    return store.backfills.advance(store.backfills.get(backfill.id), wanted)


def launched(store: Store, backfill: Backfill, *days: str) -> str:
    """The run that some days have been launched as."""
    advanced = advance(store, backfill, step(launch_of(*days, backfill_id=backfill.id)))
    assert advanced is not None
    (run_id,) = advanced.run_ids
    return run_id


def counts(store: Store, backfill: Backfill) -> dict[BackfillItemStatus, int]:
    return {each: count for each, count in store.backfill_items.counts([backfill.id])[backfill.id].items() if count}


def statuses(store: Store, backfill: Backfill) -> dict[str | None, BackfillItemStatus]:
    return {item.partition: item.status for item in store.backfill_items.all(backfill.id)}


def test_a_backfill_is_found_as_it_was_asked_for(store: Store) -> None:
    backfill = create(store)

    assert store.backfills.get(backfill.id) == backfill
    assert (backfill.request, backfill.status, backfill.item_count) == (ASKED, BackfillStatus.REQUESTED, 3)
    assert counts(store, backfill) == {WAITING: 3}
    assert store.backfill_items.all(backfill.id) == [BackfillItem(asset=ORDERS, partition=day) for day in DAYS]
    assert [each.id for each in store.backfills.active()] == [backfill.id]


def test_a_short_id_that_two_backfills_have_is_refused_with_both(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["backfill_0000000000000000011111aaaa", "backfill_0000000000000000021111aaaa"])
    monkeypatch.setattr(storage_backfills, "new_id", lambda kind: next(ids))
    one, other = create(store), create(store)

    with pytest.raises(AmbiguousNameError) as caught:
        store.backfills.get("1111aaaa")
    assert caught.value.message.count("backfill_") == 2
    assert store.backfills.get(one.id).id != store.backfills.get(other.id).id


def test_items_of_a_job_and_of_what_has_no_partitions_are_kept_apart(store: Store) -> None:
    job = BackfillRequest(job=BackfillJob(location="here", repository="main", name="daily"))
    items = [BackfillItem(partition="mon"), BackfillItem(partition="tue")]
    plain = [BackfillItem(asset=ORDERS), BackfillItem(asset=AssetKey("sales"), partition="mon")]

    of_job = store.backfills.create(job, items).backfill
    of_assets = store.backfills.create(ASKED, plain).backfill

    assert store.backfill_items.all(of_job.id) == items
    assert store.backfill_items.all(of_assets.id) == plain


def test_the_same_key_answers_with_the_first_backfill_and_makes_no_other(store: Store) -> None:
    key = Idempotency(caller="me", key="k", request_hash="a")
    first = create(store, key=key)

    again = store.backfills.create(ASKED, [BackfillItem(asset=ORDERS, partition="mon")], key=key)

    assert (again.backfill, again.is_replay) == (first, True)
    assert store.backfills.count() == 1
    assert counts(store, first) == {WAITING: 3}
    with pytest.raises(ConflictError, match="'k' was used for another request"):
        create(store, key=Idempotency(caller="me", key="k", request_hash="b"))
    assert create(store, key=Idempotency(caller="you", key="k", request_hash="b")).id != first.id


def test_a_step_launches_its_runs_and_moves_its_items(store: Store) -> None:
    backfill = create(store)

    advanced = advance(store, backfill, step(launch_of("mon", "tue"), skipped=[(ORDERS, "wed")]))

    assert advanced is not None
    [run] = store.runs.list(RunFilter()).items
    assert advanced.run_ids == (run.id,)
    assert (run.status, run.request.partition_keys) == (RunStatus.QUEUED, ("mon", "tue"))
    assert [(item.partition, item.status, item.run_id) for item in store.backfill_items.all(backfill.id)] == [
        ("mon", RUNNING, run.id),
        ("tue", RUNNING, run.id),
        ("wed", SKIPPED, None),
    ]
    assert store.backfills.get(backfill.id).status is BackfillStatus.RUNNING


def test_the_items_of_a_run_end_together(store: Store) -> None:
    backfill = create(store)
    run_id = launched(store, backfill, "mon", "tue")
    other = launched(store, backfill, "wed")

    advance(store, backfill, step(ended=[Ended(run_id, ORDERS, SUCCEEDED, 2)]))
    advance(store, backfill, step(ended=[Ended(other, ORDERS, FAILED, 1)], status=BackfillStatus.FAILED, error=BOOM))

    assert statuses(store, backfill) == {"mon": SUCCEEDED, "tue": SUCCEEDED, "wed": FAILED}
    ended = store.backfills.get(backfill.id)
    assert (ended.status, ended.error) == (BackfillStatus.FAILED, BOOM)
    assert ended.ended_at is not None
    assert store.backfills.active() == []


@pytest.mark.parametrize(
    "wanted",
    [
        step(launch_of("tue", "mon")),
        step(launch_of("tue"), skipped=[(ORDERS, "mon")]),
        step(launch_of("tue"), ended=[Ended("run_x", ORDERS, SUCCEEDED, 1)]),
        step(launch_of("tue"), ended=[Ended("run_x", AssetKey("sales"), SUCCEEDED, 1)]),
    ],
    ids=["launched before", "skipped though launched", "another run", "another asset"],
)
def test_a_step_that_something_has_overtaken_writes_nothing(store: Store, wanted: BackfillStep) -> None:
    backfill = create(store)
    run_id = launched(store, backfill, "mon")

    assert advance(store, backfill, wanted) is None

    assert statuses(store, backfill) == {"mon": RUNNING, "tue": WAITING, "wed": WAITING}
    assert [run.id for run in store.runs.list(RunFilter()).items] == [run_id]


def test_a_step_for_a_backfill_that_was_cancelled_meanwhile_launches_nothing(store: Store) -> None:
    backfill = create(store)
    store.backfills.request_cancel(backfill.id)

    assert store.backfills.advance(backfill, step(launch_of("mon"))) is None
    assert store.runs.list(RunFilter()).items == []


def test_why_items_were_given_up_is_kept_until_a_retry(store: Store) -> None:
    backfill = create(store)
    advance(store, backfill, step(skipped=[(ORDERS, "mon")], error=BOOM))

    run_id = launched(store, backfill, "tue", "wed")
    assert store.backfills.get(backfill.id).error == BOOM
    canceling = store.backfills.request_cancel(backfill.id)
    assert (canceling.status, canceling.error) == (BackfillStatus.CANCELING, BOOM)
    advance(store, backfill, step(ended=[Ended(run_id, ORDERS, CANCELED, 2)], status=BackfillStatus.CANCELED))
    assert store.backfills.get(backfill.id).error == BOOM

    assert store.backfills.retry(backfill.id).error is None


def test_cancelling_leaves_what_is_decided(store: Store) -> None:
    backfill = create(store)
    run_id = launched(store, backfill, "mon")
    advance(store, backfill, step(ended=[Ended(run_id, ORDERS, SUCCEEDED, 1)]))

    store.backfills.request_cancel(backfill.id)
    advance(store, backfill, step(cancels_waiting=True, status=BackfillStatus.CANCELED))

    assert counts(store, backfill) == {SUCCEEDED: 1, CANCELED: 2}


def test_a_retry_asks_again_for_all_that_was_not_written(store: Store) -> None:
    backfill = create(store)
    first, second = launched(store, backfill, "mon"), launched(store, backfill, "tue")
    ended = [Ended(first, ORDERS, SUCCEEDED, 1), Ended(second, ORDERS, FAILED, 1)]
    advance(store, backfill, step(ended=ended, skipped=[(ORDERS, "wed")], status=BackfillStatus.FAILED, error=BOOM))

    retried = store.backfills.retry(backfill.id)

    assert (retried.status, retried.ended_at, retried.error) == (BackfillStatus.REQUESTED, None, None)
    assert statuses(store, backfill) == {"mon": SUCCEEDED, "tue": WAITING, "wed": WAITING}


def test_what_cannot_be_cancelled_or_retried_says_why(store: Store) -> None:
    backfill = create(store)
    with pytest.raises(ConflictError, match="can be retried when it has ended"):
        store.backfills.retry(backfill.id)
    run_id = launched(store, backfill, *DAYS)
    advance(store, backfill, step(ended=[Ended(run_id, ORDERS, SUCCEEDED, 3)], status=BackfillStatus.SUCCEEDED))

    with pytest.raises(ConflictError, match="there is nothing to retry"):
        store.backfills.retry(backfill.id)
    with pytest.raises(AlreadyFinishedError, match="succeeded"):
        store.backfills.request_cancel(backfill.id)
    for act in (store.backfills.get, store.backfills.retry, store.backfills.request_cancel):
        with pytest.raises(NotFoundError, match="backfill_x"):
            act("backfill_x")


def test_items_are_listed_page_by_page_in_the_order_of_their_turn(store: Store) -> None:
    days = [f"day{number:02}" for number in range(7)]
    backfill = create(store, *days)
    found: list[str | None] = []
    after: str | None = None
    for size in (3, 3, 1):
        page = store.backfill_items.list(backfill.id, page=PageRequest(first=3, after=after))
        assert len(page.items) == size
        found += [item.partition for item in page.items]
        after = page.cursors[-1]

    assert found == days
    with pytest.raises(RequestError, match="cursor"):
        store.backfill_items.list(backfill.id, page=PageRequest(first=3, after="nonsense"))


def test_items_are_narrowed_to_a_status_and_an_asset(store: Store) -> None:
    items = [BackfillItem(asset=key, partition="mon") for key in (ORDERS, AssetKey("sales"))]
    backfill = store.backfills.create(ASKED, items).backfill
    launched(store, backfill, "mon")

    def keys(**where: Sequence[BackfillItemStatus] | str) -> list[str]:
        found = store.backfill_items.list(backfill.id, **where).items  # type: ignore[arg-type]
        assert store.backfill_items.count(backfill.id, **where) == len(found)  # type: ignore[arg-type]
        return [str(item.asset) for item in found]

    assert keys(statuses=[RUNNING]) == ["orders"]
    assert keys(asset="sales") == ["sales"]
    assert keys(statuses=[RUNNING], asset="sales") == []
    assert keys() == ["orders", "sales"]


def test_backfills_are_listed_newest_first_and_by_status_and_asset(store: Store) -> None:
    first, second = create(store), create(store)
    other = store.backfills.create(BackfillRequest(), [BackfillItem(asset=AssetKey("sales"))]).backfill
    store.backfills.request_cancel(second.id)

    def ids(**where: object) -> list[str]:
        wanted = BackfillFilter(**where)  # type: ignore[arg-type]
        found = store.backfills.list(wanted).items
        assert store.backfills.count(wanted) == len(found)
        return [each.id for each in found]

    assert ids() == [other.id, second.id, first.id]
    assert ids(statuses=(BackfillStatus.CANCELING,)) == [second.id]
    assert ids(assets=(ORDERS,)) == [second.id, first.id]
    assert ids(ids=(first.id, "backfill_x")) == [first.id]


def test_how_runs_stand_and_what_they_have_written(store: Store) -> None:
    writer = begin(store, "orders")
    before = store.backfills.run_states([writer.run_id, "run_x"])
    store.runs.request_cancel(writer.run_id)
    writer.send(status(RunStatus.CANCELED))

    after = store.backfills.run_states([writer.run_id])

    assert list(before) == [writer.run_id]
    assert (before[writer.run_id].status, before[writer.run_id].is_cancel_requested) == (RunStatus.RUNNING, False)
    assert (after[writer.run_id].status, after[writer.run_id].is_cancel_requested) == (RunStatus.CANCELED, True)
    assert after[writer.run_id].last_seq > before[writer.run_id].last_seq
    assert store.backfills.written_steps([writer.run_id]) == {}


def test_whatever_happens_to_a_backfill_is_told(store: Store) -> None:
    start = store.changes.latest()
    backfill = create(store)
    launched(store, backfill, "mon")
    store.backfills.request_cancel(backfill.id)

    told = store.changes.after(start, kinds=[ChangeKind.BACKFILL]).changes

    assert {change.subject for change in told} == {backfill.id}


@pytest.mark.parametrize("size", [10, 1000])
def test_a_step_takes_as_many_statements_for_many_items_as_for_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    days = [f"day{number:04}" for number in range(size)]
    with statements(monkeypatch) as seen, Store(url_of(tmp_path)) as store:
        backfill = create(store, *days)
        seen.clear()

        run_id = launched(store, backfill, *days)
        advance(store, backfill, step(ended=[Ended(run_id, ORDERS, SUCCEEDED, size)], status=BackfillStatus.SUCCEEDED))

        said = [text for text in (words(sql) for sql, _ in seen) if "backfill_items" in text]
        assert len(said) == 2
        assert counts(store, backfill) == {SUCCEEDED: size}


def test_a_paused_backfill_is_left_alone_unless_runs_are_under_way(store: Store) -> None:
    idle, busy = create(store), create(store)
    run_id = launched(store, busy, "mon")

    for each in (idle, busy):
        assert store.backfills.pause(each.id).status is BackfillStatus.PAUSED
        assert store.backfills.pause(each.id).status is BackfillStatus.PAUSED

    assert [each.id for each in store.backfills.active()] == [busy.id]
    advance(store, busy, step(ended=[Ended(run_id, ORDERS, SUCCEEDED, 1)], status=BackfillStatus.PAUSED))
    assert store.backfills.active() == []
    assert store.backfills.count(BackfillFilter(statuses=(BackfillStatus.PAUSED,))) == 2


def test_a_resumed_backfill_is_where_it_was(store: Store) -> None:
    fresh, begun = create(store), create(store)
    launched(store, begun, "mon")
    for each in (fresh, begun):
        store.backfills.pause(each.id)

    resumed = [store.backfills.resume(each.id).status for each in (fresh, begun)]

    assert resumed == [BackfillStatus.REQUESTED, BackfillStatus.RUNNING]
    assert [store.backfills.resume(each.id).status for each in (fresh, begun)] == resumed
    assert {each.id for each in store.backfills.active()} == {fresh.id, begun.id}


def test_a_step_for_a_backfill_that_was_paused_meanwhile_launches_nothing(store: Store) -> None:
    backfill = create(store)
    store.backfills.pause(backfill.id)

    assert store.backfills.advance(backfill, step(launch_of("mon"))) is None
    assert store.runs.list(RunFilter()).items == []


def test_pausing_keeps_the_reason_for_what_was_given_up(store: Store) -> None:
    backfill = create(store)
    advance(store, backfill, step(skipped=[(ORDERS, "mon")], error=BOOM))

    assert store.backfills.pause(backfill.id).error == BOOM
    assert store.backfills.resume(backfill.id).error == BOOM


def test_what_ends_or_has_ended_is_neither_paused_nor_resumed(store: Store) -> None:
    backfill = create(store)
    store.backfills.request_cancel(backfill.id)
    for act, word in ((store.backfills.pause, "paused"), (store.backfills.resume, "resumed")):
        with pytest.raises(ConflictError, match=f"being cancelled and cannot be {word}"):
            act(backfill.id)
    advance(store, backfill, step(cancels_waiting=True, status=BackfillStatus.CANCELED))

    for act in (store.backfills.pause, store.backfills.resume):
        with pytest.raises(AlreadyFinishedError, match="already ended \\(canceled\\)"):
            act(backfill.id)
        with pytest.raises(NotFoundError, match="backfill_x"):
            act("backfill_x")
    assert store.backfills.get(backfill.id).status is BackfillStatus.CANCELED


def test_pausing_and_resuming_are_told(store: Store) -> None:
    backfill = create(store)
    start = store.changes.latest()

    store.backfills.pause(backfill.id)
    paused = store.changes.after(start, kinds=[ChangeKind.BACKFILL])
    store.backfills.pause(backfill.id)
    store.backfills.resume(backfill.id)

    assert [change.subject for change in paused.changes] == [backfill.id]
    assert [change.subject for change in store.changes.after(paused.cursor, kinds=[ChangeKind.BACKFILL]).changes] == [backfill.id]


def test_a_retry_takes_only_what_is_asked_for(store: Store) -> None:
    backfill = create(store)
    run_id = launched(store, backfill, "mon")
    advance(store, backfill, step(ended=[Ended(run_id, ORDERS, FAILED, 1)], skipped=[(ORDERS, "tue")]))
    store.backfills.request_cancel(backfill.id)
    advance(store, backfill, step(cancels_waiting=True, status=BackfillStatus.CANCELED))

    store.backfills.retry(backfill.id, statuses=[FAILED])

    assert statuses(store, backfill) == {"mon": WAITING, "tue": SKIPPED, "wed": CANCELED}


def test_a_retry_of_what_is_not_there_changes_nothing(store: Store) -> None:
    backfill = create(store)
    run_id = launched(store, backfill, *DAYS)
    advance(store, backfill, step(ended=[Ended(run_id, ORDERS, FAILED, 3)], status=BackfillStatus.FAILED, error=BOOM))

    with pytest.raises(ConflictError, match=r"No partition of backfill .* is canceled or skipped"):
        store.backfills.retry(backfill.id, statuses=[SKIPPED, CANCELED])

    unchanged = store.backfills.get(backfill.id)
    assert (unchanged.status, unchanged.error) == (BackfillStatus.FAILED, BOOM)


def test_another_priority_holds_for_the_runs_that_are_queued_and_those_that_come(store: Store) -> None:
    backfill, other = create(store), create(store)
    running, queued = launched(store, backfill, "mon"), launched(store, backfill, "tue")
    elsewhere = launched(store, other, "mon")
    assert [each.run.id for each in claim(store)] == [running]
    start = store.changes.latest()

    assert store.backfills.set_priority(backfill.id, 7).request.priority == 7

    found = {run.id: run.request.priority for run in store.runs.list(RunFilter()).items}
    assert found == {running: 0, queued: 7, elsewhere: 0}
    assert {change.subject for change in store.changes.after(start).changes} == {backfill.id, queued}
    assert store.backfills.get(backfill.id).request == msgspec.structs.replace(ASKED, priority=7)


def test_a_step_that_was_made_before_another_priority_launches_nothing(store: Store) -> None:
    backfill = create(store)
    store.backfills.set_priority(backfill.id, 7)

    assert store.backfills.advance(backfill, step(launch_of("mon"), status=BackfillStatus.REQUESTED)) is None


def test_what_has_ended_gets_no_other_priority(store: Store) -> None:
    backfill = create(store)
    advance(store, backfill, step(cancels_waiting=True, status=BackfillStatus.CANCELED))

    with pytest.raises(AlreadyFinishedError):
        store.backfills.set_priority(backfill.id, 7)


def test_queued_runs_of_a_paused_backfill_wait_until_it_is_resumed_and_say_so(store: Store) -> None:
    backfill = create(store)
    held = launched(store, backfill, "mon")
    other = launch(store, "orders")
    store.backfills.pause(backfill.id)

    reasons = store.queue.waiting([held, other.id], Limits(max_concurrent=1), no_pools)
    claimed = [each.run.id for each in claim(store, limit=5, max_concurrent=2)]

    assert claimed == [other.id], "it takes no room from others"
    assert (reasons[held].kind, reasons[held].message) == (WaitKind.PAUSED, f"Backfill {backfill.id} is paused. It can start once that is resumed.")
    assert claim(store) == []
    store.backfills.resume(backfill.id)
    assert [each.run.id for each in claim(store)] == [held], "it is looked at again although the queue is the same"


def test_a_run_of_a_paused_backfill_that_is_held_can_be_cancelled(store: Store) -> None:
    backfill = create(store)
    held = launched(store, backfill, "mon")
    store.backfills.pause(backfill.id)

    assert store.runs.request_cancel(held).status is RunStatus.CANCELED
