"""What a tick launches: targets of schedules and sensors turned into run requests that can be planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from partita.definitions.automation_specs import ScheduleSpec, TargetSpec
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DynamicKeys, Partitions, partitions_of
from partita.definitions.specs import AssetSpec, JobSpec, RepositorySpec
from partita.errors import NotFoundError, RequestError
from partita.planning.build import build_plan, find_job
from partita.records.runs import RunRequest
from partita.records.verdicts import RequestedRun


class Asked(NamedTuple):
    """A run that a tick asks for, checked; a run key launches once for each schedule or sensor."""

    request: RunRequest
    run_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TickScope:
    """Where a schedule or sensor stands, and what its requests are planned against."""

    location: str
    repository: RepositorySpec
    references: Mapping[AssetKey, AssetSpec] = field(default_factory=dict)
    """The owners' specs of assets that the repository refers to in other locations."""
    dynamic: DynamicKeys | None = None
    """The keys of dynamic sets, those that the tick adds among them."""

    def job(self, name: str) -> JobSpec:
        """The job of that name.

        Raises:
            NotFoundError: the repository has none; names the nearest.
        """
        return find_job(self.repository, name)

    def partitions_of(self, target: TargetSpec) -> Partitions | None:
        """How a target is cut; None: it is not."""
        if target.job is not None:
            spec = self.job(target.job).partitions
        else:
            specs = {each.key: each for each in self.repository.assets}
            spec = next((specs[key].partitions for key in target.assets if key in specs and specs[key].partitions is not None), None)
        return None if spec is None else partitions_of(spec, self.dynamic)


def requests_of_schedule(spec: ScheduleSpec, scope: TickScope, *, due_at: datetime) -> tuple[tuple[Asked, ...], str | None]:
    """What a tick of a schedule without function launches, or why nothing.

    A schedule of partitions launches each partition once: its key is the run key.

    Raises:
        RequestError: its target does not exist any more, or cannot be run so.
    """
    run = run_of_schedule(spec, scope, due_at=due_at)
    if run is None:
        return (), incomplete(spec, due_at)
    return requests_of((spec.target,), [run], scope, tags=dict(spec.tags), now=due_at), None


def run_of_schedule(spec: ScheduleSpec, scope: TickScope, *, due_at: datetime) -> RequestedRun | None:
    """What a tick of a schedule without function asks for; None while no partition of its target is complete.

    Raises:
        RequestError: its target does not exist any more, or is not cut any more.
    """
    if not spec.is_partitioned:
        return RequestedRun(config=spec.config or {})
    partitions = scope.partitions_of(spec.target)
    if partitions is None:
        raise RequestError(f"The target of schedule {spec.name!r} has no partitions any more.")
    newest = partitions.last(now=due_at)
    return None if newest is None else RequestedRun(config=spec.config or {}, partition=newest, run_key=newest)


def incomplete(spec: ScheduleSpec, due_at: datetime) -> str:
    """Why a schedule of partitions launches nothing."""
    return f"No partition of {_label(spec.target)} is complete yet at {due_at.isoformat()}."


def requests_of(
    targets: Sequence[TargetSpec], runs: Sequence[RequestedRun], scope: TickScope, *, tags: Mapping[str, str], now: datetime
) -> tuple[Asked, ...]:
    """What was asked for, one run each, in the same order.

    Args:
        targets: what the schedule or sensor may launch.
        runs: what its function asked for.
        scope: where it stands.
        tags: those of the schedule.
        now: which partitions exist depends on it.

    Raises:
        RequestError: a request that names what does not exist, or cannot be run; the message names it.
    """
    return tuple(Asked(_checked(request_of(targets, run, scope, tags=tags), scope, now=now), run.run_key) for run in runs)


def request_of(targets: Sequence[TargetSpec], run: RequestedRun, scope: TickScope, *, tags: Mapping[str, str]) -> RunRequest:
    """What was asked for as a request; whether it can be planned is not looked at.

    Raises:
        RequestError: it does not say which target is meant, or names what does not belong to it.
    """
    target = _chosen(targets, run)
    job = None if target.job is None else scope.job(target.job)
    known = target.assets if job is None else job.assets
    outside = [key for key in run.assets or () if key not in known]
    if outside:
        raise RequestError(f"Asset {str(outside[0])!r} does not belong to {_label(target)}.")
    assets = run.assets or (() if job is not None else target.assets)
    return RunRequest(
        location=scope.location,
        repository=scope.repository.name,
        job=target.job,
        assets=assets,
        partition_keys=() if run.partition is None else (run.partition,),
        config=run.config,
        tags={**(dict(job.tags) if job is not None else {}), **tags, **run.tags},
    )


def _chosen(targets: Sequence[TargetSpec], run: RequestedRun) -> TargetSpec:
    if not targets:
        raise RequestError("It asks for a run and has no target. Declare it with target=.")
    if run.job is not None:
        by_name = {target.job: target for target in targets if target.job is not None}
        if run.job not in by_name:
            raise NotFoundError("job among its targets", run.job, by_name)
        return by_name[run.job]
    if len(targets) > 1:
        raise RequestError(f"It has {len(targets)} targets: say which one a request means, with pt.RunRequest(job=...).")
    return targets[0]


def _checked(request: RunRequest, scope: TickScope, *, now: datetime) -> RunRequest:
    build_plan(scope.repository, request, references=scope.references, dynamic=scope.dynamic, now=now)
    return request


def _label(target: TargetSpec) -> str:
    return f"job {target.job!r}" if target.job is not None else f"the selection {target.selection!r}"
