"""Code locations: what the workspace declares, what their workers publish, and whether a worker is there at all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from partita.errors import NotFoundError
from partita.records.changes import ChangeKind
from partita.records.codec import decode
from partita.records.failures import PythonError
from partita.records.locations import LocationCatalog, LocationRecord, LocationStatus
from partita.storage.catalogs import Catalogs
from partita.storage.changes import record_changes
from partita.storage.columns import to_datetime_or_none
from partita.storage.declared_automations import declare, retire_location
from partita.storage.engine import Database
from partita.storage.leases import held_leases, location_lease
from partita.storage.rows import AnyRow, to_error, to_text
from partita.storage.tables import locations

START_GRACE = timedelta(seconds=30)
"""A location that has been loading for less is loading, even if its worker does not hold the lease yet."""

_ALL = select(locations).order_by(locations.c.position, locations.c.name)
_NAMES = select(locations.c.name)
_CURRENT = (
    select(locations.c.name, locations.c.catalog_hash).where(locations.c.catalog_hash.is_not(None)).order_by(locations.c.position, locations.c.name)
)
_AT_NAME = update(locations).where(locations.c.name == bindparam("of_name"))
_PUBLISH = _AT_NAME.values(
    status=LocationStatus.LOADED.value,
    changed_at=bindparam("now"),
    loaded_at=bindparam("now"),
    catalog_hash=bindparam("new_hash"),
    error=None,
    warnings=bindparam("new_warnings"),
    python_version=bindparam("new_python"),
    library_version=bindparam("new_library"),
    start=bindparam("new_start"),
    reload_requested_at=None,
)
_FAIL = _AT_NAME.values(status=LocationStatus.FAILED.value, changed_at=bindparam("now"), error=bindparam("new_error"), reload_requested_at=None)
_LOADING = _AT_NAME.values(status=LocationStatus.LOADING.value, changed_at=bindparam("now"), reload_requested_at=None)
_RELOAD = _AT_NAME.values(reload_requested_at=bindparam("now"))
_FORGET = delete(locations).where(locations.c.name.not_in(bindparam("names", expanding=True))).returning(locations.c.name)


class Locations:
    """The code locations of a store."""

    def __init__(self, database: Database, catalogs: Catalogs) -> None:
        self._database = database
        self._catalogs = catalogs
        row = database.insert(locations)
        self._declare = row.on_conflict_do_update(index_elements=["name"], set_={"position": row.excluded.position, "source": row.excluded.source})

    def declare(self, settings: Sequence[tuple[str, dict[str, str]]]) -> None:
        """Say which locations the workspace has, in its order, and where their code is. What is known of them stays."""

        def work(connection: Connection) -> None:
            now = self._database.clock(connection)
            known = {row.name: (row.position, row.source) for row in connection.execute(_ALL)}
            rows = [
                {"name": name, "position": place, "status": LocationStatus.LOADING.value, "changed_at": now, "source": to_text(source)}
                for place, (name, source) in enumerate(settings)
            ]
            fresh = [row for row in rows if known.get(str(row["name"])) != (row["position"], row["source"])]
            if fresh:
                connection.execute(self._declare, fresh)
                record_changes(connection, [(ChangeKind.LOCATION, str(row["name"])) for row in fresh], at=now)

        self._database.write(work)

    def publish(self, name: str, catalog: LocationCatalog, *, python_version: str, library_version: str, start: str) -> str:
        """Make `catalog` the location's current one, with the schedules and sensors that it declares. Answers its hash.

        Raises:
            NotFoundError: the workspace does not declare the location.
        """

        def work(connection: Connection) -> str:
            now = self._database.clock(connection)
            content_hash = self._catalogs.add(connection, catalog, at=now)
            facts = {
                "new_hash": content_hash,
                "new_warnings": to_text(catalog.warnings),
                "new_python": python_version,
                "new_library": library_version,
                "new_start": start,
            }
            _change(connection, _PUBLISH, name, now=now, facts=facts)
            declare(connection, catalog, at=now)
            return content_hash

        return self._database.write(work)

    def fail(self, name: str, error: PythonError) -> None:
        """Say why the newest load failed. The last good catalog stays the current one.

        Raises:
            NotFoundError: the workspace does not declare the location.
        """
        self._database.write(self._set, _FAIL, name, facts={"new_error": to_text(error)})

    def loading(self, name: str) -> None:
        """Say that the location is being loaded.

        Raises:
            NotFoundError: the workspace does not declare the location.
        """
        self._database.write(self._set, _LOADING, name, facts={})

    def request_reload(self, name: str) -> LocationRecord:
        """Ask the location's worker to load its code again.

        Raises:
            NotFoundError: the workspace does not declare the location.
        """
        self._database.write(self._set, _RELOAD, name, facts={})
        return self.get(name)

    def forget(self, names: Collection[str]) -> None:
        """Drop every location that is not among `names`, those of the workspace. Its runs, assets, schedules' and sensors' history stay."""

        def work(connection: Connection) -> None:
            now = self._database.clock(connection)
            gone = connection.execute(_FORGET, {"names": list(names)}).scalars().all()
            record_changes(connection, [(ChangeKind.LOCATION, name) for name in gone], at=now)
            for name in gone:
                retire_location(connection, name, at=now)

        self._database.write(work)

    def list(self) -> Records:
        """Every location, in the order of the workspace."""
        return self._database.read(self._list)

    def get(self, name: str) -> LocationRecord:
        """The location with this name.

        Raises:
            NotFoundError: the workspace does not declare it.
        """
        found = {record.name: record for record in self.list()}
        if name not in found:
            raise NotFoundError("code location", name, found)
        return found[name]

    def catalog(self, content_hash: str) -> LocationCatalog:
        """The catalog with this hash.

        Raises:
            NotFoundError: none was published.
        """
        return self._database.read(self._catalogs.get, content_hash)

    def current(self) -> dict[str, str]:
        """The hash of each location's current catalog, in the order of the workspace; a location that has never loaded is left out."""
        return self._database.read(_current)

    def _set(self, connection: Connection, statement: Any, name: str, *, facts: dict[str, Any]) -> None:
        _change(connection, statement, name, now=self._database.clock(connection), facts=facts)

    def _list(self, connection: Connection) -> Records:
        now = self._database.clock(connection)
        rows = connection.execute(_ALL).all()
        held = held_leases(connection, [location_lease(row.name) for row in rows], now=now)
        return [_to_record(row, is_held=location_lease(row.name) in held, now=now) for row in rows]


