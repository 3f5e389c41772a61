"""Forgetting what is old, in small portions, without changing any other answer: summaries were written with the events."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from partita.records.ticks import TickStatus
from partita.storage.alerts import prune_alerts
from partita.storage.changes import PRUNED
from partita.storage.columns import to_micros
from partita.storage.condition_tables import condition_evaluations
from partita.storage.engine import Database
from partita.storage.tables import IS_PRUNABLE, changes, idempotency, marks, run_events, run_statuses, runs, ticks

# Bound parameters of one statement.
IDS_AT_ONCE = 1000
_OLD_RUNS = (
    select(runs.c.id, runs.c.last_seq).where(IS_PRUNABLE, runs.c.ended_at < bindparam("before")).order_by(runs.c.ended_at).limit(bindparam("limit"))
)
_FIRST_SEQ = select(func.min(run_events.c.seq)).where(run_events.c.run_id == bindparam("of_run"))
_DELETE_EVENTS = delete(run_events).where(run_events.c.run_id == bindparam("of_run"), run_events.c.seq < bindparam("end"))
_MARK_EMPTY = update(runs).where(runs.c.id == bindparam("of_run")).values(has_events=False)
_OLDEST_CHANGES = select(changes.c.id, changes.c.at).order_by(changes.c.id).limit(bindparam("limit"))
_NEWEST_CHANGE = select(func.max(changes.c.id))
_DELETE_CHANGES = delete(changes).where(changes.c.id <= bindparam("through"))
_OLD_KEYS = select(idempotency.c.caller, idempotency.c.key).where(idempotency.c.expires_at < bindparam("before")).limit(bindparam("limit"))
_DELETE_KEY = delete(idempotency).where(idempotency.c.caller == bindparam("of_caller"), idempotency.c.key == bindparam("of_key"))
_OLD_TICKS = (
    select(ticks.c.id)
    .where(ticks.c.status == bindparam("of_status"), ticks.c.due_at < bindparam("before"))
    .order_by(ticks.c.due_at)
    .limit(bindparam("limit"))
)
_DELETE_TICKS = delete(ticks).where(ticks.c.id.in_(bindparam("ids", expanding=True)))
_OLDEST_STATUSES = select(run_statuses.c.number, run_statuses.c.at).order_by(run_statuses.c.number).limit(bindparam("limit"))
_NEWEST_STATUS = select(func.max(run_statuses.c.number))
_DELETE_STATUSES = delete(run_statuses).where(run_statuses.c.number <= bindparam("through"))
_EVALUATION = condition_evaluations.c
_OLDEST_EVALUATIONS = select(_EVALUATION.number, _EVALUATION.at).order_by(_EVALUATION.number).limit(bindparam("limit"))
_DELETE_EVALUATIONS = delete(condition_evaluations).where(_EVALUATION.number <= bindparam("through"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TickAges:
    """Ticks that were due before these times are deleted."""

    skipped: datetime
    launched: datetime
    failed: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many rows are gone."""

    events: int = 0
    changes: int = 0
    idempotency_keys: int = 0
    ticks: int = 0
    run_statuses: int = 0
    evaluations: int = 0
    alerts: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self._counts)

    @property
    def most(self) -> int:
        """Of one kind."""
        return max(self._counts)

    @property
    def _counts(self) -> tuple[int, ...]:
        return self.events, self.changes, self.idempotency_keys, self.ticks, self.run_statuses, self.evaluations, self.alerts

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(**{name: count + getattr(other, name) for name, count in asdict(self).items()})


