"""Calls the hooks of a step whose outcome is certain. What goes wrong in them is logged and changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from partita.definitions.context import Context
from partita.definitions.hooks import Hook
from partita.errors import NotFoundError
from partita.execution.cancellation import Canceled
from partita.execution.logs import EventHandler, new_logger
from partita.execution.scope import RunScope
from partita.planning.plan import Step, StepKind
from partita.records.events import StepFailed, StepSucceeded


class HookContext(Context):
    """What a hook is given.

    Example:
        ```python
        @pt.on_failure
        def page(context: pt.HookContext) -> None:
            context.log.error("%s failed: %s", context.step_key, context.error)
        ```
    """

    def __init__(self, scope: RunScope, event: StepFailed | StepSucceeded, error: BaseException | None) -> None:
        self._scope = scope
        self.event = event
        """How the step ended."""
        self.error = error
        """What the step raised; None when it succeeded."""
        self.log: logging.Logger = new_logger(EventHandler(scope.tell, step=event.step, attempt=event.attempt))
        """A logger whose records are events of the run."""

    @property
    def step_key(self) -> str:
        """The step that has ended."""
        return self.event.step or ""

    @property
    def attempt(self) -> int:
        """Number of the attempt that decided, from 1."""
        return self.event.attempt

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._scope.order.run_id

    @property
    def job_name(self) -> str | None:
        """Name of the job; None when assets are materialised directly."""
        return self._scope.order.job

    @property
    def tags(self) -> Mapping[str, str]:
        """Labels of the run."""
        return self._scope.order.tags

    @property
    def resources(self) -> Mapping[str, Any]:
        """The resources of the run by name; one that is asked for is opened."""
        return self._scope.resources


def call_hooks(scope: RunScope, step: Step, event: StepFailed | StepSucceeded, *, error: BaseException | None = None) -> None:
    """Call the hooks of the step, its definition's own before those of the job, one after another.

    Raises:
        KeyboardInterrupt, Canceled: the run is to stop.
    """
    moment = "failure" if isinstance(event, StepFailed) else "success"
    for hook in tuple(_hooks_of(scope, step)):
        if hook.moment == moment:
            _call(scope, hook, HookContext(scope, event, error))


def _call(scope: RunScope, hook: Hook[..., Any], context: HookContext) -> None:
    try:
        arguments: dict[str, Any] = {}
        for parameter in hook.signature.parameters:
            if parameter.role == "context":
                arguments[parameter.name] = context
            elif parameter.is_required or parameter.name in scope.resources:
                arguments[parameter.name] = scope.resources.require(parameter.name)
        scope.settled(hook.function(**arguments))
    except (KeyboardInterrupt, Canceled):
        raise
    except BaseException as problem:  # SystemExit among them: the outcome of the step stands
        context.log.warning("Hook %r failed: %s", hook.name, problem, exc_info=problem, extra={"hook": hook.name})
    else:
        context.log.debug("Hook %r was called.", hook.name, extra={"hook": hook.name})


def _hooks_of(scope: RunScope, step: Step) -> Iterator[Hook[..., Any]]:
    # what is not there any more: the code has changed since the run was planned
    with suppress(NotFoundError):
        if step.kind in (StepKind.ASSET, StepKind.OBSERVATION):
            yield from scope.repository.asset(step.definition).hooks
        elif step.kind is StepKind.OP:
            yield from scope.repository.op(step.definition).hooks
    if scope.order.job is not None:
        with suppress(NotFoundError):
            yield from scope.repository.job(scope.order.job).hooks
