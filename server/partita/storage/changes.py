"""The feed of what changed: written in the transaction of the change, read by cursor.

SQLite has one writer, so ids are in the order of commits. Where that does not hold, a reader by id alone skips rows that
are committed late; the cursor is opaque so that it can hold more than an id there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, Select, bindparam, func, insert, select

from partita.errors import RequestError
from partita.records.changes import Change, ChangeBatch, ChangeKind
from partita.storage.columns import to_datetime
from partita.storage.engine import Database
from partita.storage.prepared import Prepared
from partita.storage.tables import changes, marks

PRUNED = "changes.pruned"
"""The mark of the newest change that is gone."""

_INSERT = Prepared(insert(changes))
_LATEST = Prepared(select(func.max(changes.c.id).label("id")))
_PRUNED = Prepared(select(marks.c.value).where(marks.c.name == PRUNED))
_AFTER = select(changes).where(changes.c.id > bindparam("after")).order_by(changes.c.id).limit(bindparam("limit"))


def record_changes(connection: Connection, subjects: Iterable[tuple[ChangeKind, str]], *, at: int) -> None:
    """Say in the feed that these subjects changed, each once."""
    rows = [{"kind": kind.value, "subject": subject, "at": at} for kind, subject in dict.fromkeys(subjects)]
    _INSERT.run_many(connection, rows)


class Changes:
    """Reads the feed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self) -> str:
        """The cursor after everything that is committed."""
        return str(self._database.read(_latest))

    def after(self, cursor: str | None, *, limit: int = 1000, kinds: Collection[ChangeKind] | None = None) -> ChangeBatch:
        """What changed after `cursor`, or all that is kept when it is None.

        Raises:
            RequestError: it is not a cursor of this feed.
        """
        return self._database.read(_after, _parse(cursor), limit=limit, kinds=kinds)


def _parse(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 20):
        raise RequestError(f"{cursor[:60]!r} is not a cursor of the changes. Use one that they have given.")
    return int(cursor)


def _after(connection: Connection, cursor: int | None, *, limit: int, kinds: Collection[ChangeKind] | None) -> ChangeBatch:
    latest = _latest(connection)
    if cursor is not None and (cursor > latest or cursor < (_PRUNED.scalar(connection, {}) or 0)):
        return ChangeBatch(changes=(), cursor=str(latest), is_expired=True)
    query: Select[tuple[int, str, str, int]] = _AFTER
    if kinds is not None:
        query = query.where(changes.c.kind.in_([kind.value for kind in kinds]))
    rows = connection.execute(query, {"after": cursor or 0, "limit": limit}).all()
    found = tuple(Change(cursor=str(row.id), kind=ChangeKind(row.kind), subject=row.subject, at=to_datetime(row.at)) for row in rows)
    return ChangeBatch(changes=found, cursor=found[-1].cursor if found and len(found) >= limit else str(latest))


def _latest(connection: Connection) -> int:
    return _LATEST.scalar(connection, {}) or 0