Records = list[LocationRecord]


def _change(connection: Connection, statement: Any, name: str, *, now: int, facts: dict[str, Any]) -> None:
    if connection.execute(statement, {"of_name": name, "now": now, **facts}).rowcount == 0:
        raise NotFoundError("code location", name, connection.execute(_NAMES).scalars())
    record_changes(connection, [(ChangeKind.LOCATION, name)], at=now)


def _current(connection: Connection) -> dict[str, str]:
    return {row.name: row.catalog_hash for row in connection.execute(_CURRENT)}


def _to_record(row: AnyRow, *, is_held: bool, now: int) -> LocationRecord:
    status = LocationStatus(row.status)
    is_starting = status is LocationStatus.LOADING and now - row.changed_at < START_GRACE // timedelta(microseconds=1)
    return LocationRecord(
        name=row.name,
        status=status if is_held or is_starting else LocationStatus.UNREACHABLE,
        catalog_hash=row.catalog_hash,
        error=to_error(row.error),
        warnings=() if row.warnings is None else decode(row.warnings, tuple[str, ...]),
        loaded_at=to_datetime_or_none(row.loaded_at),
        python_version=row.python_version,
        library_version=row.library_version,
        start=row.start,
        reload_requested_at=to_datetime_or_none(row.reload_requested_at),
        source=decode(row.source, dict[str, str]),
    )
