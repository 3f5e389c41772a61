"""One user process of a run, and what is known of the steps in it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from partita.execution.children import Child, Death
from partita.planning.plan import Step
from partita.records.events import StepFailed, StepSucceeded
from partita.records.failures import PythonError

TIMED_OUT = "StepTimeoutError"


@dataclass(slots=True, kw_only=True)
class RunningStep:
    """A step whose user code runs, or is about to."""

    attempt: int
    began: float
    """By the monotonic clock."""
    deadline: float | None
    due_at: datetime | None = None
    """The same by the clock of its process."""
    is_overdue: bool = False


@dataclass(eq=False, slots=True, kw_only=True)
class Attempt:
    """A user process that runs one step, several that wait beside each other, or the whole plan where it has no `steps`."""

    child: Child
    steps: dict[str, int]
    """Each with the number of the attempt at it."""
    running: dict[str, RunningStep] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    """Of several steps, those that the process has told the end of."""
    outcome: StepSucceeded | StepFailed | None = None
    """How its single step ended, as the process told it."""
    told_at: datetime | None = None
    """When the newest of what it has told happened."""
    culprit: str | None = None
    """The step for which it had to be ended."""
    linger_until: float | None = None
    """When it must have ended, after all that it had to do is done."""

    @property
    def step(self) -> str | None:
        """Its only step."""
        return next(iter(self.steps)) if len(self.steps) == 1 else None

    @property
    def number(self) -> int:
        """Number of the attempt at its only step."""
        return next(iter(self.steps.values())) if len(self.steps) == 1 else 1

    @property
    def is_whole(self) -> bool:
        """Whether it walks the plan itself."""
        return not self.steps

    def begin(self, step: Step, number: int, *, grace: float, at: datetime | None = None) -> None:
        """The step has started in it; its timeout counts from now, and `grace` seconds later its process is told to stop."""
        now = time.monotonic()
        if step.timeout is None:
            self.running[step.key] = RunningStep(attempt=number, began=now, deadline=None)
            return
        seconds = step.timeout + grace
        due_at = (at or datetime.now(UTC)) + timedelta(seconds=seconds)
        self.running[step.key] = RunningStep(attempt=number, began=now, deadline=now + seconds, due_at=due_at)

    def was_running_at_its_due(self, running: RunningStep) -> bool:
        """Whether the process has told something after the time at which the step had to be over."""
        return self.told_at is not None and running.due_at is not None and self.told_at >= running.due_at

    @property
    def open(self) -> tuple[str, ...]:
        """Its steps whose end is not known yet."""
        return tuple(key for key in self.steps if key not in self.ended)

    def end(self, key: str) -> None:
        """The process has told how a step of several has ended."""
        self.running.pop(key, None)
        self.ended.add(key)

    def is_overdue(self, key: str | None) -> bool:
        """Whether the step ran into its timeout, and the process was told to stop for that."""
        running = self.running.get(key) if key is not None else None
        return running is not None and running.is_overdue


def failure(step: Step, running: RunningStep, error: PythonError, *, retry_after: float | None, memory: int | None) -> StepFailed:
    """The attempt failed by something that its process could not tell itself."""
    duration = max(0.0, time.monotonic() - running.began)
    return StepFailed(
        at=datetime.now(UTC),
        step=step.key,
        attempt=running.attempt,
        error=error,
        duration=duration,
        retry_after=retry_after,
        others=step.others,
        memory=memory,
    )


def death_error(key: str, death: Death, own: PythonError | None) -> PythonError:
    """Why a step failed whose process ended before the step did."""
    if own is not None:
        return own
    text = str(death)
    message = f"The process of step {key!r} {text} before it was done." if text.startswith("exited") else f"The process of step {key!r} was {text}."
    return PythonError(class_name="ProcessDiedError", message=message)


def shared_error(key: str, culprit: str) -> PythonError:
    """Why a step failed that was in one process with another that had to be ended."""
    message = f"Step {key!r} was ended together with step {culprit!r} in the same process, which ran longer than its timeout and did not stop."
    return PythonError(class_name="ProcessDiedError", message=message)


def timeout_error(key: str, seconds: float | None) -> PythonError:
    """Why a step failed that ran too long."""
    return PythonError(class_name=TIMED_OUT, message=f"Step {key!r} ran longer than its timeout of {seconds or 0:g} s and was ended.")


def failed_run_error(errors: Mapping[str, PythonError]) -> PythonError:
    """Why a run failed whose steps failed: names them, and carries the first one's error."""
    key, first = next(iter(errors.items()))
    text = f"Step {key!r} failed: {first.summary}" if len(errors) == 1 else f"{len(errors)} steps failed: {', '.join(errors)}"
    return PythonError(class_name="StepFailedError", message=text, cause=first)
