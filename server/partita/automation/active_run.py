"""One claimed run: walks its plan, has processes made for its steps, and writes down what becomes of them.

All decisions are here; processes are the supervisor's business, the database the log's.
"""

from __future__ import annotations

import heapq
import logging
import os
import random
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from partita.automation.attempts import TIMED_OUT, Attempt, RunningStep, death_error, failed_run_error, failure, shared_error, timeout_error
from partita.automation.orders import Places, order_for_plan, order_for_steps
from partita.automation.outputs import Outputs
from partita.automation.planned import PlannedRun
from partita.automation.run_log import RunLog
from partita.automation.timing import Timing
from partita.execution.children import Child, Death
from partita.execution.protocol import Order
from partita.planning.plan import Step
from partita.planning.retry import retry_delay
from partita.planning.walk import Unreached, Walk
from partita.records.events import (
    Event,
    LogLevel,
    LogWritten,
    OutputSaved,
    PlanMade,
    ProcessStarted,
    RunStatusChanged,
    StepCanceled,
    StepFailed,
    StepSkipped,
    StepsMapped,
    StepStarted,
    StepSucceeded,
    StepUpstreamFailed,
)
from partita.records.failures import PythonError
from partita.records.runs import RunStatus, StepStatus

logger = logging.getLogger(__name__)
HOST = socket.gethostname()


class Cause(Enum):
    """Why a run is ended before its plan is."""

    CANCELED = auto()
    TIMED_OUT = auto()
    STOPPED = auto()
    """The worker itself is told to stop."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A run is being ended."""

    cause: Cause
    error: PythonError | None = None


class Processes(Protocol):
    """What a run asks of its worker: processes of the code that it was planned under."""

    def can_launch(self) -> bool:
        """False for a moment while the code is being loaded again."""

    def launch(self, order: Order, *, number: int, output: Path) -> Child:
        """Make a process; `number` counts those of the run."""

    def end(self, child: Child, *, grace: float) -> None:
        """Tell a process to stop, and kill it after `grace` seconds."""

    def has_news(self, child: Child) -> bool:
        """Whether a process has told something that was not heard yet."""


