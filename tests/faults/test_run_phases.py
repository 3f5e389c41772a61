"""SIGKILL at every phase of a run, to its worker and to its process: it ends in a final state, once, and the next run works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.records.events import Event, StepFailed, StepStarted, StepSucceeded
from partita.records.runs import Run, RunStatus
from support.sites import Site, a_site, alive, kill, processes_of
from support.waiting import eventually

pytestmark = pytest.mark.faults

SOURCE = """
import atexit

@pt.on_success
def lingers(context: pt.HookContext) -> None:
    note("between", run=context.run_id)
    wait_for("go")

@pt.op
def first() -> int:
    return 1

@pt.op(hooks=[lingers])
def first_then_waits() -> int:
    return 1

@pt.op
def second(n: int) -> int:
    return n + 1

@pt.op
def ends_slowly() -> int:
    def wait() -> None:
        note("finishing")
        wait_for("go")
    atexit.register(wait)
    return 1

@pt.job
def plain() -> None:
    second(first())

@pt.job(executor=pt.in_process())
def together() -> None:
    second(first_then_waits())

@pt.job
def slow_end() -> None:
    second(ends_slowly())
"""
LEASE = 2.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main=SOURCE) as made:
        yield made


def starts_of(events: list[Event]) -> list[tuple[str | None, int]]:
    return [(event.step, event.attempt) for event in events if isinstance(event, StepStarted)]


def works(site: Site) -> None:
    assert site.finished(site.launch(job="plain")).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("fault", ["die after claim", *(f"die at append {number}" for number in range(1, 8))])
def test_a_worker_that_dies_at_a_commit_of_the_run(site: Site, fault: str) -> None:
    site.start("daemon", lease=LEASE, sweep=0.2)
    worker = site.start("worker", lease=LEASE, fault=fault)
    token = worker.token
    site.loaded()
    run = site.launch(job="plain")
    if worker_survives(site, run, worker):
        assert site.store.runs.get(run.id).status is RunStatus.SUCCEEDED  # the run has fewer commits than that
        return
    eventually(lambda: not alive({token}), what="everything that it had started to end with it")

    site.work(lease=LEASE)
    ended = site.finished(run)

    # what had not begun is begun by the next worker
    assert ended.status is RunStatus.SUCCEEDED or (ended.status is RunStatus.FAILED and fault != "die after claim")
    assert ended.status is RunStatus.SUCCEEDED or ended.error is not None
    events = site.events(run)
    assert len(set(starts_of(events))) == len(starts_of(events)), "no attempt has begun twice"
    assert not {"running", "pending", "waiting_retry"} & set(site.steps(run).values())
    works(site)


def worker_survives(site: Site, run: Run, worker: object) -> bool:
    eventually(lambda: (site.folder / "died").exists() or site.store.runs.get(run.id).status.is_finished, what="the worker to die")
    return not (site.folder / "died").exists()


def test_a_process_that_is_killed_between_two_steps(site: Site) -> None:
    site.work()
    run = site.launch(job="together")
    pid = site.noted("between")["pid"]

    kill(pid)
    site.allow("go")
    ended = site.finished(run)

    assert ended.status is RunStatus.SUCCEEDED, "what had succeeded stays so, and the rest goes on elsewhere"
    assert starts_of(site.events(run)) == [("first_then_waits", 1), ("second", 1)]
    works(site)


def test_a_process_that_is_killed_while_it_finishes(site: Site) -> None:
    site.work()
    run = site.launch(job="slow_end")
    pid = site.noted("finishing")["pid"]

    kill(pid)
    ended = site.finished(run)

    assert ended.status is RunStatus.SUCCEEDED, "the step had told that it succeeded"
    events = site.events(run)
    assert [type(event) for event in events if event.step == "ends_slowly" and isinstance(event, (StepSucceeded, StepFailed))] == [StepSucceeded]
    assert processes_of(run) == []
    works(site)
