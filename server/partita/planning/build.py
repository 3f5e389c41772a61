"""From a request to a plan: what is asked for is found, checked, and laid out as steps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DynamicKeys
from partita.definitions.shared_steps import part_problem
from partita.definitions.specs import AssetSpec, CheckSpec, JobSpec, RepositorySpec
from partita.errors import ChoiceError, InvalidConfigErrors, NotFoundError
from partita.planning.asset_steps import AssetSteps, target_of
from partita.planning.choice import choose_steps
from partita.planning.config import SECTIONS, check_config, merge_config
from partita.planning.graph_steps import GraphSteps
from partita.planning.order import in_order
from partita.planning.partitioning import Target, choose_partitioning
from partita.planning.plan import Plan, Step
from partita.records.runs import RunRequest


def build_plan(
    repository: RepositorySpec,
    request: RunRequest,
    *,
    references: Mapping[AssetKey, AssetSpec] | None = None,
    dynamic: DynamicKeys | None = None,
    now: datetime,
) -> Plan:
    """The steps that `request` asks for, ready to be walked.

    Args:
        repository: the one that the request names.
        request: what to run.
        references: the owners' specs of assets that the repository refers to in other locations.
        dynamic: the keys of dynamic sets.
        now: which partitions exist depends on it.

    Raises:
        RequestError: something asked for does not exist, cannot run, or is not said; the message names it.
        InvalidConfigErrors: config that the published schemas refuse.
    """
    job = find_job(repository, request.job) if request.job is not None else None
    steps = _hooked(_steps_of(repository, request, job, references=references or {}, dynamic=dynamic, now=now), job)
    config = _checked_config(repository, steps, request.config, job.config if job is not None else None)
    return Plan(
        repository=repository.name,
        executor=(job.executor if job is not None else None) or repository.executor,
        steps=choose_steps(steps, request.steps, has_parent=request.parent_id is not None),
        config=config,
        timeout=job.timeout if job is not None else None,
        skip_unchanged=request.skip_unchanged,
    )


def find_job(repository: RepositorySpec, name: str) -> JobSpec:
    """The job of that name.

    Raises:
        NotFoundError: there is none; names the nearest.
    """
    for job in repository.jobs:
        if job.name == name:
            return job
    raise NotFoundError("job", name, [job.name for job in repository.jobs])


def _steps_of(
    repository: RepositorySpec,
    request: RunRequest,
    job: JobSpec | None,
    *,
    references: Mapping[AssetKey, AssetSpec],
    dynamic: DynamicKeys | None,
    now: datetime,
) -> tuple[Step, ...]:
    subject = f"Job {job.name!r}" if job is not None else "What is asked for"
    if job is not None and job.graph is not None:
        return _op_steps(repository, request, job, subject=subject, dynamic=dynamic, now=now)
    assets = _chosen_assets(repository, request, job)
    checks = _chosen_checks(repository, request, job, assets)
    if not assets and not checks:
        raise ChoiceError("asset", f"{subject} selects nothing to run.")
    specs = {spec.key: spec for spec in repository.assets}
    targets = [target_of(spec) for key, spec in specs.items() if key in assets]
    targets = targets or [Target(check.step_key, _checked(specs, references, check).partitions, "Check") for check in checks]
    if assets and len({target.partitions for target in targets}) > 1:
        targets = [target_of(specs[key]) for key in _upstream_first(specs, assets)]
    if job is None and len(targets) == 1:
        subject = targets[0].label
    own = job.partitions if job is not None else None
    partitioning = choose_partitioning(subject, targets, own=own, keys=request.partition_keys, dynamic=dynamic, now=now)
    made = AssetSteps(
        repository,
        assets=assets,
        checks=checks,
        partitioning=partitioning,
        references=references,
        step_retry=job.step_retry if job is not None else None,
    )
    return in_order(tuple(made))


def _hooked(steps: tuple[Step, ...], job: JobSpec | None) -> tuple[Step, ...]:
    """The steps with the job's hooks besides their own."""
    if job is None or not job.hooks:
        return steps
    return tuple(msgspec.structs.replace(step, hooks=(*step.hooks, *job.hooks)) for step in steps)


