"""Writes what events tell of assets: the history of materialisations, observations and check results, and the latest of each."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update

from partita.records.assets import CheckResult, Materialization, Observation
from partita.records.events import CheckEvaluated
from partita.storage.columns import to_micros
from partita.storage.engine import Database
from partita.storage.interned import Interned
from partita.storage.prepared import Prepared
from partita.storage.rows import to_text
from partita.storage.summaries import Summary
from partita.storage.tables import asset_events, assets, check_results, checks, observations, run_targets
from partita.storage.versions import Versions

_INSERT_MATERIALIZATIONS = Prepared(insert(asset_events))
_INSERT_OBSERVATIONS = Prepared(insert(observations))
_INSERT_RESULTS = Prepared(insert(check_results))
_SET_LATEST = Prepared(
    update(assets)
    .where(assets.c.id == bindparam("asset_id"))
    .values(latest=bindparam("payload"), materialization_count=assets.c.materialization_count + bindparam("times"))
)


_SET_OBSERVED = Prepared(update(assets).where(assets.c.id == bindparam("asset_id")).values(observed=bindparam("payload")))


class AssetFacts:
    """Writes into `asset_events`, `observations`, `assets`, `check_results` and `checks`."""

    def __init__(self, database: Database, *, asset_names: Interned, partition_names: Interned) -> None:
        self._asset_names = asset_names
        self._partition_names = partition_names
        self._add_targets = Prepared(database.insert(run_targets).on_conflict_do_nothing(index_elements=["run_id", "asset_id"]))
        row = database.insert(checks)
        upsert = row.on_conflict_do_update(index_elements=["asset_id", "name"], set_={"latest": row.excluded.latest})
        self._set_latest_result = Prepared(upsert)

    def materialize(self, connection: Connection, summary: Summary, asset_ids: dict[str, int], partition_ids: dict[str, int]) -> None:
        """Record the materialisations of a batch."""
        batch = [(Materialization.of_event(event, run_id=summary.run_id, seq=seq), event.reads) for seq, event in summary.materialized]
        versions = Versions(connection, batch, asset_names=self._asset_names, partition_names=self._partition_names)
        settled = [versions.settle(write, reads) for write, reads in batch]
        rows = [_row(each, asset_ids, partition_ids) for each in settled]
        _INSERT_MATERIALIZATIONS.run_many(connection, rows)
        times = Counter(row["asset_id"] for row in rows)
        latest = {row["asset_id"]: {"payload": row["payload"], "times": times[row["asset_id"]]} for row in rows}
        ordered = sorted(latest)
        _SET_LATEST.run_many(connection, [{"asset_id": number, **latest[number]} for number in ordered])
        self._add_targets.run_many(connection, [{"run_id": summary.run_id, "asset_id": number} for number in ordered])

    def observe(self, connection: Connection, summary: Summary, asset_ids: dict[str, int], partition_ids: dict[str, int]) -> None:
        """Record the observations of a batch."""
        batch = [Observation.of_event(event, run_id=summary.run_id, seq=seq) for seq, event in summary.observed]
        versions = Versions(connection, [(each, ()) for each in batch], asset_names=self._asset_names, partition_names=self._partition_names)
        rows = [_row(versions.settle_observation(each), asset_ids, partition_ids) for each in batch]
        _INSERT_OBSERVATIONS.run_many(connection, rows)
        latest = {row["asset_id"]: row["payload"] for row in rows}
        _SET_OBSERVED.run_many(connection, [{"asset_id": number, "payload": latest[number]} for number in sorted(latest)])

    def check(self, connection: Connection, summary: Summary, asset_ids: dict[str, int], partition_ids: dict[str, int]) -> None:
        """Record the check results of a batch."""
        rows = [_result_row(summary.run_id, seq, event, asset_ids, partition_ids) for seq, event in summary.checked]
        _INSERT_RESULTS.run_many(connection, rows)
        latest = {(row["asset_id"], row["name"]): row["payload"] for row in rows}
        ordered = sorted(latest)
        self._set_latest_result.run_many(connection, [{"asset_id": number, "name": name, "latest": latest[number, name]} for number, name in ordered])


def _row(write: Materialization | Observation, asset_ids: dict[str, int], partition_ids: dict[str, int]) -> dict[str, Any]:
    return {
        "id": write.id,
        "asset_id": asset_ids[write.asset],
        "partition_id": partition_ids[write.partition] if write.partition is not None else None,
        "run_id": write.run_id,
        "at": to_micros(write.at),
        "payload": to_text(write),
    }


def _result_row(run_id: str, seq: int, event: CheckEvaluated, asset_ids: dict[str, int], partition_ids: dict[str, int]) -> dict[str, Any]:
    result = CheckResult(
        id=f"chk_{run_id.removeprefix('run_')}_{seq}",
        asset=event.asset,
        check=event.check,
        at=event.at,
        passed=event.passed,
        severity=event.severity,
        is_blocking=event.is_blocking,
        run_id=run_id,
        partition=event.partition,
        description=event.description,
        metadata=event.metadata,
    )
    return {
        "id": result.id,
        "asset_id": asset_ids[event.asset],
        "name": event.check,
        "partition_id": partition_ids[event.partition] if event.partition is not None else None,
        "run_id": run_id,
        "at": to_micros(event.at),
        "passed": event.passed,
        "payload": to_text(result),
    }
