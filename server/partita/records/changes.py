"""The one global feed of what changed: subjects only, their state is read when the change is handled."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class ChangeKind(StrEnum):
    """What sort of thing changed."""

    RUN = "run"
    ASSET = "asset"
    LOCATION = "location"
    DAEMON = "daemon"
    AUTOMATION = "automation"
    TICK = "tick"
    BACKFILL = "backfill"
    PARTITIONS = "partitions"
    """A dynamic set of partition keys grew."""
    ALERT = "alert"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One subject that changed. `cursor` resumes the feed after it."""

    cursor: str
    kind: ChangeKind
    subject: str
    """Run id, asset key, location name, daemon role, id of an automation, tick, backfill or alert, or name of a dynamic partition set."""
    at: datetime


class ChangeBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Changes after a cursor, oldest first, and the cursor to continue from.

    `is_expired` says that the cursor given was older than what is kept: read the fresh state, then go on from `cursor`.
    """

    changes: tuple[Change, ...]
    cursor: str
    is_expired: bool = False
