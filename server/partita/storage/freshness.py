"""What was last told of the freshness of assets: when that changes, whoever follows an asset hears of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from partita.definitions.keys import AssetKey
from partita.records.changes import ChangeKind
from partita.storage.alert_tables import asset_freshness
from partita.storage.changes import record_changes
from partita.storage.columns import to_datetime, to_datetime_or_none, to_micros
from partita.storage.engine import Database
from partita.storage.interned import Interned, in_chunks
from partita.storage.tables import assets

_ALL = select(assets.c.key, asset_freshness.c.is_fresh, asset_freshness.c.since).join(assets, assets.c.id == asset_freshness.c.asset_id)
_OVERDUE = _ALL.where(asset_freshness.c.is_fresh.is_(False), asset_freshness.c.since.is_not(None))


@dataclass(frozen=True, slots=True)
class ToldFreshness:
    """How an asset stands."""

    is_fresh: bool
    since: datetime | None
    """Of one that is not fresh: since when it is too old; None when it was never written."""


class FreshnessMemory:
    """What was told."""

    def __init__(self, database: Database, *, asset_names: Interned) -> None:
        self._database = database
        self._asset_names = asset_names
        row = database.insert(asset_freshness)
        latest = {"is_fresh": row.excluded.is_fresh, "since": row.excluded.since}
        self._set = row.on_conflict_do_update(index_elements=["asset_id"], set_=latest)

    def read(self) -> dict[AssetKey, ToldFreshness]:
        """What was told of every asset that has a policy."""

        def work(connection: Connection) -> dict[AssetKey, ToldFreshness]:
            rows = connection.execute(_ALL)
            return {AssetKey(row.key): ToldFreshness(bool(row.is_fresh), to_datetime_or_none(row.since)) for row in rows}

        return self._database.read(work)

    def overdue(self) -> dict[AssetKey, datetime]:
        """The assets that were fresh once and are not any more, and since when."""

        def work(connection: Connection) -> dict[AssetKey, datetime]:
            return {AssetKey(row.key): to_datetime(row.since) for row in connection.execute(_OVERDUE)}

        return self._database.read(work)

    def tell(self, changed: Mapping[AssetKey, ToldFreshness], *, gone: Collection[AssetKey] = ()) -> None:
        """These stand otherwise now; those that are `gone` have no policy any more."""

        def work(connection: Connection) -> None:
            subjects = sorted({*changed, *gone})
            numbers = self._asset_names.ids(connection, subjects)
            rows = [
                {"asset_id": numbers[key], "is_fresh": told.is_fresh, "since": None if told.since is None else to_micros(told.since)}
                for key, told in changed.items()
            ]
            for chunk in in_chunks(rows):
                connection.execute(self._set, chunk)
            old = [numbers[key] for key in gone]
            for these in in_chunks(old):
                connection.execute(delete(asset_freshness).where(asset_freshness.c.asset_id.in_(these)))
            record_changes(connection, [(ChangeKind.ASSET, key) for key in subjects], at=self._database.clock(connection))

        if changed or gone:
            self._database.write(work)
