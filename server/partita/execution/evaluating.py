"""Calling the function of a schedule or sensor: what it is given, and what its answer means."""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import msgspec

from partita.definitions.automation_specs import SensorSpec
from partita.definitions.requests import AddPartitions, AssetEvent, RunRequest, SensorResult, Skip
from partita.definitions.schedules import FunctionSchedule
from partita.definitions.sensors import Sensor
from partita.errors import ExecutionError, NotFoundError
from partita.execution.automation_contexts import AssetSensorContext, RunStatusContext, ScheduleContext, SeenRun, SensorContext
from partita.execution.cancellation import Canceled
from partita.execution.evaluation import Evaluation, RequestedRun, Verdict
from partita.execution.logs import EventHandler, new_logger, root_records
from partita.execution.resources import ResourceContext, Resources
from partita.execution.step import OWN_FILES
from partita.records.assets import ReportedMaterialization
from partita.records.events import Event, LogWritten
from partita.records.failures import PythonError
from partita.records.ticks import PartitionsAdded

if TYPE_CHECKING:
    from partita.definitions.repository import Repository
    from partita.execution.coroutines import Coroutines, Returned

MAX_RECORDS = 200
"""Log records of one evaluation that are kept, the newest ones."""


def evaluate(evaluation: Evaluation, repositories: Sequence[Repository], *, resources: Mapping[str, object] | None = None) -> Verdict:
    """What the function answers to this tick; whatever it raises is the verdict's error.

    Args:
        evaluation: which function, and what it is told.
        repositories: where it is.
        resources: objects that take the place of the repository's.

    Raises:
        Canceled: the process is told to stop.
    """
    records: deque[LogWritten] = deque(maxlen=MAX_RECORDS)

    def keep(event: Event) -> None:
        if isinstance(event, LogWritten):
            records.append(event)

    try:
        repository = next((each for each in repositories if each.name == evaluation.repository), None)
        if repository is None:
            raise NotFoundError("repository", evaluation.repository, [each.name for each in repositories])
        with root_records(EventHandler(keep)):
            verdict = _answer(evaluation, repository, new_logger(EventHandler(keep)), resources or {})
    except Canceled:
        raise
    except BaseException as error:  # SystemExit too: an evaluation says what became of it
        verdict = Verdict(error=PythonError.of(error, skip_frames_in=OWN_FILES))
    return msgspec.structs.replace(verdict, logs=tuple(records))


def _answer(evaluation: Evaluation, repository: Repository, log: logging.Logger, replaced: Mapping[str, object]) -> Verdict:
    definition = repository.schedule(evaluation.name) if evaluation.kind == "schedule" else repository.sensor(evaluation.name)
    if not isinstance(definition, (FunctionSchedule, Sensor)):
        raise ExecutionError(f"Schedule {evaluation.name!r} has no function to evaluate.")
    waiting = _Waiting()
    resources = Resources(
        {**repository.resource_instances, **replaced},
        config={},
        context_for=lambda name: ResourceContext(name=name, run_id=evaluation.tick_id, job_name=None, tags={}, log=log),
        await_shared=lambda coroutine: waiting.run(coroutine)[0],
    )
    context = _context(evaluation, definition, repository, log)
    arguments: dict[str, Any] = {}
    with ExitStack() as stack:
        stack.callback(waiting.close)
        stack.callback(resources.close, log)
        for parameter in definition.signature.parameters:
            if parameter.role == "context":
                arguments[parameter.name] = context
            elif parameter.role == "resource" and (parameter.is_required or parameter.name in resources):
                arguments[parameter.name] = resources.require(parameter.name)
        return read_answer(_called(definition.function, arguments, waiting), subject=f"{evaluation.kind.capitalize()} {evaluation.name!r}")


def _context(evaluation: Evaluation, definition: Any, repository: Repository, log: logging.Logger) -> ScheduleContext | SensorContext:
    if evaluation.kind == "schedule":
        return ScheduleContext(due_at=evaluation.due_at, log=log, repository=repository)
    spec: SensorSpec = definition.spec
    common: dict[str, Any] = {"cursor": evaluation.cursor, "last_tick_at": evaluation.last_tick_at, "log": log, "repository": repository}
    match spec.kind:
        case "asset":
            return AssetSensorContext(**common, materializations=evaluation.materializations)
        case "run_status":
            return RunStatusContext(**common, runs=tuple(map(SeenRun.of, evaluation.runs)))
        case "function":
            return SensorContext(**common)


