"""Rows of `ticks`, and what a tick comes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from partita.planning.ticks import Asked
from partita.records.assets import ReportedMaterialization
from partita.records.automations import Automation, AutomationKind
from partita.records.codec import decode
from partita.records.failures import PythonError
from partita.records.ticks import PartitionsAdded, RequestOutcome, Tick, TickStatus
from partita.storage.columns import to_datetime, to_datetime_or_none, to_micros
from partita.storage.rows import AnyRow, to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a tick comes to: runs, a reason for none, or an error."""

    asks: tuple[Asked, ...] = ()
    """A run key launches once for each automation, ever."""
    skip_reason: str | None = None
    error: PythonError | None = None
    cursor: str | None = None
    sets_cursor: bool = False
    partitions: tuple[PartitionsAdded, ...] = ()
    reports: tuple[ReportedMaterialization, ...] = ()
    logs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TickClaim:
    """A tick that its claimer evaluates, as long as it renews the lease under this epoch."""

    tick: Tick
    epoch: int
    automation: Automation
    given: str | None
    """The cursor that its function is to go on from."""
    last_tick_at: datetime | None
    after: int | None
    through: int | None
    """What it is to look at, of a sensor that watches assets or runs: later than `after`, up to `through`."""


class TickPayload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What no list of ticks is filtered or sorted by."""

    given: str | None = None
    last_tick_at: int | None = None
    after: int | None = None
    through: int | None = None
    cursor: str | None = None
    skip_reason: str | None = None
    error: PythonError | None = None
    requests: tuple[RequestOutcome, ...] = ()
    partitions: tuple[PartitionsAdded, ...] = ()
    logs: str = ""


def payload_of(row: AnyRow) -> TickPayload:
    """The payload of a row of `ticks`."""
    return decode(row.payload, TickPayload)


def to_tick(row: AnyRow) -> Tick:
    """The tick of a row."""
    payload = payload_of(row)
    return Tick(
        id=row.id,
        automation_id=row.automation_id,
        kind=AutomationKind(row.kind),
        status=TickStatus(row.status),
        due_at=to_datetime(row.due_at),
        started_at=to_datetime_or_none(row.started_at),
        ended_at=to_datetime_or_none(row.ended_at),
        attempt=max(1, row.attempt),
        is_dry_run=bool(row.is_dry_run),
        cursor=payload.cursor,
        skip_reason=payload.skip_reason,
        error=payload.error,
        requests=payload.requests,
        partitions=payload.partitions,
        run_count=row.run_count,
        logs=payload.logs,
    )


def to_claim(row: AnyRow, automation: Automation) -> TickClaim:
    """The claim of a row that was just claimed."""
    payload = payload_of(row)
    return TickClaim(
        tick=to_tick(row),
        epoch=row.epoch,
        automation=automation,
        given=payload.given,
        last_tick_at=to_datetime_or_none(payload.last_tick_at),
        after=payload.after,
        through=payload.through,
    )


def new_row(tick_id: str, automation: Automation, *, due_at: datetime, payload: TickPayload, is_dry_run: bool, now: int) -> dict[str, Any]:
    """The row of a tick that is still to be evaluated."""
    due = to_micros(due_at)
    return {
        "id": tick_id,
        "automation_id": automation.id,
        "location": automation.location,
        "kind": automation.kind.value,
        "slot": tick_id if is_dry_run else str(due),
        "due_at": due,
        "status": TickStatus.STARTED.value,
        "attempt": 0,
        "is_dry_run": is_dry_run,
        "requested_at": now,
        "payload": to_text(payload),
    }
