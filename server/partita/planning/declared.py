"""Run config that jobs and schedules declare: checked when their code is loaded, before a launch or a tick fails on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from partita.definitions.automation_specs import ScheduleSpec, TargetSpec
from partita.definitions.sources import at
from partita.definitions.specs import AssetSpec, JobSpec, RepositorySpec
from partita.errors import DefinitionError, InvalidConfigError, RequestError
from partita.planning.config import REQUIRED, check_config, merge_config
from partita.planning.graph_steps import GraphSteps, Use
from partita.planning.plan import FromAsset, Step, StepKind, StepOutput


def check_declared_config(repository: RepositorySpec) -> list[DefinitionError]:
    """What is wrong with the config of its jobs, and of schedules that launch without asking a function; each with file and line.

    What a job leaves out, a launch may still give; a schedule's runs are given nothing more.
    """
    found: list[DefinitionError] = []
    of_jobs: dict[str, list[str]] = {}
    jobs = {job.name: job for job in repository.jobs}
    for job in repository.jobs:
        wrong = [str(error) for error in _errors_of_job(repository, job)] if job.config else []
        of_jobs[job.name] = wrong
        found += [at(DefinitionError(problem), job.source, f"job {job.name!r}") for problem in wrong]
    for schedule in repository.schedules:
        if schedule.has_function:
            continue
        target = jobs.get(schedule.target.job) if schedule.target.job is not None else None
        known = of_jobs.get(target.name, ()) if target is not None else ()
        wrong = [str(error) for error in _errors_of_schedule(repository, schedule, target) if str(error) not in known]
        found += [at(DefinitionError(problem), schedule.source, f"schedule {schedule.name!r}") for problem in wrong]
    return found


def _errors_of_job(repository: RepositorySpec, job: JobSpec) -> Iterator[RequestError]:
    for error in _errors(repository, job, {}):
        if not (isinstance(error, InvalidConfigError) and error.problem == REQUIRED):
            yield error


def _errors_of_schedule(repository: RepositorySpec, schedule: ScheduleSpec, job: JobSpec | None) -> Iterator[RequestError]:
    yield from _errors(repository, job if job is not None else schedule.target, schedule.config or {})


def _errors(repository: RepositorySpec, launched: JobSpec | TargetSpec, config: dict[str, object]) -> Iterator[RequestError]:
    default = launched.config if isinstance(launched, JobSpec) else None
    try:
        steps = list(configurable_steps(repository, launched))
    except RequestError as error:  # a graph that cannot be run, with any config
        yield error
        return
    yield from check_config(repository, steps, merge_config(default, config))


def ops_of(repository: RepositorySpec, spec: AssetSpec) -> Iterable[Step]:
    """The ops that compute an asset, without partitions; none where a function does."""
    if spec.graph is None:
        return ()
    given = {each.name: FromAsset(asset=each.key, io_manager=each.io_manager or spec.io_manager) for each in spec.inputs if each.key is not None}
    return GraphSteps(repository, spec.graph, use=Use(f"{spec.key}.", given))


def configurable_steps(repository: RepositorySpec, launched: JobSpec | TargetSpec) -> Iterator[Step]:
    """The steps as far as their config is concerned: without partitions, so that none need be chosen."""
    if isinstance(launched, JobSpec) and launched.graph is not None:
        yield from GraphSteps(repository, launched.graph)
        return
    for spec in repository.assets:
        if spec.key in launched.assets:
            yield from ops_of(repository, spec)
            outputs = (StepOutput(io_manager=spec.io_manager),)
            kind = StepKind.OBSERVATION if spec.is_observable else StepKind.ASSET
            yield Step(key=spec.step_key, kind=kind, definition=spec.key, resources=spec.resources, outputs=outputs)
    for check in repository.checks:
        if check.step_key in launched.checks if isinstance(launched, JobSpec) else check.asset in launched.assets:
            yield Step(key=check.step_key, kind=StepKind.CHECK, definition=check.step_key, resources=check.resources)
