"""The server's own state as the schema shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from partita.api.limits import LIMITS, Limits
from partita.api.types.enums import DaemonKind
from partita.records.failures import PythonError
from partita.records.locations import DaemonError, DaemonRecord
from partita.version import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownServer:
    """The value behind `Server`."""

    started_at: datetime
    version: str = __version__
    limits: Limits = LIMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDaemon:
    """The value behind a `Daemon`."""

    kind: DaemonKind
    is_required: bool
    is_healthy: bool = False
    last_heartbeat_at: datetime | None = None
    errors: tuple[PythonError, ...] = ()
    host: str | None = None
    lateness: float | None = None
    past_errors: tuple[DaemonError, ...] = ()


REQUIRED = frozenset({DaemonKind.SCHEDULES, DaemonKind.SENSORS, DaemonKind.BACKFILLS, DaemonKind.CONDITIONS, DaemonKind.MONITOR})
"""Without them nothing is launched by itself, and runs of a dead worker would stay active for ever."""


def daemons(records: Sequence[DaemonRecord]) -> list[ShownDaemon]:
    """Every role, also one that has never lived."""
    by_role = {record.role: record for record in records}
    return [_shown(kind, by_role.get(kind.value)) for kind in DaemonKind]


def _shown(kind: DaemonKind, record: DaemonRecord | None) -> ShownDaemon:
    if record is None:
        return ShownDaemon(kind=kind, is_required=kind in REQUIRED)
    return ShownDaemon(
        kind=kind,
        is_required=kind in REQUIRED,
        is_healthy=record.is_healthy,
        last_heartbeat_at=record.heartbeat_at,
        errors=() if record.error is None else (record.error,),
        host=record.host,
        lateness=None if record.lateness is None else record.lateness.total_seconds(),
        past_errors=record.past,
    )
