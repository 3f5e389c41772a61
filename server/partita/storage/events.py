"""The event log of runs: appended by the holder of a run's lease, read by `seq`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, or_, select, update

from partita.errors import AlreadyFinishedError, LeaseLostError, NotFoundError, RequestError
from partita.records.codec import encode
from partita.records.events import Event, LogWritten, StoredEvent, message_of
from partita.records.filters import EventFilter
from partita.records.pages import Page, PageRequest
from partita.records.runs import ACTIVE, RunStatus
from partita.storage.engine import Database
from partita.storage.journal import Journal, RunHead
from partita.storage.pages import FIRST_PAGE, page_size
from partita.storage.prepared import Prepared
from partita.storage.rows import LEVELS, to_stored_event
from partita.storage.tables import run_events, runs

# Events looked through at a time when a text is sought.
CHUNK = 1000
EVERYTHING = EventFilter()
StoredEvents = list[StoredEvent]

_written = run_events.alias("written")
_FENCE = Prepared(
    update(runs)
    .where(runs.c.id == bindparam("run_id"), runs.c.epoch == bindparam("held_epoch"))
    .values(lease_until=func.coalesce(bindparam("until", type_=runs.c.lease_until.type), runs.c.lease_until))
    .returning(
        runs.c.status,
        runs.c.last_seq,
        runs.c.has_partitions,
        select(func.max(_written.c.writer_seq))
        .where(_written.c.run_id == bindparam("run_id"), _written.c.writer == bindparam("writer"))
        .scalar_subquery()
        .label("written"),
    )
)
_COLUMNS = select(run_events.c.run_id, run_events.c.seq, run_events.c.payload).where(run_events.c.run_id == bindparam("of_run"))
_FOLLOW = Prepared(_COLUMNS.where(run_events.c.seq > bindparam("after")).order_by(run_events.c.seq).limit(bindparam("limit")))
_COUNT = select(func.count()).select_from(run_events).where(run_events.c.run_id == bindparam("of_run"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """What a writer sends."""

    run_id: str
    epoch: int
    writer: str
    first: int
    events: Sequence[Event]
    lease: timedelta | None


class Events:
    """Appends and reads events."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def append(self, run_id: str, *, epoch: int, writer: str, first: int, events: Sequence[Event], lease: timedelta | None = None) -> int:
        """Add `events` to the run's log, with all that they mean, and renew its lease. Answers the run's last `seq`.

        `writer` numbers its events from `first`, rising; those that are already there are left out, so a batch whose
        commit is in doubt can be sent again.

        Raises:
            LeaseLostError: the run is claimed under another epoch; nothing was written.
            AlreadyFinishedError: the run has ended.
            ConflictError: a status follows that may not, such as running after a cancel request; nothing was written.
            NotFoundError: there is no such run.
        """
        batch = _Batch(run_id=run_id, epoch=epoch, writer=writer, first=first, events=events, lease=lease)
        return self._database.write(self._append, batch)

    def list(self, run_id: str, *, where: EventFilter = EVERYTHING, page: PageRequest = FIRST_PAGE) -> Page[StoredEvent]:
        """A page of a run's events, oldest first. A cursor is a `seq`.

        Raises:
            RequestError: a bad cursor or size.
        """
        after, before = _parse(page.after, 0), _parse(page.before, None)
        is_backward, size = page.last is not None, page_size(page)
        query = _query(where).where(run_events.c.seq > after)
        if before is not None:
            query = query.where(run_events.c.seq < before)
        found = self._database.read(_take, run_id, query, where=where, limit=size + 1, is_backward=is_backward)
        has_more = len(found) > size
        found = found[:size][::-1] if is_backward else found[:size]
        return Page(
            items=found,
            cursors=[str(event.seq) for event in found],
            has_next=before is not None if is_backward else has_more,
            has_previous=has_more if is_backward else after > 0,
        )

    def after(self, run_id: str, *, seq: int, limit: int = 500, where: EventFilter = EVERYTHING) -> StoredEvents:
        """Up to `limit` events after `seq`, oldest first."""
        if where == EVERYTHING:
            return self._database.read(_follow, run_id, seq=seq, limit=limit)
        query = _query(where).where(run_events.c.seq > seq)
        return self._database.read(_take, run_id, query, where=where, limit=limit, is_backward=False)

    def count(self, run_id: str, where: EventFilter = EVERYTHING) -> int:
        """How many of the run's events match."""
        if where.text:
            return self._database.read(_count_text, run_id, where)
        return self._database.read(_count, run_id, where)

    def _append(self, connection: Connection, batch: _Batch) -> int:
        now = self._database.clock(connection)
        until = None if batch.lease is None else now + batch.lease // timedelta(microseconds=1)
        fence = {"run_id": batch.run_id, "held_epoch": batch.epoch, "until": until, "writer": batch.writer}
        row = _FENCE.one(connection, fence)
        if row is None:
            raise _refusal(connection, batch)
        skipped = 0 if row.written is None else max(0, row.written - batch.first + 1)
        fresh = batch.events[skipped:]
        if not fresh:
            return int(row.last_seq)
        head = RunHead(batch.run_id, RunStatus(row.status), row.last_seq, bool(row.has_partitions))
        if head.status.is_finished:
            raise AlreadyFinishedError(head.id, head.status)
        if head.status not in ACTIVE:
            raise LeaseLostError(f"run {head.id}", batch.epoch)
        return self._journal.write(connection, head, fresh, writer=batch.writer, first=batch.first + skipped, now=now)


