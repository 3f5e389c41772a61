"""Running assets and jobs here and now, without a server: `materialize()`, and what `Job.execute` calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any, NamedTuple

import msgspec

from partita.definitions.checks import Check
from partita.definitions.io import IOManager
from partita.definitions.jobs import Job
from partita.definitions.keys import AssetKey
from partita.definitions.labels import to_tags
from partita.definitions.partitions import DynamicKeys, DynamicPartitions
from partita.definitions.policies import ExecutorSpec, expect, in_process
from partita.definitions.repository import Repository
from partita.definitions.run_config import to_run_config
from partita.definitions.selection import Selection, as_selection
from partita.definitions.specs import parts_of
from partita.errors import DefinitionError, ExecutionError, RequestError, RunTimeoutError
from partita.execution.io_managers.memory import MemoryIO
from partita.execution.order import Order
from partita.execution.recording import LOCATION, Recording, RunStore, StoredRecording
from partita.execution.results import Result, result_of
from partita.execution.scope import Outside, RunScope
from partita.execution.step import STOPS
from partita.execution.steps import walk_plan
from partita.planning.asset_steps import DEFAULT_IO
from partita.planning.build import build_plan
from partita.planning.dynamic import dynamic_sets
from partita.planning.mapped import check_collected
from partita.planning.plan import Plan
from partita.planning.resume import resume as plan_resumption
from partita.planning.walk import Walk
from partita.records.events import Event, PlanMade, RunStatusChanged
from partita.records.failures import PythonError
from partita.records.runs import RunRequest, RunStatus, StepStatus

ADHOC = "adhoc"
"""Name of the repository made of what a call was given."""


class Surroundings(NamedTuple):
    """What a run in this process stands on besides its request."""

    resources: Mapping[str, object]
    """In place of the repository's, IO managers among them."""
    store: RunStore | None
    parent: Result | None
    """The run that it resumes."""
    executor: ExecutorSpec | None = None
    """In place of the repository's."""


def materialize(  # noqa: PLR0913 (part of the authoring contract)
    assets: Any,
    *,
    partition: str | Sequence[str] | None = None,
    config: Any = None,
    resources: Mapping[str, Any] | None = None,
    selection: Any = None,
    tags: Mapping[str, str] | None = None,
    raise_on_error: bool = True,
    store: RunStore | None = None,
    executor: ExecutorSpec | None = None,
    skip_unchanged: bool = False,
) -> Result:
    """Compute assets and evaluate their checks here and now, in this process.

    Values are kept in memory for the result, or, with a store, as files beside its database, unless `resources` brings
    an IO manager of the name that the assets ask for (`io_manager` by default).

    A step that runs longer than its timeout is interrupted as soon as it runs Python code.

    Args:
        assets: assets, their checks, and specs of assets that are made elsewhere; lists among them are opened. Or a `Repository`.
        partition: the partition key, or several for a run that writes them all, where assets have partitions. A key of dynamic
            partitions must be known to the store (`store.partitions.add`); without a store every key is taken as it is.
        config: `{"steps": {...}, "resources": {...}}`, a model instance, or YAML or JSON text.
        resources: what functions ask for by parameter name, and IO managers by their name.
        selection: a selection string, a `Selection` or a list of assets: only these are computed, others are loaded.
        tags: labels of the run.
        raise_on_error: raise the error of a failed step rather than return a result that tells of it.
        store: a `pt.Store` that remembers the run.
        executor: `pt.threads(n)` for steps beside each other; one after another if left out.
        skip_unchanged: with a store, do not execute steps that would write what is there already: the same `code_version`, made from the same data.

    Example:
        ```python
        result = pt.materialize([raw, delays], partition="2013-03-10", config={"steps": {"delays": {"limit": 10}}})
        result.value("delays")
        ```

    Raises:
        DefinitionError: the assets do not fit together.
        RequestError: a selection, partition or config that cannot be.
        StepFailedError: a step's function raised; its exception is the cause. Other `ExecutionError`s say what else went wrong.
    """
    given = _named(resources)
    repository = _adhoc(assets, given)
    request = RunRequest(
        location=LOCATION,
        repository=repository.name,
        assets=_selected(repository, selection),
        checks=tuple(check.step_key for check in repository.checks) if not repository.assets else None,
        partition_keys=_keys(partition),
        config=to_run_config(config) or {},
        tags=_tags(tags),
        skip_unchanged=skip_unchanged,
    )
    result = _execute(repository, request, Surroundings(given, store, None, _checked_executor(executor)))
    return _checked(result, raise_on_error=raise_on_error)


