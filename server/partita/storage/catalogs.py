"""Catalogs by their content hash: written once, never changed, so a decoded one is kept in memory."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from partita.definitions.keys import AssetKey
from partita.errors import NotFoundError
from partita.records.codec import decode, hash_catalog
from partita.records.locations import LocationCatalog
from partita.records.runs import RunRequest
from partita.storage.engine import Database
from partita.storage.prepared import Prepared
from partita.storage.rows import to_text
from partita.storage.tables import catalogs, locations

# Catalogs of a few locations, and the versions that their runs in flight were planned under.
REMEMBERED = 32

_SELECT = Prepared(select(catalogs.c.payload).where(catalogs.c.hash == bindparam("hash")))
_CURRENT = Prepared(select(locations.c.catalog_hash).where(locations.c.name == bindparam("location")))


class Catalogs:
    """Stores and remembers catalogs."""

    def __init__(self, database: Database) -> None:
        self._known: dict[str, LocationCatalog] = {}
        row = database.insert(catalogs)
        # The same definitions may have moved to other lines, which the hash leaves out.
        self._insert = row.on_conflict_do_update(index_elements=["hash"], set_={"payload": row.excluded.payload})

    def add(self, connection: Connection, catalog: LocationCatalog, *, at: int) -> str:
        """Store a catalog. Answers its hash."""
        found = hash_catalog(catalog)
        connection.execute(self._insert, {"hash": found, "location": catalog.location, "created_at": at, "payload": to_text(catalog)})
        return found

    def get(self, connection: Connection, content_hash: str) -> LocationCatalog:
        """The catalog with that hash.

        Raises:
            NotFoundError: none was published.
        """
        known = self._known.get(content_hash)
        if known is not None:
            return known
        payload = _SELECT.scalar(connection, {"hash": content_hash})
        if payload is None:
            raise NotFoundError("catalog", content_hash)
        catalog = decode(payload, LocationCatalog)
        while len(self._known) >= REMEMBERED:
            self._known.pop(next(iter(self._known)), None)
        self._known[content_hash] = catalog
        return catalog

    def job_assets(self, connection: Connection, request: RunRequest) -> Sequence[AssetKey]:
        """The assets of the job that a request names, as its location's current catalog has them; none for a job of ops."""
        current = _CURRENT.scalar(connection, {"location": request.location})
        if current is None:
            return ()
        jobs = (
            job
            for repository in self.get(connection, current).repositories
            if repository.name == request.repository
            for job in repository.jobs
            if job.name == request.job
        )
        return next((job.assets for job in jobs), ())
