"""The data version of every write and observation, and of what a write was made from: worked out when it is recorded.

A version that the author's code names is taken. Else, with a `code_version`, it is a digest of that and of the versions
of the inputs, so that the same code on the same inputs makes the same version; without one every write is a new version.
An observation that names no version leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, bindparam, func, select

from partita.definitions.keys import AssetKey
from partita.records.assets import InputVersion, Materialization, Observation, newest
from partita.records.codec import decode
from partita.records.events import AssetRead
from partita.storage.interned import CHUNK, Interned
from partita.storage.tables import asset_events, assets, observations

_LATEST = select(assets.c.id, assets.c.key, assets.c.latest, assets.c.observed).where(assets.c.id.in_(bindparam("asset_ids", expanding=True)))


def _latest_of_partitions(history: Table) -> Select[Any]:
    latest = (
        select(func.max(history.c.number))
        .where(
            history.c.asset_id.in_(bindparam("asset_ids", expanding=True)),
            history.c.partition_id.in_(bindparam("partition_ids", expanding=True)),
        )
        .group_by(history.c.asset_id, history.c.partition_id)
    )
    return select(history.c.payload).where(history.c.number.in_(latest))


_WRITES_OF_PARTITIONS = _latest_of_partitions(asset_events)
_LOOKS_AT_PARTITIONS = _latest_of_partitions(observations)
_LENGTH = 16
"""Characters of a digest: 64 bits, for versions are compared with others of one asset only."""


Known = Materialization | Observation
Unsettled = tuple[Known, Sequence[AssetRead]]


class Versions:
    """Settles the versions of one batch of writes, in their order; later ones see what earlier ones have written."""

    def __init__(self, connection: Connection, batch: Sequence[Unsettled], *, asset_names: Interned, partition_names: Interned) -> None:
        self._connection = connection
        self._latest: dict[tuple[AssetKey, str | None], Known] = {}
        keys = {each for write, reads in batch for each in (write.asset, *(read.asset for read in reads))}
        asset_ids = list(asset_names.find(connection, keys).values())
        looked_at: list[int] = []
        for number, key, written, observed in self._rows(_LATEST, asset_ids):
            if written is not None:
                self._know(AssetKey(key), None, decode(written, Materialization))
            if observed is not None:
                looked_at.append(number)
                self._know(AssetKey(key), None, decode(observed, Observation))
        partitions = {each for write, reads in batch for each in (write.partition, *(read.partition for read in reads)) if each is not None}
        partition_ids = list(partition_names.find(connection, partitions).values()) if partitions else []
        for start in range(0, len(partition_ids), CHUNK):
            part = {"partition_ids": partition_ids[start : start + CHUNK]}
            for (payload,) in self._rows(_WRITES_OF_PARTITIONS, asset_ids, **part):
                write = decode(payload, Materialization)
                self._know(write.asset, write.partition, write)
            for (payload,) in self._rows(_LOOKS_AT_PARTITIONS, looked_at, **part):
                look = decode(payload, Observation)
                self._know(look.asset, look.partition, look)

    def _know(self, asset: AssetKey, partition: str | None, found: Known) -> None:
        if found.tells_version:
            self._latest[asset, partition] = newest(self._latest.get((asset, partition)), found)

    def _rows(self, query: Select[Any], asset_ids: Sequence[int], **values: Any) -> Iterator[Any]:
        for start in range(0, len(asset_ids), CHUNK):
            yield from self._connection.execute(query, {"asset_ids": asset_ids[start : start + CHUNK], **values})

    def settle(self, write: Materialization, reads: Sequence[AssetRead] = ()) -> Materialization:
        """`write` with its version, since when that has been the version, and the versions that it was made from."""
        began = write.read_at or write.at
        found = [(each, self._latest.get((each.asset, None if each.is_several else each.partition))) for each in reads]
        version = write.data_version or self._digest(write, found)
        before = self._latest.get((write.asset, write.partition))
        is_same = before is not None and before.effective_version == version
        settled = msgspec.structs.replace(
            write,
            version=version,
            changed_at=before.effective_changed_at if before is not None and is_same else write.at,
            inputs=tuple(InputVersion(asset=each.asset, version=_version_read(each, latest, began)) for each, latest in found),
        )
        self._latest[write.asset, write.partition] = self._latest[write.asset, None] = settled
        return settled

    def settle_observation(self, found: Observation) -> Observation:
        """`found` with the version that the data has now, and since when."""
        before = self._latest.get((found.asset, found.partition))
        version = found.data_version or (before.effective_version if before is not None else None)
        is_same = before is not None and before.effective_version == version
        since = before.effective_changed_at if before is not None and is_same else found.at
        settled = msgspec.structs.replace(found, version=version, changed_at=since)
        self._know(found.asset, found.partition, settled)
        self._know(found.asset, None, settled)
        return settled

    def _digest(self, write: Materialization, found: Sequence[tuple[AssetRead, Known | None]]) -> str:
        if write.code_version is None:
            return write.id
        parts = [write.code_version, *sorted(f"{each.asset}={_mark(each, latest)}" for each, latest in found)]
        return sha256("\n".join(parts).encode()).hexdigest()[:_LENGTH]


def _version_read(read: AssetRead, latest: Known | None, began: datetime) -> str | None:
    """The version that was read, where that is sure: of several partitions, and of what changed meanwhile, it is not known."""
    if read.is_several or latest is None:
        return None
    return latest.effective_version if latest.effective_changed_at <= began else None


def _mark(read: AssetRead, latest: Known | None) -> str:
    """What stands for the upstream data in a digest: of several partitions any new write or observation counts as other data."""
    if latest is None:
        return "-"
    return latest.id if read.is_several else latest.effective_version