def _refusal(connection: Connection, batch: _Batch) -> NotFoundError | LeaseLostError:
    if connection.execute(select(runs.c.id).where(runs.c.id == batch.run_id)).first() is None:
        return NotFoundError("run", batch.run_id)
    return LeaseLostError(f"run {batch.run_id}", batch.epoch)


def _parse(cursor: str | None, default: int | None) -> Any:
    if cursor is None:
        return default
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 16):
        raise RequestError(f"{cursor[:60]!r} is not a cursor of events. Use one that this list has given.")
    return int(cursor)


def _query(where: EventFilter) -> Select[Any]:
    return _filtered(_COLUMNS, where)


def _filtered(query: Select[Any], where: EventFilter) -> Select[Any]:
    if where.levels is not None:
        query = query.where(run_events.c.level.in_([LEVELS[level] for level in where.levels]))
    if where.steps is not None:
        query = query.where(run_events.c.step.in_(where.steps))
    if where.kinds is not None:
        query = query.where(run_events.c.kind.in_(where.kinds))
    if where.text and where.text.isascii():
        # Cheap and coarse: only log records hold their message literally. `_says` decides.
        literal = encode(where.text).decode()[1:-1]
        is_log = LogWritten.__struct_config__.tag
        query = query.where(or_(run_events.c.kind != is_log, run_events.c.payload.icontains(literal, autoescape=True)))
    return query


def _follow(connection: Connection, run_id: str, *, seq: int, limit: int) -> StoredEvents:
    return [to_stored_event(row) for row in _FOLLOW.all(connection, {"of_run": run_id, "after": seq, "limit": limit})]


def _take(connection: Connection, run_id: str, query: Select[Any], *, where: EventFilter, limit: int, is_backward: bool) -> list[StoredEvent]:
    """The first `limit` events of `query` in the wanted direction."""
    ordered = query.order_by(run_events.c.seq.desc() if is_backward else run_events.c.seq)
    if not where.text:
        return [to_stored_event(row) for row in connection.execute(ordered.limit(limit), {"of_run": run_id})]
    found: list[StoredEvent] = []
    for event in _each(connection, run_id, ordered):
        if len(found) >= limit:
            break
        if _says(event, where.text):
            found.append(event)
    return found


def _each(connection: Connection, run_id: str, query: Select[Any]) -> Iterator[StoredEvent]:
    for row in connection.execute(query, {"of_run": run_id}, execution_options={"yield_per": CHUNK}):
        yield to_stored_event(row)


def _says(event: StoredEvent, wanted: str) -> bool:
    return wanted.casefold() in message_of(event.event).casefold()


def _count(connection: Connection, run_id: str, where: EventFilter) -> int:
    found: int = connection.execute(_filtered(_COUNT, where), {"of_run": run_id}).scalar_one()
    return found


def _count_text(connection: Connection, run_id: str, where: EventFilter) -> int:
    return sum(_says(event, where.text or "") for event in _each(connection, run_id, _query(where)))
