"""No hot statement looks at every row of a table that grows: the database says how it would run each of them, on PostgreSQL among the long tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from partita.definitions.keys import AssetKey
from partita.records.alerts import Alert, AlertKind
from partita.records.automations import AutomationKind
from partita.records.conditions import ConditionEvaluation, ReasonRecord
from partita.records.events import LogLevel, StepFailed
from partita.records.filters import EventFilter, HistoryFilter, RunFilter, RunOrder, RunOrderField, TickFilter
from partita.records.pages import Direction, PageRequest
from partita.records.runs import RunStatus
from partita.records.ticks import TickStatus
from partita.storage import sqlite
from partita.storage.alerts import AlertTurn
from partita.storage.arrivals import RunWatch
from partita.storage.condition_memory import Evaluated, Turn
from partita.storage.freshness import ToldFreshness
from partita.storage.idempotency_keys import Idempotency
from partita.storage.retention import TickAges
from partita.storage.store import Store
from partita.storage.tick_rows import Outcome
from support.automations import SCHEDULE, SENSOR, ask, claimed, evaluated, found, publish, requested, schedule, sensor
from support.stores import BOOM, NOON, OVER, begin, checked, claim, launch, log, materialized, request, statements, status, url_of, words

RUNS = ("runs", "run_events", "written", "run_steps", "run_tags", "run_targets", "run_partitions")
ASSETS = ("asset_events", "check_results", "asset_partitions")
AUTOMATION = ("automations", "ticks", "run_keys", "run_statuses", "condition_evaluations")
GROWING = "|".join((*RUNS, *ASSETS, *AUTOMATION))
SCAN = re.compile(rf"SCAN ({GROWING})\b(?! USING)|Seq Scan on ({GROWING})\b")
# The unfinished steps of one run; the active runs, of which there are few.
SMALL = r"FROM run_steps WHERE run_steps.run_id = \?|lease_until <= \?"
SORT = "USE TEMP B-TREE FOR ORDER BY"
ORDERS = AssetKey("orders")
Seen = list[tuple[str, Any]]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.faults)])
def watched(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, Seen]]:
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        url = server.database()
        with statements_to_postgres(monkeypatch) as seen, Store(url) as store:
            seen.clear()
            yield store, seen
        server.drop(url)
        return
    with statements(monkeypatch) as seen, Store(url_of(tmp_path)) as store:
        seen.clear()
        yield store, seen


@contextmanager
def statements_to_postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    """The statements, with their values, that the server is given meanwhile."""
    import psycopg

    seen: Seen = []
    with monkeypatch.context() as patched:
        for name, values_of in (("execute", lambda given: given), ("executemany", lambda given: given[0])):
            patched.setattr(psycopg.Cursor, name, _noting(seen, getattr(psycopg.Cursor, name), values_of))
        yield seen


def _noting(seen: Seen, act: Callable[..., Any], values_of: Callable[[Any], Any]) -> Callable[..., Any]:
    def noting(cursor: Any, sql: Any, values: Any = None, **rest: Any) -> Any:
        seen.append((sql, values_of(values) if values else None))
        return act(cursor, sql, values, **rest)

    return noting


def an_alert(at: datetime) -> Alert:
    return Alert(id="alert_1", rule="all", kind=AlertKind.RUN_FAILED, subject="job", title="A run of job failed.", at=at, last_at=at)


def plans(store: Store, seen: Seen) -> Iterator[tuple[str, str]]:
    """How each statement would be run."""
    yield from _plans_of_postgres(store, list(seen)) if store.url.startswith("postgres") else _plans_of_sqlite(store, seen)


def _plans_of_postgres(store: Store, seen: Seen) -> Iterator[tuple[str, str]]:
    """With the values that it was given, where looking at every row is the last thing that the server would do: its tables are almost empty."""
    import psycopg

    with psycopg.connect(store.url.replace("+psycopg", "")) as connection:
        connection.execute("SET enable_seqscan = off")
        for sql, values in {words(sql): (sql, values) for sql, values in seen if isinstance(sql, str)}.values():
            if sql.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "INSERT")) and "pg_" not in sql:
                rows = connection.execute(f"EXPLAIN {sql}", values).fetchall()  # type: ignore[call-overload]  # no literal
                yield words(sql), "; ".join(row[0] for row in rows)


def _plans_of_sqlite(store: Store, seen: Seen) -> Iterator[tuple[str, str]]:
    """With parameters unknown, as SQLite must plan it."""
    connection = sqlite.connect(store.database_path, "read", synchronous="normal")
    for sql in {words(sql): sql for sql, _ in seen}.values():
        if sql.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?")).fetchall()
            yield words(sql), "; ".join(row[3] for row in rows)
    connection.close()


def test_working_on_runs_scans_nothing(watched: tuple[Store, Seen]) -> None:
    store, seen = watched
    writer = begin(store, "orders", "sales", partition_keys=("mon",), tags={"a": "b"})
    writer.send(log("x"), materialized("orders", "mon"), checked("orders", "fresh", passed=True))
    writer.send(StepFailed(at=NOON, step="sales", error=BOOM, duration=1), status(RunStatus.FAILED))
    store.runs.launch([request("orders", parent_id=writer.run_id)], idempotency=Idempotency(caller="a", key="b"))
    [held] = claim(store, max_concurrent=100, lease=OVER)
    store.runs.renew([(held.run.id, held.epoch)], lease=OVER)
    store.runs.request_cancel(held.run.id)
    store.runs.cancel_requests([held.run.id])
    store.runs.expired()
    store.runs.fail_expired(held.run.id, BOOM)
    launch(store, "orders")
    [held] = claim(store)
    store.runs.release(held.run.id, held.epoch)
    now = datetime.now(UTC)
    store.retention.prune(events_before=now, changes_before=now, idempotency_before=now)

    checked_plans = list(plans(store, seen))

    assert len(checked_plans) > 40
    assert [(sql, plan) for sql, plan in checked_plans if SCAN.search(plan)] == []
    assert [(sql, plan) for sql, plan in checked_plans if SORT in plan and not re.search(SMALL, sql)] == []


def test_reading_scans_nothing_and_sorts_nothing(watched: tuple[Store, Seen]) -> None:
    store, seen = watched
    writer = begin(store, "orders", partition_keys=("mon",))
    writer.send(materialized("orders", "mon"), checked("orders", "fresh", passed=True))
    run_id = writer.run_id
    seen.clear()

    for field in RunOrderField:
        for direction in Direction:
            order = RunOrder(field=field, direction=direction)
            cursor = store.runs.list(order=order).cursors[0]
            for page in (PageRequest(after=cursor), PageRequest(last=5, before=cursor), PageRequest(last=5)):
                store.runs.list(order=order, page=page)
    store.runs.list(RunFilter(statuses=(RunStatus.RUNNING,)))
    store.runs.list(RunFilter(job_names=("nightly",)))
    store.runs.list(RunFilter(jobs=(("here", "main", "nightly"),)))
    store.runs.get(run_id[-8:])
    store.runs.get(run_id)
    store.runs.steps([run_id])
    store.runs.stats([run_id])
    store.events.after(run_id, seq=1)
    for where in (EventFilter(), EventFilter(levels=(LogLevel.INFO,), steps=("orders",), kinds=("log",), text="x")):
        store.events.after(run_id, seq=1, where=where)
        store.events.list(run_id, where=where, page=PageRequest(last=5))
        store.events.count(run_id, where)
    store.changes.after(store.changes.latest())
    store.assets.states([ORDERS])
    for where_written in (HistoryFilter(asset=ORDERS), HistoryFilter(asset=ORDERS, partition_keys=("mon",))):
        page_of_one = store.assets.materializations(where_written, page=PageRequest(first=1))
        store.assets.materializations(where_written, page=PageRequest(after=page_of_one.cursors[0]))
        store.assets.count_materializations(where_written)
    store.assets.materialization(page_of_one.items[0].id)
    store.assets.partition_states([ORDERS])
    store.assets.partition_counts([ORDERS])
    store.assets.check_results([(ORDERS, "fresh")])
    store.assets.check_history(ORDERS, "fresh")
    store.assets.check_history(ORDERS, "fresh", partition_key="mon")

    found = list(plans(store, seen))

    assert len(found) > 30
    assert [(sql, plan) for sql, plan in found if SCAN.search(plan)] == []
    assert [(sql, plan) for sql, plan in found if SORT in plan] == []


def test_what_went_wrong_last_is_found_from_the_newest_run_backwards(watched: tuple[Store, Seen]) -> None:
    store, seen = watched
    writer = begin(store, "orders", partition_keys=("mon",))
    writer.send(StepFailed(at=NOON, step="orders", error=BOOM, duration=1), status(RunStatus.FAILED))
    seen.clear()
    assert store.failures.last_runs([ORDERS])
    assert store.failures.partitions([ORDERS])

    found = list(plans(store, seen))

    assert [(sql, plan) for sql, plan in found if SCAN.search(plan)] == []
    assert [(sql, plan) for sql, plan in found if SORT in plan] == []
    [last_runs] = [plan for sql, plan in found if "AS targeting" in sql]
    assert "ix_run_targets_asset_id" in last_runs


def test_filters_by_what_runs_are_about_search(watched: tuple[Store, Seen]) -> None:
    store, seen = watched
    writer = begin(store, "orders", partition_keys=("mon",), tags={"a": "b"}, tick_id="tick_1", backfill_id="backfill_1")
    seen.clear()

    for where in (
        RunFilter(ids=(writer.run_id,)),
        RunFilter(assets=(ORDERS,)),
        RunFilter(partition_keys=("mon",)),
        RunFilter(tags=(("a", "b"),)),
        RunFilter(root_id=writer.run_id),
        RunFilter(tick_id="tick_1"),
        RunFilter(backfill_id="backfill_1"),
    ):
        assert store.runs.count(where) == 1
        assert len(store.runs.list(where).items) == 1

    assert [(sql, plan) for sql, plan in plans(store, seen) if SCAN.search(plan)] == []


def test_schedules_and_sensors_scan_nothing_that_grows(watched: tuple[Store, Seen]) -> None:
    store, seen = watched
    publish(store, schedule(), sensor())
    seen.clear()
    now = store.now()
    for kind in AutomationKind:
        store.automations.due(kind, now)
        store.automations.next_due(kind)
    store.automations.set_next_due(found(store, SCHEDULE), now)
    store.ticks.commit_plain(found(store, SCHEDULE), due_at=now, next_due_at=now, asks=[ask("orders")])
    evaluated(store, ask(key="a"), cursor="c", sets_cursor=True)
    requested(store, after=0, through=3)
    [claim] = claimed(store)
    store.ticks.renew([(claim.tick.id, claim.epoch)], lease=OVER)
    store.ticks.finish(claim, Outcome())
    store.ticks.request_dry_run(SENSOR)
    store.ticks.release(claimed(store)[0].tick.id, 1)
    store.ticks.give_back("worker")
    [lost] = store.ticks.unclaimed(before=store.now(), limit=5)
    store.ticks.fail_unclaimed(lost.id, BOOM)
    store.arrivals.latest()
    store.arrivals.materializations([ORDERS], after=1, limit=5)
    store.arrivals.runs(RunWatch(location="here", repository="main", status=RunStatus.FAILED, jobs=("a",)), after=1, limit=5)
    store.troubles.failures(run=0, check=0)
    store.troubles.failing()
    store.freshness.tell({ORDERS: ToldFreshness(False, now)})
    store.freshness.tell({}, gone=[ORDERS])
    store.alerts.commit(store.alerts.turn(), AlertTurn(run=1, check=1), [an_alert(now)])
    store.alerts.current(since=now)
    store.alerts.find("alert_1")
    far = now.replace(year=2100)
    store.retention.prune_automation(
        ticks_before=TickAges(skipped=far, launched=far, failed=far), evaluations_before=far, run_statuses_before=far, alerts_before=far
    )

    found_plans = list(plans(store, seen))

    assert len(found_plans) > 30
    oldest = re.compile(r"ORDER BY (run_statuses|condition_evaluations|alerts).number\s+LIMIT")  # in the order of the table, and no more than that
    assert [(sql, plan) for sql, plan in found_plans if SCAN.search(plan) and not oldest.search(sql)] == []
    # The automations that act are few, and found through an index of them.
    assert [(sql, plan) for sql, plan in found_plans if SORT in plan and "FROM automations" not in sql] == []


def test_conditions_look_only_at_what_has_happened_and_list_only_their_own(watched: tuple[Store, Seen]) -> None:
    store, seen = watched
    turn, _, _ = store.conditions.read()
    standing = store.happenings.standing([ORDERS])
    news = store.happenings.since(standing.reached)
    reason = ReasonRecord(label="eager", subject="orders", true="", count=1, since=NOON)
    evaluation = ConditionEvaluation(id="evaluation_1", asset=ORDERS, at=NOON, reason=reason, count=1)
    after = Turn(position=1, reached=news.reached)
    store.conditions.commit(turn, after, states={}, evaluated=[Evaluated(record=evaluation)], requests=[request("orders")])
    store.conditions.list(ORDERS)
    store.conditions.count(ORDERS)
    store.conditions.find("evaluation_1")

    found_plans = list(plans(store, seen))

    assert len(found_plans) > 10
    assert [(sql, plan) for sql, plan in found_plans if SCAN.search(plan)] == []


def test_ticks_are_listed_without_looking_at_all(watched: tuple[Store, Seen]) -> None:
    store, seen = watched
    publish(store, sensor())
    tick = evaluated(store, ask())
    seen.clear()

    for where in (
        TickFilter(),
        TickFilter(automation_ids=(SENSOR,)),
        TickFilter(statuses=(TickStatus.SUCCEEDED,)),
        TickFilter(is_dry_run=None, after=NOON),
    ):
        cursor = store.ticks.list(where).cursors[0]
        store.ticks.list(where, page=PageRequest(after=cursor))
        store.ticks.list(where, page=PageRequest(last=5, before=cursor))
        store.ticks.count(where)
    store.ticks.get(tick.id)
    store.ticks.latest([SENSOR], limit=5)
    store.automations.list()
    store.automations.find([SENSOR])

    found_plans = list(plans(store, seen))

    assert len(found_plans) > 12
    assert [(sql, plan) for sql, plan in found_plans if SCAN.search(plan) and "FROM automations" not in sql] == []
    assert [(sql, plan) for sql, plan in found_plans if SORT in plan] == []