class Retention:
    """Deletes what is old."""

    def __init__(self, database: Database) -> None:
        self._database = database
        row = database.insert(marks)
        self._set_mark = row.on_conflict_do_update(index_elements=["name"], set_={"value": row.excluded.value})

    def old_runs(self, *, before: datetime, limit: int = 5000) -> list[str]:
        """Runs that ended before and still have events, the oldest first."""
        return self._database.read(_old_runs, before=to_micros(before), limit=limit)

    def prune(
        self, *, events_before: datetime, changes_before: datetime, idempotency_before: datetime, limit: int = 5000, most_runs: int | None = None
    ) -> Pruned:
        """Delete, `limit` rows of each kind at most: events of runs that ended before, changes, and idempotency keys that expired before.

        Events of the oldest `most_runs` runs only, if that is given: those that `old_runs` answers for this limit.

        Call it again while it deletes as much as it may: each call holds the write lock for a moment only.
        """
        pruned = Pruned(
            events=self._database.write(_prune_events, before=to_micros(events_before), limit=limit, most_runs=most_runs or limit),
            changes=self._database.write(self._prune_changes, before=to_micros(changes_before), limit=limit),
            idempotency_keys=self._database.write(_prune_keys, before=to_micros(idempotency_before), limit=limit),
        )
        if pruned.total:
            self._database.reclaim_space()
        return pruned

    def prune_automation(
        self, *, ticks_before: TickAges, evaluations_before: datetime, run_statuses_before: datetime, alerts_before: datetime, limit: int = 5000
    ) -> Pruned:
        """Delete, `limit` rows of each kind at most: ticks that have ended, evaluations of conditions, alerts, and starts and ends of runs.

        Run keys stay for ever. Sensors must have had time to see the starts and ends.
        """
        pruned = Pruned(
            ticks=self._database.write(_prune_ticks, before=ticks_before, limit=limit),
            run_statuses=self._database.write(_prune_statuses, before=to_micros(run_statuses_before), limit=limit),
            evaluations=self._database.write(_prune_evaluations, before=to_micros(evaluations_before), limit=limit),
            alerts=self._database.write(prune_alerts, before=to_micros(alerts_before), limit=limit),
        )
        if pruned.total:
            self._database.reclaim_space()
        return pruned

    def _prune_changes(self, connection: Connection, *, before: int, limit: int) -> int:
        rows = connection.execute(_OLDEST_CHANGES, {"limit": limit}).all()
        newest = connection.execute(_NEWEST_CHANGE).scalar_one()
        old = [row.id for row in rows if row.at < before and row.id != newest]  # its number must not be given again
        if not old:
            return 0
        connection.execute(self._set_mark, {"name": PRUNED, "value": max(old)})
        return connection.execute(_DELETE_CHANGES, {"through": max(old)}).rowcount


def _old_runs(connection: Connection, *, before: int, limit: int) -> list[str]:
    return [row.id for row in connection.execute(_OLD_RUNS, {"before": before, "limit": limit})]


def _prune_events(connection: Connection, *, before: int, limit: int, most_runs: int) -> int:
    deleted = 0
    for row in connection.execute(_OLD_RUNS, {"before": before, "limit": most_runs}).all():
        if deleted >= limit:
            break
        first = connection.execute(_FIRST_SEQ, {"of_run": row.id}).scalar_one_or_none() or row.last_seq + 1
        end = first + limit - deleted
        deleted += connection.execute(_DELETE_EVENTS, {"of_run": row.id, "end": end}).rowcount
        if end > row.last_seq:
            connection.execute(_MARK_EMPTY, {"of_run": row.id})
    return deleted


def _prune_keys(connection: Connection, *, before: int, limit: int) -> int:
    rows: Any = connection.execute(_OLD_KEYS, {"before": before, "limit": limit}).all()
    if rows:
        connection.execute(_DELETE_KEY, [{"of_caller": row.caller, "of_key": row.key} for row in rows])
    return len(rows)


def _prune_ticks(connection: Connection, *, before: TickAges, limit: int) -> int:
    deleted = 0
    ages = ((TickStatus.SKIPPED, before.skipped), (TickStatus.SUCCEEDED, before.launched), (TickStatus.FAILED, before.failed))
    for status, at in ages:
        values = {"of_status": status.value, "before": to_micros(at), "limit": limit - deleted}
        ids = connection.execute(_OLD_TICKS, values).scalars().all()
        for start in range(0, len(ids), IDS_AT_ONCE):
            deleted += connection.execute(_DELETE_TICKS, {"ids": ids[start : start + IDS_AT_ONCE]}).rowcount
    return deleted


def _prune_statuses(connection: Connection, *, before: int, limit: int) -> int:
    rows = connection.execute(_OLDEST_STATUSES, {"limit": limit}).all()
    newest = connection.execute(_NEWEST_STATUS).scalar_one()
    old = [row.number for row in rows if row.at < before and row.number != newest]  # its number must not be given again
    return connection.execute(_DELETE_STATUSES, {"through": max(old)}).rowcount if old else 0


def _prune_evaluations(connection: Connection, *, before: int, limit: int) -> int:
    rows = connection.execute(_OLDEST_EVALUATIONS, {"limit": limit}).all()
    old = [row.number for row in rows if row.at < before]
    return connection.execute(_DELETE_EVALUATIONS, {"through": max(old)}).rowcount if old else 0
