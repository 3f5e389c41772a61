"""The store: everything that is remembered, one attribute per noun."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from partita.errors import OperationError, SchemaVersionError
from partita.storage import schema
from partita.storage.alerts import Alerts
from partita.storage.arrivals import Arrivals
from partita.storage.assets import Assets
from partita.storage.automations import Automations
from partita.storage.backend import Synchronous
from partita.storage.backfill_items import BackfillItems
from partita.storage.backfills import Backfills
from partita.storage.bell import Bell
from partita.storage.catalogs import Catalogs
from partita.storage.changes import Changes
from partita.storage.columns import to_datetime
from partita.storage.condition_memory import ConditionMemory
from partita.storage.dynamic_partitions import DynamicPartitionKeys
from partita.storage.engine import DEADLINE, Database
from partita.storage.events import Events
from partita.storage.failures import Failures
from partita.storage.freshness import FreshnessMemory
from partita.storage.happenings import Happenings
from partita.storage.idempotency_keys import IdempotencyKeys
from partita.storage.interned import Interned
from partita.storage.journal import Journal
from partita.storage.launches import Launches
from partita.storage.leases import Leases
from partita.storage.locations import Locations
from partita.storage.maintenance import Maintenance
from partita.storage.outcomes import Outcomes
from partita.storage.queue import Queue
from partita.storage.reports import Reports
from partita.storage.retention import Retention
from partita.storage.runs import Runs
from partita.storage.schema import SchemaState
from partita.storage.tables import assets as asset_table
from partita.storage.tables import partition_keys
from partita.storage.ticks import Ticks
from partita.storage.troubles import Troubles


class Store:
    """A database of Partita, opened. Threads may share it; a forked process must open its own.

    Args:
        url: such as `sqlite:////var/lib/partita/partita.db`.
        migrate: create the tables of an empty database, and upgrade an older one.
        synchronous: how much SQLite waits for the disk. With "normal" nothing acknowledged is lost when a process dies;
            the last moments may be when the machine loses power, which "full" prevents.
        deadline: seconds that a call may take before it fails with StorageUnavailableError.

    Example:
        `with Store("sqlite:///partita.db") as store: print(store.runs.count())`

    Raises:
        SettingsError: the URL names no database that Partita can use.
        StorageUnavailableError: the database cannot be opened.
        SchemaVersionError: its schema is newer, or older and `migrate` is False.
    """

    def __init__(self, url: str, *, migrate: bool = True, synchronous: Synchronous = "normal", deadline: float = DEADLINE) -> None:
        self.url = url
        self._database = _open(url, migrate=migrate, synchronous=synchronous, deadline=deadline)
        database = self._database
        asset_names, partition_names = Interned(database, asset_table), Interned(database, partition_keys)
        catalogs = Catalogs(database)
        journal = Journal(database, asset_names=asset_names, partition_names=partition_names)
        self.idempotency_keys = IdempotencyKeys(database)
        launches = Launches(database, catalogs, self.idempotency_keys, asset_names=asset_names, partition_names=partition_names)
        self.runs = Runs(database, journal, launches)
        self.events = Events(database, journal)
        self.changes = Changes(database)
        self.assets = Assets(database, asset_names=asset_names, partition_names=partition_names)
        self.failures = Failures(database)
        self.locations = Locations(database, catalogs)
        self.partitions = DynamicPartitionKeys(database)
        self.queue = Queue(database, self.locations)
        self.reports = Reports(database, self.idempotency_keys, asset_names=asset_names, partition_names=partition_names)
        self.automations = Automations(database)
        self.ticks = Ticks(database, Outcomes(launches, self.partitions, self.reports))
        self.arrivals = Arrivals(database, asset_names=asset_names)
        self.backfill_items = BackfillItems(database)
        self.backfills = Backfills(database, launches, self.idempotency_keys, asset_names=asset_names, partition_names=partition_names)
        self.leases = Leases(database)
        self.retention = Retention(database)
        self.happenings = Happenings(database, asset_names=asset_names)
        self.conditions = ConditionMemory(database, launches, asset_names=asset_names)
        self.freshness = FreshnessMemory(database, asset_names=asset_names)
        self.troubles = Troubles(database)
        self.alerts = Alerts(database)
        self.maintenance = Maintenance(database)

    @classmethod
    def open(cls, url: str, *, migrate: bool = True, synchronous: Synchronous = "normal", deadline: float = DEADLINE) -> Self:
        """The store at `url`: the same as calling the class."""
        return cls(url, migrate=migrate, synchronous=synchronous, deadline=deadline)

    @property
    def place(self) -> str:
        """What people call the database: its file, or server and name."""
        return self._database.place

    @property
    def database_path(self) -> Path:
        """The file of a SQLite database.

        Raises:
            OperationError: it is no file.
        """
        path = self._database.path
        if path is None:
            raise OperationError(f"The database {self.place} is no file.")
        return path

    @property
    def values_directory(self) -> Path:
        """Where runs in process keep values, unless they are told otherwise: beside a file, else in the folder `.partita`."""
        path = self._database.path
        return (path.parent if path is not None else Path(".partita").absolute()) / "values"

    def now(self) -> datetime:
        """What time it is by the database's clock, which decides what is due."""
        return to_datetime(self._database.read(self._database.clock))

    def bell(self) -> Bell:
        """A bell of one's own, for one thread. Close it."""
        return Bell(self._database)

    def check_schema(self) -> SchemaState:
        """The state of the schema, as it is now.

        Raises:
            SchemaVersionError: another version of Partita has changed it since this store was opened.
        """
        state = self._database.read(schema.state_of)
        if not state.is_current:
            raise SchemaVersionError(f"{self.place} has schema {state.found} now; this process works with {state.needed}. Restart it.")
        return state

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _open(url: str, *, migrate: bool, synchronous: Synchronous, deadline: float) -> Database:
    database = Database(url, synchronous=synchronous, deadline=deadline)
    try:
        if migrate:
            database.create()
        else:
            database.remember()
        schema.prepare(database, migrate=migrate)
    except BaseException:
        database.close()
        raise
    return database
