"""Running what an order says, in this process: one step of a plan, or the whole plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from partita.errors import NotFoundError
from partita.execution.capture import capture
from partita.execution.logs import EventHandler, root_records
from partita.execution.order import Order
from partita.execution.scope import Outside, RunScope
from partita.execution.step import Outcome, run_step
from partita.execution.steps import walk_plan
from partita.planning.plan import Step
from partita.planning.walk import Walk
from partita.records.runs import StepStatus

if TYPE_CHECKING:
    from partita.definitions.repository import Repository

__all__ = ["run_order"]


def run_order(order: Order, repositories: Sequence[Repository], outside: Outside) -> bool:
    """Does what the order says and tells every fact of its steps to who is outside, in order.

    One step given: one attempt at it, ending in StepSucceeded or StepFailed; whether and when it is to be tried again
    stands in `StepFailed.retry_after`, and the caller does so with another order. No step given: the whole plan is
    walked here, with retries, skips and failures behind failures told too. Nothing about the run itself is emitted.
    What steps print goes to the order's log directory.

    Returns:
        Whether nothing failed and nothing was cancelled.

    Raises:
        NotFoundError: the order's repository or step is not there.
        Canceled: the run was cancelled; every step that this ends has been told.
    """
    repository = next((each for each in repositories if each.spec.name == order.repository), None)
    if repository is None:
        raise NotFoundError("repository", order.repository, [each.spec.name for each in repositories])
    with RunScope(order, repository, outside) as scope:
        if order.steps is None:
            walk = Walk(order.plan, reused=order.reused, produced=order.produced)
            failures = walk_plan(scope, walk, attempt_at=_attempt_captured)
            return not failures and StepStatus.CANCELED not in walk.statuses.values()
        for key in order.steps:
            if key not in order.plan.by_key:
                raise NotFoundError("step", key, order.plan.by_key)
        outcomes = [_attempt_captured(scope, order.plan.by_key[key], attempt=order.attempt) for key in order.steps]
        return all(outcome.error is None for outcome in outcomes)


def _attempt_captured(scope: RunScope, step: Step, *, attempt: int) -> Outcome:
    """One attempt whose prints go to files and whose libraries' log records become events."""
    with (
        capture(step.key, attempt=attempt, directory=Path(scope.order.logs_directory)),
        root_records(EventHandler(scope.tell, step=step.key, attempt=attempt)),
    ):
        return run_step(scope, step, attempt=attempt)
