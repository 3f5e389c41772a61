"""What is known of assets: latest facts, history, partitions, checks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, func, select, tuple_

from partita.definitions.keys import AssetKey
from partita.records.assets import AssetState, CheckResult, Materialization, Observation, PartitionState, PartitionStatus, Write, newest
from partita.records.codec import decode
from partita.records.filters import HistoryFilter
from partita.records.pages import Page, PageRequest
from partita.storage.columns import to_datetime_or_none
from partita.storage.engine import Database
from partita.storage.interned import Interned, in_chunks
from partita.storage.pages import FIRST_PAGE, Keyset, Position, read_page
from partita.storage.rows import AnyRow
from partita.storage.tables import asset_events, asset_partitions, assets, check_results, checks, observations, partition_counts, partition_keys

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
_PARTITION_COUNTS = select(partition_counts.c.asset_id, partition_counts.c.status, partition_counts.c.count.label("times")).where(
    partition_counts.c.asset_id.in_(bindparam("asset_ids", expanding=True)), partition_counts.c.count > 0
)
_LATEST_WRITES = select(assets.c.id, assets.c.latest, assets.c.observed).where(assets.c.id.in_(bindparam("asset_ids", expanding=True)))


def _newest_of_partitions(history: Table) -> Select[Any]:
    latest = (
        select(func.max(history.c.number))
        .where(history.c.asset_id.in_(bindparam("asset_ids", expanding=True)), history.c.partition_id.is_not(None))
        .group_by(history.c.asset_id, history.c.partition_id)
    )
    return (
        select(history.c.asset_id, partition_keys.c.key, history.c.payload)
        .join(partition_keys, partition_keys.c.id == history.c.partition_id)
        .where(history.c.number.in_(latest))
    )


_PARTITION_WRITES = _newest_of_partitions(asset_events)
_PARTITION_OBSERVATIONS = _newest_of_partitions(observations)
_OBSERVATION = select(observations.c.payload).where(observations.c.id == bindparam("of_id"))
_OBSERVATIONS = select(observations.c.number, observations.c.payload)
_COUNT_OBSERVATIONS = select(func.count()).select_from(observations)
_LATEST_RESULTS = select(checks.c.latest).where(tuple_(checks.c.asset_id, checks.c.name).in_(bindparam("pairs", expanding=True)))
_RESULTS = select(check_results.c.number, check_results.c.payload)
_COUNT_RESULTS = select(func.count()).select_from(check_results)
_NEWEST_MATERIALIZATION = Keyset(name="materializations", unique=asset_events.c.number)
_NEWEST_OBSERVATION = Keyset(name="observations", unique=observations.c.number)
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
        return self._database.read(asset_states, keys)

    def materializations(self, where: HistoryFilter, *, page: PageRequest = FIRST_PAGE) -> Page[Materialization]:
        """A page of the materialisations that match, newest first.

        Raises:
            RequestError: a bad cursor or size.
        """
        return self._database.read(self._materializations, where, page)

    def latest(self, asset: AssetKey, partition: str | None = None) -> Materialization | None:
        """The last write of an asset, or of one partition of it."""
        if partition is None:
            return self.states([asset])[asset].latest
        where = HistoryFilter(asset=asset, partition_keys=(partition,))
        return next(iter(self.materializations(where, page=PageRequest(first=1)).items), None)

    def writes(self, keys: Collection[AssetKey], *, partitioned: Collection[AssetKey]) -> dict[AssetKey, dict[str | None, Write]]:
        """What is known of the data of each of `keys`, by its newest write or observation; of `partitioned` ones by partition, else under None."""
        return self._database.read(self._writes, keys, partitioned)

    def count_materializations(self, where: HistoryFilter) -> int:
        """How many materialisations match."""
        return self._database.read(self._count, _COUNT_HISTORY, asset_events, where)

    def materialization(self, materialization_id: str) -> Materialization | None:
        """The materialisation with this id, or None."""
        return self._database.read(_materialization, materialization_id)

    def observations(self, where: HistoryFilter, *, page: PageRequest = FIRST_PAGE) -> Page[Observation]:
        """A page of the observations that match, newest first.

        Raises:
            RequestError: a bad cursor or size.
        """
        return self._database.read(self._observations, where, page)

    def count_observations(self, where: HistoryFilter) -> int:
        """How many observations match."""
        return self._database.read(self._count, _COUNT_OBSERVATIONS, observations, where)

    def observation(self, observation_id: str) -> Observation | None:
        """The observation with this id, or None."""
        return self._database.read(_observation, observation_id)

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

    def _materializations(self, connection: Connection, where: HistoryFilter, page: PageRequest) -> Page[Materialization]:
        query = self._filtered(connection, _HISTORY, asset_events, where)
        return read_page(connection, query, _NEWEST_MATERIALIZATION, page=page, position_of=_position, to_item=_to_materialization)

    def _observations(self, connection: Connection, where: HistoryFilter, page: PageRequest) -> Page[Observation]:
        query = self._filtered(connection, _OBSERVATIONS, observations, where)
        return read_page(connection, query, _NEWEST_OBSERVATION, page=page, position_of=_position, to_item=_to_observation)

    def _count(self, connection: Connection, query: Select[Any], history: Table, where: HistoryFilter) -> int:
        found: int = connection.execute(self._filtered(connection, query, history, where)).scalar_one()
        return found

    def _filtered(self, connection: Connection, query: Select[Any], history: Table, where: HistoryFilter) -> Select[Any]:
        number = self._asset_names.find(connection, [where.asset]).get(where.asset, -1)
        query = query.where(history.c.asset_id == number)
        if where.partition_keys is None:
            return query
        return query.where(history.c.partition_id.in_(self._partition_names.find(connection, where.partition_keys).values()))

    def _writes(
        self, connection: Connection, keys: Collection[AssetKey], partitioned: Collection[AssetKey]
    ) -> dict[AssetKey, dict[str | None, Write]]:
        numbers = self._asset_names.find(connection, keys)
        keys_of = {number: AssetKey(key) for key, number in numbers.items()}
        cut = {number for key, number in numbers.items() if key in partitioned}
        found: dict[AssetKey, dict[str | None, Write]] = {key: {} for key in keys}
        looked_at: list[int] = []
        for asset_id, written, observed in _in_chunks(connection, _LATEST_WRITES, sorted(keys_of)):
            if asset_id in cut:
                looked_at += [asset_id] if observed is not None else []
                continue
            for payload, kind in ((written, Write), (observed, Observation)):
                if payload is not None:
                    _keep_newest(found[keys_of[asset_id]], None, decode(payload, kind))
        for asset_id, partition, payload in _in_chunks(connection, _PARTITION_WRITES, sorted(cut)):
            found[keys_of[asset_id]][partition] = decode(payload, Write)
        for asset_id, partition, payload in _in_chunks(connection, _PARTITION_OBSERVATIONS, looked_at):
            _keep_newest(found[keys_of[asset_id]], partition, decode(payload, Observation))
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


def _keep_newest(found: dict[str | None, Write], partition: str | None, write: Write) -> None:
    if write.tells_version:
        found[partition] = newest(found.get(partition), write)


def _in_chunks(connection: Connection, query: Select[Any], numbers: Sequence[int]) -> Iterator[Any]:
    for chunk in in_chunks(numbers):
        yield from connection.execute(query, {"asset_ids": chunk})


def _known_keys(connection: Connection) -> list[AssetKey]:
    return [AssetKey(key) for key in connection.execute(_KNOWN).scalars()]


def asset_states(connection: Connection, keys: Sequence[AssetKey]) -> dict[AssetKey, AssetState]:
    """The latest facts of each asset, also of those that nothing is known of."""
    found = {row.key: row for row in connection.execute(_STATES, {"keys": [str(key) for key in keys]})}
    return {key: _to_state(key, found.get(key)) for key in keys}


def _to_state(key: AssetKey, row: AnyRow | None) -> AssetState:
    if row is None:
        return AssetState(asset=key)
    return AssetState(
        asset=key,
        latest=None if row.latest is None else decode(row.latest, Materialization),
        observed=None if row.observed is None else decode(row.observed, Observation),
        materialization_count=row.materialization_count,
        latest_run_id=row.latest_run_id,
    )


def _materialization(connection: Connection, materialization_id: str) -> Materialization | None:
    payload = connection.execute(_MATERIALIZATION, {"of_id": materialization_id}).scalar_one_or_none()
    return None if payload is None else decode(payload, Materialization)


def _observation(connection: Connection, observation_id: str) -> Observation | None:
    payload = connection.execute(_OBSERVATION, {"of_id": observation_id}).scalar_one_or_none()
    return None if payload is None else decode(payload, Observation)


def _position(row: AnyRow) -> Position:
    return Position(row.number)


def _to_materialization(row: AnyRow) -> Materialization:
    return decode(row.payload, Materialization)


def _to_observation(row: AnyRow) -> Observation:
    return decode(row.payload, Observation)


def _to_result(row: AnyRow) -> CheckResult:
    return decode(row.payload, CheckResult)
