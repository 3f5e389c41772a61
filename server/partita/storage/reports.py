"""Materialisations that are reported from outside: recorded as those of runs are, with the latest facts and the partition's state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update

from partita.records.assets import Materialization, PartitionStatus, ReportedMaterialization
from partita.records.changes import ChangeKind
from partita.records.ids import new_id
from partita.storage.changes import record_changes
from partita.storage.columns import to_datetime
from partita.storage.engine import Database
from partita.storage.idempotency_keys import Idempotency, IdempotencyKeys
from partita.storage.interned import Interned
from partita.storage.prepared import Prepared
from partita.storage.rows import to_text
from partita.storage.tables import asset_events, asset_partitions, assets
from partita.storage.versions import Versions

_INSERT = Prepared(insert(asset_events))
_SET_LATEST = Prepared(
    update(assets)
    .where(assets.c.id == bindparam("asset_id"))
    .values(latest=bindparam("payload"), materialization_count=assets.c.materialization_count + 1)
)


class Reports:
    """Writes reported materialisations."""

    def __init__(self, database: Database, keys: IdempotencyKeys, *, asset_names: Interned, partition_names: Interned) -> None:
        self._database = database
        self._keys = keys
        self._asset_names = asset_names
        self._partition_names = partition_names
        row = database.insert(asset_partitions)
        columns = ("status", "run_id", "at", "settled_status", "settled_run_id", "settled_at")
        upsert = row.on_conflict_do_update(index_elements=["asset_id", "partition_id"], set_={name: row.excluded[name] for name in columns})
        self._materialize = Prepared(upsert)

    def add(self, report: ReportedMaterialization, *, key: Idempotency | None = None) -> str:
        """Record one, or find the one that was recorded under the same idempotency key. Answers the id of the materialisation.

        Raises:
            ConflictError: the key was used for another report.
        """

        def work(connection: Connection) -> str:
            now = self._database.clock(connection)
            source = new_id("report")
            before = None if key is None else self._keys.take_in(connection, key, [_id_of(source, 1)], now=now)
            if before is not None:
                return before[0]
            self.add_in(connection, [report], source=source, at=now)
            return _id_of(source, 1)

        return self._database.write(work)

    def add_in(self, connection: Connection, reports: Sequence[ReportedMaterialization], *, source: str, at: int) -> None:
        """Record them, as a part of the transaction of `connection`. `source`, an id of what reports, makes their ids unique."""
        asset_ids = self._asset_names.ids(connection, sorted({report.asset for report in reports}))
        partition_ids = self._partition_names.ids(connection, sorted({report.partition for report in reports if report.partition is not None}))
        writes = [_materialization(report, _id_of(source, place), at=at) for place, report in enumerate(reports, 1)]
        versions = Versions(connection, [(write, ()) for write in writes], asset_names=self._asset_names, partition_names=self._partition_names)
        for report, write in zip(reports, writes, strict=True):
            number = None if report.partition is None else partition_ids[report.partition]
            row = _row(versions.settle(write), asset_ids[report.asset], number, at=at)
            _INSERT.run(connection, row)
            _SET_LATEST.run(connection, {"asset_id": row["asset_id"], "payload": row["payload"]})
            if number is not None:
                self._materialize.run(connection, _state(row["asset_id"], number, at=at))
        record_changes(connection, [(ChangeKind.ASSET, report.asset) for report in reports], at=at)


def _id_of(source: str, place: int) -> str:
    return f"mat_{source}_{place}"


def _materialization(report: ReportedMaterialization, event_id: str, *, at: int) -> Materialization:
    return Materialization(
        id=event_id,
        asset=report.asset,
        at=to_datetime(at),
        partition=report.partition,
        data_version=report.data_version,
        metadata=report.metadata,
    )


def _row(write: Materialization, asset_id: int, partition_id: int | None, *, at: int) -> dict[str, Any]:
    return {"id": write.id, "asset_id": asset_id, "partition_id": partition_id, "run_id": None, "at": at, "payload": to_text(write)}


def _state(asset_id: int, partition_id: int, *, at: int) -> dict[str, Any]:
    status = PartitionStatus.MATERIALIZED.value
    shown = {"status": status, "run_id": None, "at": at}
    return {"asset_id": asset_id, "partition_id": partition_id, **shown, **{f"settled_{name}": value for name, value in shown.items()}}
