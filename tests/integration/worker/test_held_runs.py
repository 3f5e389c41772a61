"""A claimed run under everything that can go wrong between a worker and its database. Processes are pretended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.automation.active_run import ActiveRun
from partita.automation.held_run import HeldRun
from partita.automation.orders import Places
from partita.automation.planned import PlannedRun
from partita.automation.run_log import BATCH, RunLog
from partita.automation.timing import Timing
from partita.errors import LeaseLostError, RequestError, StorageUnavailableError
from partita.execution.children import Child, Death, Stage
from partita.execution.news import FactsArrived, ProcessEnded
from partita.execution.protocol import Assignment, Load, Order
from partita.planning.build import build_plan
from partita.records.events import Event, LogLevel, LogWritten, OutputSaved, StepStarted, StepSucceeded
from partita.records.runs import Run, RunRequest, RunStatus
from partita.storage.claims import Claim
from partita.storage.store import Store
from partita.workspace.settings import LocationSettings

TIMING = Timing(lease=timedelta(seconds=3))


@pt.op
def trivial() -> int:
    return 1


@pt.job
def trivial_job() -> None:
    trivial()


REPOSITORY = pt.Repository("main", jobs=[trivial_job])


class PretendedProcesses:
    """What a run asks of its worker."""

    def __init__(self) -> None:
        self.children: set[Child] = set()
        self.was_killed = False
        self.is_listening = True

    def can_launch(self) -> bool:
        return True

    def launch(self, order: Order, *, number: int, output: Path) -> Child:
        load = Load(location=LocationSettings(name="main", directory="/"), worker=1)
        child = Child(assignment=Assignment(load=load, marker=f"{order.run_id}:{number}", order=order), output=output, stage=Stage.READY)
        self.children.add(child)
        return child

    def end(self, child: Child, *, grace: float) -> None:
        self.was_killed = self.was_killed or grace == 0

    def kill(self) -> None:
        self.was_killed = True

    def forget(self, child: Child) -> None:
        self.children.discard(child)

    def listen(self, is_wanted: bool) -> None:
        self.is_listening = is_wanted


class Held:
    """A claim in the hands of the test."""

    def __init__(self, store: Store, *, timing: Timing = TIMING) -> None:
        self.store = store
        self.run_id = store.runs.launch([RunRequest(location="main", repository="main", job="trivial_job")]).runs[0].id
        [self.claim] = store.runs.claim(owner="me", location="main", limit=1, lease=timing.lease, catalog_hash="x")
        self.processes = PretendedProcesses()
        places = Places(values=Path("/values"), logs=Path("/logs"))
        self.held = HeldRun(store, self.claim, processes=self.processes, places=places, timing=timing)  # type: ignore[arg-type]

    @property
    def run(self) -> Run:
        return self.store.runs.get(self.run_id)

    @property
    def child(self) -> Child:
        [child] = self.processes.children
        return child

    def plan(self) -> None:
        self.held.plan(a_plan)
        self.held.proceed()

    def tell(self, *events: Event) -> None:
        self.held.hear(FactsArrived(self.child, events))
        self.held.proceed()

    def end(self, death: Death) -> None:
        self.held.hear(ProcessEnded(self.child, death))
        self.held.proceed()

    def succeed(self) -> None:
        self.tell(started(), OutputSaved(at=now(), step="trivial", output="result"), StepSucceeded(at=now(), step="trivial", duration=1))
        self.end(Death(code=0))


def now() -> datetime:
    return datetime.now(UTC)


def started() -> StepStarted:
    return StepStarted(at=now(), step="trivial")


def a_plan(run: Run) -> PlannedRun:
    return PlannedRun(run=run, plan=build_plan(REPOSITORY.spec, run.request, now=now()), output_runs={})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'partita.db'}") as opened:
        yield opened


@pytest.fixture
def failing(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Make the next calls of `append` fail."""

    def fail(error: Exception, *, times: int = 10**9, is_written: bool = False) -> list[int]:
        append, calls = store.events.append, [0]

        def broken(*args: Any, **kwargs: Any) -> int:
            calls[0] += 1
            if calls[0] > times:
                return append(*args, **kwargs)
            if is_written:
                append(*args, **kwargs)
            raise error

        monkeypatch.setattr(store.events, "append", broken)
        return calls

    return fail


def test_an_untroubled_run_succeeds(store: Store) -> None:
    held = Held(store)
    held.plan()
    held.succeed()

    assert held.held.is_done
    assert held.run.status is RunStatus.SUCCEEDED


def test_a_run_cancelled_between_its_claim_and_its_plan_never_begins(store: Store) -> None:
    held = Held(store)
    store.runs.request_cancel(held.run_id)

    held.plan()

    assert held.held.is_done
    assert held.run.status is RunStatus.CANCELED
    assert not held.processes.children


def test_a_run_that_cannot_be_planned_fails(store: Store) -> None:
    held = Held(store)

    def refuse(run: Run) -> PlannedRun:
        raise RequestError("there is nothing like that")

    held.held.plan(refuse)

    assert held.held.is_done
    error = held.run.error
    assert error is not None
    assert error.summary == "RequestError: there is nothing like that"


def test_a_mistake_of_ours_while_planning_fails_the_run_and_not_the_worker(store: Store) -> None:
    held = Held(store)

    def stumble(run: Run) -> PlannedRun:
        raise ZeroDivisionError

    held.held.plan(stumble)

    assert held.run.status is RunStatus.FAILED


