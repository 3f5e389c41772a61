"""Events of a run as the schema shows them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from partita.api.types.enums import StepEventKind
from partita.definitions.metadata import MetadataEntry
from partita.records import events
from partita.records.assets import CheckResult, Materialization, Observation
from partita.records.failures import PythonError

_TYPES: dict[type, str] = {
    events.RunStatusChanged: "StatusEvent",
    events.PlanMade: "PlanEvent",
    events.AssetMaterialized: "MaterializationEvent",
    events.AssetObserved: "ObservationEvent",
    events.CheckEvaluated: "CheckEvent",
    events.LogWritten: "LogEvent",
    events.ProgressMade: "ProgressEvent",
}
"""Types of events; all others are about a step."""

_KINDS: dict[type, StepEventKind] = {
    events.ProcessStarted: StepEventKind.WORKER,
    events.StepStarted: StepEventKind.STARTED,
    events.InputLoaded: StepEventKind.INPUT,
    events.OutputSaved: StepEventKind.OUTPUT,
    events.StepsMapped: StepEventKind.MAPPED,
    events.StepSucceeded: StepEventKind.SUCCEEDED,
    events.StepFailed: StepEventKind.FAILED,
    events.StepSkipped: StepEventKind.SKIPPED,
    events.StepUpstreamFailed: StepEventKind.UPSTREAM_FAILED,
    events.StepCanceled: StepEventKind.CANCELED,
}


class ShownEvent:
    """The value behind a `RunEvent`; many subscribers may share it."""

    def __init__(self, stored: events.StoredEvent) -> None:
        self.stored = stored
        self.event: Any = stored.event
        self.run_id = stored.run_id
        self.cursor = str(stored.seq)

    @property
    def type_name(self) -> str:
        """The type that shows it."""
        return _TYPES.get(type(self.event), "StepEvent")

    @property
    def kind(self) -> StepEventKind:
        """What happened to the step."""
        return _KINDS[type(self.event)]

    @cached_property
    def level(self) -> events.LogLevel:
        """How loud it is."""
        return events.level_of(self.event)

    @cached_property
    def message(self) -> str:
        """One line that says what happened."""
        return events.message_of(self.event)

    @property
    def error(self) -> PythonError | None:
        """The exception it carries."""
        return getattr(self.event, "error", None)

    @property
    def duration(self) -> float | None:
        """Seconds that the attempt, or the start of the process, took."""
        return getattr(self.event, "duration", None) or getattr(self.event, "startup", None)

    @property
    def retry_after(self) -> float | None:
        """Seconds until the step is tried again."""
        return getattr(self.event, "retry_after", None)

    @property
    def metadata(self) -> tuple[MetadataEntry, ...]:
        """What the IO manager said."""
        return getattr(self.event, "metadata", ())

    @property
    def fields(self) -> dict[str, Any] | None:
        """What else a log record carries."""
        return self.event.fields or None

    @property
    def _place(self) -> str:
        """What the ids of records that an event leaves behind are made of."""
        return f"{self.run_id.removeprefix('run_')}_{self.stored.seq}"

    @property
    def materialization(self) -> Materialization:
        """The write that a `MaterializationEvent` tells of."""
        return Materialization.of_event(self.event, run_id=self.run_id, seq=self.stored.seq)

    @property
    def observation(self) -> Observation:
        """The look that an `ObservationEvent` tells of."""
        return Observation.of_event(self.event, run_id=self.run_id, seq=self.stored.seq)

    @property
    def check_result(self) -> CheckResult:
        """The verdict that a `CheckEvent` tells of."""
        event: events.CheckEvaluated = self.event
        return CheckResult(
            id=f"chk_{self._place}",
            asset=event.asset,
            check=event.check,
            at=event.at,
            passed=event.passed,
            severity=event.severity,
            is_blocking=event.is_blocking,
            run_id=self.run_id,
            partition=event.partition,
            description=event.description,
            metadata=event.metadata,
        )
