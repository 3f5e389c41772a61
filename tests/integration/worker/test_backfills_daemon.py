"""The daemon's part of backfills: what it launches and writes, and when it leaves the database alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import partita as pt
from partita.automation import backfills
from partita.automation.backfills import HEAL, IDLE, Backfills
from partita.automation.published import PublishedWorkspace
from partita.definitions.keys import AssetKey
from partita.definitions.specs import GraphSpec, JobSpec, RepositorySpec
from partita.planning.backfill import BackfillScope, PartitionsChosen, plan_assets
from partita.records.backfills import Backfill, BackfillItem, BackfillItemStatus, BackfillJob, BackfillRequest, BackfillStatus
from partita.records.events import StepFailed, StepSucceeded
from partita.records.filters import RunFilter
from partita.records.locations import LocationCatalog
from partita.records.pages import PageRequest
from partita.records.runs import Run, RunStatus
from partita.storage.claims import Claim
from partita.storage.store import Store
from support.backfills import WEEK
from support.stores import BOOM, LOCATION, NOON, Writer, claim, plan, statements, status, url_of, words

DAYS = [f"2024-01-0{day}" for day in range(1, 8)]
RAW = pt.AssetSpec("raw", partitions=WEEK, is_external=False)
CLEAN = pt.AssetSpec("clean", deps=["raw"], partitions=WEEK, is_external=False)
OTHER = pt.AssetSpec("other", partitions=WEEK, is_external=False, backfill=pt.Backfill.single_run())
TOTAL = pt.AssetSpec("total", deps=["clean"], is_external=False)
Seen = list[tuple[str, object]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(url_of(tmp_path)) as opened:
        yield opened


def publish(store: Store, *specs: pt.AssetSpec, **rest: tuple[object, ...]) -> None:
    """Make these the assets of the workspace."""
    store.locations.declare([(LOCATION, {"file": "x.py"})])
    catalog = LocationCatalog(location=LOCATION, repositories=(RepositorySpec(name="main", assets=specs, **rest),))  # type: ignore[arg-type]
    store.locations.publish(LOCATION, catalog, python_version="3", library_version="0", start="fork")


def start(store: Store, *keys: str) -> Backfill:
    """A backfill of all partitions of some assets."""
    workspace = PublishedWorkspace(store).read()
    scope = BackfillScope(graph=workspace.graph, owners=workspace.owners, now=store.now(), dynamic={})
    assets = tuple(map(AssetKey, keys))
    items = plan_assets(assets, PartitionsChosen(is_all=True), scope, states_of=lambda _: {})
    return store.backfills.create(BackfillRequest(assets=assets), items).backfill


def runs(store: Store, *statuses: RunStatus) -> list[Run]:
    """The runs that stand so, the oldest first."""
    return list(store.runs.list(RunFilter(statuses=statuses or None), page=PageRequest(first=500)).items)[::-1]


def counts(store: Store, backfill: Backfill) -> dict[BackfillItemStatus, int]:
    return {each: count for each, count in store.backfill_items.counts([backfill.id])[backfill.id].items() if count}


def work(store: Store, *, failed: tuple[str, ...] = (), limit: int = 1000) -> None:
    """Do what is in the queue; steps of assets in `failed` fail."""
    end(store, claim(store, limit=limit), failed=failed)


def end(store: Store, begun: Sequence[Claim], *, failed: tuple[str, ...] = ()) -> None:
    """Do runs that have been claimed; steps of assets in `failed` fail."""
    for claimed in begun:
        steps = [str(key) for key in claimed.run.request.assets] or ["work"]
        ends = [
            StepFailed(at=NOON, step=each, error=BOOM, duration=1) if each in failed else StepSucceeded(at=NOON, step=each, duration=1)
            for each in steps
        ]
        ending = RunStatus.FAILED if set(failed) & set(steps) else RunStatus.SUCCEEDED
        Writer(store, claimed).send(plan(*steps), status(RunStatus.RUNNING), *ends, status(ending))


def play(store: Store, look: Callable[[], float], backfill: Backfill, *, failed: tuple[str, ...] = ()) -> Backfill:
    """Look and work until the backfill has ended."""
    for _ in range(20):
        look()
        if (now := store.backfills.get(backfill.id)).status.is_finished:
            return now
        work(store, failed=failed)
    raise AssertionError(f"it does not end: {store.backfills.get(backfill.id)}")


def test_without_backfills_it_is_left_alone_until_the_bell_rings(store: Store) -> None:
    assert Backfills(store)() == IDLE


def test_it_launches_in_order_and_ends_with_success(store: Store) -> None:
    publish(store, RAW, CLEAN, TOTAL)
    backfill = start(store, "raw", "clean", "total")
    look = Backfills(store)

    assert look() == HEAL
    assert [(run.request.assets, run.request.partition_keys) for run in runs(store)] == [(("raw", "clean"), (day,)) for day in DAYS]
    done = play(store, look, backfill)

    assert (done.status, done.error) == (BackfillStatus.SUCCEEDED, None)
    assert [run.request.assets for run in runs(store)][7:] == [("total",)]


def test_what_a_run_has_written_counts_although_it_failed_afterwards(store: Store) -> None:
    publish(store, RAW, CLEAN, TOTAL)
    backfill = start(store, "raw", "clean", "total")

    done = play(store, Backfills(store), backfill, failed=("clean",))

    assert counts(store, backfill) == {BackfillItemStatus.SUCCEEDED: 7, BackfillItemStatus.FAILED: 7, BackfillItemStatus.SKIPPED: 1}
    assert done.status is BackfillStatus.FAILED
    assert done.error is not None
    assert done.error.message == "Of 15 partitions, 7 failed and 1 skipped because of that."


def test_a_retry_at_once_writes_only_what_is_missing(store: Store) -> None:
    publish(store, RAW, CLEAN, TOTAL)
    backfill = start(store, "raw", "clean", "total")
    look = Backfills(store)
    play(store, look, backfill, failed=("clean",))
    before = len(runs(store))

    retried = store.backfills.retry(backfill.id)
    done = play(store, look, backfill)

    assert retried.error is None
    assert (done.status, done.error) == (BackfillStatus.SUCCEEDED, None)
    assert [run.request.assets for run in runs(store)][before:] == [("clean",)] * 7 + [("total",)]


def test_no_more_runs_are_under_way_than_there_is_room_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfills, "ROOM", 3)
    publish(store, RAW)
    backfill = start(store, "raw")
    look = Backfills(store)
    look()
    assert len(runs(store, RunStatus.QUEUED)) == 3

    work(store, limit=1)
    look()

    assert len(runs(store, RunStatus.QUEUED)) == 3
    assert play(store, look, backfill).status is BackfillStatus.SUCCEEDED


def test_a_daemon_that_takes_over_goes_on_where_the_other_was(store: Store) -> None:
    publish(store, RAW, CLEAN, TOTAL)
    backfill = start(store, "raw", "clean", "total")
    Backfills(store)()
    work(store, limit=3)

    done = play(store, Backfills(store), backfill)

    assert done.status is BackfillStatus.SUCCEEDED
    assert len(runs(store)) == 8


def test_two_daemons_at_once_launch_nothing_twice(store: Store) -> None:
    publish(store, RAW, CLEAN, TOTAL)
    backfill = start(store, "raw", "clean", "total")
    both = [Backfills(store), Backfills(store)]

    def look() -> float:
        return min(each() for each in both)

    assert play(store, look, backfill).status is BackfillStatus.SUCCEEDED
    assert len(runs(store)) == 8


def test_a_run_that_somebody_cancels_is_told_as_cancelled(store: Store) -> None:
    publish(store, RAW)
    backfill = start(store, "raw")
    look = Backfills(store)
    look()
    store.runs.request_cancel(runs(store)[0].id)

    done = play(store, look, backfill)

    assert done.error is not None
    assert (done.status, done.error.message) == (BackfillStatus.FAILED, "Of 7 partitions, 1 canceled.")


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ([OTHER], "Asset 'raw' is not in the workspace any more."),
        ([pt.AssetSpec("raw", partitions=WEEK), OTHER], "Asset 'raw' is external now, so no code writes it."),
    ],
    ids=["removed", "external"],
)
def test_an_asset_that_is_gone_is_skipped_and_told_while_the_others_go_on(store: Store, after: list[pt.AssetSpec], reason: str) -> None:
    publish(store, RAW, OTHER)
    backfill = start(store, "raw", "other")
    look = Backfills(store)
    publish(store, *after)

    look()
    going_on = store.backfills.get(backfill.id)
    done = play(store, look, backfill)

    assert going_on.error is not None
    assert (going_on.status, going_on.error.message) == (BackfillStatus.RUNNING, reason)
    assert counts(store, backfill) == {BackfillItemStatus.SKIPPED: 7, BackfillItemStatus.SUCCEEDED: 7}
    assert done.error is not None
    assert (done.status, done.error.message) == (BackfillStatus.FAILED, f"Of 14 partitions, 7 skipped. {reason}")


def test_of_many_reasons_the_first_are_told(store: Store) -> None:
    names = [f"asset{number}" for number in range(8)]
    publish(store, *(pt.AssetSpec(name, is_external=False) for name in names))
    backfill = start(store, *names)
    publish(store, OTHER)

    done = play(store, Backfills(store), backfill)

    assert done.error is not None
    assert done.error.message.startswith("Of 8 partitions, 8 skipped. Asset 'asset0' is not in the workspace any more. Asset 'asset1'")
    assert done.error.message.endswith("Asset 'asset4' is not in the workspace any more. And 3 reasons like these.")


def test_an_asset_that_goes_midway_ends_the_backfill_once_its_runs_have(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfills, "ROOM", 2)
    publish(store, RAW)
    backfill = start(store, "raw")
    look = Backfills(store)
    look()
    publish(store, OTHER)

    done = play(store, look, backfill)

    assert done.error is not None
    assert done.error.message == "Of 7 partitions, 5 skipped. Asset 'raw' is not in the workspace any more."
    assert counts(store, backfill) == {BackfillItemStatus.SKIPPED: 5, BackfillItemStatus.SUCCEEDED: 2}


def test_a_retry_after_the_asset_is_back_writes_it(store: Store) -> None:
    publish(store, RAW)
    backfill = start(store, "raw")
    look = Backfills(store)
    publish(store, OTHER)
    play(store, look, backfill)

    publish(store, RAW)
    store.backfills.retry(backfill.id)

    done = play(store, look, backfill)
    assert (done.status, done.error) == (BackfillStatus.SUCCEEDED, None)


def test_a_backfill_of_a_job_ends_with_the_reason_when_the_job_is_gone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfills, "ROOM", 2)
    job = JobSpec(name="daily", graph="daily", partitions=WEEK.spec)
    publish(store, RAW, jobs=(job,), graphs=(GraphSpec(name="daily"),))
    items = [BackfillItem(partition=day) for day in DAYS]
    request = BackfillRequest(job=BackfillJob(location=LOCATION, repository="main", name="daily"))
    backfill = store.backfills.create(request, items).backfill
    look = Backfills(store)
    look()
    publish(store, RAW)

    done = play(store, look, backfill)

    assert counts(store, backfill) == {BackfillItemStatus.SKIPPED: 5, BackfillItemStatus.SUCCEEDED: 2}
    assert done.error is not None
    assert done.error.message == "Of 7 partitions, 5 skipped. There is no job 'daily'."


def test_cancelling_keeps_what_was_written_and_the_reason_for_what_was_skipped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfills, "ROOM", 3)
    publish(store, RAW, OTHER)
    backfill = start(store, "raw", "other")
    look = Backfills(store)
    publish(store, RAW)
    look()
    work(store, limit=1)

    store.backfills.request_cancel(backfill.id)
    for _ in range(3):
        look()

    done = store.backfills.get(backfill.id)
    assert done.error is not None
    assert (done.status, done.error.message) == (BackfillStatus.CANCELED, "Asset 'other' is not in the workspace any more.")
    assert counts(store, backfill) == {BackfillItemStatus.SKIPPED: 7, BackfillItemStatus.SUCCEEDED: 1, BackfillItemStatus.CANCELED: 6}


def test_cancelling_cancels_what_waits_although_its_asset_has_gone(store: Store) -> None:
    publish(store, RAW)
    backfill = start(store, "raw")
    publish(store, OTHER)

    store.backfills.request_cancel(backfill.id)
    Backfills(store)()

    assert store.backfills.get(backfill.id).status is BackfillStatus.CANCELED
    assert counts(store, backfill) == {BackfillItemStatus.CANCELED: 7}


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, Seen]]:
    with statements(monkeypatch) as seen, Store(url_of(tmp_path)) as opened:
        yield opened, seen


def said(seen: Seen) -> list[str]:
    """What the database was asked, without the beginnings and ends of transactions."""
    return [text for text in (words(sql) for sql, _ in seen) if text.split()[0] not in {"BEGIN", "COMMIT", "ROLLBACK"}]


def test_a_look_at_which_nothing_has_happened_reads_no_items_and_writes_nothing(watched: tuple[Store, Seen]) -> None:
    store, seen = watched
    publish(store, RAW, CLEAN)
    start(store, "raw", "clean")
    look = Backfills(store)
    look()
    look()
    seen.clear()

    look()

    assert [sql.split()[0] for sql in said(seen)] == ["SELECT"] * len(said(seen))
    assert len(said(seen)) <= 4
    assert not [sql for sql in said(seen) if "backfill_items.run_id" in sql or "run_steps" in sql]


def test_a_cancelled_backfill_whose_runs_still_end_writes_nothing_at_each_look(watched: tuple[Store, Seen]) -> None:
    store, seen = watched
    publish(store, RAW)
    backfill = start(store, "raw")
    look = Backfills(store)
    look()
    held = claim(store, limit=3)
    for each in held:
        Writer(store, each).send(plan("raw"), status(RunStatus.RUNNING))
    store.backfills.request_cancel(backfill.id)
    for _ in range(3):
        look()
    assert store.backfills.get(backfill.id).status is BackfillStatus.CANCELING
    seen.clear()

    look()

    assert {sql.split()[0] for sql in said(seen)} == {"SELECT"}


def test_a_run_of_many_items_ends_with_few_statements(watched: tuple[Store, Seen]) -> None:
    store, seen = watched
    publish(store, OTHER)
    backfill = start(store, "other")
    look = Backfills(store)
    look()
    work(store)
    seen.clear()

    look()

    assert store.backfills.get(backfill.id).status is BackfillStatus.SUCCEEDED
    assert len([sql for sql in said(seen) if sql.startswith("UPDATE backfill_items")]) == 1


def test_while_it_is_paused_its_runs_are_counted_and_nothing_is_launched(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfills, "ROOM", 3)
    publish(store, RAW)
    backfill = start(store, "raw")
    look = Backfills(store)
    look()
    begun = claim(store, limit=2)
    store.backfills.pause(backfill.id)
    look()
    end(store, begun)

    for _ in range(3):
        look()

    assert store.backfills.get(backfill.id).status is BackfillStatus.PAUSED
    assert counts(store, backfill) == {BackfillItemStatus.SUCCEEDED: 2, BackfillItemStatus.RUNNING: 1, BackfillItemStatus.WAITING: 4}
    assert len(runs(store)) == 3
    assert claim(store) == []
    store.backfills.resume(backfill.id)
    assert play(store, look, backfill).status is BackfillStatus.SUCCEEDED
    assert len(runs(store)) == 7


@pytest.mark.parametrize(("failed", "status"), [((), BackfillStatus.SUCCEEDED), (("raw",), BackfillStatus.FAILED)], ids=["all succeed", "some fail"])
def test_a_paused_backfill_ends_when_nothing_is_left(store: Store, failed: tuple[str, ...], status: BackfillStatus) -> None:
    publish(store, RAW)
    backfill = start(store, "raw")
    look = Backfills(store)
    look()
    begun = claim(store, limit=7)
    store.backfills.pause(backfill.id)
    end(store, begun, failed=failed)

    look()

    done = store.backfills.get(backfill.id)
    assert done.status is status
    assert done.ended_at is not None


def test_one_that_is_paused_before_it_has_begun_launches_nothing_until_it_is_resumed(store: Store) -> None:
    publish(store, RAW, CLEAN)
    backfill = start(store, "raw", "clean")
    store.backfills.pause(backfill.id)
    look = Backfills(store)

    assert look() == IDLE
    assert runs(store) == []
    store.backfills.resume(backfill.id)
    assert play(store, look, backfill).status is BackfillStatus.SUCCEEDED


def test_a_paused_backfill_stays_so_when_another_daemon_takes_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfills, "ROOM", 3)
    publish(store, RAW, CLEAN)
    backfill = start(store, "raw", "clean")
    Backfills(store)()
    begun = claim(store, limit=3)
    store.backfills.pause(backfill.id)
    end(store, begun[:1])

    look = Backfills(store)
    look()
    end(store, begun[1:])
    look()

    assert store.backfills.get(backfill.id).status is BackfillStatus.PAUSED
    assert len(runs(store)) == 3
    assert counts(store, backfill) == {BackfillItemStatus.SUCCEEDED: 6, BackfillItemStatus.WAITING: 8}
    store.backfills.resume(backfill.id)
    assert play(store, look, backfill).status is BackfillStatus.SUCCEEDED
    assert len(runs(store)) == 7


def test_a_daemon_that_lost_its_role_over_a_pause_takes_nothing_for_what_it_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfills, "ROOM", 3)
    publish(store, RAW)
    backfill = start(store, "raw")
    one, other = Backfills(store), Backfills(store)
    one()
    begun = claim(store, limit=3)
    store.backfills.pause(backfill.id)
    one()
    end(store, begun)
    other()
    store.backfills.resume(backfill.id)
    other()
    begun = claim(store, limit=3)
    store.backfills.pause(backfill.id)
    end(store, begun)
    one()
    store.backfills.resume(backfill.id)

    assert play(store, one, backfill).status is BackfillStatus.SUCCEEDED
    assert len(runs(store)) == 7


def test_while_it_is_paused_nothing_is_given_up_although_its_code_is_gone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfills, "ROOM", 2)
    job = JobSpec(name="daily", graph="daily", partitions=WEEK.spec)
    publish(store, RAW, jobs=(job,), graphs=(GraphSpec(name="daily"),))
    request = BackfillRequest(job=BackfillJob(location=LOCATION, repository="main", name="daily"))
    of_job = store.backfills.create(request, [BackfillItem(partition=day) for day in DAYS]).backfill
    of_asset = start(store, "raw")
    look = Backfills(store)
    look()
    begun = claim(store, limit=4)
    for each in (of_job, of_asset):
        store.backfills.pause(each.id)
    publish(store, OTHER)

    end(store, begun)
    look()

    for each in (of_job, of_asset):
        assert counts(store, each) == {BackfillItemStatus.SUCCEEDED: 2, BackfillItemStatus.WAITING: 5}
        assert store.backfills.get(each.id).status is BackfillStatus.PAUSED
    publish(store, RAW, jobs=(job,), graphs=(GraphSpec(name="daily"),))
    for each in (of_job, of_asset):
        store.backfills.resume(each.id)
        assert play(store, look, each).status is BackfillStatus.SUCCEEDED


def test_cancelling_a_paused_backfill_ends_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfills, "ROOM", 2)
    publish(store, RAW)
    backfill, idle = start(store, "raw"), start(store, "raw")
    look = Backfills(store)
    store.backfills.pause(idle.id)
    look()
    store.backfills.pause(backfill.id)
    look()

    for each in (backfill, idle):
        store.backfills.request_cancel(each.id)
    for _ in range(3):
        look()

    for each in (backfill, idle):
        assert store.backfills.get(each.id).status is BackfillStatus.CANCELED
        assert counts(store, each) == {BackfillItemStatus.CANCELED: 7}
    assert {run.status for run in runs(store)} == {RunStatus.CANCELED}


def test_a_retry_that_is_paused_at_once_writes_all_when_it_is_resumed(store: Store) -> None:
    publish(store, RAW, CLEAN)
    backfill = start(store, "raw", "clean")
    look = Backfills(store)
    play(store, look, backfill, failed=("clean",))

    store.backfills.retry(backfill.id)
    store.backfills.pause(backfill.id)
    store.backfills.resume(backfill.id)
    done = play(store, look, backfill)

    assert done.status is BackfillStatus.SUCCEEDED
    assert counts(store, backfill) == {BackfillItemStatus.SUCCEEDED: 14}


def test_runs_that_come_have_the_priority_of_now(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfills, "ROOM", 3)
    publish(store, RAW)
    backfill = start(store, "raw")
    look = Backfills(store)
    look()
    work(store, limit=1)

    store.backfills.set_priority(backfill.id, 4)
    look()

    assert [run.request.priority for run in runs(store)] == [0, 4, 4, 4]


def test_a_look_at_a_paused_backfill_writes_nothing_and_reads_no_items(watched: tuple[Store, Seen]) -> None:
    store, seen = watched
    publish(store, RAW)
    backfill = start(store, "raw")
    look = Backfills(store)
    look()
    store.backfills.pause(backfill.id)
    look()
    seen.clear()

    look()

    assert {sql.split()[0] for sql in said(seen)} == {"SELECT"}
    assert not [sql for sql in said(seen) if "backfill_items.run_id" in sql or "run_steps" in sql]
