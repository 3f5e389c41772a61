"""Records from rows, and rows from records."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import Row

from partita.records.codec import decode, decode_event, encode
from partita.records.events import AssetMaterialized, AssetObserved, CheckEvaluated, Event, LogLevel, StoredEvent, level_of
from partita.records.failures import PythonError
from partita.records.runs import Run, RunRequest, RunStatus, RunStep, StepStatus
from partita.storage.columns import to_datetime, to_datetime_or_none, to_micros
from partita.storage.tables import runs

AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"
LEVELS = {level: number for number, level in enumerate(LogLevel)}

RUN_COLUMNS = [
    runs.c[name]
    for name in (
        "id",
        "request",
        "status",
        "created_at",
        "started_at",
        "ended_at",
        "attempt",
        "catalog_hash",
        "error",
        "cancel_requested_at",
        "is_cancel_forced",
        "last_seq",
    )
]


def to_text(value: Any) -> str:
    """A payload for a text column."""
    return encode(value).decode()


def to_error(payload: str | None) -> PythonError | None:
    """The error in a column that may be empty."""
    return None if payload is None else decode(payload, PythonError)


def to_run(row: AnyRow) -> Run:
    """The run of a row with `RUN_COLUMNS`."""
    return Run(
        id=row.id,
        request=decode(row.request, RunRequest),
        status=RunStatus(row.status),
        created_at=to_datetime(row.created_at),
        started_at=to_datetime_or_none(row.started_at),
        ended_at=to_datetime_or_none(row.ended_at),
        attempt=row.attempt,
        catalog_hash=row.catalog_hash,
        error=to_error(row.error),
        cancel_requested_at=to_datetime_or_none(row.cancel_requested_at),
        is_cancel_forced=bool(row.is_cancel_forced),
        last_seq=row.last_seq,
    )


def to_step(row: AnyRow) -> RunStep:
    """The step of a row of `run_steps`."""
    return RunStep(
        run_id=row.run_id,
        key=row.step,
        position=row.position,
        status=StepStatus(row.status),
        attempt=row.attempt,
        started_at=to_datetime_or_none(row.started_at),
        ended_at=to_datetime_or_none(row.ended_at),
        error=to_error(row.error),
        process=row.process,
        memory=row.memory,
    )


def to_stored_event(row: AnyRow) -> StoredEvent:
    """The event of a row with run_id, seq and payload."""
    return StoredEvent(run_id=row.run_id, seq=row.seq, event=decode_event(row.payload.encode()))


def event_row(run_id: str, seq: int, event: Event, *, writer: str, writer_seq: int, asset_ids: dict[str, int]) -> dict[str, Any]:
    """The row of `run_events` for an event."""
    return {
        "run_id": run_id,
        "seq": seq,
        "writer": writer,
        "writer_seq": writer_seq,
        "at": to_micros(event.at),
        "kind": type(event).__struct_config__.tag,
        "level": LEVELS[level_of(event)],
        "step": event.step,
        "asset_id": asset_ids[event.asset] if isinstance(event, (AssetMaterialized, AssetObserved, CheckEvaluated)) else None,
        "payload": to_text(event),
    }
