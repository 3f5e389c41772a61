"""Ticks: what became of each time that a schedule or sensor was due."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from partita.definitions.keys import AssetKey
from partita.records.automations import AutomationKind
from partita.records.failures import PythonError


class TickStatus(StrEnum):
    """Where a tick stands."""

    STARTED = "started"
    """Requested, or being evaluated."""
    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"
    FAILED = "failed"

    @property
    def is_finished(self) -> bool:
        """True once nothing more can happen to it."""
        return self is not TickStatus.STARTED


class RequestOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run that a tick asked for, and what became of that."""

    run_key: str | None = None
    partition: str | None = None
    job: str | None = None
    assets: tuple[AssetKey, ...] = ()
    run_id: str | None = None
    """None in a dry run."""
    is_already_launched: bool = False
    """Its run key had launched before; `run_id` is the run of then."""


class PartitionsAdded(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of a dynamic set that a tick added."""

    set_name: str
    keys: tuple[str, ...]


class Tick(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One tick as it stands now."""

    id: str
    automation_id: str
    kind: AutomationKind
    status: TickStatus
    due_at: datetime
    started_at: datetime | None = None
    """When its evaluation began; None until a worker took it."""
    ended_at: datetime | None = None
    attempt: int = 1
    is_dry_run: bool = False
    cursor: str | None = None
    """The sensor's, after the tick."""
    skip_reason: str | None = None
    error: PythonError | None = None
    requests: tuple[RequestOutcome, ...] = ()
    partitions: tuple[PartitionsAdded, ...] = ()
    run_count: int = 0
    """Runs that it launched."""
    logs: str = ""
    """What its function logged, one record a line."""
