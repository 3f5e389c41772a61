"""The values behind the payloads of mutations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from partita.api.automations import AutomationEntry, SensorEntry
from partita.api.entries import AssetEntry, LocationEntry
from partita.api.problems import Problem
from partita.records.assets import Materialization
from partita.records.backfills import Backfill
from partita.records.runs import Run
from partita.records.ticks import Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchedRun:
    """The value behind a `LaunchRunPayload`."""

    run: Run | None = None
    is_replay: bool = False
    errors: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchedRuns:
    """The value behind a `MaterializeAssetsPayload`."""

    runs: Sequence[Run] = ()
    is_replay: bool = False
    errors: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAnswer:
    """The value behind payloads about one run that is there already."""

    run: Run | None = None
    errors: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """The value behind a `ReportAssetEventPayload`."""

    materialization: Materialization | None = None
    is_replay: bool = False
    errors: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelResult:
    """The value behind a `CancelRunResult`."""

    run_id: str
    run: Run | None = None
    error: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Canceled:
    """The value behind a `CancelRunsPayload`."""

    results: Sequence[CancelResult] = ()
    errors: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """The value behind a `ReloadCodeLocationPayload`."""

    code_location: LocationEntry | None = None
    errors: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillAnswer:
    """The value behind the payloads about one backfill."""

    backfill: Backfill | None = None
    is_replay: bool = False
    errors: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """The value behind a `SetAutomationStatusPayload`."""

    automations: Sequence[AutomationEntry] = ()
    errors: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionsSwitched:
    """The value behind a `SetConditionStatusPayload`."""

    assets: Sequence[AssetEntry] = ()
    errors: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorAnswer:
    """The value behind a `SetSensorCursorPayload`."""

    sensor: SensorEntry | None = None
    errors: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """The value behind an `EvaluateSensorPayload`."""

    tick: Tick | None = None
    errors: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """The value behind an `AddDynamicPartitionsPayload`."""

    added_keys: Sequence[str] = ()
    errors: Sequence[Problem] = ()
