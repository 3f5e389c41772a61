"""What went wrong with assets last: the run that failed, and the partitions that could not be written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, exists, select

from partita.definitions.keys import AssetKey
from partita.records.assets import PartitionStatus
from partita.records.runs import FailedRun, RunStatus, StepStatus
from partita.storage.columns import to_datetime
from partita.storage.engine import Database
from partita.storage.interned import in_chunks
from partita.storage.tables import asset_partitions, assets, partition_keys, run_steps, run_targets, runs

_SETTLED = (RunStatus.SUCCEEDED.value, RunStatus.FAILED.value)
_WELL = (StepStatus.SUCCEEDED.value, StepStatus.SKIPPED.value)

_of: BindParameter[str] = bindparam("names", expanding=True)
_targeting = runs.alias("targeting")
# From the newest backwards until one has settled, instead of all that were ever to write it.
_NEWEST_SETTLED = (
    select(run_targets.c.run_id)
    .select_from(run_targets)
    .join(_targeting, _targeting.c.id == run_targets.c.run_id)
    .where(run_targets.c.asset_id == assets.c.id, _targeting.c.status.in_(_SETTLED))
    .order_by(run_targets.c.run_id.desc())
    .limit(1)
    .correlate(assets)
    .scalar_subquery()
)
_LAST_RUNS = (
    select(assets.c.key, runs.c.id)
    .select_from(assets)
    .join(runs, runs.c.id == _NEWEST_SETTLED)
    .where(assets.c.key.in_(_of), runs.c.status == RunStatus.FAILED.value)
)
_FAILED_RUNS = select(runs.c.id, runs.c.ended_at, exists().where(run_steps.c.run_id == runs.c.id).label("is_planned"))
_FAILED_RUNS = _FAILED_RUNS.where(runs.c.id.in_(_of), runs.c.status == RunStatus.FAILED.value)
_UNDONE_STEPS = select(run_steps.c.run_id, run_steps.c.step).where(run_steps.c.run_id.in_(_of), run_steps.c.status.not_in(_WELL))
_FAILED_PARTITIONS = (
    select(assets.c.key.label("asset"), partition_keys.c.key.label("partition"))
    .select_from(assets)
    .join(asset_partitions, asset_partitions.c.asset_id == assets.c.id)
    .join(partition_keys, partition_keys.c.id == asset_partitions.c.partition_id)
    .where(assets.c.key.in_(_of), asset_partitions.c.status == PartitionStatus.FAILED.value)
)


class Failures:
    """The failures of the assets of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last_runs(self, keys: Sequence[AssetKey]) -> dict[AssetKey, FailedRun]:
        """The newest run that was to write each asset, where it has failed; those that are under way or were canceled do not count."""
        return self._database.read(last_failed_runs, keys)

    def partitions(self, keys: Sequence[AssetKey]) -> dict[AssetKey, list[str]]:
        """The partitions of each asset that the last run of failed to write, also those that the asset no longer has."""
        return self._database.read(failed_partitions, keys)


def last_failed_runs(connection: Connection, keys: Collection[AssetKey]) -> dict[AssetKey, FailedRun]:
    """The newest run of each asset that has settled, where it has failed."""
    last = {AssetKey(row.key): row.id for row in _in_chunks(connection, _LAST_RUNS, keys)}
    found = failed_runs(connection, set(last.values()))
    return {key: found[run_id] for key, run_id in last.items()}


def failed_runs(connection: Connection, run_ids: Collection[str]) -> dict[str, FailedRun]:
    """Those of these runs that have failed."""
    rows = list(_in_chunks(connection, _FAILED_RUNS, run_ids))
    undone: dict[str, set[str]] = defaultdict(set)
    for run_id, step in _in_chunks(connection, _UNDONE_STEPS, [row.id for row in rows]):
        undone[run_id].add(step)
    return {
        row.id: FailedRun(id=row.id, ended_at=to_datetime(row.ended_at), is_planned=bool(row.is_planned), undone=frozenset(undone[row.id]))
        for row in rows
    }


def failed_partitions(connection: Connection, keys: Collection[AssetKey]) -> dict[AssetKey, list[str]]:
    """The partitions of each asset that the last run of failed to write."""
    found: dict[AssetKey, list[str]] = {}
    for asset, partition in _in_chunks(connection, _FAILED_PARTITIONS, keys):
        found.setdefault(AssetKey(asset), []).append(partition)
    return found


def _in_chunks(connection: Connection, query: Select[Any], names: Collection[str]) -> Iterator[Any]:
    for chunk in in_chunks(sorted(names)):
        yield from connection.execute(query, {"names": [str(name) for name in chunk]})
