"""One attempt at one step: gather what its function needs, call it, keep what it gives. User code is called here only.

An attempt is a generator, so that attempts at async functions can wait together: it yields the coroutine that user code
returned, if it returned one, and is sent what that gives. Whoever drives it does so in a context (`contextvars`) of its own.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Mapping, Sequence
from contextvars import copy_context
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING, Any, NamedTuple

from partita.definitions.metadata import to_entries
from partita.definitions.results import Failure, RetryRequested
from partita.definitions.signatures import Parameter, Signature
from partita.errors import CheckFailedError, PartitaError, RequestError, RunTimeoutError, StepFailedError, StepTimeoutError
from partita.execution.cancellation import Canceled
from partita.execution.context import AssetContext, CheckContext, OpContext, StepContext
from partita.execution.current import become_current
from partita.execution.hooks import call_hooks
from partita.execution.loading import load_input
from partita.execution.memory import peak_memory
from partita.execution.outputs import read_returned
from partita.execution.saving import keep
from partita.execution.scope import RunScope
from partita.execution.time_limit import TimedOut, TimeLimit
from partita.execution.unchanged import writes_that_stand
from partita.planning.plan import FromAsset, FromValue, Step, StepInput, StepKind
from partita.planning.retry import requested_retry, retry_delay
from partita.records.assets import Materialization
from partita.records.events import InputLoaded, LogLevel, LogWritten, OutputSaved, StepCanceled, StepFailed, StepStarted, StepSucceeded
from partita.records.failures import PythonError

if TYPE_CHECKING:
    from partita.definitions.repository import Repository

STOPS = (KeyboardInterrupt, Canceled)
"""The run is to stop: the step has not failed, it is cancelled."""

_HERE, _LIBRARY = Path(__file__).parent, Path(os.__file__).parent
OWN_FILES = tuple(f"{directory}/" for directory in (_HERE, _HERE.with_name("definitions"), _LIBRARY / "asyncio", _LIBRARY / "concurrent"))
"""Frames of files in these directories say nothing to the author of a step."""

_CONTEXTS = {StepKind.ASSET: AssetContext, StepKind.OBSERVATION: AssetContext, StepKind.CHECK: CheckContext, StepKind.OP: OpContext}


class Outcome(NamedTuple):
    """How an attempt ended."""

    produced: tuple[str, ...] = ()
    mapped: Mapping[str, Sequence[str]] = {}
    """The items of dynamic outputs, by output."""
    error: BaseException | None = None
    retry_after: float | None = None
    """Seconds until it is to be tried again; None: it is not."""


class Awaited(NamedTuple):
    """What an async function has returned."""

    returned: Coroutine[Any, Any, Any] | AsyncIterator[Any]
    timeout: float | None
    """Seconds that it may take."""


Attempt = Generator[Awaited, list[Any], Outcome]
"""An attempt under way: sent all that a coroutine gives, or thrown what it raises."""


def run_step(scope: RunScope, step: Step, *, attempt: int) -> Outcome:
    """One attempt at `step` and nothing beside it, told through the scope from StepStarted to StepSucceeded or StepFailed.

    Raises:
        KeyboardInterrupt, Canceled: the run is to stop; StepCanceled has been told.
    """
    return copy_context().run(_run_alone, scope, step, attempt)


def _run_alone(scope: RunScope, step: Step, number: int) -> Outcome:
    attempt = attempt_step(scope, step, attempt=number)
    try:
        awaited = next(attempt)
        try:
            given = scope.coroutines.run(*awaited)
        except BaseException as error:
            attempt.throw(error)
        else:
            attempt.send(given)
    except StopIteration as ended:
        outcome: Outcome = ended.value
        return outcome
    raise AssertionError(f"step {step.key} waits twice")


def attempt_step(scope: RunScope, step: Step, *, attempt: int) -> Attempt:
    """One attempt at `step`, told through the scope from StepStarted to StepSucceeded or StepFailed.

    Raises:
        KeyboardInterrupt, Canceled: the run is to stop; StepCanceled has been told.
    """
    began = perf_counter()
    try:
        scope.tell(StepStarted(at=datetime.now(UTC), step=step.key, attempt=attempt))
        definition = definition_of(scope.repository, step)
        signature: Signature = definition.signature
        context = _CONTEXTS[step.kind](scope, step, attempt=attempt)
        become_current(context)
        standing = writes_that_stand(scope, step) if scope.order.plan.skip_unchanged else None
        if standing is not None:
            return _leave(scope, step, standing, attempt=attempt, began=began)
        arguments = _arguments(scope, step, definition, context=context)
        given = yield from call_user(scope, step, definition.function, arguments, is_generator=signature.is_generator)
        returned = read_returned(step, given, is_generator=signature.is_generator)
        keep(scope, step, returned, context=context, hint=signature.return_annotation)
        succeeded = StepSucceeded(at=datetime.now(UTC), step=step.key, attempt=attempt, duration=perf_counter() - began, memory=peak_memory())
        scope.tell(succeeded)
    except STOPS:
        scope.tell(StepCanceled(at=datetime.now(UTC), step=step.key, attempt=attempt))
        raise
    except Exception as error:
        return _failed(scope, step, error, attempt=attempt, duration=perf_counter() - began)
    if step.hooks:
        call_hooks(scope, step, succeeded)
    return Outcome(tuple(returned.outputs), {output: tuple(items) for output, items in returned.items.items()})


def _leave(scope: RunScope, step: Step, standing: Sequence[Materialization], *, attempt: int, began: float) -> Outcome:
    """Take over what is there instead of writing it again."""
    newest = max(standing, key=lambda write: write.at)
    by = f"run {newest.run_id}" if newest.run_id is not None else "a report from outside"
    message = f"Not executed: code and inputs are those of the last write, by {by}."
    scope.tell(LogWritten(at=datetime.now(UTC), step=step.key, attempt=attempt, level=LogLevel.INFO, logger="partita.step", message=message))
    for output in step.outputs:
        scope.tell(OutputSaved(at=datetime.now(UTC), step=step.key, attempt=attempt, output=output.name, type_name=output.type_name, is_stored=False))
        scope.outputs.add((step.key, output.name))
    scope.tell(StepSucceeded(at=datetime.now(UTC), step=step.key, attempt=attempt, duration=perf_counter() - began))
    return Outcome(tuple(output.name for output in step.outputs))


def call_user(
    scope: RunScope, step: Step, function: Callable[..., Any], arguments: Mapping[str, Any], *, is_generator: bool
) -> Generator[Awaited, list[Any], list[Any]]:
    """Everything that the step's function gives for `arguments`: what it returns, or all that it yields.

    Raises:
        StepFailedError: it raised, or tried to end the process; its own exception is the cause.
        StepTimeoutError, RunTimeoutError: it took longer than the step, or the run, may.
    """
    seconds = scope.seconds_for(step)
    limit = TimeLimit(seconds)
    try:
        try:
            limit.start()
            returned = function(**arguments)
            if isinstance(returned, (CoroutineType, AsyncGeneratorType)):
                limit.stop()  # the event loop keeps the time, and cancels what it interrupts
                return (yield Awaited(returned, seconds))
            given = list(returned) if is_generator else [returned]
        finally:
            limit.stop()
        if limit.has_passed:
            raise TimedOut
        return given
    except STOPS as error:
        if isinstance(error, KeyboardInterrupt) and not scope.stops_by_keyboard:
            raise StepFailedError(f"Step {step.key!r} failed: {PythonError.of(error).summary}") from error
        raise
    except BaseException as error:  # SystemExit among them: a step must not end the process that other steps need
        limit.stop()  # once more, for the time may have been over in the middle of the first
        if limit.has_passed or isinstance(error, TimedOut):
            raise _out_of_time(scope, step) from error
        raise StepFailedError(f"Step {step.key!r} failed: {PythonError.of(error).summary}") from error


def _out_of_time(scope: RunScope, step: Step) -> StepTimeoutError | RunTimeoutError:
    """Whose time was over."""
    if scope.is_out_of_time:
        return RunTimeoutError(scope.order.plan.timeout or 0)
    return StepTimeoutError(f"Step {step.key!r} ran longer than its timeout of {step.timeout or 0:g} s and was ended.")


def definition_of(repository: Repository, step: Step) -> Any:
    """The asset, op or check with the function that the step calls."""
    match step.kind:
        case StepKind.ASSET | StepKind.OBSERVATION:
            return repository.asset(step.definition)
        case StepKind.OP:
            return repository.op(step.definition)
        case StepKind.CHECK:
            return repository.check(step.definition)


def _failed(scope: RunScope, step: Step, error: Exception, *, attempt: int, duration: float) -> Outcome:
    raised = error.__cause__ if isinstance(error, StepFailedError) and error.__cause__ is not None else error
    retry_after = None
    # the same request, and the same verdict, would come again
    if not isinstance(raised, (RequestError, CheckFailedError)) and getattr(raised, "allow_retry", True):
        policy = requested_retry(step.retry, raised) if isinstance(raised, RetryRequested) else step.retry
        retry_after = retry_delay(policy, attempt=attempt, chance=random.random())
    failed = StepFailed(
        at=datetime.now(UTC),
        step=step.key,
        attempt=attempt,
        error=PythonError.of(raised, skip_frames_in=OWN_FILES),
        duration=duration,
        retry_after=retry_after,
        metadata=_metadata_of(raised),
        others=step.others,
        memory=peak_memory(),
    )
    scope.tell(failed)
    if step.hooks and retry_after is None:
        call_hooks(scope, step, failed, error=raised)
    return Outcome(error=error, retry_after=retry_after)


def _metadata_of(raised: BaseException) -> Any:
    try:
        return to_entries(raised.metadata) if isinstance(raised, (Failure, RetryRequested)) and raised.metadata else ()
    except PartitaError as problem:
        return to_entries({"metadata": str(problem)})


# ---- what the function is given -------------------------------------------------------------------------------------


def _arguments(scope: RunScope, step: Step, definition: Any, *, context: StepContext) -> dict[str, Any]:
    """Context, config, open resources and loaded inputs by parameter name."""
    arguments: dict[str, Any] = {}
    parameters: dict[str, Parameter] = {}
    for parameter in definition.signature.parameters:
        match parameter.role:
            case "context":
                arguments[parameter.name] = context
            case "config":
                arguments[parameter.name] = context.config = _config(scope, step, parameter)
            case "resource":
                if parameter.is_required or parameter.name in scope.resources:
                    arguments[parameter.name] = scope.resources.require(parameter.name)
            case "input":
                parameters[parameter.name] = parameter
    if step.inputs:
        waiting = {each.name for each in definition.spec.inputs if each.is_nothing}
        for given in step.inputs:
            wanted = parameters.get(given.name)
            if given.name not in waiting and not _is_left_out(given, wanted):
                hint = wanted.annotation if wanted is not None else None
                arguments[given.name] = _load(scope, step, given, hint=hint, attempt=context.attempt)
    return arguments


def _is_left_out(given: StepInput, parameter: Parameter | None) -> bool:
    """An input with a default is left to it where no upstream partition exists that it could be loaded from."""
    has_default = parameter is not None and not parameter.is_required
    return has_default and isinstance(given.source, FromAsset) and given.source.partitions == ()


def _load(scope: RunScope, step: Step, given: StepInput, *, hint: Any, attempt: int) -> Any:
    value, metadata = load_input(scope, step, given, hint=hint)
    if not isinstance(given.source, FromValue):
        asset = given.source.asset if isinstance(given.source, FromAsset) else None
        entries = to_entries(metadata) if metadata else ()
        scope.tell(InputLoaded(at=datetime.now(UTC), step=step.key, attempt=attempt, input=given.name, asset=asset, metadata=entries))
    return value


def _config(scope: RunScope, step: Step, parameter: Parameter) -> Any:
    """The config of a step as its model.

    Raises:
        InvalidConfigErrors: the model refuses it, or an environment variable is not set.
    """
    given = scope.step_config(step.handle)
    default = None if parameter.is_required else parameter.default
    if given is None and default is None and not parameter.is_required:
        return None
    # pydantic has been loaded by whoever defined the model; a run without config never loads it
    from partita.definitions.config import read_config

    return read_config(parameter.model, given or {}, environ=os.environ, default=default, path=("steps", step.handle))
