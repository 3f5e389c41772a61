"""What backfills consist of: each partition that one is to write, and how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from partita.definitions.keys import AssetKey
from partita.records.backfills import BackfillItem, BackfillItemStatus
from partita.records.pages import Direction, Page, PageRequest
from partita.storage.backfill_rows import to_item
from partita.storage.engine import Database
from partita.storage.pages import FIRST_PAGE, Keyset, Position, read_page
from partita.storage.rows import AnyRow
from partita.storage.tables import assets, backfill_items, partition_keys

_items = backfill_items.c
_COUNTS = (
    select(_items.backfill_id, _items.status, func.count().label("times"))
    .where(_items.backfill_id.in_(bindparam("ids", expanding=True)))
    .group_by(_items.backfill_id, _items.status)
)
_COUNTS_BY_ASSET = (
    select(_items.backfill_id, assets.c.key, _items.status, func.count().label("times"))
    .join(assets, assets.c.id == _items.asset_id)
    .where(_items.backfill_id.in_(bindparam("ids", expanding=True)))
    .group_by(_items.backfill_id, _items.asset_id, assets.c.key, _items.status)
)
_ITEMS = (
    select(assets.c.key.label("asset"), partition_keys.c.key.label("partition"), _items.status, _items.run_id, _items.position)
    .select_from(backfill_items)
    .outerjoin(assets, assets.c.id == _items.asset_id)
    .outerjoin(partition_keys, partition_keys.c.id == _items.partition_id)
)
_IN_TURN = Keyset(name="backfill items", unique=_items.position, direction=Direction.ASC)


class BackfillItems:
    """The items of the backfills of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self, ids: Sequence[str]) -> dict[str, dict[BackfillItemStatus, int]]:
        """How many items of each backfill stand how."""

        def work(connection: Connection) -> dict[str, dict[BackfillItemStatus, int]]:
            found: dict[str, dict[BackfillItemStatus, int]] = {each: dict.fromkeys(BackfillItemStatus, 0) for each in ids}
            for row in connection.execute(_COUNTS, {"ids": list(ids)}):
                found[row.backfill_id][BackfillItemStatus(row.status)] = row.times
            return found

        return self._database.read(work) if ids else {}

    def counts_by_asset(self, ids: Sequence[str]) -> dict[str, dict[AssetKey, dict[BackfillItemStatus, int]]]:
        """How many items of each asset of each backfill stand how; ways that none stands in are left out."""

        def work(connection: Connection) -> dict[str, dict[AssetKey, dict[BackfillItemStatus, int]]]:
            found: dict[str, dict[AssetKey, dict[BackfillItemStatus, int]]] = {each: {} for each in ids}
            for row in connection.execute(_COUNTS_BY_ASSET, {"ids": list(ids)}):
                found[row.backfill_id].setdefault(AssetKey(row.key), {})[BackfillItemStatus(row.status)] = row.times
            return found

        return self._database.read(work) if ids else {}

    def list(
        self,
        backfill_id: str,
        *,
        statuses: Sequence[BackfillItemStatus] | None = None,
        asset: str | None = None,
        page: PageRequest = FIRST_PAGE,
    ) -> Page[BackfillItem]:
        """A page of a backfill's items in the order of their turn.

        Raises:
            RequestError: a bad cursor or size.
        """
        query = _narrowed(_ITEMS, backfill_id, statuses, asset)
        return self._database.read(read_page, query, _IN_TURN, page=page, position_of=_place, to_item=to_item)

    def count(self, backfill_id: str, *, statuses: Sequence[BackfillItemStatus] | None = None, asset: str | None = None) -> int:
        """How many items match."""

        def work(connection: Connection) -> int:
            query = select(func.count()).select_from(backfill_items.outerjoin(assets, assets.c.id == _items.asset_id))
            found: int = connection.execute(_narrowed(query, backfill_id, statuses, asset)).scalar_one()
            return found

        return self._database.read(work)

    def all(self, backfill_id: str) -> Sequence[BackfillItem]:
        """Every item of a backfill in the order of their turn."""

        def work(connection: Connection) -> Sequence[BackfillItem]:
            query = _narrowed(_ITEMS, backfill_id, None, None).order_by(_items.position)
            return [to_item(row) for row in connection.execute(query)]

        return self._database.read(work)


def _narrowed(query: Any, backfill_id: str, statuses: Sequence[BackfillItemStatus] | None, asset: str | None) -> Any:
    query = query.where(_items.backfill_id == backfill_id)
    if statuses is not None:
        query = query.where(_items.status.in_([status.value for status in statuses]))
    return query if asset is None else query.where(assets.c.key == asset)


def _place(row: AnyRow) -> Position:
    return Position(row.position)
