"""Schedules and sensors as they stand: switched on or off, where their cursor is, when they are due."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from partita.errors import RequestError


class AutomationKind(StrEnum):
    """What sort of automation it is."""

    SCHEDULE = "schedule"
    SENSOR = "sensor"


class Automation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One schedule or sensor as it stands now; what it does is in its location's catalog."""

    id: str
    """`location/repository/name`."""
    location: str
    repository: str
    name: str
    kind: AutomationKind
    is_on: bool = False
    is_overridden: bool = False
    """Somebody switched it; else the default of the code counts."""
    is_declared: bool = True
    """The location's current catalog has it."""
    cursor: str | None = None
    """What its function said it has dealt with."""
    seen: int | None = None
    """How far a sensor has looked that watches assets or runs."""
    next_due_at: datetime | None = None
    """When it is due next; of a sensor the earliest time. None while it is off."""
    last_tick_id: str | None = None
    last_tick_at: datetime | None = None
    changed_at: datetime
    """When it was switched, or its times were changed in the code."""


def automation_id(location: str, repository: str, name: str) -> str:
    """The id of a schedule or sensor."""
    return f"{location}/{repository}/{name}"


def parts_of(automation_id: str) -> tuple[str, str, str]:
    """Location, repository and name of an id.

    Raises:
        RequestError: it is not one.
    """
    location, _, rest = automation_id.partition("/")
    repository, _, name = rest.partition("/")
    if not (location and repository and name):
        raise RequestError(f"{automation_id[:120]!r} is not the id of a schedule or sensor, which is `location/repository/name`.")
    return location, repository, name


def launcher_of(kind: AutomationKind, automation_id: str) -> str:
    """What `launched_by` says of its runs."""
    return f"{kind}:{automation_id}"
