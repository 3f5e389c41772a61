"""Schedules on a moved clock: what is due is launched once, what was missed is made up for as far as it should be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.automation import schedules
from partita.automation.schedules import AT_ONCE, HEAL, Schedules
from partita.records.automations import Automation, automation_id
from partita.records.filters import TickFilter
from partita.records.ticks import Tick, TickStatus
from partita.storage.outcomes import Outcomes
from partita.storage.store import Store
from partita.storage.ticks import PlainTick
from partita.workspace.loader import describe
from support.automations import Clock
from support.stores import LOCATION, url_of

DAYS = pt.DailyPartitions("2026-03-25", end="2026-04-20")
NOW = datetime(2026, 3, 27, 10, 30, tzinfo=UTC)


@pt.op
def work() -> None: ...


@pt.job
def load() -> None:
    work()


@pt.asset(partitions=DAYS)
def daily() -> int:
    return 1


@pt.asset
def whole() -> int:
    return 1


DAILY = pt.asset_job("daily_job", [daily])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch, NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(url_of(tmp_path)) as opened:
        opened.locations.declare([(LOCATION, {"file": "x.py"})])
        yield opened


def publish(store: Store, *definitions: Any, hidden: Sequence[str] = ()) -> None:
    """Make these the schedules of the location."""
    repository = pt.Repository("main", assets=[daily, whole], jobs=[load, DAILY], schedules=list(definitions))
    store.locations.publish(LOCATION, describe(LOCATION, [repository]), python_version="3", library_version="0", start="fork")


def stands(store: Store, name: str = "hourly") -> Automation:
    full = automation_id(LOCATION, "main", name)
    return store.automations.find([full])[full]


def ticks(store: Store, name: str = "hourly") -> list[Tick]:
    """Its ticks, the oldest first."""
    return store.ticks.list(TickFilter(automation_ids=(automation_id(LOCATION, "main", name),))).items[::-1]


def due_times(store: Store, name: str = "hourly") -> list[str]:
    return [f"{tick.due_at:%m-%d %H:%M}" for tick in ticks(store, name)]


def hourly(**rest: Any) -> pt.Schedule:
    return pt.Schedule("hourly", cron="0 * * * *", target=load, **{"default_on": True, **rest})


def test_a_schedule_launches_at_its_time_and_not_before(store: Store, clock: Clock) -> None:
    publish(store, hourly(config={"steps": {}}, tags={"team": "etl"}))
    daemon = Schedules(store)

    daemon()
    assert stands(store).next_due_at == NOW + timedelta(minutes=30)
    clock.move(minutes=29, seconds=59.5)
    assert daemon() == pytest.approx(0.5)
    assert ticks(store) == []

    clock.move(seconds=0.5)
    assert daemon() == HEAL
    daemon()

    [tick] = ticks(store)
    assert (tick.status, tick.due_at, tick.run_count) == (TickStatus.SUCCEEDED, datetime(2026, 3, 27, 11, tzinfo=UTC), 1)
    [run] = store.runs.list().items
    assert (run.job, run.request.launched_by, run.request.tick_id) == ("load", f"schedule:{LOCATION}/main/hourly", tick.id)
    assert run.request.tags["team"] == "etl"
    assert stands(store).next_due_at == datetime(2026, 3, 27, 12, tzinfo=UTC)


def test_ticks_that_were_missed_are_made_up_for_the_newest_ones(store: Store, clock: Clock) -> None:
    publish(store, hourly(catch_up=3))
    Schedules(store)()
    clock.move(hours=9)

    Schedules(store)()

    assert due_times(store) == ["03-27 17:00", "03-27 18:00", "03-27 19:00"]
    assert store.runs.count() == 3
    assert stands(store).next_due_at == datetime(2026, 3, 27, 20, tzinfo=UTC)


def test_a_year_without_a_daemon_is_no_work(store: Store, clock: Clock) -> None:
    publish(store, pt.Schedule("hourly", cron="* * * * *", target=load, default_on=True, catch_up=2))
    Schedules(store)()
    clock.move(days=365)

    Schedules(store)()

    assert len(ticks(store)) == 2


def test_a_schedule_that_is_switched_off_and_on_makes_up_for_nothing(store: Store, clock: Clock) -> None:
    publish(store, hourly())
    daemon = Schedules(store)
    daemon()
    store.automations.set_on([stands(store).id], is_on=False)
    clock.move(hours=5)
    daemon()
    assert stands(store).next_due_at is None

    store.automations.set_on([stands(store).id], is_on=True)
    daemon()
    assert ticks(store) == []

    clock.move(hours=1)
    daemon()
    assert due_times(store) == ["03-27 16:00"]


def test_other_times_in_the_code_neither_fire_nor_skip(store: Store, clock: Clock) -> None:
    publish(store, hourly())
    daemon = Schedules(store)
    daemon()
    clock.move(minutes=10)

    publish(store, pt.Schedule("hourly", cron="35 * * * *", target=load, default_on=True))
    daemon()
    assert ticks(store) == []
    clock.move(minutes=60)
    daemon()

    assert due_times(store) == ["03-27 11:35"]


def test_a_tick_between_a_switch_and_the_daemons_look_is_not_lost(store: Store, clock: Clock) -> None:
    publish(store, hourly(default_on=False))
    daemon = Schedules(store)
    daemon()
    clock.move(minutes=29, seconds=59)
    store.automations.set_on([stands(store).id], is_on=True)
    clock.move(seconds=2)

    daemon()
    daemon()

    assert due_times(store) == ["03-27 11:00"]


def test_clock_changes_are_honoured(store: Store, clock: Clock) -> None:
    """On 29 March 2026 Berlin has no 02:30; what was for then fires at the first instant after the gap."""
    publish(store, pt.Schedule("hourly", cron="30 2 * * *", timezone="Europe/Berlin", target=load, default_on=True))
    daemon = Schedules(store)

    daemon()
    for _ in range(4 * 24):
        clock.move(hours=1)
        daemon()

    assert due_times(store) == ["03-28 01:30", "03-29 01:00", "03-30 00:30", "03-31 00:30"]


def test_a_clock_that_is_set_back_fires_nothing_again(store: Store, clock: Clock) -> None:
    publish(store, hourly())
    daemon = Schedules(store)
    daemon()
    clock.move(hours=2)
    daemon()
    before = due_times(store)

    clock.move(hours=-2)
    for _ in range(4):
        daemon()
        clock.move(minutes=30)
    daemon()

    assert due_times(store) == before


def test_a_partitioned_schedule_launches_the_newest_complete_partition(store: Store, clock: Clock) -> None:
    publish(store, pt.partition_schedule(DAILY, hour=1, default_on=True))
    [schedule] = store.automations.list()
    daemon = Schedules(store)
    daemon()
    clock.move(days=1)

    daemon()

    assert stands(store, schedule.name).last_tick_at == datetime(2026, 3, 28, 1, tzinfo=UTC)
    [run] = store.runs.list().items
    assert (run.job, run.request.partition_keys) == ("daily_job", ("2026-03-27",))


def test_a_partitioned_schedule_is_skipped_while_there_is_no_complete_partition(store: Store, clock: Clock) -> None:
    clock.move(days=-3, hours=-10)  # 2026-03-24 00:30
    publish(store, pt.partition_schedule(DAILY, hour=1, default_on=True))
    [schedule] = store.automations.list()
    daemon = Schedules(store)
    daemon()
    clock.move(hours=1)

    daemon()

    [tick] = ticks(store, schedule.name)
    assert tick.status is TickStatus.SKIPPED
    assert tick.skip_reason


def test_a_schedule_with_a_function_waits_for_a_worker(store: Store, clock: Clock) -> None:
    @pt.schedule(cron="0 * * * *", target=load, default_on=True)
    def hourly(context: pt.ScheduleContext) -> pt.RunRequest:
        return pt.RunRequest()

    publish(store, hourly)
    daemon = Schedules(store)
    daemon()
    clock.move(hours=2)

    daemon()

    assert [(tick.status, tick.started_at) for tick in ticks(store)] == [(TickStatus.STARTED, None)] * 2
    claims = store.ticks.claim(owner="worker", location=LOCATION, limit=9, lease=timedelta(seconds=9))
    assert [claim.tick.due_at.hour for claim in claims] == [11, 12]


def test_a_schedule_that_cannot_be_planned_says_why_and_harms_no_other(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, hourly(), pt.Schedule("broken", cron="0 * * * *", target=load, default_on=True))
    daemon = Schedules(store)
    daemon()
    clock.move(hours=1)
    plan = schedules.requests_of_schedule

    def stumble(spec: Any, *rest: Any, **named: Any) -> Any:
        if spec.name == "broken":
            raise ZeroDivisionError("no luck")
        return plan(spec, *rest, **named)

    monkeypatch.setattr(schedules, "requests_of_schedule", stumble)
    daemon()

    [failed] = ticks(store, "broken")
    assert failed.error is not None
    assert (failed.status, failed.error.summary) == (TickStatus.FAILED, "ZeroDivisionError: no luck")
    assert [tick.status for tick in ticks(store)] == [TickStatus.SUCCEEDED]
    assert stands(store, "broken").next_due_at == stands(store).next_due_at


def test_a_schedule_without_code_of_its_own_waits_and_harms_no_other(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, hourly())
    daemon = Schedules(store)
    daemon()
    clock.move(hours=1)
    monkeypatch.setattr(schedules, "due_ticks", lambda *_, **__: 1 / 0)

    assert daemon() == HEAL

    monkeypatch.undo()
    Clock(monkeypatch, clock.now)
    daemon()
    assert due_times(store) == ["03-27 11:00"]


def test_schedules_that_are_due_at_once_are_written_together(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"s{number:03}" for number in range(AT_ONCE + 20)]
    publish(store, *(pt.Schedule(name, cron="0 * * * *", target=load, default_on=True) for name in names))
    daemon, other = Schedules(store), Schedules(store)
    daemon()
    clock.move(hours=1)
    portions: list[int] = []
    commit = store.ticks.commit_together

    def counted(plain: Sequence[PlainTick]) -> Any:
        portions.append(len(plain))
        return commit(plain)

    monkeypatch.setattr(store.ticks, "commit_together", counted)
    daemon()
    other()

    assert portions == [AT_ONCE, 20]
    assert {(len(found), found[0].run_count) for found in (ticks(store, name) for name in names)} == {(1, 1)}
    assert store.runs.count() == len(names)


def test_a_tick_that_cannot_be_written_harms_none_of_those_due_with_it(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, hourly(), *(pt.Schedule(name, cron="0 * * * *", target=load, default_on=True) for name in ("broken", "zeal")))
    daemon = Schedules(store)
    daemon()
    clock.move(hours=1)
    write = Outcomes.write

    def stumble(outcomes: Outcomes, connection: Any, row: Any, *rest: Any, **named: Any) -> Any:
        done = write(outcomes, connection, row, *rest, **named)
        return 1 / 0 if row.automation_id.endswith("broken") else done

    monkeypatch.setattr(Outcomes, "write", stumble)
    assert daemon() == HEAL
    daemon()

    assert due_times(store) == due_times(store, "zeal") == ["03-27 11:00"]
    assert ticks(store, "broken") == []
    assert store.runs.count() == 2, "what it would have launched is not there either"

    monkeypatch.setattr(Outcomes, "write", write)
    daemon()
    assert due_times(store, "broken") == ["03-27 11:00"]
