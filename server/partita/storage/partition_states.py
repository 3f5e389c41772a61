"""Writes the state of partitions: running while a run that is to write them runs, then what became of it.

A run that ends without having settled a partition leaves it as it was before.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, literal_column, select, update

from partita.records.assets import PartitionStatus
from partita.records.runs import StepStatus
from partita.storage.columns import to_micros
from partita.storage.engine import Database
from partita.storage.interned import Interned
from partita.storage.prepared import Prepared
from partita.storage.summaries import Summary
from partita.storage.tables import IS_RUNNING, IS_UNFINISHED_STEP, asset_partitions, assets, run_partitions, run_steps, run_targets

_states = asset_partitions.c
_of_run = (_states.run_id == bindparam("of_run"), IS_RUNNING)
_of_step = _states.asset_id == select(assets.c.id).where(assets.c.key == bindparam("of_step")).scalar_subquery()

_TARGETS = Prepared(select(assets.c.key).join(run_targets, run_targets.c.asset_id == assets.c.id).where(run_targets.c.run_id == bindparam("of_run")))
_FAIL = Prepared(
    update(asset_partitions)
    .where(*_of_run, _of_step)
    .values(
        status=PartitionStatus.FAILED.value,
        at=bindparam("failed_at"),
        settled_status=PartitionStatus.FAILED.value,
        settled_run_id=_states.run_id,
        settled_at=bindparam("failed_at"),
    )
)
_FALL_BACK = update(asset_partitions).values(status=_states.settled_status, run_id=_states.settled_run_id, at=_states.settled_at)
_FORGET = delete(asset_partitions)
_RELEASE_STEP = (Prepared(_FORGET.where(*_of_run, _of_step, _states.settled_status.is_(None))), Prepared(_FALL_BACK.where(*_of_run, _of_step)))
_RELEASE_RUN = (Prepared(_FORGET.where(*_of_run, _states.settled_status.is_(None))), Prepared(_FALL_BACK.where(*_of_run)))


class PartitionStates:
    """Writes into `asset_partitions`."""

    def __init__(self, database: Database) -> None:
        row = database.insert(asset_partitions)
        displayed = {"status": row.excluded.status, "run_id": row.excluded.run_id, "at": row.excluded.at}
        settled = {name: row.excluded[name] for name in ("settled_status", "settled_run_id", "settled_at")}
        self._materialize = Prepared(row.on_conflict_do_update(index_elements=["asset_id", "partition_id"], set_=displayed | settled))
        pending = (
            select(
                run_targets.c.asset_id,
                run_partitions.c.partition_id,
                literal_column(f"'{PartitionStatus.RUNNING.value}'"),
                run_targets.c.run_id,
                bindparam("at", type_=_states.at.type),
            )
            .join(run_partitions, run_partitions.c.run_id == run_targets.c.run_id)
            .join(assets, assets.c.id == run_targets.c.asset_id)
            .where(run_targets.c.run_id == bindparam("of_run"))
        )
        columns = ["asset_id", "partition_id", "status", "run_id", "at"]
        index = ["asset_id", "partition_id"]
        own = pending.join(run_steps, (run_steps.c.run_id == run_targets.c.run_id) & (run_steps.c.step == assets.c.key)).where(IS_UNFINISHED_STEP)
        self._start = Prepared(row.from_select(columns, own).on_conflict_do_update(index_elements=index, set_=displayed))
        shared = pending.where(assets.c.key == bindparam("of_asset"))
        self._start_shared = Prepared(row.from_select(columns, shared).on_conflict_do_update(index_elements=index, set_=displayed))

    def start(self, connection: Connection, summary: Summary, *, at: int) -> set[str]:
        """The run is about to write the partitions of its unfinished steps, and of those that have failed at once. Answers the assets' keys."""
        self._start.run(connection, {"of_run": summary.run_id, "at": at})
        failed = (key for key, state in summary.steps.items() if state.status is StepStatus.FAILED)
        others = dict.fromkeys((*summary.shared, *summary.failed, *failed))
        self._start_shared.run_many(connection, [{"of_run": summary.run_id, "at": at, "of_asset": key} for key in others])
        return _targets(connection, summary.run_id)

    def materialize(self, connection: Connection, summary: Summary, asset_ids: dict[str, int], partition_ids: dict[str, int]) -> None:
        """The partitions of a batch's materialisations are there."""
        status = PartitionStatus.MATERIALIZED.value
        latest = {
            (asset_ids[event.asset], partition_ids[event.partition]): to_micros(event.at)
            for _, event in summary.materialized
            if event.partition is not None
        }
        rows = [
            {
                "asset_id": asset_id,
                "partition_id": partition_id,
                "status": status,
                "run_id": summary.run_id,
                "at": at,
                "settled_status": status,
                "settled_run_id": summary.run_id,
                "settled_at": at,
            }
            for (asset_id, partition_id), at in sorted(latest.items())
        ]
        self._materialize.run_many(connection, rows)

    def settle(self, connection: Connection, summary: Summary, names: Interned) -> set[str]:
        """What a run's ended steps, or its own end, leave of partitions that it has not written. Answers the assets' keys."""
        ended = {key: state for key, state in summary.ended_steps.items() if state.status is not StepStatus.SUCCEEDED}
        changed = set(names.find(connection, ended)) if ended else set()
        failed = sorted(key for key in changed if ended[key].status is StepStatus.FAILED)
        _FAIL.run_many(connection, [_failure(summary, key) for key in failed])
        others = sorted(summary.failed.items())
        _FAIL.run_many(connection, [{"of_run": summary.run_id, "of_step": key, "failed_at": to_micros(at)} for key, at in others])
        changed.update(summary.failed)
        given_up = sorted(changed.difference(failed))
        for statement in _RELEASE_STEP:
            statement.run_many(connection, [{"of_run": summary.run_id, "of_step": key} for key in given_up])
        if summary.status.is_finished:
            for statement in _RELEASE_RUN:
                statement.run(connection, {"of_run": summary.run_id})
            changed |= _targets(connection, summary.run_id)
        return changed


def _targets(connection: Connection, run_id: str) -> set[str]:
    return {row.key for row in _TARGETS.all(connection, {"of_run": run_id})}


def _failure(summary: Summary, key: str) -> dict[str, str | int | None]:
    ended_at = summary.steps[key].ended_at
    return {"of_run": summary.run_id, "of_step": key, "failed_at": None if ended_at is None else to_micros(ended_at)}
