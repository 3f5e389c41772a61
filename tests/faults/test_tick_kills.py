"""Daemons and workers are killed around ticks; each tick happens once, with all its runs or none."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from partita.records.automations import automation_id
from partita.records.filters import RunFilter, TickFilter
from partita.records.pages import PageRequest
from partita.records.ticks import Tick, TickStatus
from support.sites import Service, Site, a_site, is_alive
from support.waiting import eventually

pytestmark = pytest.mark.faults

SOURCE = """
@pt.op
def load() -> None: ...


@pt.job
def load_job() -> None:
    load()


secondly = pt.Schedule("secondly", cron="* * * * *", target=load_job)


@pt.sensor(target=load_job, interval=1.0)
def waits(context: pt.SensorContext) -> object:
    note("waits")
    wait_for("go")
    return pt.SensorResult(requests=[pt.RunRequest(run_key="a"), pt.RunRequest(run_key="b")], cursor="c")


definitions = pt.Repository("main", jobs=[load_job], schedules=[secondly], sensors=[waits])
"""
LEASE = 1.5
ALL = PageRequest(first=1000)
SCHEDULE, SENSOR = automation_id("main", "main", "secondly"), automation_id("main", "main", "waits")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main=SOURCE) as made:
        yield made


def ticks(site: Site, automation: str, *statuses: TickStatus) -> list[Tick]:
    """Its ticks, the oldest first."""
    return site.store.ticks.list(TickFilter(automation_ids=(automation,), statuses=statuses or None), page=ALL).items[::-1]


def holder(site: Site, daemons: list[Service]) -> Service:
    """The daemon that does the schedules."""

    def found() -> Service | None:
        owners = {each.role: each.owner or "" for each in site.store.leases.daemons()}
        return next((daemon for daemon in daemons if f"/{daemon.token}" in owners.get("schedules", "")), None)

    daemon = eventually(found, seconds=20, what="a daemon to do the schedules")
    assert daemon is not None
    return daemon


def test_three_daemons_and_a_schedule_of_every_second(site: Site) -> None:
    site.work().stop()
    daemons = [site.start("daemon", fault="every second", lease=LEASE) for _ in range(3)]
    site.store.automations.set_on([SCHEDULE], is_on=True)
    eventually(lambda: len(ticks(site, SCHEDULE)) >= 2, seconds=20, what="the first ticks")

    killed = holder(site, daemons)
    killed.kill()
    before = len(ticks(site, SCHEDULE))
    daemons.append(site.start("daemon", fault="every second", lease=LEASE))
    eventually(lambda: len(ticks(site, SCHEDULE)) >= before + 4, seconds=20, what="the others to go on")
    site.store.automations.set_on([SCHEDULE], is_on=False)

    found = ticks(site, SCHEDULE)
    times = [tick.due_at for tick in found]
    assert times == [times[0] + number * timedelta(seconds=1) for number in range(len(times))], "every second, and each once"
    runs = site.store.runs.list(page=ALL).items
    assert Counter(run.request.tick_id for run in runs) == Counter(tick.id for tick in found)


@pytest.mark.parametrize("fault", ["die before commit", "die after commit"])
def test_a_daemon_that_dies_at_a_commit(site: Site, fault: str) -> None:
    """Before it nothing has happened, after it all has."""
    site.work().stop()
    dying = site.start("daemon", fault=fault, lease=LEASE)
    site.store.automations.set_on([SCHEDULE], is_on=True)
    schedule = eventually(lambda: site.store.automations.find([SCHEDULE])[SCHEDULE].next_due_at, seconds=20)
    assert schedule is not None
    due_now(site)
    dying.process.wait(timeout=20)
    committed = len(ticks(site, SCHEDULE))

    site.start("daemon", lease=LEASE)

    [tick] = eventually(lambda: ticks(site, SCHEDULE), seconds=20, what="the tick")
    assert committed == (fault == "die after commit")
    assert [run.request.tick_id for run in site.store.runs.list().items] == [tick.id]


def due_now(site: Site) -> None:
    """Make the schedule due at this moment, as if its last due time had been written long ago."""
    with site.store._database._writers.take(timeout=5) as connection, connection.begin():
        connection.exec_driver_sql("UPDATE automations SET next_due_at = ? WHERE id = ?", (60_000_000 * int(time.time() // 60), SCHEDULE))


@pytest.mark.parametrize("fault", ["die before commit", "die after commit"])
def test_a_worker_that_dies_at_the_end_of_an_evaluation(site: Site, fault: str) -> None:
    site.allow("go")
    site.start("daemon", lease=LEASE)
    dying = site.start("worker", fault=fault, lease=LEASE)
    site.loaded()
    site.store.automations.set_on([SENSOR], is_on=True)
    dying.process.wait(timeout=20)
    committed = ticks(site, SENSOR, TickStatus.SUCCEEDED)

    site.start("worker", lease=LEASE)

    tick = eventually(lambda: ticks(site, SENSOR, TickStatus.SUCCEEDED), seconds=20, what="the tick to be done")[0]
    assert bool(committed) == (fault == "die after commit")
    assert (tick.attempt, tick.run_count) == (1 if committed else 2, 2)
    assert len(site.store.runs.list(RunFilter(tick_id=tick.id)).items) == 2
    assert (site.store.automations.find([SENSOR])[SENSOR].cursor, tick.cursor) == ("c", "c")
    assert site.store.runs.count() == 2


def test_a_worker_that_is_killed_in_an_evaluation(site: Site) -> None:
    site.start("daemon", lease=LEASE)
    worker = site.work(lease=LEASE)
    site.store.automations.set_on([SENSOR], is_on=True)
    pid = site.noted("waits")["pid"]

    worker.kill()
    eventually(lambda: not is_alive(pid), what="its process to end with it")
    assert site.store.runs.count() == 0
    site.allow("go")
    site.start("worker", lease=LEASE)

    tick = eventually(lambda: ticks(site, SENSOR, TickStatus.SUCCEEDED), seconds=20, what="the tick to be done")[0]
    assert (tick.attempt, tick.run_count) == (2, 2)


def test_a_frozen_worker_commits_nothing_that_another_has_done(site: Site) -> None:
    """Its lease ended while it stood still."""
    site.start("daemon", lease=LEASE, patience=0.2, sweep=0.1)
    worker = site.work(lease=LEASE)
    site.store.automations.set_on([SENSOR], is_on=True)
    site.noted("waits")

    worker.pause()
    eventually(lambda: ticks(site, SENSOR, TickStatus.FAILED), seconds=20, what="the tick to be given up")
    site.store.automations.set_on([SENSOR], is_on=False)
    site.allow("go")
    worker.resume()

    eventually(lambda: "given up" in worker.log.read_text(), seconds=20, what="the worker to notice")
    assert site.store.runs.count() == 0
    assert site.store.automations.find([SENSOR])[SENSOR].cursor is None
