"""Which records are wanted: all given fields must hold, a list means any of its values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from partita.definitions.keys import AssetKey
from partita.records.events import LogLevel
from partita.records.pages import Direction
from partita.records.runs import RunStatus
from partita.records.ticks import TickStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Runs to list or count."""

    ids: tuple[str, ...] | None = None
    statuses: tuple[RunStatus, ...] | None = None
    jobs: tuple[tuple[str, str, str], ...] | None = None
    """`(location, repository, job)`."""
    job_names: tuple[str, ...] | None = None
    assets: tuple[AssetKey, ...] | None = None
    tags: tuple[tuple[str, str], ...] = ()
    """All of them must be on the run."""
    created_after: datetime | None = None
    created_before: datetime | None = None
    partition_keys: tuple[str, ...] | None = None
    root_id: str | None = None
    tick_id: str | None = None
    """Runs that this tick launched."""
    backfill_id: str | None = None


class RunOrderField(StrEnum):
    """What runs are sorted by; the id breaks ties."""

    CREATED_AT = "created_at"
    STARTED_AT = "started_at"
    ENDED_AT = "ended_at"
    PRIORITY = "priority"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """How runs are sorted: newest first unless told otherwise. Rows without a value come last."""

    field: RunOrderField = RunOrderField.CREATED_AT
    direction: Direction = Direction.DESC


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Events of one run to list or follow."""

    levels: tuple[LogLevel, ...] | None = None
    steps: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    """Tags of the event classes, such as `step_failed`."""
    text: str | None = None
    """Part of the message, without regard to case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilter:
    """Materialisations or observations of one asset."""

    asset: AssetKey
    partition_keys: tuple[str, ...] | None = field(default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TickFilter:
    """Ticks to list or count. `is_dry_run` None: dry runs and others."""

    automation_ids: tuple[str, ...] | None = None
    statuses: tuple[TickStatus, ...] | None = None
    after: datetime | None = None
    """Due later than this."""
    before: datetime | None = None
    is_dry_run: bool | None = False
