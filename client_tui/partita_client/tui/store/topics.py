"""What can change, and what a change is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from partita_client.models import (
        Alert,
        CodeLocation,
        TuiAsset,
        TuiAutomation,
        TuiBackfill,
        TuiDaemon,
        TuiJob,
        TuiRun,
        TuiRunCounts,
        TuiServer,
        TuiTick,
    )


class Topic(StrEnum):
    """A part of what is known, told of together."""

    CONNECTION = "connection"
    RUNS = "runs"
    ASSETS = "assets"
    WORKSPACE = "workspace"
    JOBS = "jobs"
    AUTOMATIONS = "automations"
    TICKS = "ticks"
    BACKFILLS = "backfills"
    SERVER = "server"
    ALERTS = "alerts"


@dataclass(frozen=True, slots=True)
class RunsSeen:
    """Runs as they stand now."""

    runs: Sequence[TuiRun]


@dataclass(frozen=True, slots=True)
class RunsCounted:
    """How the runs of the last day ended."""

    counts: TuiRunCounts


@dataclass(frozen=True, slots=True)
class AssetsSeen:
    """Assets as they stand now; `is_all` when there are no others."""

    assets: Sequence[TuiAsset]
    is_all: bool = False


@dataclass(frozen=True, slots=True)
class LocationsSeen:
    """Code locations as they stand now; `is_all` when there are no others."""

    locations: Sequence[CodeLocation]
    is_all: bool = False


@dataclass(frozen=True, slots=True)
class JobsSeen:
    """All jobs of the workspace."""

    jobs: Sequence[TuiJob]


@dataclass(frozen=True, slots=True)
class AutomationsSeen:
    """Schedules and sensors as they stand now; `is_all` when there are no others."""

    automations: Sequence[TuiAutomation]
    is_all: bool = False


@dataclass(frozen=True, slots=True)
class TicksSeen:
    """Ticks as they stand now."""

    ticks: Sequence[TuiTick]


@dataclass(frozen=True, slots=True)
class BackfillsSeen:
    """Backfills as they stand now."""

    backfills: Sequence[TuiBackfill]


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """The server, its daemons and its queue."""

    server: TuiServer


@dataclass(frozen=True, slots=True)
class DaemonSeen:
    """A daemon as it stands now."""

    daemon: TuiDaemon


@dataclass(frozen=True, slots=True)
class AlertsSeen:
    """Alerts as they stand now."""

    alerts: Sequence[Alert]


@dataclass(frozen=True, slots=True)
class Loaded:
    """All that a topic begins with has been told: what is not there does not exist."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Connected:
    """The server answers."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The server does not answer; it is tried again at `retry_at`."""

    at: datetime
    problem: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StreamFailed:
    """One topic cannot be followed though the server answers; None: it can again."""

    topic: Topic
    problem: str | None


Change: TypeAlias = (
    RunsSeen
    | RunsCounted
    | AssetsSeen
    | LocationsSeen
    | JobsSeen
    | AutomationsSeen
    | TicksSeen
    | BackfillsSeen
    | ServerSeen
    | DaemonSeen
    | AlertsSeen
    | Loaded
    | Connected
    | Disconnected
    | StreamFailed
)
Changes: TypeAlias = dict[Topic, set[str]]
"""The topics that changed, each with the ids that did."""
