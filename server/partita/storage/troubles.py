"""What people may want to be told of, as the records have it: failures since a number, and what fails now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from partita.records.assets import CheckResult
from partita.records.automations import Automation
from partita.records.codec import decode
from partita.records.runs import Run, RunStatus
from partita.records.ticks import Tick, TickStatus
from partita.storage.automation_rows import to_automation
from partita.storage.engine import Database
from partita.storage.interned import in_chunks
from partita.storage.rows import RUN_COLUMNS, to_run
from partita.storage.tables import IS_ACTING, automations, check_results, run_statuses, runs, ticks
from partita.storage.tick_rows import to_tick

MOST = 1000
"""Failures that are read at a time; the others the next time."""
_ENDS = (
    select(run_statuses.c.number, *RUN_COLUMNS)
    .join(runs, runs.c.id == run_statuses.c.run_id)
    .where(run_statuses.c.number > bindparam("after"), run_statuses.c.status == RunStatus.FAILED.value)
    .order_by(run_statuses.c.number)
    .limit(bindparam("limit"))
)
_RESULTS = (
    select(check_results.c.number, check_results.c.payload)
    .where(check_results.c.number > bindparam("after"), check_results.c.passed.is_(False))
    .order_by(check_results.c.number)
    .limit(bindparam("limit"))
)
_NEWEST_END = select(func.max(run_statuses.c.number))
_NEWEST_RESULT = select(func.max(check_results.c.number))
_OF_ACTING = select(automations).where(IS_ACTING, automations.c.last_tick_id.is_not(None)).order_by(automations.c.id)
_other = ticks.alias("other")
_NEWEST = (
    select(_other.c.id)
    .where(_other.c.automation_id == ticks.c.automation_id, _other.c.status != TickStatus.STARTED.value, _other.c.is_dry_run.is_(False))
    .order_by(_other.c.due_at.desc(), _other.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_NEWEST_TICKS = select(ticks).where(
    ticks.c.automation_id.in_(bindparam("ids", expanding=True)), ticks.c.status == TickStatus.FAILED.value, ticks.c.id == _NEWEST
)
_LAST = select(ticks.c.id, ticks.c.status).where(ticks.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFailures:
    """What has failed since, and how far was read."""

    runs: list[Run]
    results: list[CheckResult]
    run: int | None
    check: int | None
    has_more: bool = False


NO_FAILURES = NewFailures(runs=[], results=[], run=None, check=None)
"""Nobody has looked."""


class Troubles:
    """Reads what alerts are about."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def failures(self, *, run: int | None, check: int | None, limit: int = MOST) -> NewFailures:
        """Runs and checks that failed after these numbers; with None, none: only how far there are any."""

        def work(connection: Connection) -> NewFailures:
            newest_run = connection.execute(_NEWEST_END).scalar_one() or 0
            newest_check = connection.execute(_NEWEST_RESULT).scalar_one() or 0
            ended = [] if run is None else connection.execute(_ENDS, {"after": run, "limit": limit}).all()
            failed = [] if check is None else connection.execute(_RESULTS, {"after": check, "limit": limit}).all()
            return NewFailures(
                runs=[to_run(row) for row in ended],
                results=[decode(row.payload, CheckResult) for row in failed],
                run=ended[-1].number if len(ended) == limit else newest_run,
                check=failed[-1].number if len(failed) == limit else newest_check,
                has_more=limit in {len(ended), len(failed)},
            )

        return self._database.read(work)

    def failing(self) -> list[tuple[Automation, Tick]]:
        """Schedules and sensors that are on and whose newest tick that has ended has failed."""

        def work(connection: Connection) -> list[tuple[Automation, Tick]]:
            acting = {row.id: row for row in connection.execute(_OF_ACTING)}
            suspects = {row.id: row for row in _not_known_to_be_well(connection, acting)}
            failed = [tick for chunk in in_chunks(list(suspects)) for tick in connection.execute(_NEWEST_TICKS, {"ids": chunk})]
            return [(to_automation(suspects[tick.automation_id]), to_tick(tick)) for tick in failed]

        return self._database.read(work)


def _not_known_to_be_well(connection: Connection, acting: dict[str, Any]) -> list[Any]:
    """Those whose last tick has failed, or has not ended yet: then the one before counts."""
    ids = [row.last_tick_id for row in acting.values()]
    statuses = {row.id: row.status for chunk in in_chunks(ids) for row in connection.execute(_LAST, {"ids": chunk})}
    well = {TickStatus.SUCCEEDED.value, TickStatus.SKIPPED.value}
    return [row for row in acting.values() if statuses.get(row.last_tick_id) not in well]
