"""Steps one after another, in the thread of the caller. Async functions that wait do so together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import Context, copy_context
from typing import Any, NamedTuple

from partita.execution.cancellation import Canceled
from partita.execution.escaped import raised_by
from partita.execution.prints import Prints, Untouched
from partita.execution.scope import RunScope
from partita.execution.step import STOPS, Attempt, Awaited, Outcome, attempt_step
from partita.planning.plan import Step
from partita.planning.walk import Walk

MAX_WAITING = 1000
"""Async functions of a run that are under way at once."""


class Ended(NamedTuple):
    """An attempt that has ended."""

    step: str
    outcome: Outcome


class _Waiting(NamedTuple):
    """An attempt whose async function is under way."""

    step: Step
    number: int
    attempt: Attempt
    context: Context


class InProcess:
    """Runs steps of a plan in this process.

    Args:
        scope: the run that they belong to.
        has_async: whether any step of the plan is an async function.
        prints: where what they print goes.
    """

    def __init__(self, scope: RunScope, *, has_async: bool, prints: Prints | None = None) -> None:
        self._scope = scope
        self._has_async = has_async
        self._prints = prints or Untouched()
        self._waiting: dict[str, _Waiting] = {}
        self._ended: list[Ended] = []

    @property
    def is_idle(self) -> bool:
        """True when nothing that was started is still to end."""
        return not self._waiting and not self._ended

    def choose(self, walk: Walk) -> Sequence[Step]:
        """The steps to start now: those that will wait first, for others can run meanwhile."""
        if not self._has_async:
            return walk.ready(1)
        ready = walk.ready()
        room = MAX_WAITING - len(self._waiting)
        waiting = [step for step in ready if step.is_async][:room]
        return waiting or [step for step in ready if not step.is_async][:1]

    def start(self, step: Step, *, attempt: int) -> None:
        """Begin an attempt; a step that does not wait is over when this returns.

        Raises:
            KeyboardInterrupt, Canceled: the run is to stop; that of the step has been told.
        """
        waiting = _Waiting(step, attempt, attempt_step(self._scope, step, attempt=attempt), copy_context())
        self._advance(waiting, waiting.attempt.send, None)

    def finished(self, timeout: float | None) -> list[Ended]:
        """What has ended since the last time; waits up to `timeout` seconds for something to end.

        Raises:
            KeyboardInterrupt, Canceled: the run is to stop.
        """
        if self._waiting:
            self._wait(0 if self._ended else timeout)
        ended, self._ended = self._ended, []
        return ended

    def stop(self) -> None:
        """Cancel what is under way, and have it told, each `finally` by `finally`."""
        if not self._waiting:
            return
        with self._beside():
            self._scope.coroutines.cancel()
        for each in self._waiting.values():
            try:
                with self._alone(each.step, each.number):
                    each.context.run(each.attempt.throw, Canceled())
            except (StopIteration, *STOPS):
                pass
        self._waiting.clear()

    def close(self) -> None:
        """Nothing more will be started."""

    def _alone(self, step: Step, attempt: int) -> AbstractContextManager[None]:
        return self._prints.alone(step.key, attempt)

    def _together(self) -> AbstractContextManager[None]:
        return self._prints.together()

    def _beside(self) -> AbstractContextManager[None]:
        """While it is entered, what is printed is printed by those that wait."""
        if len(self._waiting) != 1:
            return self._together()
        [alone] = self._waiting.values()
        return self._alone(alone.step, alone.number)

    def _wait(self, timeout: float | None) -> None:
        with self._beside():
            done = self._scope.coroutines.wait(timeout)
        for key, task in done:
            waiting = self._waiting.pop(key)
            self._advance(waiting, _resume, waiting.attempt, task)

    def _advance(self, waiting: _Waiting, resume: Callable[..., Awaited], *given: Any) -> None:
        step = waiting.step
        try:
            with self._alone(step, waiting.number):
                awaited = waiting.context.run(resume, *given)
        except StopIteration as ended:
            self._ended.append(Ended(step.key, ended.value))
            return
        self._waiting[step.key] = waiting
        self._scope.coroutines.begin(step.key, awaited.returned, timeout=awaited.timeout, context=waiting.context)


def _resume(attempt: Attempt, task: Any) -> Awaited:
    """Hand an attempt what its async function has given."""
    try:
        given = task.result()
    except BaseException as error:
        return attempt.throw(raised_by(error))
    return attempt.send(given)
