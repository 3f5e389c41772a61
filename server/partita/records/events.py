"""The entries of a run's append-only event log: past facts, one class each, told apart by `kind`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from partita.definitions.keys import AssetKey
from partita.definitions.metadata import MetadataEntry
from partita.definitions.results import Severity as Severity
from partita.records.failures import PythonError
from partita.records.runs import RunStatus


class LogLevel(StrEnum):
    """Severity of a log record."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every event has: when, and for which step and attempt."""

    at: datetime
    step: str | None = None
    attempt: int = 1


class RunStatusChanged(Fact, frozen=True, kw_only=True, tag="status"):
    """The run took another status."""

    status: RunStatus
    reason: str | None = None
    error: PythonError | None = None


class PlanMade(Fact, frozen=True, kw_only=True, tag="plan"):
    """The steps that the run will execute, in plan order. `reused` succeeded in the run before and are taken over."""

    steps: tuple[str, ...]
    reused: tuple[str, ...] = ()
    shared: tuple[AssetKey, ...] = ()
    """Assets that are written by steps which have another key than theirs."""


class ProcessStarted(Fact, frozen=True, kw_only=True, tag="process"):
    """A user process was made for the step, or for the whole plan when `step` is None. `how` is "fork" or "spawn: why"."""

    pid: int
    host: str
    how: str
    startup: float
    """Seconds from the request to its first line."""


class StepStarted(Fact, frozen=True, kw_only=True, tag="step_started"):
    """User code of the step is about to be called."""


class InputLoaded(Fact, frozen=True, kw_only=True, tag="input"):
    """An IO manager loaded an input."""

    input: str
    asset: AssetKey | None = None
    metadata: tuple[MetadataEntry, ...] = ()


class OutputSaved(Fact, frozen=True, kw_only=True, tag="output"):
    """The step produced an output and, unless it holds nothing, an IO manager stored it."""

    output: str
    type_name: str = "Any"
    is_stored: bool = True
    mapping_key: str | None = None
    metadata: tuple[MetadataEntry, ...] = ()


class StepsMapped(Fact, frozen=True, kw_only=True, tag="mapped"):
    """A dynamic output of the step is complete, and what was mapped over it has become one step for each item."""

    output: str
    keys: tuple[str, ...]
    """All items, in the order of production."""
    steps: dict[str, tuple[str, ...]] = {}
    """For each step of the plan that was mapped, the steps that have taken its place, in plan order."""


