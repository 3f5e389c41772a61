"""Connections and transactions: who may write, what is tried again, and what a call that failed means.

SQLite (WAL) has two engines. The writer owns one connection per process and begins every transaction with
`BEGIN IMMEDIATE`: a deferred transaction that reads first cannot be upgraded and fails with BUSY whatever the timeout.
Readers are `query_only`, see one snapshot each and never wait. What differs between databases is here and in `sqlite`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, NullPool, Table, create_engine, event
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.exc import DBAPIError

from partita.errors import OperationError, StorageUnavailableError
from partita.storage import sqlite
from partita.storage.sqlite import Intent, Synchronous

P = ParamSpec("P")
T = TypeVar("T")
Act = Callable[[], None]

# Shorter than the lease of a run (30 s): whoever cannot write must learn it while there is time to end its processes.
DEADLINE = 20.0
# The API reads from as many threads as its framework has, forty.
READERS = 48
_ON_COMMIT = "on_commit"


class Database:
    """One database, opened by this process. Threads may share it; a forked child may not."""

    def __init__(self, url: str, *, synchronous: Synchronous = "normal") -> None:
        self.url = url
        self.path = sqlite.path_of(url)
        self._synchronous = synchronous
        self._driver = sqlite.driver()
        self._pid = os.getpid()
        self._is_closed = False
        self._identity: tuple[int, int] | None = None
        self._writers = _Connections(self._engine("write"), size=1)
        self._readers = _Connections(self._engine("read"), size=READERS)

    def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` answers from one consistent snapshot."""
        return self._run(self._readers, work, *args, **kwargs)

    def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` answers, with all it wrote committed, or none of it. It may be called again when others are in the way."""
        return self._run(self._writers, work, *args, **kwargs)

    def clock(self, connection: Connection) -> int:
        """Microseconds since the epoch by the database's clock, the only judge of leases. SQLite lives on ours."""
        del connection
        return time.time_ns() // 1000

    def on_commit(self, connection: Connection, act: Act) -> None:
        """Have `act` called once the transaction of `connection` is committed, and never if it is not."""
        connection.info[_ON_COMMIT].append(act)

    def insert(self, table: Table) -> sqlite_dialect.Insert:
        """An INSERT that knows `on_conflict_do_update` and `on_conflict_do_nothing`."""
        return sqlite_dialect.insert(table)

    def create_file(self) -> None:
        """Make the database file, if there is none, ready for several processes."""
        try:
            sqlite.create_file(self.path, deadline=DEADLINE)
        except self._driver.Error as error:
            raise self._unavailable(error) from error
        self.remember_file()

    def copy_file(self, suffix: str) -> Path:
        """A consistent copy of the database beside it, replacing one of the same name."""
        copy = self.path.with_name(self.path.name + suffix)
        draft = copy.with_name(f"{copy.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        self._maintain(sqlite.copy_statement(draft))
        return draft.replace(copy)

    def remember_file(self) -> None:
        """From now on, refuse to work when the file is no longer this one."""
        self._identity = self._file_identity()
        if self._identity is None:
            raise StorageUnavailableError(f"There is no database at {self.path}. Start `partita dev`, or create it with `partita db upgrade`.")

    def reclaim_space(self) -> None:
        """Give back what deleted rows took, a portion at a time."""
        # The driver's cursor: each row that is fetched frees a page, but they have no columns, which SQLAlchemy takes for no rows.
        self.write(lambda connection: _driver_connection(connection).execute(sqlite.VACUUM_STATEMENT).fetchall())
        self._maintain(sqlite.CHECKPOINT_STATEMENT)

    def raw_connection(self) -> Any:
        """A driver's connection of its own, for reading."""
        self.check_usable()
        try:
            return self._connect("read")
        except self._driver.Error as error:
            raise self._unavailable(error) from error

    def check_usable(self) -> None:
        """Nothing, if this process has opened the database and its file is still the same.

        Raises:
            OperationError: this is a forked child, or the store is closed.
            StorageUnavailableError: the file was deleted or replaced.
        """
        if os.getpid() != self._pid:
            raise OperationError(f"This store was opened by process {self._pid}; a forked process must open its own.")
        if self._is_closed:
            raise OperationError(f"The store of {self.path} is closed.")
        if self._identity is not None and self._file_identity() != self._identity:
            raise StorageUnavailableError(
                f"The database {self.path} was deleted or replaced while it was in use. Stop every Partita process, put it back, and start again."
            )

    def close(self) -> None:
        """Close every connection. A forked child leaves them alone: they are its parent's."""
        if os.getpid() == self._pid:
            self._is_closed = True
            self._readers.close()
            self._writers.close()

    def _run(self, connections: _Connections, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.check_usable()
        give_up_at = time.monotonic() + DEADLINE
        while True:
            connection = self._take(connections)
            try:
                after: list[Act] = []
                connection.info[_ON_COMMIT] = after
                with connection.begin():
                    answer = work(connection, *args, **kwargs)
            except (DBAPIError, self._driver.Error) as error:
                if sqlite.is_mistake(error):
                    raise
                if not sqlite.is_busy(error) or time.monotonic() > give_up_at:
                    raise self._unavailable(error) from error
                continue
            finally:
                connections.give_back(connection)
            for act in after:
                act()
            return answer

    def _take(self, connections: _Connections) -> Connection:
        try:
            connection = connections.take(timeout=DEADLINE)
        except (DBAPIError, self._driver.Error) as error:
            raise self._unavailable(error) from error
        if connection is None:
            raise StorageUnavailableError(f"The database {self.path} did not answer within {DEADLINE:g} s: other threads of this process hold it.")
        return connection

    def _maintain(self, statement: str) -> None:
        """Run a statement that must stand outside a transaction, on the writer's connection."""
        self.check_usable()
        connection = self._take(self._writers)
        try:
            _driver_connection(connection).execute(statement).fetchall()
        except self._driver.Error as error:
            raise self._unavailable(error) from error
        finally:
            self._writers.give_back(connection)

    def _engine(self, intent: Intent) -> Engine:
        engine = create_engine("sqlite://", module=self._driver, creator=lambda: self._connect(intent), poolclass=NullPool)
        begin = "BEGIN IMMEDIATE" if intent == "write" else "BEGIN"

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            _driver_connection(connection).execute(begin)

        return engine

    def _connect(self, intent: Intent) -> Any:
        return sqlite.connect(self.path, intent, synchronous=self._synchronous)

    def _file_identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)  # noqa: PTH116 (a third of the cost, at every transaction)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _unavailable(self, error: BaseException) -> StorageUnavailableError:
        return StorageUnavailableError(sqlite.explain(error, self.path))


class _Connections:
    """The open connections of one engine, and a limit to them.

    They stay checked out of SQLAlchemy: its pool costs four times as much as an empty transaction.
    """

    def __init__(self, engine: Engine, *, size: int) -> None:
        self._engine = engine
        self._free: list[Connection] = []
        self._slots = threading.Semaphore(size)
        self._is_closed = False

    def take(self, *, timeout: float) -> Connection | None:
        """A connection for this thread alone, or None when all are in use for so long."""
        if not self._slots.acquire(timeout=timeout):
            return None
        with suppress(IndexError):
            return self._free.pop()
        try:
            return self._engine.connect()
        except BaseException:
            self._slots.release()
            raise

    def give_back(self, connection: Connection) -> None:
        """Let other threads have it."""
        if self._is_closed or connection.invalidated:
            connection.close()
        else:
            self._free.append(connection)
        self._slots.release()

    def close(self) -> None:
        """Close those that are free now, and the others when they come back."""
        self._is_closed = True
        with suppress(IndexError):
            while True:
                self._free.pop().close()


def _driver_connection(connection: Connection) -> Any:
    return connection.connection.driver_connection
