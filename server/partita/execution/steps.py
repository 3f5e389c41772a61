"""All steps of a plan in this process: retries, skips, and what a failure means for those behind it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from heapq import heappop, heappush

from partita.execution.executors.in_process import InProcess
from partita.execution.prints import Prints
from partita.execution.scope import RunScope
from partita.execution.step import STOPS, Outcome
from partita.planning.walk import Unreached, Walk
from partita.records.events import StepCanceled, StepSkipped, StepsMapped, StepUpstreamFailed
from partita.records.runs import StepStatus
from partita.workspace.settings import LocationSettings

PATIENCE = 0.05
"""Seconds: how soon a run that waits notices that it is cancelled."""


def walk_plan(scope: RunScope, walk: Walk, *, prints: Prints | None = None, location: LocationSettings | None = None) -> dict[str, BaseException]:
    """Runs every step of `walk` that can be run. Answers the errors of those that failed.

    Args:
        scope: the run.
        walk: its plan.
        prints: where what steps print goes.
        location: where the code is, for executors that run it elsewhere; without it steps execute here.

    Raises:
        ExecutionError: the cluster that is to execute it cannot be reached.
        KeyboardInterrupt, Canceled: the run is to stop; every step that this ends has been told.
    """
    for reused, outputs in walk.produced.items():
        scope.outputs.update((reused, output) for output in outputs)
    _tell_unreached(scope, walk.unreached_at_start)
    executor = _executor_of(scope, prints, location)
    course = _Course(scope, walk, executor)
    try:
        course.run()
    finally:
        executor.close()
    return course.failures


def _executor_of(scope: RunScope, prints: Prints | None, location: LocationSettings | None) -> InProcess:
    plan = scope.order.plan
    if plan.executor.kind == "dask" and location is not None:
        from partita.execution.executors.dask import Dask

        return Dask(scope, location=location)
    has_async = any(step.is_async for step in plan.steps)
    if plan.executor.kind == "threads":
        # threads are what few plans ask for
        from partita.execution.executors.threads import Threads

        return Threads(scope, width=plan.executor.max_concurrent or len(os.sched_getaffinity(0)), has_async=has_async, prints=prints)
    return InProcess(scope, has_async=has_async, prints=prints)


class _Course:
    """One walk through a plan."""

    def __init__(self, scope: RunScope, walk: Walk, executor: InProcess) -> None:
        self.failures: dict[str, BaseException] = {}
        self._scope = scope
        self._walk = walk
        self._executor = executor
        self._attempts: dict[str, int] = {}
        self._resting: list[tuple[float, str]] = []

    def run(self) -> None:
        """Start what can start, and see what becomes of it, until nothing is left or the run is to stop."""
        scope, walk, executor = self._scope, self._walk, self._executor
        try:
            while not walk.is_done and not scope.is_cancelled():
                while self._resting and self._resting[0][0] <= time.monotonic():
                    walk.retry(heappop(self._resting)[1])
                if scope.is_out_of_time and executor.is_idle:
                    break
                for step in executor.choose(walk) if not scope.is_out_of_time else ():
                    number = self._attempts[step.key] = self._attempts.get(step.key, 0) + 1
                    walk.start(step.key)
                    executor.start(step, attempt=number)
                self._settle(self._patience)
        except STOPS:
            self._stop()
            raise
        self._stop()

    @property
    def _patience(self) -> float:
        """Seconds to wait for something to happen."""
        return min(PATIENCE, max(0.0, self._resting[0][0] - time.monotonic())) if self._resting else PATIENCE

    def _settle(self, timeout: float) -> None:
        """Take what has ended into account."""
        if self._executor.is_idle:
            time.sleep(timeout)
            return
        for key, outcome in self._executor.finished(timeout):
            self._take(key, outcome)

    def _take(self, key: str, outcome: Outcome) -> None:
        if outcome.error is None:
            unreached = self._walk.succeed(key, produced=outcome.produced, mapped=outcome.mapped)
            if outcome.mapped:
                _tell_expansions(self._scope, self._walk, key)
            _tell_unreached(self._scope, unreached)
        elif outcome.retry_after is not None:
            self._walk.postpone(key)
            heappush(self._resting, (time.monotonic() + outcome.retry_after, key))
        else:
            self.failures[key] = outcome.error
            _tell_unreached(self._scope, self._walk.fail(key))

    def _stop(self) -> None:
        """End what is under way, and tell of what was not begun; nothing of that is left unless the run is stopped."""
        if self._walk.is_done:
            return
        self._executor.stop()
        for key, outcome in self._executor.finished(0):
            self._take(key, outcome)
        for key, status in self._walk.statuses.items():
            if status is StepStatus.RUNNING:
                self._walk.cancel(key)
        for key in self._walk.cancel_rest():
            self._scope.tell(StepCanceled(at=datetime.now(UTC), step=key))


def _tell_expansions(scope: RunScope, walk: Walk, key: str) -> None:
    for output, keys, steps in walk.expansions(key):
        scope.tell(StepsMapped(at=datetime.now(UTC), step=key, output=output, keys=keys, steps=steps))


def _tell_unreached(scope: RunScope, unreached: Iterable[Unreached]) -> None:
    for key, status, causes in unreached:
        if status is StepStatus.SKIPPED:
            reason = f"{' and '.join(map(repr, causes))} produced nothing for it."
            scope.tell(StepSkipped(at=datetime.now(UTC), step=key, reason=reason))
        else:
            scope.tell(StepUpstreamFailed(at=datetime.now(UTC), step=key, causes=causes))
