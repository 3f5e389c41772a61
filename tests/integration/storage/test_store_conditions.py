"""The daemon's part of conditions: what it launches and remembers, and when it leaves the database alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

import partita as pt
from partita.automation.conditions import IDLE, ConditionRole
from partita.definitions.keys import AssetKey
from partita.definitions.specs import RepositorySpec
from partita.records.assets import ReportedMaterialization
from partita.records.events import StepFailed, StepSucceeded
from partita.records.locations import LocationCatalog
from partita.records.pages import PageRequest
from partita.records.runs import Run, RunStatus
from partita.storage.store import Store
from support.stores import BOOM, LOCATION, NOON, Writer, begin, claim, launch, materialized, plan, statements, status, words

DAYS = pt.DailyPartitions("2024-01-01", end="2024-02-01")
RAW = pt.AssetSpec("raw")
EAGER = pt.AssetSpec("total", deps=["raw"], is_external=False, automation=pt.Condition.eager())


def publish(store: Store, *specs: pt.AssetSpec) -> None:
    """Make these the assets of the workspace."""
    store.locations.declare([(LOCATION, {"file": "x.py"})])
    catalog = LocationCatalog(location=LOCATION, repositories=(RepositorySpec(name="main", assets=specs),))
    store.locations.publish(LOCATION, catalog, python_version="3", library_version="0", start="fork")


def report(store: Store, asset: str, partition: str | None = None) -> None:
    """It was written by something else."""
    store.reports.add(ReportedMaterialization(asset=AssetKey(asset), partition=partition))


def runs(store: Store) -> list[Run]:
    """All runs, the oldest first."""
    return list(store.runs.list(page=PageRequest(first=500)).items)[::-1]


def do(store: Store, *, fails: bool = False) -> Run:
    """Carry out the run that waits."""
    [claimed] = claim(store, limit=1)
    keys, partitions = claimed.run.request.assets, claimed.run.request.partition_keys or (None,)
    writer = Writer(store, claimed)
    writer.send(plan(*keys), status(RunStatus.RUNNING))
    if fails:
        writer.send(status(RunStatus.FAILED, error=BOOM))
    else:
        writer.send(*(materialized(key, partition) for key in keys for partition in partitions), status(RunStatus.SUCCEEDED))
    return store.runs.get(claimed.run.id)


def test_what_depends_on_something_new_is_made_once(store: Store) -> None:
    publish(store, RAW, EAGER)
    role = ConditionRole(store)
    role()
    first = len(runs(store))  # it was never made, and neither was what it needs
    assert first == 0

    report(store, "raw")
    role()
    role()
    [run] = runs(store)
    [evaluation] = store.conditions.list(AssetKey("total")).items
    assert (run.request.assets, run.request.launched_by) == (("total",), f"condition:{evaluation.id}")
    do(store)
    for _ in range(3):
        role()
    assert len(runs(store)) == 1

    report(store, "raw")
    role()
    assert len(runs(store)) == 2


def test_the_reasons_are_kept_with_the_run(store: Store) -> None:
    publish(store, RAW, EAGER)
    role = ConditionRole(store)
    role()
    report(store, "raw")
    role()

    [evaluation] = store.conditions.list(AssetKey("total")).items
    assert evaluation.run_ids == (runs(store)[0].id,)
    assert (evaluation.count, evaluation.partitions, evaluation.error) == (1, (), None)
    assert evaluation.reason.count == 1
    assert evaluation.reason.children
    assert store.conditions.find([evaluation.id]) == {evaluation.id: evaluation}


def test_what_happened_while_no_daemon_was_there_is_seen_by_the_next(store: Store) -> None:
    publish(store, RAW, EAGER)
    ConditionRole(store)()
    report(store, "raw")

    ConditionRole(store)()
    do(store)
    ConditionRole(store)()
    ConditionRole(store)()

    assert len(runs(store)) == 1


def test_a_run_that_has_ended_while_no_daemon_was_there_is_not_waited_for_by_the_next(store: Store) -> None:
    clean = pt.AssetSpec("clean", is_external=False)
    publish(store, clean, pt.AssetSpec("total", deps=["clean"], is_external=False, automation=pt.Condition.eager()))
    ConditionRole(store)()
    writing, waiting = launch(store, "clean"), launch(store, "clean")
    do(store)
    role = ConditionRole(store)
    role()
    role()
    assert {run.id for run in runs(store)} == {writing.id, waiting.id}, "the other run may write it anew"
    store.runs.request_cancel(waiting.id)

    ConditionRole(store)()

    assert runs(store)[-1].request.assets == ("total",)


@pytest.mark.parametrize("looks", [True, False])
def test_a_write_from_outside_is_not_hidden_by_one_of_the_run_under_way_however_late_the_daemon_looks(store: Store, looks: bool) -> None:
    eager = pt.Condition.eager()
    clean = pt.AssetSpec("clean", deps=["raw"], is_external=False, automation=eager)
    publish(store, RAW, clean, pt.AssetSpec("total", deps=["clean"], is_external=False, automation=eager))
    role = ConditionRole(store)
    role()
    report(store, "raw")
    role()
    [claimed] = claim(store)
    writer = Writer(store, claimed)
    writer.send(plan("clean", "total"), status(RunStatus.RUNNING))
    report(store, "clean")
    if looks:
        role()
    writer.send(materialized("clean"))
    if looks:
        role()
    writer.send(status(RunStatus.FAILED, error=BOOM))

    for _ in range(3):
        role()

    assert [run.request.assets for run in runs(store)] == [("clean", "total"), ("total",)]


def test_two_daemons_ask_for_nothing_twice(store: Store) -> None:
    publish(store, RAW, EAGER)
    one, other = ConditionRole(store), ConditionRole(store)
    one()
    other()
    report(store, "raw")
    watched = one._watch()
    watched.known.hear(store.happenings.since(watched.known.reached))
    other()

    assert not one._evaluate(watched), "it was a turn too late"
    one()

    assert len(runs(store)) == 1


@pytest.mark.parametrize("looks", list(itertools.product([0, 1], repeat=4)))
def test_what_comes_after_an_asset_was_written_counts_however_late_the_daemon_looks(store: Store, looks: tuple[int, ...]) -> None:
    eager = pt.Condition.eager()
    clean = pt.AssetSpec("clean", deps=["raw"], is_external=False, automation=eager)
    publish(store, RAW, clean, pt.AssetSpec("total", deps=["clean"], is_external=False, automation=eager))
    role = ConditionRole(store)
    role()
    report(store, "raw")
    for _ in range(1 + looks[0]):
        role()
    [run] = runs(store)
    assert run.request.assets == ("clean", "total")
    do(store)
    for _ in range(looks[1] + looks[2]):
        role()

    report(store, "raw")
    for _ in range(2 + looks[3]):
        role()

    assert len(runs(store)) == 2


def test_a_run_that_goes_on_after_it_has_written_an_asset_is_over_for_it_when_it_ends(store: Store) -> None:
    publish(store, RAW, EAGER)
    role = ConditionRole(store)
    role()
    report(store, "raw")
    role()
    [claimed] = claim(store, limit=1)
    writer = Writer(store, claimed)
    writer.send(plan("total"), status(RunStatus.RUNNING), materialized("total"))
    role()
    role()
    writer.send(status(RunStatus.SUCCEEDED))
    role()

    report(store, "raw")
    role()

    assert len(runs(store)) == 2


def test_partitions_that_were_written_are_not_asked_for_again_because_of_others(store: Store) -> None:
    raw = pt.AssetSpec("raw", partitions=DAYS)
    total = pt.AssetSpec("total", deps=["raw"], partitions=DAYS, is_external=False, automation=pt.Condition.any_dep_updated().since_last_handled())
    publish(store, raw, total)
    role = ConditionRole(store)
    role()
    for day in ("2024-01-05", "2024-01-06", "2024-01-07"):
        report(store, "raw", day)
        report(store, "total", day)
    report(store, "raw", "2024-01-06")

    for _ in range(3):
        role()

    assert [run.request.partition_keys for run in runs(store)] == [("2024-01-06",)]


def test_a_run_that_is_under_way_or_has_failed_is_not_asked_for_again(store: Store) -> None:
    publish(store, RAW, EAGER)
    role = ConditionRole(store)
    role()
    report(store, "raw")
    role()
    role()
    do(store, fails=True)
    for _ in range(3):
        role()

    assert len(runs(store)) == 1


def broke(step: str) -> StepFailed:
    return StepFailed(at=NOON, step=step, error=BOOM, duration=1)


RETRIED = pt.Condition.failed()
FIRST = pt.AssetSpec("first", step="both", is_external=False, automation=RETRIED)
SECOND = pt.AssetSpec("second", step="both", is_external=False)
AFTER = pt.AssetSpec("after", is_external=False, automation=RETRIED)


def the_next_step_breaks(store: Store) -> None:
    writer = begin(store, "first", "second", "after", steps=["both", "after"])
    done = StepSucceeded(at=NOON, step="both", duration=1)
    writer.send(materialized("first"), materialized("second"), done, broke("after"), status(RunStatus.FAILED, 9))


def a_step_breaks_before_its_first_asset(store: Store) -> None:
    begin(store, "first", "second", steps=["both"]).send(broke("both"), status(RunStatus.FAILED, 9))


def a_step_breaks_after_its_first_asset(store: Store) -> None:
    begin(store, "first", "second", steps=["both"]).send(materialized("first"), broke("both"), status(RunStatus.FAILED, 9))


def a_cancel_follows(store: Store) -> None:
    begin(store, "after").send(broke("after"), status(RunStatus.FAILED, 9))
    begin(store, "after").send(status(RunStatus.CANCELING), status(RunStatus.CANCELED))


def a_write_from_outside_follows(store: Store) -> None:
    begin(store, "after").send(broke("after"), status(RunStatus.FAILED, 9))
    report(store, "after")


@pytest.mark.parametrize(
    ("deeds", "expected"),
    [
        (the_next_step_breaks, [("after",)]),
        (a_step_breaks_before_its_first_asset, [("first", "second")]),
        (a_step_breaks_after_its_first_asset, []),
        (a_cancel_follows, [("after",)]),
        (a_write_from_outside_follows, []),
    ],
)
@pytest.mark.parametrize("reader", ["same daemon", "next daemon", "first daemon"])
def test_what_a_run_has_failed_to_write_is_the_same_for_the_daemon_that_saw_it_and_for_the_next(
    store: Store, reader: str, deeds: Callable[[Store], None], expected: list[tuple[str, ...]]
) -> None:
    publish(store, FIRST, SECOND, AFTER)
    role = ConditionRole(store)
    if reader != "first daemon":
        role()

    deeds(store)
    before = len(runs(store))
    (role if reader == "same daemon" else ConditionRole(store))()

    assert [run.request.assets for run in runs(store)[before:]] == expected


def test_partitions_follow_those_that_they_are_made_from(store: Store) -> None:
    raw = pt.AssetSpec("raw", partitions=DAYS)
    total = pt.AssetSpec("total", deps=["raw"], partitions=DAYS, is_external=False, automation=pt.Condition.any_dep_updated())
    publish(store, raw, total)
    role = ConditionRole(store)
    role()

    report(store, "raw", "2024-01-05")
    report(store, "raw", "2024-01-07")
    role()

    assert sorted(run.request.partition_keys for run in runs(store)) == [("2024-01-05",), ("2024-01-07",)]
    do(store)
    do(store)
    role()
    assert len(runs(store)) == 2


def test_a_condition_of_the_clock_is_true_when_its_time_has_come(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, pt.AssetSpec("hourly", is_external=False, automation=pt.Condition.on_cron("0 * * * *")))
    clock = [datetime(2030, 1, 1, 12, 30, tzinfo=UTC)]
    monkeypatch.setattr(store, "now", lambda: clock[0])
    role = ConditionRole(store)

    assert 0 < role() <= IDLE
    clock[0] += timedelta(minutes=31)
    role()
    assert len(runs(store)) == 1
    do(store)
    clock[0] += timedelta(minutes=5)
    role()
    assert len(runs(store)) == 1


def test_a_look_at_which_nothing_has_happened_writes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, RAW, EAGER)
    role = ConditionRole(store)
    role()
    before = store.changes.latest()
    with statements(monkeypatch) as seen, Store(store.url) as watched:
        quiet = ConditionRole(watched)
        quiet()
        seen.clear()
        quiet()

    assert store.changes.latest() == before
    assert not [sql for sql, _ in seen if words(sql).split()[0] in {"INSERT", "UPDATE", "DELETE"}]
    assert len(seen) < 20


def test_a_workspace_without_conditions_costs_a_look_a_minute(store: Store) -> None:
    publish(store, RAW)

    assert ConditionRole(store)() == IDLE


def test_a_condition_that_changes_begins_anew(store: Store) -> None:
    publish(store, RAW, EAGER)
    role = ConditionRole(store)
    role()
    missing = pt.AssetSpec("total", deps=["raw"], is_external=False, automation=pt.Condition.missing())
    publish(store, RAW, missing)

    role()

    assert [run.request.assets for run in runs(store)] == [("total",)]


def test_a_daemon_that_comes_after_what_happened_was_forgotten_looks_at_everything(store: Store) -> None:
    publish(store, RAW, pt.AssetSpec("total", deps=["raw"], is_external=False, automation=pt.Condition.missing() & ~pt.Condition.in_progress()))
    publish(store, RAW, EAGER)
    ConditionRole(store)()
    report(store, "raw")
    later = datetime.now(UTC) + timedelta(days=1)
    store.retention.prune(events_before=later, changes_before=later, idempotency_before=later)

    role = ConditionRole(store)
    role()
    assert len(runs(store)) == 1, "what was written is kept for longer than what has changed"

    report(store, "raw")
    role()
    assert len(runs(store)) == 1, "it is being made"
    do(store)
    report(store, "raw")
    role()
    assert len(runs(store)) == 2
