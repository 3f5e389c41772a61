"""Runs and their steps: requests, states, and which state may follow which."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from partita.definitions.keys import AssetKey
from partita.errors import ConflictError
from partita.records.failures import PythonError


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    STARTING = "starting"
    """Claimed by a worker; no step has started."""
    RUNNING = "running"
    CANCELING = "canceling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_finished(self) -> bool:
        """True once nothing more can happen to it."""
        return self in FINISHED


FINISHED = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELED})
ACTIVE = frozenset({RunStatus.STARTING, RunStatus.RUNNING, RunStatus.CANCELING})
"""A worker holds its lease."""

ALLOWED: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset({RunStatus.STARTING, RunStatus.CANCELED, RunStatus.FAILED}),
    # Back to the queue: the lease ended before anything ran, or a reload made the claim stale.
    RunStatus.STARTING: frozenset(
        {RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELING, RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELED}
    ),
    RunStatus.RUNNING: frozenset({RunStatus.CANCELING, RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELED}),
    RunStatus.CANCELING: frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELED}),
}


def check_transition(run_id: str, current: RunStatus, to: RunStatus) -> None:
    """Nothing, if a run may go from `current` to `to`.

    Raises:
        ConflictError: it may not.
    """
    if to not in ALLOWED.get(current, frozenset()):
        raise ConflictError(f"Run {run_id} is {current}; it cannot become {to}.")


class StepStatus(StrEnum):
    """Where a step of a run stands."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING_RETRY = "waiting_retry"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    """An optional output it needs was not produced."""
    UPSTREAM_FAILED = "upstream_failed"
    """Not run because of a failure before it."""
    CANCELED = "canceled"

    @property
    def is_finished(self) -> bool:
        """True once nothing more can happen to it in this run."""
        return self not in {StepStatus.PENDING, StepStatus.RUNNING, StepStatus.WAITING_RETRY}


class RunRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to run: a job of one repository, or assets of one repository. One of `job` and `assets` is given, or both
    when a part of an asset job is wanted."""

    location: str
    repository: str
    job: str | None = None
    assets: tuple[AssetKey, ...] = ()
    checks: tuple[str, ...] | None = None
    """Step keys of checks; None: all checks of the assets, or the job's own."""
    partition_keys: tuple[str, ...] = ()
    """What it writes; empty for an unpartitioned target."""
    steps: tuple[str, ...] | None = None
    """Step keys to execute; None: the whole plan."""
    config: dict[str, Any] = {}
    tags: dict[str, str] = {}
    priority: int = 0
    parent_id: str | None = None
    root_id: str | None = None
    is_resumed: bool = False
    """Steps that succeeded in the parent are taken over, not executed."""
    launched_by: str = "user"
    """`user`, or `<kind>:<id>` of the schedule, sensor, backfill or evaluation of a condition."""
    tick_id: str | None = None
    """The tick that asked for it."""
    backfill_id: str | None = None
    skip_unchanged: bool = False
    """Steps that would write what is there already are not executed."""


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run as it stands now."""

    id: str
    request: RunRequest
    status: RunStatus
    created_at: datetime
    started_at: datetime | None = None
    """When the first step could start: the plan was made."""
    ended_at: datetime | None = None
    attempt: int = 1
    """1, and one more for each run before it in its group of re-executions."""
    catalog_hash: str | None = None
    """The catalog it was planned under; None until claimed."""
    error: PythonError | None = None
    cancel_requested_at: datetime | None = None
    is_cancel_forced: bool = False
    last_seq: int = 0
    """Sequence number of its newest event."""

    @property
    def job(self) -> str | None:
        """Name of its job; None when assets were materialised directly."""
        return self.request.job

    @property
    def root_id(self) -> str:
        """The first run of its group of re-executions; its own id when it is the first."""
        return self.request.root_id or self.id


class RunStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a run as it stands now."""

    run_id: str
    key: str
    position: int
    """Place in the plan, from 0."""
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    """Attempts begun."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: PythonError | None = None
    process: str | None = None
    """Where it ran: host, process id, and how it was started."""
    memory: int | None = None
    """The most that its process has held in memory, in bytes; None: not known."""


class FailedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that has failed, and what it left undone."""

    id: str
    ended_at: datetime
    is_planned: bool
    """Whether it came as far as to have steps."""
    undone: frozenset[str] = frozenset()
    """Keys of its steps that neither succeeded nor had nothing to do."""

    def has_left(self, step: str) -> bool:
        """Whether a step was not done."""
        return not self.is_planned or step in self.undone


class RunStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over a run's steps and events."""

    steps: dict[StepStatus, int]
    materializations: int = 0
    checks_passed: int = 0
    checks_failed: int = 0
    memory: int | None = None
    """The most that a process of one of its steps has held in memory, in bytes; None: not known."""
