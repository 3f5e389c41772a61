"""What functions of schedules and sensors are given. Tests make them by keyword."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from partita.definitions.assets import Asset
from partita.definitions.context import Context
from partita.definitions.jobs import Job
from partita.definitions.partitions import PartitionsSpec, TimePartitions, partitions_of
from partita.errors import RequestError
from partita.records.assets import Materialization
from partita.records.runs import Run

if TYPE_CHECKING:
    from partita.definitions.repository import Repository


@dataclass(frozen=True, kw_only=True)
class ScheduleContext(Context):
    """What a schedule's function is given.

    Example:
        `weekdays(pt.ScheduleContext(due_at=datetime(2024, 3, 1, 2, tzinfo=UTC)))`
    """

    due_at: datetime
    """The tick's own time, aware; whenever it is evaluated."""
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("partita.schedule"))
    """Its records are shown with the tick."""
    repository: Repository | None = None
    """Where jobs are looked up by name."""

    def partition(self, job: Job | Asset[..., Any] | str) -> str:
        """The newest partition of a job, or of an asset, that is complete at `due_at`.

        Raises:
            RequestError: it has no partitions by time, or none is complete yet.
        """
        if not isinstance(job, (Job, Asset, str)):
            raise RequestError(f"context.partition({job!r}): give a job or its name, or an asset.")
        label = f"asset {str(job.key)!r}" if isinstance(job, Asset) else f"job {(job.name if isinstance(job, Job) else job)!r}"
        spec = self._partitions_of(job)
        if spec is None:
            raise RequestError(
                f"context.partition(...): {label} has no partitions, so no tick has one. "
                "Leave partition= out of pt.RunRequest, or declare it with partitions."
            )
        partitions = partitions_of(spec)
        if not isinstance(partitions, TimePartitions):
            raise RequestError(f"context.partition(...): {label} is cut into {partitions.describe()}, which do not follow a clock.")
        newest = partitions.last(now=self.due_at)
        if newest is None:
            raise RequestError(f"No partition of {label} is complete at {self.due_at.isoformat()}.")
        return newest

    def _partitions_of(self, job: Job | Asset[..., Any] | str) -> PartitionsSpec | None:
        if isinstance(job, Asset):
            return job.spec.partitions
        name = job if isinstance(job, str) else job.name
        if self.repository is not None:
            return self.repository.job(name).spec.partitions
        if isinstance(job, str) or (job.selection is not None and job.spec.partitions is None):
            raise RequestError(f"context.partition({name!r}): only a repository knows its partitions. Make pt.ScheduleContext(repository=...).")
        return job.spec.partitions


@dataclass(frozen=True, kw_only=True)
class SensorContext(Context):
    """What a sensor's function is given.

    Example:
        `new_files(pt.SensorContext(cursor="orders-16.csv"))`
    """

    cursor: str | None = None
    """What the last evaluation that set one answered; None at first."""
    last_tick_at: datetime | None = None
    """When it was evaluated before; None for the first time."""
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("partita.sensor"))
    """Its records are shown with the tick."""
    repository: Repository | None = None
    """The repository that the sensor belongs to."""


@dataclass(frozen=True, kw_only=True)
class AssetSensorContext(SensorContext):
    """What an asset sensor's function is given."""

    materializations: tuple[Materialization, ...] = ()
    """Writes of what it watches since the last evaluation, oldest first; never empty."""

    @property
    def materialization(self) -> Materialization:
        """The newest of them."""
        return self.materializations[-1]


@dataclass(frozen=True, kw_only=True)
class SeenRun:
    """A run that a run status sensor is told of."""

    id: str
    job: str | None
    """None when assets were materialised directly."""
    status: str
    tags: dict[str, str]
    partition_keys: tuple[str, ...]
    error: str | None
    """Why it failed, in one line."""
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, run: Run) -> SeenRun:
        """What a function is told of a run."""
        request = run.request
        return cls(
            id=run.id,
            job=request.job,
            status=run.status.value,
            tags=dict(request.tags),
            partition_keys=request.partition_keys,
            error=run.error.summary if run.error is not None else None,
            created_at=run.created_at,
            ended_at=run.ended_at,
        )


@dataclass(frozen=True, kw_only=True)
class RunStatusContext(SensorContext):
    """What a run status sensor's function is given."""

    runs: tuple[SeenRun, ...] = ()
    """Runs that reached the status since the last evaluation, oldest first; never empty."""

    @property
    def run(self) -> SeenRun:
        """The newest of them."""
        return self.runs[-1]