def _called(function: Callable[..., Any], arguments: Mapping[str, Any], waiting: _Waiting) -> Any:
    """What a function returns; or a list of all that it yields, and of what it returns in the end."""
    answer = function(**arguments)
    if inspect.iscoroutine(answer) or inspect.isasyncgen(answer):
        given = waiting.run(answer)
        return given if inspect.isasyncgen(answer) else given[0]
    return list(_yielded(answer)) if inspect.isgenerator(answer) else answer


def _yielded(answers: Generator[Any, Any, Any]) -> Iterator[Any]:
    returned = yield from answers
    yield from returned if isinstance(returned, (list, tuple)) else (returned,)


class _Waiting:
    """The loop of an evaluation's async functions, made when there are any: asyncio takes 30 ms to import."""

    def __init__(self) -> None:
        self._coroutines: Coroutines | None = None

    def run(self, returned: Returned) -> list[Any]:
        """All that it gives."""
        if self._coroutines is None:
            from partita.execution.coroutines import Coroutines

            self._coroutines = Coroutines()
        return self._coroutines.run(returned)

    def close(self) -> None:
        """End the loop."""
        if self._coroutines is not None:
            self._coroutines.close()


def read_answer(answer: Any, *, subject: str) -> Verdict:
    """What a function's answer means.

    Raises:
        ExecutionError: it is no answer; names the schedule or sensor and what it was.
    """
    match answer:
        case None:
            return Verdict(skip="It returned nothing.")
        case SensorResult():
            return _read_result(answer)
        case Skip(reason=reason):
            return Verdict(skip=reason)
        case RunRequest():
            return Verdict(requests=(_read_request(answer),))
        case list() | tuple():
            return _read_several(answer, subject)
        case _:
            raise ExecutionError(f"{subject} returned {_shown(answer)}. {_ADVICE}")


_ADVICE = "It answers with pt.RunRequest(...), a list of them, pt.Skip(...), pt.SensorResult(...) or None."


def _read_several(answers: Sequence[Any], subject: str) -> Verdict:
    parts = [each for each in answers if each is not None]
    if not parts:
        return Verdict(skip="It returned nothing.")
    if len(parts) == 1:
        return read_answer(parts[0], subject=subject) if not isinstance(parts[0], (list, tuple)) else _refuse(parts[0], subject)
    requests = [each for each in parts if isinstance(each, RunRequest)]
    results = [each for each in parts if isinstance(each, SensorResult)]
    if requests and any(isinstance(each, Skip) or (isinstance(each, SensorResult) and each.skip is not None) for each in parts):
        raise ExecutionError(f"{subject} gave a pt.Skip and a pt.RunRequest. It either launches runs or skips.")
    if len(results) > 1:
        raise ExecutionError(f"{subject} gave {len(results)} pt.SensorResult. Put all of its answer into one.")
    for each in parts:
        if not isinstance(each, (RunRequest, SensorResult)):
            return _refuse(each, subject)
    asked = tuple(map(_read_request, requests))
    if not results:
        return Verdict(requests=asked)
    verdict = _read_result(results[0])
    return msgspec.structs.replace(verdict, requests=(*asked, *verdict.requests), skip=None)


def _refuse(answer: Any, subject: str) -> Verdict:
    raise ExecutionError(f"{subject} gave {_shown(answer)} among its answers. {_ADVICE}")


def _read_result(result: SensorResult) -> Verdict:
    is_empty = not (result.requests or result.partitions or result.events)
    return Verdict(
        requests=tuple(map(_read_request, result.requests)),
        skip=result.skip if result.skip is not None else ("It asked for nothing." if is_empty else None),
        cursor=result.cursor,
        sets_cursor=result.cursor is not None,
        partitions=tuple(map(_read_partitions, result.partitions)),
        events=tuple(map(_read_event, result.events)),
    )


def _read_request(request: RunRequest) -> RequestedRun:
    return RequestedRun(
        run_key=request.run_key,
        partition=request.partition,
        assets=request.assets,
        job=request.job,
        config=request.config,
        tags=request.tags,
    )


def _read_partitions(added: AddPartitions) -> PartitionsAdded:
    return PartitionsAdded(set_name=added.set_name, keys=added.keys)


def _read_event(event: AssetEvent) -> ReportedMaterialization:
    return ReportedMaterialization(asset=event.asset, partition=event.partition, data_version=event.data_version, metadata=event.metadata)


def _shown(answer: Any) -> str:
    try:
        text = repr(answer)
    except BaseException as error:  # whatever the user's own __repr__ does
        text = f"<{type(answer).__name__} that cannot be shown: {type(error).__name__}>"
    return text if len(text) <= 200 else f"{text[:200]}..."
