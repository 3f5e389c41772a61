"""Schedules and sensors: whether they are on, when they are due next, and how far they have got.

A time that is due next is None while nobody has computed it: since the automation was switched on, or its times were changed
in the code. It is then computed from `changed_at`, so that no tick is made up for that fell into the time before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select, update

from partita.errors import NotFoundError
from partita.records.automations import Automation, AutomationKind
from partita.records.changes import ChangeKind
from partita.records.ticks import TickStatus
from partita.storage.automation_rows import facts_of, from_now_on, set_facts, to_automation
from partita.storage.changes import record_changes
from partita.storage.columns import to_datetime_or_none, to_micros
from partita.storage.engine import Database
from partita.storage.rows import AnyRow
from partita.storage.tables import IS_ACTING, automations, ticks

_BY_ID = automations.c.id == bindparam("of_id")
_DECLARED = select(automations).where(automations.c.is_declared).order_by(automations.c.id)
_MANY = select(automations).where(automations.c.id.in_(bindparam("ids", expanding=True)))
_IDS = select(automations.c.id).where(automations.c.is_declared)
_SET_CURSOR = update(automations).where(_BY_ID).values(cursor=bindparam("new_cursor"))
_IS_FRESH = automations.c.next_due_at.is_(None)
_SET_NEXT_DUE = (
    update(automations)
    .where(_BY_ID, IS_ACTING, _IS_FRESH, automations.c.changed_at == bindparam("of_change"))
    .values(next_due_at=bindparam("new_due"))
)
_BRING_FORWARD = (
    update(automations)
    .where(IS_ACTING, automations.c.kind == AutomationKind.SENSOR.value, automations.c.last_tick_at > bindparam("of_now"))
    .values(next_due_at=bindparam("of_now"))
)
_IS_UNDER_WAY = and_(ticks.c.id == automations.c.last_tick_id, ticks.c.status == TickStatus.STARTED.value)
# A schedule may be due again while its last tick waits to be evaluated; a sensor never overtakes itself.
_ACTING = {
    AutomationKind.SCHEDULE: select(automations).where(IS_ACTING),
    AutomationKind.SENSOR: select(automations).outerjoin(ticks, _IS_UNDER_WAY).where(IS_ACTING, ticks.c.id.is_(None)),
}

Records = list[Automation]


class Automations:
    """The schedules and sensors of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, location: str | None = None) -> Records:
        """Those that current catalogs declare, of all locations or of one, by id."""
        query = _DECLARED if location is None else _DECLARED.where(automations.c.location == location)
        return self._database.read(_read, query, {})

    def find(self, ids: Sequence[str]) -> dict[str, Automation]:
        """Those with these ids, also such as are not declared any more; unknown ones are left out."""
        return {found.id: found for found in self._database.read(_read, _MANY, {"ids": list(ids)})} if ids else {}

    def set_on(self, ids: Sequence[str], is_on: bool | None) -> Records:
        """Switch them on or off, all or none; None: leave it to their code again.

        Raises:
            NotFoundError: there is none with one of the ids.
        """

        def work(connection: Connection) -> Records:
            now = self._database.clock(connection)
            for row in _get_all(connection, ids):
                wanted = bool(row.default_on) if is_on is None else is_on
                facts = {**facts_of(row), "is_on": wanted, "is_overridden": is_on is not None}
                if wanted and not row.is_on:
                    facts |= from_now_on(connection, watches=row.watches, at=now)
                elif row.is_on and not wanted:
                    facts |= {"next_due_at": None, "changed_at": now}
                set_facts(connection, row.id, facts)
            record_changes(connection, [(ChangeKind.AUTOMATION, each) for each in ids], at=now)
            return [to_automation(row) for row in _get_all(connection, ids)]

        return self._database.write(work)

    def set_cursor(self, automation_id: str, cursor: str | None) -> Automation:
        """Set a sensor's cursor; an evaluation that is under way does not replace it.

        Raises:
            NotFoundError: there is none with this id.
        """

        def work(connection: Connection) -> Automation:
            _get_all(connection, [automation_id])
            connection.execute(_SET_CURSOR, {"of_id": automation_id, "new_cursor": cursor})
            record_changes(connection, [(ChangeKind.AUTOMATION, automation_id)], at=self._database.clock(connection))
            return to_automation(_get_all(connection, [automation_id])[0])

        return self._database.write(work)

    def due(self, kind: AutomationKind, now: datetime) -> Records:
        """Those that are on and due, or whose next time is still to be computed; no sensor whose last tick is under way."""
        query = _ACTING[kind].where(automations.c.kind == kind.value, or_(automations.c.next_due_at <= bindparam("now"), _IS_FRESH))
        return self._database.read(_read, query.order_by(automations.c.next_due_at.asc().nulls_first(), automations.c.id), {"now": to_micros(now)})

    def next_due(self, kind: AutomationKind, *, after: datetime | None = None) -> datetime | None:
        """When the first of those that are on is due, or the first after a time; None when none is."""
        query = _ACTING[kind].where(automations.c.kind == kind.value, ~_IS_FRESH).with_only_columns(func.min(automations.c.next_due_at))
        if after is not None:
            query = query.where(automations.c.next_due_at > to_micros(after))
        return to_datetime_or_none(self._database.read(lambda connection: connection.execute(query).scalar_one()))

    def bring_forward(self, now: datetime) -> None:
        """Let sensors be due whose last tick lies ahead: their next one was computed before the clock was set back, and may be far away."""
        self._database.write(lambda connection: connection.execute(_BRING_FORWARD, {"of_now": to_micros(now)}))

    def set_next_due(self, automation: Automation, at: datetime) -> bool:
        """Say when it is due for the first time since it changed; False when it has changed again."""

        def work(connection: Connection) -> bool:
            values = {"of_id": automation.id, "of_change": to_micros(automation.changed_at), "new_due": to_micros(at)}
            is_set = connection.execute(_SET_NEXT_DUE, values).rowcount == 1
            if is_set:
                record_changes(connection, [(ChangeKind.AUTOMATION, automation.id)], at=self._database.clock(connection))
            return is_set

        return self._database.write(work)


def _read(connection: Connection, query: Select[Any], values: dict[str, Any]) -> Records:
    return [to_automation(row) for row in connection.execute(query, values)]


def _get_all(connection: Connection, ids: Sequence[str]) -> Sequence[AnyRow]:
    found = {row.id: row for row in connection.execute(_MANY, {"ids": list(ids)})}
    for each in ids:
        if each not in found:
            raise NotFoundError("schedule or sensor", each, connection.execute(_IDS).scalars().all())
    return [found[each] for each in dict.fromkeys(ids)]
