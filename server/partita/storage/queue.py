"""The queue as people see it: how long it is, what takes its limits, and why a run waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, func, select

from partita.planning.admission import Candidate, Holder, explain, sort_key
from partita.records.locations import LocationRecord, LocationStatus
from partita.records.queue import Limits, PoolsOf, PoolState, QueueState, TagLimitState, WaitKind, WaitReason
from partita.storage.admissions import IS_HELD, Admissions, read_holders
from partita.storage.engine import Database
from partita.storage.locations import Locations
from partita.storage.prepared import Prepared
from partita.storage.rows import AnyRow
from partita.storage.tables import IS_QUEUED, runs

MOST_COUNTED = 5000
"""Queued runs whose needs are counted; those behind them are only counted as queued."""
MOST_EXPLAINED_BY = 500
"""Queued runs that are looked at to say why another waits."""

_COLUMNS = (runs.c.id, runs.c.location, runs.c.priority, runs.c.request, runs.c.backfill_id, IS_HELD.label("is_held"))
_BEST = Prepared(select(*_COLUMNS).where(IS_QUEUED).order_by(runs.c.priority.desc(), runs.c.id).limit(bindparam("limit")))
_ASKED = select(*_COLUMNS).where(IS_QUEUED, runs.c.id.in_(bindparam("run_ids", expanding=True)))
_COUNT = Prepared(select(func.count().label("queued")).select_from(runs).where(IS_QUEUED))


class Queue:
    """The queued runs of every location."""

    def __init__(self, database: Database, locations: Locations) -> None:
        self._database = database
        self._locations = locations
        self._admissions = Admissions()

    def state(self, limits: Limits, pools_of: PoolsOf) -> QueueState:
        """The queue and its limits at this moment.

        Args:
            limits: those of the workspace.
            pools_of: the pools that a run needs.
        """

        def work(connection: Connection) -> QueueState:
            holders = read_holders(connection, limits)
            waiting = [self._admissions.candidate(row, pools_of) for row in _BEST.all(connection, {"limit": MOST_COUNTED})]
            return QueueState(
                queued=len(waiting) if len(waiting) < MOST_COUNTED else _COUNT.scalar(connection, {}),
                running=len(holders),
                max_concurrent=limits.max_concurrent,
                pools=tuple(_pool_states(limits, holders, waiting)),
                tag_limits=tuple(_tag_states(limits, holders, waiting)),
            )

        return self._database.read(work)

    def pools(self, limits: Limits, pools_of: PoolsOf) -> list[PoolState]:
        """The pools of the settings, and any others that active or queued runs need."""
        return list(self.state(limits, pools_of).pools)

    def waiting(self, run_ids: Sequence[str], limits: Limits, pools_of: PoolsOf) -> dict[str, WaitReason]:
        """Why those of these runs that are queued wait."""
        if not run_ids:
            return {}

        def work(connection: Connection) -> tuple[list[AnyRow], list[AnyRow], list[Holder]]:
            asked = connection.execute(_ASKED, {"run_ids": list(run_ids)}).all()
            if not asked:
                return [], [], []
            return list(asked), _BEST.all(connection, {"limit": MOST_EXPLAINED_BY}), read_holders(connection, limits)

        asked, best, holders = self._database.read(work)
        if not asked:
            return {}
        locations = {record.name: record for record in self._locations.list()}
        rows = {row.id: row for row in (*best, *asked)}
        candidates = [
            self._admissions.candidate(row, pools_of)._replace(obstacle=_hold(row) or _obstacle(row.location, locations.get(row.location)))
            for row in rows.values()
        ]
        reasons = explain(sorted(candidates, key=sort_key), holders, limits)
        return {row.id: _at_location(reasons[row.id], locations.get(row.location)) for row in asked}


def _pool_states(limits: Limits, holders: Iterable[Holder], waiting: Iterable[Candidate]) -> Iterable[PoolState]:
    used: Counter[str] = Counter()
    for holder in holders:
        used.update(holder.pools)
    wanted = Counter(pool for candidate in waiting for pool in candidate.pools)
    for name in (*limits.pools, *sorted({*used, *wanted}.difference(limits.pools))):
        yield PoolState(name=name, limit=limits.pools.get(name), used=used[name], waiting=wanted[name])


def _tag_states(limits: Limits, holders: Sequence[Holder], waiting: Sequence[Candidate]) -> Iterable[TagLimitState]:
    for limit in limits.tags:
        used = sum(limit.counts(holder.tags) for holder in holders)
        queued = sum(limit.counts(candidate.tags) for candidate in waiting)
        yield TagLimitState(key=limit.key, value=limit.value, limit=limit.limit, used=used, waiting=queued)


def _hold(row: AnyRow) -> WaitReason | None:
    """Why a run is left in the queue on purpose."""
    if not row.is_held:
        return None
    return WaitReason(kind=WaitKind.PAUSED, message=f"Backfill {row.backfill_id} is paused. It can start once that is resumed.")


def _obstacle(name: str, record: LocationRecord | None) -> WaitReason | None:
    """Why nobody can run anything of a location."""
    message = None
    if record is None:
        message = f"The workspace has no code location {name!r}."
    elif record.status is LocationStatus.UNREACHABLE:
        message = f"Code location {name!r} has no worker. Start `partita dev`, or a `partita worker` for it."
    elif record.catalog_hash is None:
        message = f"Code location {name!r} has not loaded yet{_because(record)}"
    return None if message is None else WaitReason(kind=WaitKind.LOCATION, message=message)


def _at_location(reason: WaitReason, record: LocationRecord | None) -> WaitReason:
    """The reason, or that its location may hold up a run which could start: while it loads, and when the newest load failed."""
    if reason.kind is not WaitKind.NEXT or record is None:
        return reason
    if record.status is LocationStatus.FAILED:
        message = f"It can start once code location {record.name!r} has loaded; the newest load failed{_because(record)}"
    elif record.status is LocationStatus.LOADING or record.reload_requested_at is not None:
        message = f"It can start once code location {record.name!r} has loaded, which it is doing now."
    else:
        return reason
    return WaitReason(kind=WaitKind.LOCATION, message=message)


def _because(record: LocationRecord) -> str:
    return f": {record.error.summary}" if record.error is not None else "."