def _op_steps(
    repository: RepositorySpec, request: RunRequest, job: JobSpec, *, subject: str, dynamic: DynamicKeys | None, now: datetime
) -> tuple[Step, ...]:
    assert job.graph is not None
    if request.assets:
        raise ChoiceError("asset", f"{subject} is made of ops; assets cannot be chosen from it.")
    keys = choose_partitioning(subject, (), own=job.partitions, keys=request.partition_keys, dynamic=dynamic, now=now).keys
    steps: Iterable[Step] = GraphSteps(repository, job.graph, step_retry=job.step_retry, partitions=job.partitions, partition_keys=keys)
    return in_order(tuple(steps))


def _chosen_assets(repository: RepositorySpec, request: RunRequest, job: JobSpec | None) -> Collection[AssetKey]:
    wanted: Sequence[AssetKey] = request.assets or (job.assets if job is not None else ())
    known = {spec.key: spec for spec in repository.assets}
    of_job = frozenset(job.assets) if job is not None else None
    for key in wanted:
        if key not in known:
            raise NotFoundError("asset", key, known)
        if not known[key].is_executable:
            raise ChoiceError("asset", f"Asset {str(key)!r} is external to repository {repository.name!r}: nothing there computes it.")
        if of_job is not None and key not in of_job:
            assert job is not None
            raise NotFoundError(f"asset of job {job.name!r}", key, of_job)
    chosen = frozenset(wanted)
    problem = part_problem(repository.assets, chosen) if chosen else None
    if problem is not None:
        raise ChoiceError("asset", f"{problem[:1].upper()}{problem[1:]}")
    return chosen


def _chosen_checks(repository: RepositorySpec, request: RunRequest, job: JobSpec | None, assets: Collection[AssetKey]) -> Sequence[CheckSpec]:
    if request.checks is None:
        if job is None:
            return [check for check in repository.checks if check.asset in assets]
        of_job = frozenset(job.checks)
        return [check for check in repository.checks if check.step_key in of_job and (not request.assets or check.asset in assets)]
    known = {check.step_key: check for check in repository.checks}
    for key in request.checks:
        if key not in known:
            raise NotFoundError("check", key, known)
    return [known[key] for key in dict.fromkeys(request.checks)]


def _checked(specs: Mapping[AssetKey, AssetSpec], references: Mapping[AssetKey, AssetSpec], check: CheckSpec) -> AssetSpec:
    own = specs.get(check.asset)
    if own is not None and own.is_executable:
        return own
    return references.get(check.asset) or own or AssetSpec(check.asset)


def _upstream_first(specs: Mapping[AssetKey, AssetSpec], chosen: Collection[AssetKey]) -> list[AssetKey]:
    """`chosen` in an order in which each comes after those it needs; definition order decides the rest."""
    ordered: dict[AssetKey, None] = {}
    begun: set[AssetKey] = set()
    for start in specs:
        stack = [start] if start in chosen and start not in begun else []
        while stack:
            key = stack[-1]
            open_above = [] if key in begun else [each for each in specs[key].upstream if each in chosen and each not in begun]
            begun.add(key)
            if not open_above:
                ordered[stack.pop()] = None
            stack.extend(reversed(open_above))
    return list(ordered)


def _checked_config(repository: RepositorySpec, steps: Sequence[Step], given: Mapping[str, Any], default: Mapping[str, Any] | None) -> dict[str, Any]:
    """The config of the run: `given` over the job's default, of which only what the run's steps take counts."""
    if not given and not default and not _needs_config(repository):
        return {}
    used = dict(default or {})
    if isinstance(used.get("steps"), Mapping):
        keys = {step.key for step in steps}
        used["steps"] = {key: value for key, value in used["steps"].items() if key in keys}
    config = merge_config(used, given)
    errors = check_config(repository, steps, config)
    if errors:
        raise InvalidConfigErrors(errors)
    return {section: config[section] for section in SECTIONS if config.get(section)}


def _needs_config(repository: RepositorySpec) -> bool:
    configs = [spec.config for group in (repository.assets, repository.ops, repository.checks, repository.resources) for spec in group]
    return any(config is not None and config.is_required for config in configs)