def run_job(  # noqa: PLR0913 (part of the authoring contract)
    job: Job,
    *,
    config: Any = None,
    resources: Mapping[str, Any] | None = None,
    partition: str | Sequence[str] | None = None,
    steps: Iterable[str] | str | None = None,
    resume: Any = None,
    tags: Mapping[str, str] | None = None,
    store: RunStore | None = None,
    raise_on_error: bool = True,
) -> Result:
    """What `Job.execute` calls; see there."""
    if resume is not None and not isinstance(resume, Result):
        raise RequestError(f"resume={resume!r}: give the result of an earlier execution of job {job.name!r}.")
    if resume is not None and resume.request.job != job.name:
        raise RequestError(f"resume: the result given is one of job {resume.request.job!r}, not of {job.name!r}.")
    given = _named(resources)
    repository = _repository_of(job, given)
    before = resume.request if resume is not None else RunRequest(location=LOCATION, repository=repository.name)
    request = RunRequest(
        location=LOCATION,
        repository=repository.name,
        job=job.name,
        partition_keys=_keys(partition) or before.partition_keys,
        steps=_texts("steps", steps) if steps is not None else None,
        config=(to_run_config(config) if config is not None else before.config) or {},
        tags={**before.tags, **dict(repository.job(job.name).spec.tags), **_tags(tags)},
        parent_id=resume.run_id if resume is not None else None,
        root_id=(before.root_id or resume.run_id) if resume is not None else None,
        is_resumed=resume is not None,
    )
    result = _execute(repository, request, Surroundings(given, store, resume))
    return _checked(result, raise_on_error=raise_on_error)


def _execute(repository: Repository, request: RunRequest, surroundings: Surroundings) -> Result:
    """Plan, walk, and tell of the run itself."""
    store, parent = surroundings.store, surroundings.parent
    if store is not None and not hasattr(store, "runs"):
        raise RequestError(f"store={store!r}: give an open store, such as pt.Store('sqlite:///runs.db').")
    plan = build_plan(repository.spec, request, dynamic=_dynamic_keys(repository, request, store), now=datetime.now(UTC))
    if surroundings.executor is not None:
        plan = msgspec.structs.replace(plan, executor=surroundings.executor)
    walk = _walk(plan, request, parent)
    provided = _provided(repository, surroundings)
    recording = StoredRecording(store, _recorded(request, parent, store), repository.spec) if store is not None else Recording()
    try:
        order = _order(recording.run_id, request, plan, walk=walk, surroundings=surroundings)
        recording.emit(_beginning(walk))
        deadline = None if plan.timeout is None else monotonic() + plan.timeout
        outside = Outside(recording.emit, recording.is_cancelled, recording.look_up, stops_by_keyboard=True)
        with RunScope(order, repository, outside, resources=provided, deadline=deadline) as scope:
            errors = walk_plan(scope, walk)
    except BaseException as error:
        _end(recording, RunStatus.CANCELED if isinstance(error, STOPS) else RunStatus.FAILED, error=error)
        raise
    status = _status_of(walk)
    late = _timeout_of(scope, status, errors)
    if late is not None:
        status = RunStatus.FAILED
    _end(recording, status, walk=walk, error=late)
    return result_of(scope, walk, request=request, status=status, events=recording.events, errors=errors, error=late)


