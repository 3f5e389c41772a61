"""The catalogs that the workspace's locations have published, merged; read from the database only when one has changed."""

from __future__ import annotations

from partita.records.locations import LocationCatalog
from partita.storage.store import Store
from partita.workspace.catalog import Catalog
from partita.workspace.settings import Settings


class PublishedWorkspace:
    """The workspace as its locations have published it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: tuple[dict[str, str], Catalog] | None = None

    def read(self) -> Catalog:
        """The catalogs of this moment, merged."""
        hashes = self._store.locations.current()
        if self._read is None or self._read[0] != hashes:
            self._read = hashes, Catalog({name: self._store.locations.catalog(value) for name, value in hashes.items()})
        return self._read[1]


class PublishedCatalogs:
    """The workspace's catalog as one location sees it: its own code as it is loaded here, the others' as published."""

    def __init__(self, settings: Settings, store: Store, *, own: str) -> None:
        self._names = [location.name for location in settings.locations]
        self._store = store
        self._own = own
        self._loaded: dict[str, LocationCatalog] = {}
        self._merged: tuple[tuple[str, ...], LocationCatalog, Catalog] | None = None

    def hashes_of_others(self) -> dict[str, str]:
        """The current catalog of every other location, by its hash, in the workspace's order."""
        current = self._store.locations.current()
        return {name: current[name] for name in self._names if name in current and name != self._own}

    def with_own(self, catalog: LocationCatalog) -> Catalog:
        """The workspace, with `catalog` in the place of this location's."""
        others = self.hashes_of_others()
        key = tuple(others.values())
        if self._merged is None or self._merged[0] != key or self._merged[1] is not catalog:
            self._loaded = {value: self._loaded.get(value) or self._store.locations.catalog(value) for value in key}
            order = [name for name in self._names if name in others or name == self._own]
            parts = {name: catalog if name == self._own else self._loaded[others[name]] for name in order}
            self._merged = key, catalog, Catalog(parts)
        return self._merged[2]