class AssetRead(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An upstream asset that a write was made from."""

    asset: AssetKey
    partition: str | None = None
    """None: it has no partitions, or several were read."""
    is_several: bool = False


class AssetMaterialized(Fact, frozen=True, kw_only=True, tag="materialized"):
    """An asset was written. One event per partition."""

    asset: AssetKey
    partition: str | None = None
    data_version: str | None = None
    code_version: str | None = None
    metadata: tuple[MetadataEntry, ...] = ()
    reads: tuple[AssetRead, ...] = ()
    """What it was made from, each asset that it depends on once."""
    read_at: datetime | None = None
    """When the step began, before it read anything; None where that was not recorded: then when it was written counts."""


class AssetObserved(Fact, frozen=True, kw_only=True, tag="observed"):
    """A look at an asset that is written elsewhere. One event per partition."""

    asset: AssetKey
    partition: str | None = None
    data_version: str | None = None
    metadata: tuple[MetadataEntry, ...] = ()


class CheckEvaluated(Fact, frozen=True, kw_only=True, tag="check"):
    """An asset check gave its verdict."""

    asset: AssetKey
    check: str
    passed: bool
    severity: Severity = Severity.ERROR
    is_blocking: bool = False
    partition: str | None = None
    description: str | None = None
    metadata: tuple[MetadataEntry, ...] = ()


class StepSucceeded(Fact, frozen=True, kw_only=True, tag="step_succeeded"):
    """The step did all it owes. `duration` in seconds."""

    duration: float
    memory: int | None = None
    """The most that its process has held in memory until then, in bytes."""


class StepFailed(Fact, frozen=True, kw_only=True, tag="step_failed"):
    """The attempt failed. `retry_after` is the wait in seconds when it will be tried again, None when that was the last."""

    error: PythonError
    duration: float
    retry_after: float | None = None
    metadata: tuple[MetadataEntry, ...] = ()
    """What a `Failure` that user code raised was given."""
    others: tuple[AssetKey, ...] = ()
    """Assets of other keys than the step's that are not written because of it."""
    memory: int | None = None
    """The most that its process has held in memory until then, in bytes."""


class StepSkipped(Fact, frozen=True, kw_only=True, tag="step_skipped"):
    """The step did not run because an optional output that it needs was not produced."""

    reason: str


class StepUpstreamFailed(Fact, frozen=True, kw_only=True, tag="step_upstream_failed"):
    """The step did not run because of these failed steps before it."""

    causes: tuple[str, ...]


class StepCanceled(Fact, frozen=True, kw_only=True, tag="step_canceled"):
    """The step was ended, or never began, because the run was cancelled."""


class LogWritten(Fact, frozen=True, kw_only=True, tag="log"):
    """A record of `context.log` or of a logger that user code uses."""

    level: LogLevel
    logger: str
    message: str
    fields: dict[str, Any] = {}


class ProgressMade(Fact, frozen=True, kw_only=True, tag="progress"):
    """How far the step is."""

    done: float
    total: float | None = None
    message: str | None = None


Event = (
    RunStatusChanged
    | PlanMade
    | ProcessStarted
    | StepStarted
    | InputLoaded
    | OutputSaved
    | StepsMapped
    | AssetMaterialized
    | AssetObserved
    | CheckEvaluated
    | StepSucceeded
    | StepFailed
    | StepSkipped
    | StepUpstreamFailed
    | StepCanceled
    | LogWritten
    | ProgressMade
)


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event in its place: `seq` numbers a run's events from 1 without a gap, in the order they were committed."""

    run_id: str
    seq: int
    event: Event


def level_of(event: Event) -> LogLevel:
    """How loud an event is."""
    match event:
        case LogWritten(level=level):
            return level
        case StepFailed(retry_after=None):
            return LogLevel.ERROR
        case RunStatusChanged(status=RunStatus.FAILED):
            return LogLevel.ERROR
        case StepFailed() | StepUpstreamFailed():
            return LogLevel.WARNING
        case CheckEvaluated(passed=False, severity=severity):
            return LogLevel.ERROR if severity is Severity.ERROR else LogLevel.WARNING
        case InputLoaded() | OutputSaved() | ProcessStarted() | ProgressMade():
            return LogLevel.DEBUG
        case _:
            return LogLevel.INFO


def message_of(event: Event) -> str:  # noqa: C901, PLR0912 (one line per kind reads best)
    """One line that says what happened."""
    match event:
        case RunStatusChanged(status=status, reason=reason, error=error):
            why = reason or (error.summary if error else "")
            return f"Run {status}" + (f": {why}" if why else "")
        case PlanMade(steps=steps, reused=reused):
            taken = f", {len(reused)} taken over" if reused else ""
            return f"Planned {len(steps)} step{'s' * (len(steps) != 1)}{taken}"
        case ProcessStarted(pid=pid, how=how):
            return f"Process {pid} started ({how})"
        case StepStarted(attempt=attempt):
            return "Started" + (f", attempt {attempt}" if attempt > 1 else "")
        case InputLoaded(input=name, asset=asset):
            return f"Loaded input {name}" + (f" from {asset}" if asset else "")
        case OutputSaved(output=name, is_stored=is_stored, mapping_key=key):
            return f"{'Stored' if is_stored else 'Produced'} output {name}" + (f" [{key}]" if key is not None else "")
        case StepsMapped(output=name, keys=keys, steps=steps):
            made = sum(map(len, steps.values()))
            return f"Output {name} has {len(keys)} item{'s' * (len(keys) != 1)}; {made} step{'s' * (made != 1)} added for them"
        case AssetMaterialized(asset=asset, partition=partition):
            return f"Materialized {asset}" + (f" [{partition}]" if partition else "")
        case AssetObserved(asset=asset, partition=partition, data_version=version):
            return f"Observed {asset}" + (f" [{partition}]" if partition else "") + (f" at version {version}" if version is not None else "")
        case CheckEvaluated(asset=asset, check=check, passed=passed, severity=severity):
            return f"Check {asset}:{check} {'passed' if passed else f'failed ({severity})'}"
        case StepSucceeded(duration=duration):
            return f"Succeeded in {duration:.3f} s"
        case StepFailed(error=error, retry_after=retry_after):
            return f"Failed: {error.summary}" + (f"; tried again in {retry_after:g} s" if retry_after is not None else "")
        case StepSkipped(reason=reason):
            return f"Skipped: {reason}"
        case StepUpstreamFailed(causes=causes):
            return f"Not run because of {', '.join(causes)}"
        case StepCanceled():
            return "Canceled"
        case LogWritten(message=message):
            return message
        case ProgressMade(done=done, total=total, message=message):
            return f"{done:g}" + (f" of {total:g}" if total is not None else "") + (f" {message}" if message else "")