def _dynamic_keys(repository: Repository, request: RunRequest, store: RunStore | None) -> DynamicKeys:
    """The keys of the dynamic sets that the repository is cut by: those that the store knows.

    Without a store nobody can have added any, so those that are asked for are there."""
    names = dynamic_sets([repository.spec])
    if store is not None:
        return store.partitions.bind(names)
    return {name: [key for key in request.partition_keys if DynamicPartitions(name).could_have(key)] for name in names}


def _adhoc(assets: Any, resources: Mapping[str, Any]) -> Repository:
    """A repository of what `materialize` was given."""
    if isinstance(assets, Repository):
        return assets
    parts = list(_opened(assets if isinstance(assets, Iterable) else (assets,)))
    checks = [each for each in parts if isinstance(each, Check)]
    others = [each for each in parts if not isinstance(each, Check)]
    plain, io_managers = _apart(resources)
    return Repository(ADHOC, assets=others, checks=checks, resources=plain, io_managers=io_managers, executor=in_process())


def _repository_of(job: Job, resources: Mapping[str, Any]) -> Repository:
    """The repository that a job was taken from, else one of its own."""
    if isinstance(job.repository, Repository):
        return job.repository
    if job.graph is None:
        raise RequestError(
            f"Job {job.name!r} selects assets, which are known only in a repository. Execute it from there: repository.job({job.name!r}).execute()."
        )
    plain, io_managers = _apart({**job.resources, **resources})
    own = job.spec.executor
    executor = own if own is not None and own.is_one_process else in_process()
    alone = Job(msgspec.structs.replace(job.spec, executor=executor), graph=job.graph, hooks=job.hooks)
    return Repository(ADHOC, jobs=[alone], resources=plain, io_managers=io_managers, executor=in_process())


def _checked_executor(executor: ExecutorSpec | None) -> ExecutorSpec | None:
    given = expect(ExecutorSpec, executor, "executor")
    if given is not None and not given.is_one_process:
        raise RequestError("executor=pt.processes(): this runs in one process. Give pt.threads() or pt.in_process(), or launch it on a server.")
    return given


def _apart(resources: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, IOManager]]:
    """Resources, and IO managers."""
    io_managers = {name: each for name, each in resources.items() if isinstance(each, IOManager)}
    return {name: each for name, each in resources.items() if name not in io_managers}, io_managers


def _opened(parts: Iterable[Any]) -> Iterable[Any]:
    for each in parts:
        if isinstance(each, (list, tuple)):
            yield from _opened(each)
        else:
            yield from parts_of(each)


def _selected(repository: Repository, selection: Any) -> tuple[AssetKey, ...]:
    computed = [asset.key for asset in repository.assets]
    if selection is None:
        return tuple(computed)
    chosen = (Selection.parse(selection) if isinstance(selection, str) else as_selection(selection)).resolve(repository.graph)
    found = tuple(key for key in computed if key in chosen)
    if not found:
        raise RequestError(f"The selection {str(selection)!r} means no asset that can be materialized.")
    return found


def _tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    try:
        return dict(to_tags(tags))
    except DefinitionError as error:
        raise RequestError(str(error)) from error


def _keys(partition: str | Iterable[str] | None) -> tuple[str, ...]:
    return _texts("partition", partition) if partition is not None else ()


def _texts(parameter: str, given: object) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, Iterable):
        raise RequestError(f"{parameter}={given!r}: give text, or a list of texts.")
    return tuple(given)


