"""The values behind the items of subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from partita.api.automations import AutomationEntry
from partita.api.entries import AssetEntry, LocationEntry
from partita.api.events import ShownEvent
from partita.api.status import ShownDaemon
from partita.records.alerts import Alert
from partita.records.backfills import Backfill
from partita.records.runs import Run, RunStatus
from partita.records.ticks import Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBatch:
    """The value behind a `RunEventBatch`."""

    cursor: str
    events: Sequence[ShownEvent]
    run_status: RunStatus
    is_caught_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRunChange:
    """The value behind a `RunChange`."""

    cursor: str
    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLocationChange:
    """The value behind a `WorkspaceChange`."""

    cursor: str
    code_location: LocationEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTickChange:
    """The value behind a `TickChange`."""

    cursor: str
    tick: Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBackfillChange:
    """The value behind a `BackfillChange`."""

    cursor: str
    backfill: Backfill


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAssetChange:
    """The value behind an `AssetChange`."""

    cursor: str
    asset: AssetEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAutomationChange:
    """The value behind an `AutomationChange`."""

    cursor: str
    automation: AutomationEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAlertChange:
    """The value behind an `AlertChange`."""

    cursor: str
    alert: Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDaemonChange:
    """The value behind a `DaemonChange`."""

    cursor: str
    daemon: ShownDaemon
