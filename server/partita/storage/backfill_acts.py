"""What people do to a backfill that is there: end it, hold it, let it go on, write again what it has not written, prefer it."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection, bindparam, null, or_, select, update

from partita.errors import AlreadyFinishedError, ConflictError
from partita.records.backfills import UNWRITTEN, Backfill, BackfillItemStatus, BackfillRequest, BackfillStatus
from partita.records.changes import ChangeKind
from partita.records.codec import decode
from partita.records.runs import RunRequest, RunStatus
from partita.storage.backfill_rows import lock_backfill, set_status, to_backfill
from partita.storage.changes import record_changes
from partita.storage.prepared import Prepared
from partita.storage.rows import AnyRow, to_text
from partita.storage.tables import backfill_items, backfills, runs

_items = backfill_items.c
_of_backfill = backfills.c.id == bindparam("of_backfill")
_BEGUN = Prepared(
    select(_items.position)
    .where(_items.backfill_id == bindparam("of_backfill"))
    .where(or_(*(_items.status == status.value for status in BackfillItemStatus if status is not BackfillItemStatus.WAITING)))
    .limit(1)
)
_FORGET_ERROR = Prepared(update(backfills).where(_of_backfill).values(error=null()))
_SET_REQUEST = Prepared(update(backfills).where(_of_backfill).values(payload=bindparam("new_payload")))
_AGAIN = {
    each: Prepared(
        update(backfill_items)
        .where(_items.backfill_id == bindparam("of_backfill"), _items.status == each.value)
        .values(status=BackfillItemStatus.WAITING.value)
    )
    for each in UNWRITTEN
}
_QUEUED = Prepared(
    select(runs.c.id, runs.c.request).where(runs.c.backfill_id == bindparam("of_backfill"), runs.c.status == RunStatus.QUEUED.value).with_for_update()
)
_PREFER = Prepared(update(runs).where(runs.c.id == bindparam("of_run")).values(priority=bindparam("new_priority"), request=bindparam("new_request")))


def cancel_in(connection: Connection, backfill_id: str, *, at: int) -> Backfill:
    """Ask for the end of a backfill.

    Raises:
        NotFoundError: there is no such backfill.
        AlreadyFinishedError: it has ended.
    """
    _unfinished(connection, backfill_id)
    return _set(connection, backfill_id, BackfillStatus.CANCELING, at=at)


def pause_in(connection: Connection, backfill_id: str, *, at: int) -> Backfill:
    """Launch nothing more of a backfill.

    Raises:
        NotFoundError: there is no such backfill.
        AlreadyFinishedError: it has ended.
        ConflictError: it is being cancelled.
    """
    row = _going_on(connection, backfill_id, "paused")
    return to_backfill(row) if row.status == BackfillStatus.PAUSED else _set(connection, backfill_id, BackfillStatus.PAUSED, at=at)


def resume_in(connection: Connection, backfill_id: str, *, at: int) -> Backfill:
    """Let a paused backfill go on.

    Raises:
        NotFoundError: there is no such backfill.
        AlreadyFinishedError: it has ended.
        ConflictError: it is being cancelled.
    """
    row = _going_on(connection, backfill_id, "resumed")
    if row.status != BackfillStatus.PAUSED:
        return to_backfill(row)
    has_begun = _BEGUN.one(connection, {"of_backfill": backfill_id}) is not None
    return _set(connection, backfill_id, BackfillStatus.RUNNING if has_begun else BackfillStatus.REQUESTED, at=at)


def retry_in(connection: Connection, backfill_id: str, statuses: Collection[BackfillItemStatus], *, at: int) -> Backfill:
    """Write again the items that stand in one of these ways.

    Raises:
        NotFoundError: there is no such backfill.
        ConflictError: it has not ended, or nothing of it stands so.
    """
    status = BackfillStatus(lock_backfill(connection, backfill_id).status)
    if not status.is_finished:
        raise ConflictError(f"Backfill {backfill_id} is {status}; it can be retried when it has ended. Cancel it first.")
    if status is BackfillStatus.SUCCEEDED:
        raise ConflictError(f"All of backfill {backfill_id} succeeded; there is nothing to retry.")
    if not sum(_AGAIN[each].run(connection, {"of_backfill": backfill_id}) for each in UNWRITTEN if each in statuses):
        words = " or ".join(each.value for each in UNWRITTEN if each in statuses)
        raise ConflictError(f"No partition of backfill {backfill_id} is {words}; there is nothing of that to retry.")
    _FORGET_ERROR.run(connection, {"of_backfill": backfill_id})
    return _set(connection, backfill_id, BackfillStatus.REQUESTED, at=at)


def prefer_in(connection: Connection, backfill_id: str, priority: int, *, at: int) -> Backfill:
    """Give another priority to the runs of a backfill that are queued, and to those that come.

    Raises:
        NotFoundError: there is no such backfill.
        AlreadyFinishedError: it has ended.
    """
    row = _unfinished(connection, backfill_id)
    request = msgspec.structs.replace(decode(row.payload, BackfillRequest), priority=priority)
    _SET_REQUEST.run(connection, {"of_backfill": backfill_id, "new_payload": to_text(request)})
    queued = _QUEUED.all(connection, {"of_backfill": backfill_id})
    again = [(run.id, msgspec.structs.replace(decode(run.request, RunRequest), priority=priority)) for run in queued]
    _PREFER.run_many(connection, [{"of_run": run_id, "new_priority": priority, "new_request": to_text(each)} for run_id, each in again])
    record_changes(connection, [(ChangeKind.BACKFILL, backfill_id), *((ChangeKind.RUN, run_id) for run_id, _ in again)], at=at)
    return to_backfill(lock_backfill(connection, backfill_id))


def _set(connection: Connection, backfill_id: str, status: BackfillStatus, *, at: int) -> Backfill:
    set_status(connection, backfill_id, status, error=None, at=at)
    return to_backfill(lock_backfill(connection, backfill_id))


def _unfinished(connection: Connection, backfill_id: str) -> AnyRow:
    row = lock_backfill(connection, backfill_id)
    if BackfillStatus(row.status).is_finished:
        raise AlreadyFinishedError(backfill_id, row.status, kind="Backfill")
    return row


def _going_on(connection: Connection, backfill_id: str, word: str) -> AnyRow:
    row = _unfinished(connection, backfill_id)
    if row.status == BackfillStatus.CANCELING:
        raise ConflictError(f"Backfill {backfill_id} is being cancelled and cannot be {word}. It can be retried when it has ended.")
    return row
