"""Code locations as they stand: status, current catalog, load error."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from partita.definitions.specs import RepositorySpec
from partita.records.failures import PythonError


class LocationStatus(StrEnum):
    """Where a code location stands."""

    LOADING = "loading"
    LOADED = "loaded"
    FAILED = "failed"
    """The newest load failed; the last good catalog, if any, is still served."""
    UNREACHABLE = "unreachable"
    """No worker has renewed its lease on the location."""


class LocationCatalog(msgspec.Struct, frozen=True, kw_only=True):
    """All repositories of one location, as loaded once. Stored under its content hash."""

    location: str
    repositories: tuple[RepositorySpec, ...]
    warnings: tuple[str, ...] = ()


class LocationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One code location as it stands now."""

    name: str
    status: LocationStatus
    catalog_hash: str | None = None
    """The current catalog: the newest that was published."""
    error: PythonError | None = None
    """Why the newest load failed; None when it did not."""
    warnings: tuple[str, ...] = ()
    loaded_at: datetime | None = None
    python_version: str | None = None
    library_version: str | None = None
    start: str | None = None
    """How user processes are made: "fork", or "spawn: why"."""
    reload_requested_at: datetime | None = None
    source: dict[str, str] = {}
    """What the workspace file says of it: module or file, and directory."""


class DaemonError(msgspec.Struct, frozen=True, kw_only=True):
    """Something that went wrong in a role of the daemon."""

    at: datetime
    """When it last did."""
    error: PythonError


class DaemonRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A role of the daemon, and when it last did its work."""

    role: str
    owner: str | None = None
    heartbeat_at: datetime | None = None
    is_healthy: bool = False
    error: PythonError | None = None
    """What keeps it from its work now."""
    lateness: timedelta | None = None
    """By how much it began its work too late, at worst, between its last two heartbeats."""
    past: tuple[DaemonError, ...] = ()
    """What went wrong lately, the newest first."""

    @property
    def host(self) -> str | None:
        """The machine whose daemon has the role."""
        return None if self.owner is None else self.owner.partition("/")[0]
