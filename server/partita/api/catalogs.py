"""The catalogs of the locations, read from the store once for every hash."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from threading import Lock

from partita.api.definitions import Definitions, Entries
from partita.records.locations import LocationCatalog, LocationRecord
from partita.storage.store import Store
from partita.workspace.catalog import Catalog


class Catalogs:
    """Gives the definitions of the moment; builds them anew only when a location has published others."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._by_hash: dict[str, LocationCatalog] = {}
        self._built: tuple[str, Entries] | None = None

    def read(self) -> Definitions:
        """What the workspace declares at this moment. Blocks on the store."""
        records = self._store.locations.list()
        version = _version_of(records)
        with self._lock:
            if self._built is None or self._built[0] != version:
                self._built = version, self._build(records)
            entries = self._built[1]
        return Definitions(records, entries, version, dynamic=self._store.partitions.bind(entries.dynamic_sets))

    def _build(self, records: Sequence[LocationRecord]) -> Entries:
        wanted = {record.name: record.catalog_hash for record in records if record.catalog_hash is not None}
        known = {each: self._by_hash.get(each) or self._store.locations.catalog(each) for each in wanted.values()}
        self._by_hash = known
        return Entries(Catalog({name: known[each] for name, each in wanted.items()}))


def _version_of(records: Sequence[LocationRecord]) -> str:
    digest = sha256()
    for record in records:
        digest.update(f"{record.name}\0{record.catalog_hash}\0".encode())
    return digest.hexdigest()[:16]
