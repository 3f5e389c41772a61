"""Rows of `backfills`, and where a backfill stands."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, select, update

from partita.errors import NotFoundError
from partita.records.backfills import Backfill, BackfillItem, BackfillItemStatus, BackfillRequest, BackfillStatus
from partita.records.changes import ChangeKind
from partita.records.codec import decode
from partita.records.failures import PythonError
from partita.storage.changes import record_changes
from partita.storage.columns import to_datetime, to_datetime_or_none
from partita.storage.prepared import Prepared
from partita.storage.rows import AnyRow, to_error, to_text
from partita.storage.tables import backfills

# A tenth of the time in which a hundred thousand items are read: the enum takes longer to find its members.
_ITEM_STATUSES = {status.value: status for status in BackfillItemStatus}
_ONE = Prepared(select(backfills).where(backfills.c.id == bindparam("of_backfill")).with_for_update())
_SET = Prepared(
    update(backfills)
    .where(backfills.c.id == bindparam("of_backfill"))
    .values(
        status=bindparam("new_status"),
        ended_at=bindparam("new_ended_at", type_=backfills.c.ended_at.type),
        error=func.coalesce(bindparam("new_error", type_=backfills.c.error.type), backfills.c.error),
    )
)


def to_backfill(row: AnyRow) -> Backfill:
    """The backfill of a row."""
    return Backfill(
        id=row.id,
        request=decode(row.payload, BackfillRequest),
        status=BackfillStatus(row.status),
        created_at=to_datetime(row.created_at),
        item_count=row.item_count,
        ended_at=to_datetime_or_none(row.ended_at),
        error=to_error(row.error),
    )


def to_item(row: AnyRow) -> BackfillItem:
    """The item of a row of `_ITEMS`."""
    return BackfillItem(asset=row.asset, partition=row.partition, status=_ITEM_STATUSES[row.status], run_id=row.run_id)


def lock_backfill(connection: Connection, backfill_id: str) -> AnyRow:
    """The row of a backfill, which nobody else changes before this transaction has ended.

    Raises:
        NotFoundError: there is none.
    """
    row: AnyRow | None = _ONE.one(connection, {"of_backfill": backfill_id})
    if row is None:
        raise NotFoundError("backfill", backfill_id)
    return row


def find_locked(connection: Connection, backfill_id: str) -> Backfill | None:
    """A backfill that nobody else changes before this transaction has ended."""
    row: AnyRow | None = _ONE.one(connection, {"of_backfill": backfill_id})
    return None if row is None else to_backfill(row)


def set_status(connection: Connection, backfill_id: str, status: BackfillStatus, *, error: PythonError | None, at: int) -> None:
    """Note where a backfill stands; an error of None leaves what has been said before."""
    row = {
        "of_backfill": backfill_id,
        "new_status": status.value,
        "new_ended_at": at if status.is_finished else None,
        "new_error": None if error is None else to_text(error),
    }
    _SET.run(connection, row)
    record_changes(connection, [(ChangeKind.BACKFILL, backfill_id)], at=at)
