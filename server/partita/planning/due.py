"""When schedules are due: which ticks a look at the clock finds, and when the next one is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from partita.definitions.automation_specs import ScheduleSpec
from partita.definitions.cron import Cron


class Due(NamedTuple):
    """What a look at the clock finds."""

    ticks: tuple[datetime, ...]
    """Due instants, the oldest first."""
    next: datetime
    """The first one to come."""


def cron_of(spec: ScheduleSpec) -> Cron:
    """When a schedule is due."""
    return Cron(spec.cron, timezone=spec.timezone)


def first_due(spec: ScheduleSpec, *, after: datetime) -> datetime:
    """The first tick of a schedule that has just been switched on, declared or changed."""
    return cron_of(spec).next(after)


def ticks_from(spec: ScheduleSpec, start: datetime) -> Iterator[datetime]:
    """Every tick of a schedule at or after `start`, each alone: what looks at the clock find that are never late."""
    return cron_of(spec).ticks(start)


def due_ticks(spec: ScheduleSpec, *, planned: datetime, now: datetime) -> Due:
    """The ticks from `planned` to `now`: the newest one, and of those before it as many as the schedule catches up on.

    Args:
        planned: the tick that was to come next when anybody last looked.
        now: the time.
    """
    cron = cron_of(spec)
    following = cron.next(now)
    found: list[datetime] = []
    tick = cron.previous(following)
    while tick >= planned and len(found) < max(1, spec.catch_up):
        found.append(tick)
        tick = cron.previous(tick)
    return Due(tuple(reversed(found)), following)
