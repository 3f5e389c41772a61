"""Lengths of time between recorded instants."""

from __future__ import annotations

from datetime import datetime

from partita.api.scalars import Duration


def elapsed(started_at: datetime | None, ended_at: datetime | None, *, now: datetime) -> Duration | None:
    """Seconds from start to end, or to `now` while there is no end; None before the start."""
    if started_at is None:
        return None
    return Duration(max(0.0, ((ended_at or now) - started_at).total_seconds()))
