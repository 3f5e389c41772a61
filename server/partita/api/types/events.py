"""The event log of a run."""

from datetime import datetime
from typing import Any

import strawberry
from graphql import GraphQLAbstractType, GraphQLResolveInfo
from strawberry import Parent

from partita.api.context import Info
from partita.api.entries import CheckEntry
from partita.api.events import ShownEvent
from partita.api.scalars import JSON, Duration
from partita.api.types.enums import LogLevel, RunStatus, StepEventKind
from partita.api.types.failures import PythonError
from partita.api.types.fields import CHECK, CHECK_RESULT, MATERIALIZATION, OBSERVATION, resolved, shown
from partita.api.types.node import MetadataEntry
from partita.records import assets


@strawberry.interface(description="One entry of a run's append-only event log.")
class RunEvent:
    """One entry of a run's event log."""

    cursor: str = shown("Resumes the log, and `runEvents`, after this event.")
    run_id: strawberry.ID = shown("The run that it belongs to.")
    at: datetime = shown("When it happened.", "event.at")
    level: LogLevel = shown("How loud it is.")
    message: str = shown("One line that says what happened.")
    step_key: str | None = shown("The step that it is about; null when it is about the whole run.", "event.step")
    attempt: int = shown("Number of the step's attempt, from 1.", "event.attempt")

    @classmethod
    def resolve_type(cls, value: ShownEvent, _info: GraphQLResolveInfo[Any], _abstract: GraphQLAbstractType) -> str:
        """Name of the type that shows the event."""
        return value.type_name

    @classmethod
    def is_type_of(cls, value: object, _info: GraphQLResolveInfo[Any]) -> bool:
        """Every event is one; which one `resolve_type` has said."""
        return isinstance(value, ShownEvent)


@strawberry.type(description="The run took another status.")
class StatusEvent(RunEvent):
    """The run took another status."""

    status: RunStatus = shown("The status that it took.", "event.status")
    error: PythonError | None = shown("Why it failed; null when it did not, or a step's failure says why.", "event.error")


@strawberry.type(description="The run was planned.")
class PlanEvent(RunEvent):
    """The run was planned."""

    step_keys: list[str] = shown("The steps it will execute, in the order of the plan.", "event.steps")
    reused_step_keys: list[str] = shown("Steps that succeeded in the run before and are taken over.", "event.reused")


@strawberry.type(description="Something happened to a step.")
class StepEvent(RunEvent):
    """Something happened to a step."""

    kind: StepEventKind = shown("What happened.")
    error: PythonError | None = shown("Why the attempt failed; null for other kinds.")
    duration: Duration | None = shown("How long the attempt took, or for WORKER how long the process took to start; null for other kinds.")
    retry_after: Duration | None = shown("For FAILED, the wait before the step is tried again; null when it is not.")
    metadata: list[MetadataEntry] = shown("For INPUT and OUTPUT, what the IO manager said of the value; empty for other kinds.")


@strawberry.type(description="An asset, or one partition of it, was written.")
class MaterializationEvent(RunEvent):
    """An asset was written."""

    materialization: assets.Materialization = shown("The recorded write.", type=MATERIALIZATION)


@strawberry.type(description="An asset that is written elsewhere, or one partition of it, was looked at.")
class ObservationEvent(RunEvent):
    """An asset was looked at."""

    observation: assets.Observation = shown("The recorded observation.", type=OBSERVATION)


@strawberry.type(description="An asset check gave its verdict.")
class CheckEvent(RunEvent):
    """An asset check gave its verdict."""

    result: assets.CheckResult = shown("The verdict.", "check_result", type=CHECK_RESULT)

    @resolved("The check.", type=CHECK)
    @staticmethod
    def check(event: Parent[ShownEvent], info: Info) -> CheckEntry:
        """The check, also when no location declares it any more."""
        result = event.check_result
        return info.context.definitions.show_check(result.asset, result.check)


@strawberry.type(description="A step wrote a log record.")
class LogEvent(RunEvent):
    """A step wrote a log record."""

    logger: str | None = shown("Name of the logger.", "event.logger")
    fields: JSON | None = shown("What else the record carries; null when nothing.")


@strawberry.type(description="A step told how far it is.")
class ProgressEvent(RunEvent):
    """A step told how far it is."""

    done: float = shown("How much is done, in the step's own unit.", "event.done")
    total: float | None = shown("How much there is to do, in the same unit; null when the step does not know.", "event.total")


EVENT_TYPES: tuple[type, ...] = (StatusEvent, PlanEvent, StepEvent, MaterializationEvent, ObservationEvent, CheckEvent, LogEvent, ProgressEvent)
"""Every type of event; the schema finds them by this list only."""

__all__ = ["EVENT_TYPES", "RunEvent"]