def _named(resources: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if not isinstance(resources, (Mapping, type(None))):
        raise RequestError(f"resources={resources!r}: give a mapping from names, such as resources={{'warehouse': Warehouse()}}.")
    return resources or {}


# ---- the run --------------------------------------------------------------------------------------------------------


def _walk(plan: Plan, request: RunRequest, parent: Result | None) -> Walk:
    if parent is None:
        return Walk(plan)
    check_collected(plan, parent.produced)
    if request.steps is not None:
        return Walk(plan, produced=parent.produced)
    return Walk(plan, reused=plan_resumption(plan, parent.steps, parent.produced).reused, produced=parent.produced)


def _order(run_id: str, request: RunRequest, plan: Plan, *, walk: Walk, surroundings: Surroundings) -> Order:
    store, parent = surroundings.store, surroundings.parent
    reused = frozenset(walk.reused)
    before = [each for each in parent.produced if each.step in reused or not plan.executes(each.step)] if parent is not None else []
    values = str(store.values_directory) if store is not None else parent.scope.order.values_url if parent is not None else ""
    return Order(
        run_id=run_id,
        job=request.job,
        repository=request.repository,
        location=request.location,
        plan=plan,
        steps=None,
        produced=tuple(before),
        output_runs={each.step: parent.scope.run_of(each.step) for each in before} if parent is not None else {},
        tags=request.tags,
        values_url=values,
        logs_directory="",
    )


def _provided(repository: Repository, surroundings: Surroundings) -> Mapping[str, object]:
    """What stands in for the repository's resources; without anything to store values with, memory does."""
    given, parent = surroundings.resources, surroundings.parent
    if surroundings.store is not None or DEFAULT_IO in given or DEFAULT_IO in repository.io_manager_instances:
        return given
    before = parent.scope.resources[DEFAULT_IO] if parent is not None else None
    return {**given, DEFAULT_IO: before if before is not None else MemoryIO()}


def _recorded(request: RunRequest, parent: Result | None, store: RunStore) -> RunRequest:
    """The request as the store gets it: it can only refer to a parent run that it knows."""
    if parent is None or store.runs.find(parent.run_id) is not None:
        return request
    return msgspec.structs.replace(request, parent_id=None, root_id=None, is_resumed=False)


def _beginning(walk: Walk) -> Sequence[Event]:
    now = datetime.now(UTC)
    return [PlanMade(at=now, steps=walk.keys, reused=walk.reused, shared=walk.shared), RunStatusChanged(at=now, status=RunStatus.RUNNING)]


def _status_of(walk: Walk) -> RunStatus:
    statuses = set(walk.statuses.values())
    if StepStatus.CANCELED in statuses:
        return RunStatus.CANCELED
    return RunStatus.FAILED if StepStatus.FAILED in statuses else RunStatus.SUCCEEDED


def _timeout_of(scope: RunScope, status: RunStatus, errors: Mapping[str, BaseException]) -> RunTimeoutError | None:
    """What ended the run when its time was over before its steps were done."""
    if scope.is_out_of_time and (status is RunStatus.CANCELED or any(isinstance(error, RunTimeoutError) for error in errors.values())):
        return RunTimeoutError(scope.order.plan.timeout or 0)
    return None


def _end(recording: Recording, status: RunStatus, *, walk: Walk | None = None, error: BaseException | None = None) -> None:
    failed = [key for key, each in walk.statuses.items() if each is StepStatus.FAILED] if walk is not None else []
    reason = f"{len(failed)} step{'s' * (len(failed) != 1)} failed: {', '.join(failed)}" if failed and error is None else None
    told = PythonError.of(error) if error is not None and status is RunStatus.FAILED else None
    recording.emit([RunStatusChanged(at=datetime.now(UTC), status=status, reason=reason, error=told)])
    recording.close()


def _checked(result: Result, *, raise_on_error: bool) -> Result:
    """The result, or the error of the step that failed first."""
    if result.success or not raise_on_error:
        return result
    if result.error is not None:
        raise result.error
    if not result.errors:
        raise ExecutionError(f"Run {result.run_id} was cancelled.")
    first, *others = result.errors.values()
    if others:
        first.add_note(f"{len(others)} more steps failed: {', '.join(list(result.errors)[1:])}.")
    raise first
