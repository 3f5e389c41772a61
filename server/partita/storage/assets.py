"""What is known of assets: latest facts, history, partitions, checks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, tuple_

from partita.definitions.keys import AssetKey
from partita.records.assets import AssetState, CheckResult, Materialization, PartitionState, PartitionStatus, Write
from partita.records.codec import decode
from partita.records.filters import MaterializationFilter
from partita.records.pages import Page, PageRequest
from partita.storage.engine import Database
from partita.storage.interned import CHUNK, Interned
from partita.storage.pages import FIRST_PAGE, Keyset, Position, read_page
from partita.storage.rows import AnyRow
from partita.storage.tables import asset_events, asset_partitions, assets, check_results, checks, partition_keys, to_datetime_or_none

_STATES = select(assets).where(assets.c.key.in_(bindparam("keys", expanding=True)))
_KNOWN = select(assets.c.key).order_by(assets.c.key)
_MATERIALIZATION = select(asset_events.c.payload).where(asset_events.c.id == bindparam("of_id"))
_HISTORY = select(asset_events.c.number, asset_events.c.payload)
_COUNT_HISTORY = select(func.count()).select_from(asset_events)
_PARTITIONS = (
    select(
        assets.c.key.label("asset"),
        partition_keys.c.key.label("partition"),
        asset_partitions.c.status,
        asset_partitions.c.run_id,
        asset_partitions.c.at,
    )
    .select_from(asset_partitions)
    .join(assets, assets.c.id == asset_partitions.c.asset_id)
    .join(partition_keys, partition_keys.c.id == asset_partitions.c.partition_id)
    .where(asset_partitions.c.asset_id.in_(bindparam("asset_ids", expanding=True)))
)
_PARTITION_COUNTS = (
    select(asset_partitions.c.asset_id, asset_partitions.c.status, func.count().label("times"))
    .where(asset_partitions.c.asset_id.in_(bindparam("asset_ids", expanding=True)))
    .group_by(asset_partitions.c.asset_id, asset_partitions.c.status)
)
_LATEST_WRITES = select(assets.c.id, assets.c.latest).where(assets.c.id.in_(bindparam("asset_ids", expanding=True)), assets.c.latest.is_not(None))
_newest = (
    select(func.max(asset_events.c.number))
    .where(asset_events.c.asset_id.in_(bindparam("asset_ids", expanding=True)), asset_events.c.partition_id.is_not(None))
    .group_by(asset_events.c.asset_id, asset_events.c.partition_id)
)
_PARTITION_WRITES = (
    select(asset_events.c.asset_id, partition_keys.c.key, asset_events.c.payload)
    .join(partition_keys, partition_keys.c.id == asset_events.c.partition_id)
    .where(asset_events.c.number.in_(_newest))
)
_LATEST_RESULTS = select(checks.c.latest).where(tuple_(checks.c.asset_id, checks.c.name).in_(bindparam("pairs", expanding=True)))
_RESULTS = select(check_results.c.number, check_results.c.payload)
_COUNT_RESULTS = select(func.count()).select_from(check_results)
_NEWEST_MATERIALIZATION = Keyset(name="materializations", unique=asset_events.c.number)
_NEWEST_RESULT = Keyset(name="check results", unique=check_results.c.number)


class Assets:
    """The assets of a store."""

    def __init__(self, database: Database, *, asset_names: Interned, partition_names: Interned) -> None:
        self._database = database
        self._asset_names = asset_names
        self._partition_names = partition_names

    def known_keys(self) -> list[AssetKey]:
        """Every asset that a run was asked to write, or that something was recorded of."""
        return self._database.read(_known_keys)

    def states(self, keys: Sequence[AssetKey]) -> dict[AssetKey, AssetState]:
        """The latest facts of each asset, also of those that nothing is known of."""
        return self._database.read(_states, keys)

    def materializations(self, where: MaterializationFilter, *, page: PageRequest = FIRST_PAGE) -> Page[Materialization]:
        """A page of the materialisations that match, newest first.

        Raises:
            RequestError: a bad cursor or size.
        """
        return self._database.read(self._materializations, where, page)

    def latest(self, asset: AssetKey, partition: str | None = None) -> Materialization | None:
        """The last write of an asset, or of one partition of it."""
        if partition is None:
            return self.states([asset])[asset].latest
        where = MaterializationFilter(asset=asset, partition_keys=(partition,))
        return next(iter(self.materializations(where, page=PageRequest(first=1)).items), None)

    def writes(self, keys: Collection[AssetKey], *, partitioned: Collection[AssetKey]) -> dict[AssetKey, dict[str | None, Write]]:
        """The newest write of each of `keys`; of those that are `partitioned` that of each partition, else under None."""
        return self._database.read(self._writes, keys, partitioned)

    def count_materializations(self, where: MaterializationFilter) -> int:
        """How many materialisations match."""
        return self._database.read(self._count_materializations, where)

    def materialization(self, materialization_id: str) -> Materialization | None:
        """The materialisation with this id, or None."""
        return self._database.read(_materialization, materialization_id)

    def partition_states(self, keys: Sequence[AssetKey], *, partition_keys: Sequence[str] | None = None) -> dict[AssetKey, list[PartitionState]]:
        """The state of each partition, of all or of these, that something happened to; the others are missing."""
        return self._database.read(self._partition_states, keys, partition_keys)

    def partition_counts(self, keys: Sequence[AssetKey]) -> dict[AssetKey, dict[PartitionStatus, int]]:
        """How many partitions are in each state; only the definition knows how many are missing."""
        return self._database.read(self._partition_counts, keys)

    def check_results(self, pairs: Sequence[tuple[AssetKey, str]]) -> dict[tuple[AssetKey, str], CheckResult]:
        """The latest result of each check that has one."""
        return self._database.read(self._check_results, pairs)

    def check_history(self, asset: AssetKey, check: str, *, page: PageRequest = FIRST_PAGE, partition_key: str | None = None) -> Page[CheckResult]:
        """A page of a check's results, of all partitions or of one, newest first.

        Raises:
            RequestError: a bad cursor or size.
        """
        return self._database.read(self._check_history, asset, check, page=page, partition_key=partition_key)

    def count_check_history(self, asset: AssetKey, check: str, *, partition_key: str | None = None) -> int:
        """How many results a check has, of all partitions or of one."""
        return self._database.read(self._count_check_history, asset, check, partition_key)

    def _materializations(self, connection: Connection, where: MaterializationFilter, page: PageRequest) -> Page[Materialization]:
        query = self._filtered(connection, _HISTORY, where)
        return read_page(connection, query, _NEWEST_MATERIALIZATION, page=page, position_of=_position, to_item=_to_materialization)

    def _count_materializations(self, connection: Connection, where: MaterializationFilter) -> int:
        found: int = connection.execute(self._filtered(connection, _COUNT_HISTORY, where)).scalar_one()
        return found

    def _filtered(self, connection: Connection, query: Select[Any], where: MaterializationFilter) -> Select[Any]:
        number = self._asset_names.find(connection, [where.asset]).get(where.asset, -1)
        query = query.where(asset_events.c.asset_id == number)
        if where.partition_keys is None:
            return query
        return query.where(asset_events.c.partition_id.in_(self._partition_names.find(connection, where.partition_keys).values()))

    def _writes(
        self, connection: Connection, keys: Collection[AssetKey], partitioned: Collection[AssetKey]
    ) -> dict[AssetKey, dict[str | None, Write]]:
        numbers = self._asset_names.find(connection, keys)
        keys_of = {number: AssetKey(key) for key, number in numbers.items()}
        cut = {number for key, number in numbers.items() if key in partitioned}
        found: dict[AssetKey, dict[str | None, Write]] = {key: {} for key in keys}
        for asset_id, payload in _in_chunks(connection, _LATEST_WRITES, sorted(keys_of.keys() - cut)):
            found[keys_of[asset_id]][None] = decode(payload, Write)
        for asset_id, partition, payload in _in_chunks(connection, _PARTITION_WRITES, sorted(cut)):
            found[keys_of[asset_id]][partition] = decode(payload, Write)
        return found

    def _partition_states(
        self, connection: Connection, keys: Sequence[AssetKey], wanted: Sequence[str] | None
    ) -> dict[AssetKey, list[PartitionState]]:
        found: dict[AssetKey, list[PartitionState]] = {key: [] for key in keys}
        numbers = self._asset_names.find(connection, keys)
        query = _PARTITIONS
        if wanted is not None:
            query = query.where(asset_partitions.c.partition_id.in_(self._partition_names.find(connection, wanted).values()))
        ordered = query.order_by(asset_partitions.c.asset_id, asset_partitions.c.partition_id)
        for row in connection.execute(ordered, {"asset_ids": list(numbers.values())}):
            key = AssetKey(row.asset)
            state = PartitionState(
                asset=key, partition=row.partition, status=PartitionStatus(row.status), run_id=row.run_id, at=to_datetime_or_none(row.at)
            )
            found[key].append(state)
        return found

    def _partition_counts(self, connection: Connection, keys: Sequence[AssetKey]) -> dict[AssetKey, dict[PartitionStatus, int]]:
        found: dict[AssetKey, dict[PartitionStatus, int]] = {key: {} for key in keys}
        names = {number: AssetKey(key) for key, number in self._asset_names.find(connection, keys).items()}
        for row in connection.execute(_PARTITION_COUNTS, {"asset_ids": list(names)}):
            found[names[row.asset_id]][PartitionStatus(row.status)] = row.times
        return found

    def _check_results(self, connection: Connection, pairs: Sequence[tuple[AssetKey, str]]) -> dict[tuple[AssetKey, str], CheckResult]:
        numbers = self._asset_names.find(connection, [asset for asset, _ in pairs])
        wanted = [(numbers[asset], name) for asset, name in pairs if asset in numbers]
        if not wanted:
            return {}
        results = [decode(payload, CheckResult) for payload in connection.execute(_LATEST_RESULTS, {"pairs": wanted}).scalars()]
        return {(result.asset, result.check): result for result in results}

    def _check_history(
        self, connection: Connection, asset: AssetKey, check: str, *, page: PageRequest, partition_key: str | None
    ) -> Page[CheckResult]:
        query = self._results(connection, _RESULTS, asset, check, partition_key)
        return read_page(connection, query, _NEWEST_RESULT, page=page, position_of=_position, to_item=_to_result)

    def _count_check_history(self, connection: Connection, asset: AssetKey, check: str, partition_key: str | None) -> int:
        found: int = connection.execute(self._results(connection, _COUNT_RESULTS, asset, check, partition_key)).scalar_one()
        return found

    def _results(self, connection: Connection, query: Select[Any], asset: AssetKey, check: str, partition_key: str | None) -> Select[Any]:
        number = self._asset_names.find(connection, [asset]).get(asset, -1)
        query = query.where(check_results.c.asset_id == number, check_results.c.name == check)
        if partition_key is None:
            return query
        return query.where(check_results.c.partition_id == self._partition_names.find(connection, [partition_key]).get(partition_key, -1))


def _in_chunks(connection: Connection, query: Select[Any], numbers: Sequence[int]) -> Iterator[Any]:
    for start in range(0, len(numbers), CHUNK):
        yield from connection.execute(query, {"asset_ids": numbers[start : start + CHUNK]})


def _known_keys(connection: Connection) -> list[AssetKey]:
    return [AssetKey(key) for key in connection.execute(_KNOWN).scalars()]


def _states(connection: Connection, keys: Sequence[AssetKey]) -> dict[AssetKey, AssetState]:
    found = {row.key: row for row in connection.execute(_STATES, {"keys": [str(key) for key in keys]})}
    return {key: _to_state(key, found.get(key)) for key in keys}


def _to_state(key: AssetKey, row: AnyRow | None) -> AssetState:
    if row is None:
        return AssetState(asset=key)
    return AssetState(
        asset=key,
        latest=None if row.latest is None else decode(row.latest, Materialization),
        materialization_count=row.materialization_count,
        latest_run_id=row.latest_run_id,
    )


def _materialization(connection: Connection, materialization_id: str) -> Materialization | None:
    payload = connection.execute(_MATERIALIZATION, {"of_id": materialization_id}).scalar_one_or_none()
    return None if payload is None else decode(payload, Materialization)


def _position(row: AnyRow) -> Position:
    return Position(row.number)


def _to_materialization(row: AnyRow) -> Materialization:
    return decode(row.payload, Materialization)


def _to_result(row: AnyRow) -> CheckResult:
    return decode(row.payload, CheckResult)