def test_a_run_goes_back_to_the_queue_when_the_database_fails_while_it_is_planned(store: Store) -> None:
    held = Held(store)

    def no_answer(run: Run) -> PlannedRun:
        raise StorageUnavailableError("no answer")

    held.held.plan(no_answer)

    assert held.held.is_done
    assert held.run.status is RunStatus.QUEUED


@pytest.mark.parametrize("is_written", [False, True])
def test_events_wait_for_the_database_and_are_written_once(store: Store, failing: Callable[..., list[int]], is_written: bool) -> None:
    held = Held(store)
    held.plan()
    failing(StorageUnavailableError("no answer"), times=1, is_written=is_written)

    held.succeed()
    assert not held.run.status.is_finished
    time.sleep(0.25)
    held.held.proceed()

    assert held.held.is_done
    assert held.run.status is RunStatus.SUCCEEDED
    assert store.events.count(held.run_id) == held.run.last_seq == 8


def test_a_lost_lease_ends_the_processes_and_nothing_more_is_written(store: Store, failing: Callable[..., list[int]]) -> None:
    held = Held(store)
    held.plan()
    seq = held.run.last_seq
    calls = failing(LeaseLostError("run", 1))

    held.tell(started())
    held.tell(started())

    assert (held.processes.was_killed, calls[0]) == (True, 1)
    held.end(Death(signum=9, was_ended=True))
    assert held.held.is_done
    assert held.run.last_seq == seq


def test_a_run_is_given_up_at_two_thirds_of_a_lease_that_cannot_be_renewed(store: Store, failing: Callable[..., list[int]]) -> None:
    timing = replace(TIMING, lease=timedelta(seconds=0.6))
    held = Held(store, timing=timing)
    held.plan()
    failing(StorageUnavailableError("no answer"))
    held.tell(started())
    assert not held.processes.was_killed

    time.sleep(0.41)
    held.held.proceed()

    assert held.processes.was_killed


def test_renewals_keep_a_silent_run(store: Store) -> None:
    held = Held(store, timing=replace(TIMING, lease=timedelta(seconds=0.6)))
    held.plan()
    time.sleep(0.3)

    held.held.note_renewal(time.monotonic())
    time.sleep(0.2)
    held.held.proceed()

    assert not held.processes.was_killed


def test_an_event_that_cannot_be_written_ends_its_run_and_says_so(store: Store, failing: Callable[..., list[int]]) -> None:
    held = Held(store)
    held.plan()
    held.tell(started())
    failing(ValueError("poison"), times=1)

    held.tell(
        LogWritten(at=now(), step="trivial", level=LogLevel.INFO, logger="x", message="poison"), StepSucceeded(at=now(), step="trivial", duration=1)
    )
    assert held.processes.was_killed
    held.end(Death(signum=9, was_ended=True))

    assert held.held.is_done
    error = held.run.error
    assert error is not None
    assert error.summary == "ValueError: poison"
    assert [step.status.value for step in store.runs.steps([held.run_id])[held.run_id]] == ["failed"]


def test_a_mistake_of_ours_while_listening_ends_that_run_and_not_the_worker(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(store)
    held.plan()
    held.tell(started())

    def stumble(*_: object) -> None:
        raise ZeroDivisionError("stumbled")

    monkeypatch.setattr(ActiveRun, "hear_facts", stumble)
    held.tell(StepSucceeded(at=now(), step="trivial", duration=1))
    assert held.processes.was_killed
    held.end(Death(signum=9, was_ended=True))

    error = held.run.error
    assert error is not None
    assert (held.run.status, error.summary) == (RunStatus.FAILED, "ZeroDivisionError: stumbled")


def test_processes_are_not_listened_to_while_they_tell_more_than_can_be_written(store: Store, failing: Callable[..., list[int]]) -> None:
    held = Held(store)
    held.plan()
    failing(StorageUnavailableError("no answer"), times=1)

    held.tell(*[LogWritten(at=now(), step="trivial", level=LogLevel.INFO, logger="x", message=str(number)) for number in range(3000)])
    assert not held.processes.is_listening
    time.sleep(0.25)
    held.held.proceed()

    assert held.processes.is_listening


def test_a_log_is_written_in_batches_and_in_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = store.runs.launch([RunRequest(location="main", repository="main", job="j")]).runs[0].id
    [claim] = store.runs.claim(owner="me", location="main", limit=1, lease=TIMING.lease, catalog_hash="x")
    sizes: list[int] = []
    append = store.events.append

    def counted(*args: Any, **kwargs: Any) -> int:
        sizes.append(len(kwargs["events"]))
        return append(*args, **kwargs)

    monkeypatch.setattr(store.events, "append", counted)
    log = RunLog(store, claim, timing=TIMING)

    log.add([LogWritten(at=now(), level=LogLevel.INFO, logger="x", message=str(number)) for number in range(450)])
    assert log.is_due(time.monotonic())
    log.flush()

    assert sizes == [BATCH, BATCH, 50]
    assert [stored.event.message for stored in store.events.after(run_id, seq=2)] == [str(number) for number in range(450)]  # type: ignore[union-attr]


def test_what_changes_no_state_waits_a_moment_for_company(store: Store) -> None:
    log = RunLog(
        store, Claim(Run(id="run_1", request=RunRequest(location="", repository=""), status=RunStatus.STARTING, created_at=now()), 1), timing=TIMING
    )
    assert not log.is_due(time.monotonic())

    log.add([LogWritten(at=now(), level=LogLevel.INFO, logger="x", message="")])
    assert not log.is_due(time.monotonic())
    assert log.is_due(time.monotonic() + TIMING.flush)

    log.add([started()])
    assert log.is_due(time.monotonic())
