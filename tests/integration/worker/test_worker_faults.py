"""Workers are killed, stopped, frozen and cut off; runs end as what they are, and nothing runs twice unnoticed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from partita.errors import LeaseLostError
from partita.records.events import RunStatusChanged, StepFailed
from partita.records.runs import Run, RunStatus
from support.sites import Site, a_site, alive, is_alive, processes_of
from support.waiting import eventually

SOURCE = """
@pt.asset
def quick() -> int:
    return 1

@pt.asset
def waits() -> int:
    try:
        note("waits")
        wait_for("go")
    finally:
        note("cleaned_up")
    return 1

@pt.asset
def after(waits: int) -> int:
    return waits

@pt.asset
def leaves_children() -> None:
    for _ in range(2):
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(300)
    note("leaves_children")
    time.sleep(300)
"""
LEASE = 2.0
ROLES = {"backfills", "conditions", "monitor", "retention", "freshness", "alerts", "schedules", "sensors"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main=SOURCE) as made:
        yield made


def test_a_killed_worker_leaves_nothing_and_its_run_is_ended_in_time(site: Site) -> None:
    site.start("daemon", lease=LEASE, sweep=0.2)
    worker = site.work(lease=LEASE)
    token = worker.token
    run = site.launch("leaves_children", "quick")
    site.noted("leaves_children")
    settled(site, run)

    worker.kill()
    died_at = time.monotonic()

    eventually(lambda: not alive({token}), seconds=5, what="every process of the worker to end")
    ended = site.finished(run)
    assert time.monotonic() - died_at < LEASE + 5
    assert ended.status is RunStatus.FAILED
    assert ended.error is not None
    assert ended.error.class_name == "WorkerLostError"
    assert site.steps(run)["leaves_children"] == "failed"


@pytest.mark.faults
def test_the_successor_of_a_killed_worker_goes_on_at_once(site: Site) -> None:
    worker = site.work()  # with a lease of 30 seconds
    site.finished(site.launch("quick"))
    worker.kill()
    run = site.launch("quick")

    began = time.monotonic()
    site.start("worker")

    assert site.finished(run).status is RunStatus.SUCCEEDED
    assert time.monotonic() - began < 20


def test_a_second_worker_of_the_same_home_is_refused(site: Site) -> None:
    site.work()

    second = site.start("worker")

    assert second.process.wait(timeout=20) != 0
    assert "does this work already" in second.log.read_text()


def test_a_worker_that_is_told_to_stop_ends_what_runs_and_says_so(site: Site) -> None:
    worker = site.work(stop=10.0)
    run = site.launch("waits", "after")
    pid = site.noted("waits")["pid"]
    token = worker.token

    assert worker.stop() == 0

    ended = site.store.runs.get(run.id)
    assert ended.status is RunStatus.FAILED
    assert ended.error is not None
    assert ended.error.class_name == "WorkerStoppedError"
    assert site.steps(run) == {"waits": "failed", "after": "upstream_failed"}
    assert (site.scratch / "cleaned_up").exists()
    assert not is_alive(pid)
    assert not alive({token})


@pytest.mark.faults
def test_the_next_worker_need_not_wait_for_one_that_was_stopped(site: Site) -> None:
    site.work().stop()
    run = site.launch("quick")

    site.work()

    assert site.finished(run).status is RunStatus.SUCCEEDED


@pytest.mark.faults
def test_a_frozen_worker_finds_its_run_ended_and_kills_what_it_started(site: Site) -> None:
    site.start("daemon", lease=LEASE, sweep=0.2)
    worker = site.work(lease=LEASE)
    run = site.launch("waits")
    pid = site.noted("waits")["pid"]
    settled(site, run)

    worker.pause()  # while it writes nothing: SQLite's lock would be frozen with it
    ended = site.finished(run)
    worker.resume()
    eventually(lambda: not is_alive(pid), seconds=5, what="the lost process to end")

    assert ended.status is RunStatus.FAILED
    assert site.finished(site.launch("quick")).status is RunStatus.SUCCEEDED
    assert site.store.runs.get(run.id).status is RunStatus.FAILED
    assert len([event for event in site.events(run) if isinstance(event, StepFailed)]) == 1


@pytest.mark.faults
def test_a_worker_without_database_ends_its_processes_before_its_lease_does(site: Site) -> None:
    worker = site.work(lease=3.0)
    run = site.launch("waits")
    pid = site.noted("waits")["pid"]
    settled(site, run)
    database = site.store.database_path

    moved = database.with_name("moved.db")
    database.rename(moved)
    lost_at = time.monotonic()
    eventually(lambda: not is_alive(pid), seconds=10, what="the process to end")

    assert time.monotonic() - lost_at < 3.5
    assert is_alive(worker.pid)
    moved.rename(database)


@pytest.mark.faults
def test_what_is_told_while_the_database_is_away_is_written_when_it_is_back(site: Site) -> None:
    site.work(lease=20.0)
    run = site.launch("waits")
    site.noted("waits")
    settled(site, run)
    database = site.store.database_path
    moved = database.with_name("moved.db")

    database.rename(moved)
    site.allow("go")
    eventually((site.scratch / "cleaned_up").exists, what="the step to end")
    eventually(lambda: not processes_of(run), what="its process to end")
    moved.rename(database)

    assert site.finished(run).status is RunStatus.SUCCEEDED
    assert [event.status for event in site.events(run) if isinstance(event, RunStatusChanged)][-1] is RunStatus.SUCCEEDED


def test_nobody_but_the_holder_of_the_lease_writes_events(site: Site) -> None:
    site.work()
    run = site.launch("waits")
    site.noted("waits")

    with pytest.raises(LeaseLostError):
        site.store.events.append(run.id, epoch=7, writer="thief", first=1, events=[], lease=None)

    site.allow("go")
    assert site.finished(run).status is RunStatus.SUCCEEDED


@pytest.mark.faults
def test_two_daemons_do_the_work_of_one_and_either_can_go(site: Site) -> None:
    first = site.start("daemon", lease=LEASE, sweep=0.2)
    eventually(lambda: {each.role for each in site.store.leases.daemons() if each.is_healthy} == ROLES, what="the first to work")
    before = {each.role: each.owner for each in site.store.leases.daemons()}
    site.start("daemon", lease=LEASE, sweep=0.2)

    first.kill()

    def has_moved() -> bool:
        now = {each.role: each.owner for each in site.store.leases.daemons()}
        return all(now[role] != before[role] for role in before)

    eventually(has_moved, seconds=LEASE + 10, what="the second to take over")


@pytest.mark.faults
def test_a_daemon_that_is_told_to_stop_leaves_its_roles_to_others_at_once(site: Site) -> None:
    first = site.start("daemon")
    eventually(lambda: len(site.store.leases.daemons()) == len(ROLES), what="the first to work")

    assert first.stop() == 0

    for role in ROLES:
        assert site.store.leases.acquire(f"daemon:{role}", owner="other", ttl=timedelta(seconds=1)) is not None


@pytest.mark.faults
def test_a_daemon_ends_no_run_whose_lease_is_renewed(site: Site) -> None:
    site.start("daemon", lease=LEASE, sweep=0.1)
    site.work(lease=LEASE)
    run = site.launch("waits")
    site.noted("waits")

    time.sleep(LEASE * 1.5)

    assert site.store.runs.get(run.id).status is RunStatus.RUNNING
    site.allow("go")
    assert site.finished(run).status is RunStatus.SUCCEEDED


def settled(site: Site, run: Run) -> None:
    """Wait until all is recorded that has happened to a run whose steps wait."""

    def is_settled() -> bool:
        before = site.store.runs.get(run.id).last_seq
        time.sleep(0.3)
        return "running" in site.steps(run).values() and site.store.runs.get(run.id).last_seq == before

    eventually(is_settled, what="the run to settle")


def test_a_worker_that_drains_lets_its_runs_end_and_takes_no_others(site: Site) -> None:
    worker = site.work(drain=30.0)
    run = site.launch("waits", "after")
    site.noted("waits")

    worker.process.terminate()
    eventually(lambda: "stops when its runs have ended" in worker.log.read_text(), what="the worker to drain")
    later = site.launch("quick")
    site.allow("go")

    assert worker.process.wait(timeout=30) == 0
    assert site.store.runs.get(run.id).status is RunStatus.SUCCEEDED
    assert site.store.runs.get(later.id).status is RunStatus.QUEUED


def test_a_run_can_be_cancelled_while_its_worker_drains(site: Site) -> None:
    worker = site.work(drain=60.0, cancel=1.0)
    run = site.launch("waits")
    site.noted("waits")
    worker.process.terminate()
    site.store.runs.request_cancel(run.id)

    assert worker.process.wait(timeout=30) == 0
    assert site.store.runs.get(run.id).status is RunStatus.CANCELED