class ActiveRun:
    """A run that this worker holds, from its plan to its end."""

    def __init__(self, planned: PlannedRun, *, log: RunLog, processes: Processes, places: Places, timing: Timing) -> None:
        self._planned = planned
        self._plan = planned.plan
        self._log = log
        self._processes = processes
        self._places = places
        self._printed = Outputs(planned.run.id, places)
        self._timing = timing
        self._walk: Walk = planned.walk()
        self._is_whole = planned.plan.executor.walks_in_one_process
        """One process is to walk the whole plan."""
        self._width = planned.plan.executor.max_concurrent or len(os.sched_getaffinity(0))
        self._has_async = any(step.is_async for step in planned.plan.steps)
        self._attempts: dict[Child, Attempt] = {}
        self._process_count = 0
        self._numbers: dict[str, int] = {}
        """Attempts begun at each step."""
        self._outputs: dict[str, list[OutputSaved]] = {}
        """What the current attempt at each step has put out."""
        self._retries: list[tuple[float, str]] = []
        self._untold: dict[str, Unreached] = {}
        """Steps that will not run, which their process should say but has not said yet."""
        self._errors: dict[str, PythonError] = {}
        self._ending: Ending | None = None
        self._deadline = None if self._plan.timeout is None else time.monotonic() + self._plan.timeout
        self.is_over = False
        """All that can happen has happened; what the log still holds must be written."""

    @property
    def children(self) -> list[Child]:
        """Its user processes."""
        return list(self._attempts)

    def begin(self) -> None:
        """Tell the plan, and that the run is running."""
        walk = self._walk
        plan = PlanMade(at=_now(), steps=walk.keys, reused=walk.reused, shared=walk.shared)
        self._log.add([plan, RunStatusChanged(at=_now(), status=RunStatus.RUNNING)])
        self._tell_unreached(self._walk.unreached_at_start)

    def proceed(self) -> None:
        """Start what may start, end what is overdue, and notice that the run is over."""
        if self.is_over:
            return
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline and self._ending is None:
            message = f"The run took longer than its timeout of {self._plan.timeout or 0:g} s and was ended."
            self._end(Ending(Cause.TIMED_OUT, PythonError(class_name="RunTimeoutError", message=message)), grace=self._timing.cancel)
        self._end_overdue(now)
        self._printed.look()
        if self._ending is None:
            self._revive(now)
            self._launch_ready()
        if not self._attempts and (self._walk.is_done or self._ending is not None):
            self._finish()

    def cancel(self, *, is_forced: bool) -> None:
        """End it because somebody asked for that."""
        self._end(Ending(Cause.CANCELED), grace=0 if is_forced else self._timing.cancel)

    def stop(self, *, grace: float) -> None:
        """End it because the worker stops."""
        self._end(Ending(Cause.STOPPED, PythonError(class_name="WorkerStoppedError", message="The worker that ran it was stopped.")), grace=grace)

    def abandon(self) -> None:
        """Kill its processes; nothing of it may be written any more."""
        for child in self.children:
            self._processes.end(child, grace=0)

    def hear_ready(self, child: Child) -> None:
        """A process of this run lives."""
        attempt = self._attempts[child]
        started = ProcessStarted(
            at=_now(), step=attempt.step, attempt=attempt.number, pid=child.pid or 0, host=HOST, how=child.how, startup=child.startup or 0.0
        )
        self._log.add([started])
        for key, number in attempt.steps.items():
            attempt.begin(self._walk.step(key), number, grace=self._timing.overdue)

    def hear_facts(self, child: Child, events: Sequence[Event]) -> None:
        """A process of this run told what happened in it."""
        attempt = self._attempts[child]
        if events:
            attempt.told_at = events[-1].at
        for event in events:
            if self._heed(attempt, event):
                self._log.add([event])
                self._follow(attempt, event)

    def hear_end(self, child: Child, death: Death) -> None:
        """A process of this run, and all that it started, is gone."""
        attempt = self._attempts.pop(child)
        self._printed.end_process(child.output)
        for key, running in attempt.running.items():
            self._printed.end(key, running.attempt)
        if not attempt.is_whole:
            for key in attempt.open:
                self._settle(attempt, key, death)
            return
        if child.error is not None and not attempt.running:
            for step in self._walk.ready():  # it could not even begin: what it should have begun with has failed
                self._walk.start(step.key)
                number = self._numbers[step.key] = self._numbers.get(step.key, 0) + 1
                attempt.begin(step, number, grace=self._timing.overdue)
        for key in list(attempt.running):
            self._settle(attempt, key, death)
        # What is left of the plan goes on with a process for each step: memory that it shared is lost anyway.
        self._is_whole, self._width = False, 1
        now = time.monotonic()
        self._retries += [(now, key) for key, status in self._walk.statuses.items() if status is StepStatus.WAITING_RETRY]
        heapq.heapify(self._retries)

    def _heed(self, attempt: Attempt, event: Event) -> bool:
        """Take a fact into account; False when it is not to be written because we know better."""
        key = event.step
        if key is None or key not in self._walk:
            return True
        match event:
            case StepCanceled() | StepsMapped():
                return False  # whether it was cancelled, timed out or stopped from outside is for us to say, and what comes behind it too
            case StepFailed(error=error) if attempt.is_overdue(key) and error.class_name != TIMED_OUT:
                return False
            case StepStarted():
                self._note_start(attempt, key, event)
            case OutputSaved():
                self._outputs.setdefault(key, []).append(event)
            case StepSkipped() | StepUpstreamFailed():
                self._untold.pop(key, None)
        return True

    def _note_start(self, attempt: Attempt, key: str, started: StepStarted) -> None:
        number = started.attempt
        attempt.begin(self._walk.step(key), number, grace=self._timing.overdue, at=started.at)
        self._printed.begin(key, number)
        if attempt.is_whole:
            if self._walk.status(key) is StepStatus.WAITING_RETRY:
                self._walk.retry(key)
            self._walk.start(key)
            self._numbers[key] = number

    def _follow(self, attempt: Attempt, event: Event) -> None:
        """What an outcome that a process has told means for the rest of the plan."""
        key = event.step
        if key is None or key not in self._walk or not isinstance(event, (StepSucceeded, StepFailed)):
            return
        self._printed.end(key, event.attempt)
        if attempt.step is not None:
            attempt.outcome = event  # what comes behind it waits until the process is gone, with all that it holds
        else:
            attempt.end(key)
            unreached = self._advance(key, event)
            if attempt.is_whole:
                self._untold.update((each.key, each) for each in unreached)
            else:
                self._tell_unreached(unreached)
        if attempt.step is not None or self._walk.is_done or (attempt.steps and not attempt.open):
            patience = self._timing.hooks if self._walk.step(key).hooks else 0.0
            attempt.linger_until = time.monotonic() + max(self._timing.linger, patience)

    def _settle(self, attempt: Attempt, key: str, death: Death) -> None:
        """A step's process is gone: what it told counts, and what it could not tell is told here."""
        outcome = attempt.outcome
        if outcome is None and self._ending is not None and self._ending.cause is Cause.CANCELED:
            self._walk.cancel(key)
            self._log.add([StepCanceled(at=_now(), step=key, attempt=self._numbers.get(key, 1))])
            return
        if outcome is None:
            outcome = self._failure(attempt, key, death)
            self._log.add([outcome])
        self._tell_unreached(self._advance(key, outcome))

    def _failure(self, attempt: Attempt, key: str, death: Death) -> StepFailed:
        step = self._walk.step(key)
        running = attempt.running.get(key) or RunningStep(attempt=attempt.steps.get(key, 1), began=time.monotonic(), deadline=None)
        if running.is_overdue:
            error = timeout_error(key, step.timeout)
        elif self._ending is not None and self._ending.error is not None:
            error = self._ending.error
        elif attempt.culprit is not None:
            error = shared_error(key, attempt.culprit)
        else:
            error = death_error(key, death, attempt.child.error)
        is_last = self._ending is not None
        delay = None if is_last else retry_delay(step.retry, attempt=running.attempt, chance=random.random())
        return failure(step, running, error, retry_after=delay, memory=attempt.child.peak_memory)

    def _advance(self, key: str, outcome: StepSucceeded | StepFailed) -> list[Unreached]:
        """Move the walk on; answers the steps that will not run because of it."""
        match outcome:
            case StepSucceeded():
                return self._succeed(key)
            case StepFailed(retry_after=None, error=error):
                self._errors[key] = error
                return self._walk.fail(key)
            case StepFailed(retry_after=delay):
                self._outputs.pop(key, None)
                self._walk.postpone(key)
                if not self._is_whole:
                    heapq.heappush(self._retries, (time.monotonic() + (delay or 0.0), key))
                return []

    def _succeed(self, key: str) -> list[Unreached]:
        mapped: dict[str, list[str]] = {}
        outputs = self._outputs.pop(key, [])
        for each in outputs:
            if each.mapping_key is not None:
                mapped.setdefault(each.output, []).append(each.mapping_key)
        unreached = self._walk.succeed(key, produced={each.output for each in outputs}, mapped=mapped)
        for output, keys, steps in self._walk.expansions(key):
            self._log.add([StepsMapped(at=_now(), step=key, output=output, keys=keys, steps=steps)])
        return unreached

    def _revive(self, now: float) -> None:
        while self._retries and self._retries[0][0] <= now:
            self._walk.retry(heapq.heappop(self._retries)[1])

    def _launch_ready(self) -> None:
        if not self._processes.can_launch():
            return
        if self._is_whole:
            if not self._attempts and not self._walk.is_done:
                self._launch(order_for_plan(self._planned, places=self._places))
            return
        while (room := self._width - len(self._attempts)) > 0 and (ready := self._walk.ready(None if self._has_async else room)):
            for steps in _by_process(ready, room):
                self._launch(order_for_steps(self._planned, self._walk, self._begin_attempts(steps), places=self._places))

    def _begin_attempts(self, steps: Iterable[Step]) -> dict[str, int]:
        """Have the steps started. Answers the number of the attempt at each."""
        begun: dict[str, int] = {}
        for step in steps:
            begun[step.key] = self._numbers[step.key] = self._numbers.get(step.key, 0) + 1
            self._walk.start(step.key)
        return begun

    def _launch(self, order: Order) -> None:
        self._process_count += 1
        output = self._places.logs_of(order.run_id) / f"_process.{self._process_count}.out"
        child = self._processes.launch(order, number=self._process_count, output=output)
        self._printed.begin_process(output)
        self._attempts[child] = Attempt(child=child, steps=order.steps or {})

    def _end_overdue(self, now: float) -> None:
        for child, attempt in self._attempts.items():
            for key, running in attempt.running.items():
                is_due = running.deadline is not None and now >= running.deadline and attempt.outcome is None
                # a worker that hears late does not know yet whether it is over
                if is_due and (attempt.was_running_at_its_due(running) or not self._processes.has_news(child)):
                    running.deadline, running.is_overdue, attempt.culprit = None, True, key
                    self._processes.end(child, grace=self._timing.last)
            if attempt.linger_until is not None and now >= attempt.linger_until:
                attempt.linger_until = None
                self._tell_lingering(attempt)
                self._processes.end(child, grace=self._timing.cancel)

    def _tell_lingering(self, attempt: Attempt) -> None:
        child = attempt.child
        because = f", because it waits for thread {', thread '.join(child.waits_for)}" if child.waits_for else ""
        message = f"Process {child.pid} did not end within {self._timing.linger:g} s after its work was done{because}; it is told to stop."
        self._log.add([LogWritten(at=_now(), step=attempt.step, level=LogLevel.WARNING, logger="partita.worker", message=message)])

    def _end(self, ending: Ending, *, grace: float) -> None:
        if self._ending is None or ending.cause is Cause.CANCELED:
            self._ending = ending
        for child in self.children:
            self._processes.end(child, grace=grace)

    def _tell_unreached(self, unreached: Iterable[Unreached]) -> None:
        self._log.add([_unreached_event(each) for each in unreached])

    def _finish(self) -> None:
        self._tell_unreached(self._untold.values())
        self._log.add([StepCanceled(at=_now(), step=key, attempt=self._numbers.get(key, 1)) for key in self._walk.cancel_rest()])
        self._log.add([self._last_event()])
        self._printed.look(is_last=True)
        self.is_over = True

    def _last_event(self) -> RunStatusChanged:
        has_canceled = StepStatus.CANCELED in self._walk.statuses.values()
        if self._ending is not None and (has_canceled or self._walk.has_failed):
            if self._ending.cause is Cause.CANCELED and has_canceled:
                return RunStatusChanged(at=_now(), status=RunStatus.CANCELED)
            if self._ending.error is not None:
                return RunStatusChanged(at=_now(), status=RunStatus.FAILED, error=self._ending.error)
        if self._walk.has_failed:
            return RunStatusChanged(at=_now(), status=RunStatus.FAILED, error=failed_run_error(self._errors))
        return RunStatusChanged(at=_now(), status=RunStatus.SUCCEEDED)


def _by_process(ready: Iterable[Step], room: int) -> list[list[Step]]:
    """The steps that start now, `room` processes of them: those that wait share one, each other has its own."""
    waiting: list[Step] | None = None
    found: list[list[Step]] = []
    for step in ready:
        if step.is_async and waiting is not None:
            waiting.append(step)
        elif len(found) < room:
            found.append([step])
            waiting = found[-1] if step.is_async else waiting
    return found


def _unreached_event(unreached: Unreached) -> Event:
    if unreached.status is StepStatus.UPSTREAM_FAILED:
        return StepUpstreamFailed(at=_now(), step=unreached.key, causes=unreached.causes)
    return StepSkipped(at=_now(), step=unreached.key, reason=f"Nothing came from {', '.join(unreached.causes)}.")


def _now() -> datetime:
    return datetime.now(UTC)
