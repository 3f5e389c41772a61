"""Ticks: written once for each time that an automation is due, evaluated by one worker at a time, ended in one transaction.

A tick moves its automation's next due time in the transaction that writes it, and is refused when another has moved it, or when
the automation was switched or changed meanwhile; a slot has one tick for ever. Whoever ends a tick must hold its epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, tuple_, update

from partita.errors import LeaseLostError, NotFoundError, RequestError
from partita.planning.ticks import Asked
from partita.records.automations import Automation
from partita.records.changes import ChangeKind
from partita.records.failures import PythonError
from partita.records.filters import TickFilter
from partita.records.ids import new_id
from partita.records.pages import Page, PageRequest
from partita.records.ticks import Tick, TickStatus
from partita.storage.automation_rows import to_automation
from partita.storage.changes import record_changes
from partita.storage.columns import to_datetime, to_micros
from partita.storage.engine import Database
from partita.storage.outcomes import Outcomes
from partita.storage.pages import FIRST_PAGE, Keyset, Position, read_page
from partita.storage.prepared import Prepared
from partita.storage.rows import AnyRow
from partita.storage.tables import IS_ACTING, IS_STARTED_TICK, automations, ticks
from partita.storage.tick_rows import Outcome, TickClaim, TickPayload, new_row, to_claim, to_tick

MAX_ATTEMPTS = 3
"""How often an evaluation is begun whose worker dies."""
EVERY_TICK = TickFilter()
LATEST_DUE_FIRST = Keyset(name="ticks", unique=ticks.c.id, column=ticks.c.due_at)
WORN_OUT = PythonError(
    class_name="EvaluationLostError",
    message=f"It was begun {MAX_ATTEMPTS} times, and each time its worker was gone before it ended: does it end the worker, or take all memory?",
)
TickList = list[Tick]
ClaimList = list[TickClaim]
Written = list[Tick | None]

_BY_ID = ticks.c.id == bindparam("of_id")
_MANY = select(ticks).where(ticks.c.id.in_(bindparam("ids", expanding=True)))
_ONE = Prepared(select(ticks).where(_BY_ID).with_for_update())
_COUNT = select(func.count()).select_from(ticks)
_LATEST = Prepared(
    select(ticks)
    .where(ticks.c.automation_id == bindparam("of_automation"), ticks.c.is_dry_run == bindparam("dry"))
    .order_by(ticks.c.due_at.desc(), ticks.c.id.desc())
    .limit(bindparam("limit"))
)
_AUTOMATION = Prepared(select(automations).where(automations.c.id == bindparam("of_id")))
_ADVANCE = Prepared(
    update(automations)
    .where(
        automations.c.id == bindparam("of_id"),
        IS_ACTING,
        automations.c.next_due_at.is_not_distinct_from(bindparam("expected", type_=automations.c.next_due_at.type)),
        automations.c.changed_at == bindparam("of_change"),
    )
    .values(next_due_at=bindparam("new_due"), last_tick_id=bindparam("tick"), last_tick_at=bindparam("due"))
)
_free = (IS_STARTED_TICK, ticks.c.lease_until <= bindparam("now"))
_CLAIMABLE = select(ticks).where(ticks.c.location == bindparam("of_location"), *_free).order_by(ticks.c.id).limit(bindparam("limit"))
_NEXT = Prepared(_CLAIMABLE.with_for_update())
_IS_WAITING = Prepared(_CLAIMABLE.with_only_columns(ticks.c.id))
_CLAIM = Prepared(
    update(ticks)
    .where(_BY_ID)
    .values(
        epoch=ticks.c.epoch + 1,
        attempt=ticks.c.attempt + 1,
        started_at=bindparam("now"),
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until"),
    )
)
_HELD = (_BY_ID, ticks.c.epoch == bindparam("of_epoch"), IS_STARTED_TICK)
_GIVE_BACK = Prepared(update(ticks).where(*_HELD).values(epoch=ticks.c.epoch + 1, attempt=ticks.c.attempt - 1, lease_until=0))
_ABANDON = Prepared(update(ticks).where(ticks.c.lease_owner == bindparam("of_owner"), IS_STARTED_TICK).values(lease_until=0))
_RENEW = (
    update(ticks)
    .where(tuple_(ticks.c.id, ticks.c.epoch).in_(bindparam("claims", expanding=True)), IS_STARTED_TICK)
    .values(lease_until=bindparam("until"))
    .returning(ticks.c.id)
)
_UNCLAIMED = select(ticks).where(*_free, ticks.c.requested_at <= bindparam("before")).limit(bindparam("limit"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTick:
    """A tick that needs no evaluation."""

    automation: Automation
    due_at: datetime
    next_due_at: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTick:
    """A tick for a worker to evaluate; of what its sensor watches, it is to look at what came later than `after`, up to `through`."""

    automation: Automation
    due_at: datetime
    next_due_at: datetime
    after: int | None = None
    through: int | None = None


class Ticks:
    """The ticks of a store."""

    def __init__(self, database: Database, outcomes: Outcomes) -> None:
        self._database = database
        self._outcomes = outcomes
        row = database.insert(ticks)
        self._insert = Prepared(row.on_conflict_do_nothing(index_elements=["automation_id", "slot"]).returning(ticks.c.id))

    def list(self, where: TickFilter = EVERY_TICK, *, page: PageRequest = FIRST_PAGE) -> Page[Tick]:
        """A page of the ticks that match, the latest due first.

        Raises:
            RequestError: a bad cursor or size.
        """
        query = _filtered(select(ticks), where)
        return self._database.read(read_page, query, LATEST_DUE_FIRST, page=page, position_of=_position, to_item=to_tick)

    def count(self, where: TickFilter = EVERY_TICK) -> int:
        """How many ticks match."""
        return self._database.read(lambda connection: int(connection.execute(_filtered(_COUNT, where)).scalar_one()))

    def find(self, ids: Sequence[str]) -> dict[str, Tick]:
        """The ticks with these ids; unknown ones are left out."""
        return self._database.read(_find, ids) if ids else {}

    def get(self, tick_id: str) -> Tick:
        """The tick with this id.

        Raises:
            NotFoundError: there is none.
        """
        found = self.find([tick_id])
        if tick_id not in found:
            raise NotFoundError("tick", tick_id)
        return found[tick_id]

    def latest(self, automation_ids: Sequence[str], *, limit: int) -> dict[str, TickList]:
        """The newest ticks of each automation, newest first, without dry runs."""

        def work(connection: Connection) -> dict[str, TickList]:
            terms = [(each, {"of_automation": each, "dry": False, "limit": limit}) for each in automation_ids]
            return {each: [to_tick(row) for row in _LATEST.all(connection, values)] for each, values in terms}

        return self._database.read(work)

    def commit_plain(
        self,
        automation: Automation,
        *,
        due_at: datetime,
        next_due_at: datetime,
        asks: Sequence[Asked] = (),
        skip_reason: str | None = None,
        error: PythonError | None = None,
    ) -> Tick | None:
        """Write a tick that needs no evaluation, with its runs; None when another has, or the automation is not as it was."""
        outcome = Outcome(asks=tuple(asks), skip_reason=skip_reason, error=error)
        return self.commit_together([PlainTick(automation=automation, due_at=due_at, next_due_at=next_due_at, outcome=outcome)])[0]

    def commit_together(self, plain: Sequence[PlainTick]) -> Written:
        """Write several such ticks in one transaction, all or none; None in the place of each that another has written."""

        def work(connection: Connection) -> Written:
            now = self._database.clock(connection)
            return [self._commit(connection, each, now=now) for each in plain]

        return self._database.write(work)

    def request(
        self, automation: Automation, *, due_at: datetime, next_due_at: datetime, after: int | None = None, through: int | None = None
    ) -> Tick | None:
        """Write a tick for a worker to evaluate; None when another has, or the automation is not as it was."""
        wanted = WantedTick(automation=automation, due_at=due_at, next_due_at=next_due_at, after=after, through=through)
        return self.request_together([wanted])[0]

    def request_together(self, wanted: Sequence[WantedTick]) -> Written:
        """Write several such ticks in one transaction, all or none; None in the place of each that another has written."""

        def work(connection: Connection) -> Written:
            now = self._database.clock(connection)
            return [self._request(connection, each, now=now) for each in wanted]

        return self._database.write(work)

    def request_dry_run(self, automation_id: str, *, cursor: str | None = None) -> Tick:
        """Write a tick that a worker evaluates and of which nothing but the tick itself is kept; None: from the sensor's own cursor.

        Raises:
            NotFoundError: there is no such schedule or sensor.
            RequestError: its location's code does not have it any more.
        """

        def work(connection: Connection) -> Tick:
            now = self._database.clock(connection)
            row = _AUTOMATION.one(connection, {"of_id": automation_id})
            if row is None:
                known = connection.execute(select(automations.c.id).where(automations.c.is_declared)).scalars().all()
                raise NotFoundError("schedule or sensor", automation_id, known)
            automation = to_automation(row)
            if not automation.is_declared:
                raise RequestError(f"Code location {automation.location!r} does not have the {automation.kind} {automation.name!r} any more.")
            payload = _first_payload(row)
            payload = payload if cursor is None else TickPayload(given=cursor, cursor=cursor, last_tick_at=payload.last_tick_at)
            tick_id = new_id("tick")
            self._insert.one(connection, new_row(tick_id, automation, due_at=to_datetime(now), payload=payload, is_dry_run=True, now=now))
            record_changes(connection, [(ChangeKind.TICK, tick_id)], at=now)
            return to_tick(_ONE.one(connection, {"of_id": tick_id}))

        return self._database.write(work)

    def claim(self, *, owner: str, location: str, limit: int, lease: timedelta) -> ClaimList:
        """Take up to `limit` ticks of a location that wait for a worker, or have lost theirs."""
        if limit <= 0 or not self._database.read(self._is_waiting, location):
            return []  # so that idle workers never take the write lock

        def work(connection: Connection) -> ClaimList:
            now = self._database.clock(connection)
            found: ClaimList = []
            for row in _NEXT.all(connection, {"of_location": location, "now": now, "limit": limit}):
                automation = to_automation(_AUTOMATION.one(connection, {"of_id": row.automation_id}))
                if (ended := _end_unevaluated(row, automation)) is not None:
                    self._outcomes.write(connection, row, ended, now=now)
                    continue
                _CLAIM.run(connection, {"of_id": row.id, "now": now, "owner": owner, "until": now + _micros(lease)})
                record_changes(connection, [(ChangeKind.TICK, row.id)], at=now)
                found.append(to_claim(_ONE.one(connection, {"of_id": row.id}), automation))
            return found

        return self._database.write(work)

    def give_back(self, owner: str) -> None:
        """Let ticks be claimed at once that a process held which was called `owner` and is gone."""
        self._database.write(lambda connection: _ABANDON.run(connection, {"of_owner": owner}))

    def renew(self, held: Sequence[tuple[str, int]], *, lease: timedelta) -> set[str]:
        """Lengthen the leases of claims; answers the ids of those that still hold."""

        def work(connection: Connection) -> set[str]:
            until = self._database.clock(connection) + _micros(lease)
            return set(connection.execute(_RENEW, {"claims": list(held), "until": until}).scalars())

        return self._database.write(work) if held else set()

    def release(self, tick_id: str, epoch: int) -> None:
        """Let another worker evaluate it; nothing when it is not held any more."""
        self._database.write(lambda connection: _GIVE_BACK.run(connection, {"of_id": tick_id, "of_epoch": epoch}))

    def finish(self, claim: TickClaim, outcome: Outcome) -> Tick:
        """End a tick, with all that it asks for: runs, keys of dynamic partitions, reports, the cursor. All of it, or nothing.

        Raises:
            LeaseLostError: it is claimed under another epoch, or has ended; nothing was written.
            RequestError: it asks for what cannot be; nothing was written.
        """

        def work(connection: Connection) -> Tick:
            now = self._database.clock(connection)
            row = _ONE.one(connection, {"of_id": claim.tick.id})
            if row is None or row.epoch != claim.epoch or row.status != TickStatus.STARTED:
                raise LeaseLostError(f"tick {claim.tick.id}", claim.epoch)
            automation = to_automation(_AUTOMATION.one(connection, {"of_id": row.automation_id}))
            return self._outcomes.write(connection, row, _withdrawn(row, automation) or outcome, now=now)

        return self._database.write(work)

    def unclaimed(self, *, before: datetime, limit: int) -> TickList:
        """Ticks that were requested before, and that no worker evaluates."""

        def work(connection: Connection) -> TickList:
            values = {"now": self._database.clock(connection), "before": to_micros(before), "limit": limit}
            return [to_tick(row) for row in connection.execute(_UNCLAIMED, values)]

        return self._database.read(work)

    def fail_unclaimed(self, tick_id: str, error: PythonError) -> Tick | None:
        """End a tick that no worker evaluates; None when that is no longer so."""

        def work(connection: Connection) -> Tick | None:
            now = self._database.clock(connection)
            row = _ONE.one(connection, {"of_id": tick_id})
            if row is None or row.status != TickStatus.STARTED or row.lease_until > now:
                return None
            return self._outcomes.write(connection, row, Outcome(error=error), now=now)

        return self._database.write(work)

    def _request(self, connection: Connection, wanted: WantedTick, *, now: int) -> Tick | None:
        row = _AUTOMATION.one(connection, {"of_id": wanted.automation.id})
        payload = _first_payload(row, after=wanted.after, through=wanted.through)
        tick_id = self._add(connection, wanted.automation, due_at=wanted.due_at, next_due_at=wanted.next_due_at, payload=payload, now=now)
        return to_tick(_ONE.one(connection, {"of_id": tick_id})) if tick_id is not None else None

    def _commit(self, connection: Connection, plain: PlainTick, *, now: int) -> Tick | None:
        due = {"due_at": plain.due_at, "next_due_at": plain.next_due_at}
        tick_id = self._add(connection, plain.automation, **due, payload=TickPayload(), now=now)
        if tick_id is None:
            return None
        return self._outcomes.write(connection, _ONE.one(connection, {"of_id": tick_id}), plain.outcome, now=now)

    def _add(
        self, connection: Connection, automation: Automation, *, due_at: datetime, next_due_at: datetime, payload: TickPayload, now: int
    ) -> str | None:
        tick_id = new_id("tick")
        values = {
            "of_id": automation.id,
            "expected": None if automation.next_due_at is None else to_micros(automation.next_due_at),
            "of_change": to_micros(automation.changed_at),
            "new_due": to_micros(next_due_at),
            "tick": tick_id,
            "due": to_micros(due_at),
        }
        if _ADVANCE.run(connection, values) == 0:
            return None
        row = new_row(tick_id, automation, due_at=due_at, payload=payload, is_dry_run=False, now=now)
        is_new = self._insert.one(connection, row) is not None
        record_changes(connection, [(ChangeKind.AUTOMATION, automation.id), (ChangeKind.TICK, tick_id)][: 2 if is_new else 1], at=now)
        return tick_id if is_new else None

    def _is_waiting(self, connection: Connection, location: str) -> bool:
        return _IS_WAITING.one(connection, {"of_location": location, "now": self._database.clock(connection), "limit": 1}) is not None


def _first_payload(row: AnyRow, *, after: int | None = None, through: int | None = None) -> TickPayload:
    return TickPayload(given=row.cursor, cursor=row.cursor, last_tick_at=row.last_tick_at, after=after, through=through)


def _end_unevaluated(row: AnyRow, automation: Automation) -> Outcome | None:
    """How a tick ends that need not be evaluated; None when it must be."""
    return _withdrawn(row, automation) or (Outcome(error=WORN_OUT) if row.attempt >= MAX_ATTEMPTS else None)


def _withdrawn(row: AnyRow, automation: Automation) -> Outcome | None:
    if row.is_dry_run or (automation.is_on and automation.is_declared):
        return None
    what = "was switched off" if automation.is_declared else "was removed from the code"
    return Outcome(skip_reason=f"The {automation.kind} {what} before this tick was done.")


def _find(connection: Connection, ids: Sequence[str]) -> dict[str, Tick]:
    return {row.id: to_tick(row) for row in connection.execute(_MANY, {"ids": list(ids)})}


def _filtered(query: Select[Any], where: TickFilter) -> Select[Any]:
    if where.automation_ids is not None:
        query = query.where(ticks.c.automation_id.in_(where.automation_ids))
    if where.statuses is not None:
        query = query.where(ticks.c.status.in_([status.value for status in where.statuses]))
    if where.after is not None:
        query = query.where(ticks.c.due_at > to_micros(where.after))
    if where.before is not None:
        query = query.where(ticks.c.due_at < to_micros(where.before))
    if where.is_dry_run is not None:
        query = query.where(ticks.c.is_dry_run.is_(where.is_dry_run))
    return query


def _position(row: AnyRow) -> Position:
    return Position(row.id, row.due_at)


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
