"""Alerts: what people are told of without asking, by which rule, and whether they were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec


class AlertKind(StrEnum):
    """What an alert is about."""

    RUN_FAILED = "run_failed"
    """A run has failed and is not tried again by itself."""
    CHECK_FAILED = "check_failed"
    FRESHNESS_LOST = "freshness_lost"
    """An asset has become older than its freshness policy allows."""
    SCHEDULE_FAILING = "schedule_failing"
    """The last tick of a schedule has failed."""
    SENSOR_FAILING = "sensor_failing"
    """The last tick of a sensor has failed."""
    LOCATION_BROKEN = "location_broken"
    """A code location cannot be loaded, or nobody works for it."""
    DAEMON_GONE = "daemon_gone"
    """A role of the daemon does not do its work."""

    @property
    def goes_on(self) -> bool:
        """Whether it lasts until it is over; the others happen."""
        return self not in {AlertKind.RUN_FAILED, AlertKind.CHECK_FAILED}


class AlertStatus(StrEnum):
    """Whether people were told."""

    WAITING = "waiting"
    """Not yet: it waits for its time, or a target does not answer."""
    SENT = "sent"
    DROPPED = "dropped"
    """Nobody was told: it was over before, or its rule is gone."""
    FAILED = "failed"
    """A target has refused it for a day."""


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told of what, and how often."""

    name: str
    on: tuple[AlertKind, ...] = tuple(AlertKind)
    only: tuple[str, ...] = ()
    """Patterns such as `marts/*`, of which one must fit a name that it is about; empty: whatever the name."""
    targets: tuple[str, ...] = ()
    """The names of those who are told: their addresses may hold passwords."""
    quiet: timedelta = timedelta(minutes=10)
    """After an alert, the same is not told again for so long."""
    repeat: timedelta | None = None
    """What goes on is told again this often; None: once."""
    limit: int = 20
    """Messages in an hour; what is more waits, and is told together."""
    tells_end: bool = True
    """Whether the end of what went on is told too."""

    def covers(self, trouble: Trouble) -> bool:
        """Whether somebody is to be told of it by this rule."""
        return trouble.kind in self.on and (not self.only or any(fnmatchcase(name, pattern) for name in trouble.names for pattern in self.only))


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Something that people may want to be told of."""

    kind: AlertKind
    subject: str
    """What it is about: the same again is the same subject."""
    title: str
    """One line."""
    detail: str = ""
    at: datetime
    names: Sequence[str] = ()
    """Of job, assets, schedule, sensor, location or role, for the patterns of rules."""
    run_id: str | None = None


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody is to be told by one rule, as it stands now."""

    id: str
    rule: str
    kind: AlertKind
    subject: str
    title: str
    details: tuple[str, ...] = ()
    """Of the first few times."""
    at: datetime
    """When it first happened, or began."""
    last_at: datetime
    """When it last happened."""
    count: int = 1
    """How often it happened."""
    status: AlertStatus = AlertStatus.WAITING
    due_at: datetime | None = None
    """When it is to be told; None: it is not."""
    sent_at: datetime | None = None
    """When somebody was last told."""
    message_id: str | None = None
    """Of the message in which that was done; several alerts may share one."""
    told_to: tuple[str, ...] = ()
    """The targets that were told."""
    waiting_for: tuple[str, ...] = ()
    """The targets that still have to be told, when that was last looked at."""
    attempts: int = 0
    """How often a target has refused it."""
    error: str | None = None
    """Why the last time."""
    ended_at: datetime | None = None
    """When what went on was over."""
    is_end: bool = False
    """It tells that something is over."""
    run_id: str | None = None
    """The first run that it is about."""

    @property
    def is_open(self) -> bool:
        """Whether what it tells of goes on."""
        return self.kind.goes_on and not self.is_end and self.ended_at is None

    @property
    def is_active(self) -> bool:
        """Whether there is anything to be done about it."""
        return self.is_open or self.status is AlertStatus.WAITING


class AlertFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts are wanted: all given fields must hold."""

    rules: tuple[str, ...] | None = None
    kinds: tuple[AlertKind, ...] | None = None
    statuses: tuple[AlertStatus, ...] | None = None
