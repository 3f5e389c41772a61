"""Running what an order says, in this process: steps of a plan, or the whole plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from partita.errors import NotFoundError
from partita.execution.executors.in_process import Ended, InProcess
from partita.execution.order import Order
from partita.execution.prints import Captured, Prints
from partita.execution.scope import Outside, RunScope
from partita.execution.step import STOPS
from partita.execution.steps import walk_plan
from partita.planning.walk import Walk
from partita.records.runs import StepStatus
from partita.workspace.settings import LocationSettings

if TYPE_CHECKING:
    from partita.definitions.repository import Repository

__all__ = ["run_order"]


def run_order(order: Order, repositories: Sequence[Repository], outside: Outside, *, location: LocationSettings | None = None) -> bool:
    """Does what the order says and tells every fact of its steps to who is outside, in order.

    Steps given: one attempt at each, ending in StepSucceeded or StepFailed; whether and when it is to be tried again
    stands in `StepFailed.retry_after`, and the caller does so with another order. No steps given: the whole plan is
    walked here, with retries, skips and failures behind failures told too. Nothing about the run itself is emitted.
    What steps print goes to the order's log directory.

    `location` says where the code is, for plans whose steps execute on other machines.

    Returns:
        Whether nothing failed and nothing was cancelled.

    Raises:
        NotFoundError: the order's repository or step is not there.
        ExecutionError: the cluster that is to execute the plan cannot be reached.
        Canceled: the run was cancelled; every step that this ends has been told.
    """
    repository = next((each for each in repositories if each.spec.name == order.repository), None)
    if repository is None:
        raise NotFoundError("repository", order.repository, [each.spec.name for each in repositories])
    with RunScope(order, repository, outside) as scope:
        prints = Captured(scope.tell, Path(order.logs_directory))
        if order.steps is None:
            walk = Walk(order.plan, reused=order.reused, produced=order.produced)
            failures = walk_plan(scope, walk, prints=prints, location=location)
            return not failures and StepStatus.CANCELED not in walk.statuses.values()
        for key in order.steps:
            if key not in order.plan.by_key:
                raise NotFoundError("step", key, order.plan.by_key)
        ended = list(_attempt_all(scope, order.steps, prints))
        return all(each.outcome.error is None for each in ended)


def _attempt_all(scope: RunScope, steps: Mapping[str, int], prints: Prints) -> Iterator[Ended]:
    """One attempt at each step, side by side where they are async functions."""
    executor = InProcess(scope, has_async=True, prints=prints)
    try:
        for key, number in steps.items():
            executor.start(scope.order.plan.by_key[key], attempt=number)
        while not executor.is_idle:
            yield from executor.finished(None)
    except STOPS:
        executor.stop()
        raise
    finally:
        executor.close()
