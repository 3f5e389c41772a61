"""All steps of a plan in this process, one after another: retries, skips, and what a failure means for those behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from heapq import heappop, heappush

from partita.execution.scope import RunScope
from partita.execution.step import STOPS, Outcome, run_step
from partita.planning.walk import Unreached, Walk
from partita.records.events import StepCanceled, StepSkipped, StepsMapped, StepUpstreamFailed
from partita.records.runs import StepStatus

PATIENCE = 0.05
"""Seconds: how soon a run that waits for its next attempt notices that it is cancelled."""

Attempt = Callable[..., Outcome]
"""`run_step`, or something around it."""


def walk_plan(scope: RunScope, walk: Walk, *, attempt_at: Attempt = run_step) -> dict[str, BaseException]:
    """Runs every step of `walk` that can be run, one after another. Answers the errors of those that failed.

    Raises:
        KeyboardInterrupt, Canceled: the run is to stop; every step that this ends has been told.
    """
    failures: dict[str, BaseException] = {}
    attempts: dict[str, int] = {}
    resting: list[tuple[float, str]] = []
    for reused, outputs in walk.produced.items():
        scope.outputs.update((reused, output) for output in outputs)
    _tell_unreached(scope, walk.unreached_at_start)
    try:
        while not walk.is_done and not scope.is_cancelled() and not scope.is_out_of_time:
            while resting and resting[0][0] <= time.monotonic():
                walk.retry(heappop(resting)[1])
            ready = walk.ready(1)
            if not ready:
                time.sleep(min(PATIENCE, max(0.0, resting[0][0] - time.monotonic())))
                continue
            key = ready[0].key
            attempts[key] = attempts.get(key, 0) + 1
            walk.start(key)
            outcome = attempt_at(scope, ready[0], attempt=attempts[key])
            if outcome.error is None:
                unreached = walk.succeed(key, produced=outcome.produced, mapped=outcome.mapped)
                if outcome.mapped:
                    _tell_expansions(scope, walk, key)
                _tell_unreached(scope, unreached)
            elif outcome.retry_after is not None:
                walk.postpone(key)
                heappush(resting, (time.monotonic() + outcome.retry_after, key))
            else:
                failures[key] = outcome.error
                _tell_unreached(scope, walk.fail(key))
    except STOPS:
        _cancel_rest(scope, walk)
        raise
    _cancel_rest(scope, walk)
    return failures


def _cancel_rest(scope: RunScope, walk: Walk) -> None:
    """Tell of what was not begun; nothing of that is left unless the run is stopped."""
    if walk.is_done:
        return
    for key, status in walk.statuses.items():
        if status is StepStatus.RUNNING:
            walk.cancel(key)
    for key in walk.cancel_rest():
        scope.tell(StepCanceled(at=datetime.now(UTC), step=key))


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
