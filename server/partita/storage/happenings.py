"""What has happened to assets and checks, as conditions look at it: how they stand, and what came since, each from one snapshot.

Numbers are in the order of commits, since writers take turns, so whoever reads on from a number misses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from partita.definitions.keys import AssetKey
from partita.records.assets import AssetState
from partita.records.changes import ChangeKind
from partita.records.runs import ACTIVE, FailedRun, RunStatus
from partita.storage.assets import asset_states
from partita.storage.changes import PRUNED
from partita.storage.columns import to_datetime
from partita.storage.engine import Database
from partita.storage.failures import failed_partitions, failed_runs, last_failed_runs
from partita.storage.interned import Interned, in_chunks
from partita.storage.tables import (
    asset_events,
    assets,
    changes,
    check_results,
    marks,
    partition_keys,
    run_partitions,
    run_targets,
    runs,
)

UNDER_WAY = (RunStatus.QUEUED, *ACTIVE)
MOST = 5_000
"""Changes that are read at a time; what came after them is read the next time."""

_of_assets: BindParameter[int] = bindparam("asset_ids", expanding=True)
_of_runs: BindParameter[str] = bindparam("run_ids", expanding=True)
_WRITTEN = (
    select(asset_events.c.asset_id, partition_keys.c.key, func.max(asset_events.c.at).label("at"))
    .join(partition_keys, partition_keys.c.id == asset_events.c.partition_id, isouter=True)
    .where(asset_events.c.asset_id.in_(_of_assets), asset_events.c.number <= bindparam("through"))
    .group_by(asset_events.c.asset_id, asset_events.c.partition_id, partition_keys.c.key)
)
_NEWEST_RESULTS = select(func.max(check_results.c.number))
_NEWEST_RESULTS = _NEWEST_RESULTS.where(check_results.c.asset_id.in_(_of_assets), check_results.c.number <= bindparam("through"))
_NEWEST_RESULTS = _NEWEST_RESULTS.group_by(check_results.c.asset_id, check_results.c.name, check_results.c.partition_id)
_RESULTS = (
    select(
        check_results.c.number,
        assets.c.key,
        check_results.c.name,
        partition_keys.c.key.label("partition"),
        check_results.c.at,
        check_results.c.passed,
    )
    .join(assets, assets.c.id == check_results.c.asset_id)
    .join(partition_keys, partition_keys.c.id == check_results.c.partition_id, isouter=True)
    .order_by(check_results.c.number)
)
_WRITES_SINCE = (
    select(asset_events.c.number, assets.c.key, partition_keys.c.key.label("partition"), asset_events.c.run_id, asset_events.c.at)
    .join(assets, assets.c.id == asset_events.c.asset_id)
    .join(partition_keys, partition_keys.c.id == asset_events.c.partition_id, isouter=True)
    .where(asset_events.c.number > bindparam("after"), asset_events.c.number <= bindparam("through"))
    .order_by(asset_events.c.number)
)
_RUN_CHANGES = (
    select(changes.c.id, changes.c.kind, changes.c.subject).where(changes.c.id > bindparam("after")).order_by(changes.c.id).limit(bindparam("limit"))
)
_RUNS = select(runs.c.id, runs.c.status).where(runs.c.id.in_(_of_runs))
_RUNS_UNDER_WAY = select(runs.c.id).where(runs.c.status.in_([status.value for status in UNDER_WAY]))
_RUNS_CHANGED = select(changes.c.subject).where(changes.c.id > bindparam("after"), changes.c.kind == ChangeKind.RUN.value).distinct()
_TARGETS = select(run_targets.c.run_id, assets.c.key).join(assets, assets.c.id == run_targets.c.asset_id).where(run_targets.c.run_id.in_(_of_runs))
_KEYS = (
    select(run_partitions.c.run_id, partition_keys.c.key)
    .join(partition_keys, partition_keys.c.id == run_partitions.c.partition_id)
    .where(run_partitions.c.run_id.in_(_of_runs))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far something has been read."""

    change: int
    write: int
    check: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNow:
    """A run as it stands."""

    id: str
    status: RunStatus
    assets: tuple[AssetKey, ...] = ()
    """What it is to write."""
    partitions: tuple[str, ...] = ()
    failure: FailedRun | None = None
    """What it has left undone, if it has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSeen:
    """An asset, or a partition of it, was written."""

    number: int
    asset: AssetKey
    partition: str | None
    run_id: str | None
    """None: it was reported from outside."""
    at: datetime
    together: frozenset[AssetKey]
    """All that the run was to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSeen:
    """A check was evaluated."""

    check: str
    """Its step key."""
    partition: str | None
    at: datetime
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How assets and checks stand."""

    reached: Reached
    written: Mapping[AssetKey, Mapping[str | None, datetime]]
    """When each partition was last written."""
    failed_partitions: Mapping[AssetKey, Sequence[str]]
    """Those that the last run of failed to write."""
    failed_runs: Mapping[AssetKey, FailedRun]
    """The last run of each asset that has settled, if it has failed."""
    states: Mapping[AssetKey, AssetState]
    """The latest facts of those assets."""
    runs: Sequence[RunNow]
    """Those that are, or were, queued or running."""
    results: Sequence[ResultSeen]
    """The newest of each check and partition, the oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What has happened since."""

    reached: Reached
    runs: Sequence[RunNow]
    writes: Sequence[WriteSeen]
    results: Sequence[ResultSeen]
    is_expired: bool = False
    """Some of it is not kept any more: ask how everything stands."""
    has_more: bool = False


class Happenings:
    """Reads what conditions look at."""

    def __init__(self, database: Database, *, asset_names: Interned) -> None:
        self._database = database
        self._asset_names = asset_names

    def standing(self, keys: Collection[AssetKey], *, at: Reached | None = None) -> Standing:
        """How these assets, and the checks of them, stand now, or stood when `at` was reached.

        What runs had failed to write is told as it is now, and every run that has changed since counts as under way.
        """

        def work(connection: Connection) -> Standing:
            reached = at or _reached(connection)
            names = {number: AssetKey(key) for key, number in self._asset_names.find(connection, keys).items()}
            under_way = dict.fromkeys(connection.execute(_RUNS_UNDER_WAY).scalars())
            if at is not None:
                under_way |= dict.fromkeys(connection.execute(_RUNS_CHANGED, {"after": at.change}).scalars())
            last = last_failed_runs(connection, names.values())
            newest = _RESULTS.where(check_results.c.number.in_(_NEWEST_RESULTS))
            return Standing(
                reached=reached,
                written=_written(connection, names, through=reached.write),
                failed_partitions=failed_partitions(connection, names.values()),
                failed_runs=last,
                states={key: state for chunk in in_chunks([*last]) for key, state in asset_states(connection, chunk).items()},
                runs=_runs(connection, under_way),
                results=[_result(row) for row in _chunked(connection, newest, "asset_ids", names, through=reached.check)],
            )

        return self._database.read(work)

    def since(self, before: Reached) -> News:
        """What has happened to any asset or check since."""

        def work(connection: Connection) -> News:
            pruned = connection.execute(select(marks.c.value).where(marks.c.name == PRUNED)).scalar_one_or_none() or 0
            now = _reached(connection)
            if before.change < pruned or before.change > now.change:
                return News(reached=now, runs=(), writes=(), results=(), is_expired=True)
            rows = connection.execute(_RUN_CHANGES, {"after": before.change, "limit": MOST}).all()
            changed = dict.fromkeys(row.subject for row in rows if row.kind == ChangeKind.RUN.value)
            writes = connection.execute(_WRITES_SINCE, {"after": before.write, "through": now.write}).all()
            query = _RESULTS.where(check_results.c.number > before.check, check_results.c.number <= now.check)
            together = {run.id: frozenset(run.assets) for run in _runs(connection, {row.run_id for row in writes if row.run_id is not None})}
            has_more = len(rows) == MOST
            return News(
                reached=Reached(change=rows[-1].id if has_more else now.change, write=now.write, check=now.check),
                runs=_runs(connection, changed),
                writes=[_write(row, together) for row in writes],
                results=[_result(row) for row in connection.execute(query)],
                has_more=has_more,
            )

        return self._database.read(work)


def _reached(connection: Connection) -> Reached:
    newest = [
        connection.execute(select(func.max(column))).scalar_one() or 0 for column in (changes.c.id, asset_events.c.number, check_results.c.number)
    ]
    return Reached(change=newest[0], write=newest[1], check=newest[2])


def _written(connection: Connection, names: Mapping[int, AssetKey], *, through: int) -> dict[AssetKey, dict[str | None, datetime]]:
    found: dict[AssetKey, dict[str | None, datetime]] = {}
    for row in _chunked(connection, _WRITTEN, "asset_ids", names, through=through):
        found.setdefault(names[row.asset_id], {})[row.key] = to_datetime(row.at)
    return found


def _runs(connection: Connection, run_ids: Iterable[str]) -> list[RunNow]:
    wanted = list(run_ids)
    targets: dict[str, list[AssetKey]] = {}
    keys: dict[str, list[str]] = {}
    for row in _chunked(connection, _TARGETS, "run_ids", wanted):
        targets.setdefault(row.run_id, []).append(AssetKey(row.key))
    for row in _chunked(connection, _KEYS, "run_ids", wanted):
        keys.setdefault(row.run_id, []).append(row.key)
    statuses = {row.id: RunStatus(row.status) for row in _chunked(connection, _RUNS, "run_ids", wanted)}
    failed = failed_runs(connection, [run_id for run_id, status in statuses.items() if status is RunStatus.FAILED])
    return [
        RunNow(id=each, status=status, assets=tuple(targets.get(each, ())), partitions=tuple(keys.get(each, ())), failure=failed.get(each))
        for each, status in statuses.items()
    ]


def _write(row: Any, together: Mapping[str, frozenset[AssetKey]]) -> WriteSeen:
    return WriteSeen(
        number=row.number,
        asset=AssetKey(row.key),
        partition=row.partition,
        run_id=row.run_id,
        at=to_datetime(row.at),
        together=together.get(row.run_id, frozenset()),
    )


def _result(row: Any) -> ResultSeen:
    return ResultSeen(check=f"{row.key}:{row.name}", partition=row.partition, at=to_datetime(row.at), passed=bool(row.passed))


def _chunked(connection: Connection, query: Any, name: str, values: Iterable[Any], **terms: Any) -> Iterable[Any]:
    listed = list(values)
    for chunk in in_chunks(listed):
        yield from connection.execute(query, {name: chunk, **terms})
