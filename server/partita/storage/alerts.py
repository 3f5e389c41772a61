"""Alerts, and how far what they are about has been read: written together, so that nothing is missed and nothing told of twice.

A turn of looking is numbered, as with conditions: of two daemons that look at once, one is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, select

from partita.records.alerts import Alert, AlertFilter, AlertStatus
from partita.records.changes import ChangeKind
from partita.records.codec import decode
from partita.records.pages import Page, PageRequest
from partita.storage.alert_tables import IS_ACTIVE_ALERT, alerts
from partita.storage.changes import record_changes
from partita.storage.columns import to_micros
from partita.storage.engine import Database
from partita.storage.interned import in_chunks
from partita.storage.pages import FIRST_PAGE, Keyset, Position, read_page
from partita.storage.rows import AnyRow, to_text
from partita.storage.tables import marks

TURN, RUN, CHECK = (f"alerts.{name}" for name in ("turn", "run", "check"))
_MARKS = select(marks.c.name, marks.c.value).where(marks.c.name.in_([TURN, RUN, CHECK]))
# Two statements: SQLite would look at every row for one that says either.
_ACTIVE = select(alerts.c.number, alerts.c.payload).where(IS_ACTIVE_ALERT).order_by(alerts.c.number)
_TOLD = select(alerts.c.number, alerts.c.payload).where(alerts.c.sent_at >= bindparam("since"))
_MANY = select(alerts.c.id, alerts.c.payload).where(alerts.c.id.in_(bindparam("ids", expanding=True)))
_OLDEST = select(alerts.c.number, alerts.c.at, alerts.c.is_active).order_by(alerts.c.number).limit(bindparam("limit"))
_NEWEST = Keyset(name="alerts", unique=alerts.c.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTurn:
    """How far looking has come."""

    number: int = 0
    run: int | None = None
    """The newest end of a run that was looked at; None: none was, so that looking begins with what comes next."""
    check: int | None = None
    """The newest result of a check that was looked at."""


EVERY_ALERT = AlertFilter()


class Alerts:
    """What people are told, and were."""

    def __init__(self, database: Database) -> None:
        self._database = database
        mark = database.insert(marks)
        self._set_mark = mark.on_conflict_do_update(index_elements=["name"], set_={"value": mark.excluded.value})
        row = database.insert(alerts)
        changing = {name: row.excluded[name] for name in ("status", "is_active", "sent_at", "payload")}
        self._set = row.on_conflict_do_update(index_elements=["id"], set_=changing)

    def turn(self) -> AlertTurn:
        """How far looking has come."""
        return self._database.read(_turn)

    def current(self, *, since: datetime) -> list[Alert]:
        """Those that there is anything to do about, and those told of since, the oldest first."""

        def work(connection: Connection) -> list[Alert]:
            found = {row.number: row.payload for row in connection.execute(_ACTIVE)}
            found |= {row.number: row.payload for row in connection.execute(_TOLD, {"since": to_micros(since)})}
            return [decode(payload, Alert) for _, payload in sorted(found.items())]

        return self._database.read(work)

    def commit(self, before: AlertTurn, after: AlertTurn, changed: Sequence[Alert]) -> AlertTurn | None:
        """Write a turn: how far was looked, and the alerts as they are now. None when another has written one since `before`."""

        def work(connection: Connection) -> AlertTurn | None:
            if _turn(connection).number != before.number:
                return None
            written = AlertTurn(number=before.number + 1, run=after.run, check=after.check)
            values = {TURN: written.number, RUN: written.run, CHECK: written.check}
            connection.execute(self._set_mark, [{"name": name, "value": value} for name, value in values.items() if value is not None])
            gone = [name for name, value in values.items() if value is None]
            if gone:
                connection.execute(delete(marks).where(marks.c.name.in_(gone)))
            rows = [_row(alert) for alert in changed]
            for chunk in in_chunks(rows):
                connection.execute(self._set, chunk)
            record_changes(connection, [(ChangeKind.ALERT, alert.id) for alert in changed], at=self._database.clock(connection))
            return written

        return self._database.write(work)

    def list(self, where: AlertFilter = EVERY_ALERT, *, page: PageRequest = FIRST_PAGE) -> Page[Alert]:
        """A page of alerts, the newest first.

        Raises:
            RequestError: a bad cursor or size.
        """

        def work(connection: Connection) -> Page[Alert]:
            query = _filtered(select(alerts.c.number, alerts.c.payload), where)
            return read_page(connection, query, _NEWEST, page=page, position_of=_position, to_item=_to_alert)

        return self._database.read(work)

    def count(self, where: AlertFilter = EVERY_ALERT) -> int:
        """How many there are."""

        def work(connection: Connection) -> int:
            found: int = connection.execute(_filtered(select(func.count()).select_from(alerts), where)).scalar_one()
            return found

        return self._database.read(work)

    def find(self, alert_id: str) -> Alert | None:
        """The alert with this id, or None."""
        return self.find_many([alert_id]).get(alert_id)

    def find_many(self, ids: Sequence[str]) -> dict[str, Alert]:
        """The alerts with these ids that there are."""

        def work(connection: Connection) -> dict[str, Alert]:
            return {row.id: decode(row.payload, Alert) for chunk in in_chunks(ids) for row in connection.execute(_MANY, {"ids": chunk})}

        return self._database.read(work)


def prune_alerts(connection: Connection, *, before: int, limit: int) -> int:
    """Delete those that began before and of which nothing is left to do; answers how many."""
    rows = connection.execute(_OLDEST, {"limit": limit}).all()
    old = [row.number for row in rows if row.at < before and not row.is_active]
    for chunk in in_chunks(old):
        connection.execute(delete(alerts).where(alerts.c.number.in_(chunk)))
    return len(old)


def _turn(connection: Connection) -> AlertTurn:
    found = {row.name: row.value for row in connection.execute(_MARKS)}
    return AlertTurn(number=found.get(TURN, 0), run=found.get(RUN), check=found.get(CHECK))


def _row(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "rule": alert.rule,
        "kind": alert.kind.value,
        "status": alert.status.value,
        "is_active": alert.is_active,
        "at": to_micros(alert.at),
        "sent_at": None if alert.sent_at is None else to_micros(alert.sent_at),
        "payload": to_text(alert),
    }


def _filtered(query: Select[Any], where: AlertFilter) -> Select[Any]:
    if where.statuses == (AlertStatus.WAITING,):
        query = query.where(IS_ACTIVE_ALERT)  # all that wait are among these few
    wanted = {"rule": where.rules, "kind": where.kinds, "status": where.statuses}
    for name, values in wanted.items():
        if values is not None:
            query = query.where(alerts.c[name].in_([str(value) for value in values]))
    return query


def _position(row: AnyRow) -> Position:
    return Position(row.number)


def _to_alert(row: AnyRow) -> Alert:
    return decode(row.payload, Alert)
