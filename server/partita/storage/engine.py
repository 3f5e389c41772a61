"""Connections and transactions: who may write, what is tried again, and what a call that failed means.

There are two engines. The writer owns one connection per process, and all writers of a database take turns; readers see one
snapshot each and never wait. What differs between kinds of databases is in `sqlite` and `postgres`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.exc import DBAPIError

from partita.errors import OperationError, StorageUnavailableError
from partita.storage.backend import Backend, Ringer, Synchronous
from partita.storage.sqlite import Sqlite

P = ParamSpec("P")
T = TypeVar("T")
Act = Callable[[], None]

DEADLINE = 20.0
"""Seconds that a call may take, unless who opens the database says otherwise. Whoever holds leases must say less: it has to learn that it cannot
write while there is time to end its processes."""
AWAY = 1.0
"""Seconds for which a server that did not answer is not asked again, and that it is given then, until it answers: who has other things to do, such
as ending processes, gets to them."""
# The API reads from as many threads as its framework has, forty.
READERS = 48
# Between two tries when the server of a database is gone for a moment.
PAUSE = 0.1
_ON_COMMIT = "on_commit"


class Database:
    """One database, opened by this process. Threads may share it; a forked child may not."""

    def __init__(self, url: str, *, synchronous: Synchronous = "normal", deadline: float = DEADLINE) -> None:
        self.url = url
        self._deadline = deadline
        self._away_until = 0.0
        self._away_because = ""
        self._backend = _backend_of(url, synchronous, deadline)
        self._errors = (DBAPIError, self._backend.driver_error)
        self._pid = os.getpid()
        self._is_closed = False
        self._writers = _Connections(self._backend.engine("write"), size=1)
        self._readers = _Connections(self._backend.engine("read"), size=READERS)

    @property
    def place(self) -> str:
        """What people call it: its file, or server and name."""
        return self._backend.place

    @property
    def path(self) -> Path | None:
        """Its file, if it is one."""
        return self._backend.path if isinstance(self._backend, Sqlite) else None

    def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` answers from one consistent snapshot."""
        return self._run(self._readers, work, *args, **kwargs)

    def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` answers, with all it wrote committed, or none of it. It may be called again when others are in the way.

        Raises:
            StorageUnavailableError: the database does not answer. Whether a commit that was under way has happened is not known then.
        """
        return self._run(self._writers, work, *args, **kwargs)

    def clock(self, connection: Connection) -> int:
        """Microseconds since the epoch by the database's clock, the only judge of leases."""
        return self._backend.clock(connection)

    def on_commit(self, connection: Connection, act: Act) -> None:
        """Have `act` called once the transaction of `connection` is committed, and never if it is not."""
        connection.info[_ON_COMMIT].append(act)

    def insert(self, table: Table) -> Any:
        """An INSERT that knows `on_conflict_do_update` and `on_conflict_do_nothing`."""
        return self._backend.insert(table)

    def create(self) -> None:
        """Make the database, where that is ours to do."""
        try:
            self._backend.create(deadline=self._deadline)
        except self._errors as error:
            raise self._unavailable(error) from error
        self.remember()

    def copy(self, suffix: str) -> None:
        """Make a copy beside it, where that is ours to do."""
        self._backend.copy(self._maintain, suffix)

    def backup(self, to: Path) -> None:
        """Write a consistent copy into a file, while others go on.

        Raises:
            OperationError: that is not ours to do.
            StorageUnavailableError: it cannot be written.
        """
        try:
            self._backend.backup(self._maintain, to)
        except OSError as error:
            raise StorageUnavailableError(f"The copy {to} cannot be written: {error.strerror}.") from error

    def damage(self) -> list[str]:
        """What the database finds wrong with what it has stored."""
        return self.read(self._backend.damage)

    def bytes(self, connection: Connection) -> int:
        """What the database takes of its disk."""
        return self._backend.bytes(connection)

    def remember(self) -> None:
        """From now on, refuse to work when the database is no longer this one.

        Raises:
            StorageUnavailableError: it is not there.
        """
        try:
            self._backend.remember()
        except self._errors as error:
            raise self._unavailable(error) from error

    def reclaim_space(self) -> None:
        """Give back what deleted rows took."""
        self._backend.reclaim(self._maintain)

    def ringer(self) -> Ringer:
        """Tells that something was committed; for one thread."""
        self.check_usable()
        try:
            return self._backend.ringer()
        except self._errors as error:
            raise self._unavailable(error) from error

    def check_usable(self) -> None:
        """Nothing, if this process has opened the database and it is still the same.

        Raises:
            OperationError: this is a forked child, or the store is closed.
            StorageUnavailableError: the file was deleted or replaced.
        """
        if os.getpid() != self._pid:
            raise OperationError(f"This store was opened by process {self._pid}; a forked process must open its own.")
        if self._is_closed:
            raise OperationError(f"The store of {self.place} is closed.")
        self._backend.check()

    def close(self) -> None:
        """Close every connection. A forked child leaves them alone: they are its parent's."""
        if os.getpid() == self._pid:
            self._is_closed = True
            self._readers.close()
            self._writers.close()
            self._backend.close()

    def _run(self, connections: _Connections, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.check_usable()
        backend, now = self._backend, time.monotonic()
        if now < self._away_until:
            raise StorageUnavailableError(self._away_because)
        give_up_at = now + (min(AWAY, self._deadline) if self._away_because else self._deadline)
        while True:
            connection = self._take(connections, give_up_at)
            is_done = False
            try:
                after: list[Act] = []
                connection.info[_ON_COMMIT] = after
                with backend.guard(connection, give_up_at), connection.begin():
                    answer = work(connection, *args, **kwargs)
                    is_done = True
            except self._errors as error:
                if backend.is_broken(connection):
                    connection.invalidate()
                if backend.is_mistake(error):
                    raise
                is_in_doubt = is_done and connection.invalidated
                if not backend.is_busy(error) or is_in_doubt or time.monotonic() > give_up_at:
                    raise self._unavailable(error) from error
                if connection.invalidated:
                    time.sleep(PAUSE)
                continue
            finally:
                connections.give_back(connection)
            self._away_because = ""
            for act in after:
                act()
            return answer

    def _take(self, connections: _Connections, give_up_at: float) -> Connection:
        while True:
            try:
                connection = connections.take(timeout=max(0.0, give_up_at - time.monotonic()))
            except self._errors as error:
                # a server that restarts is back soon; a file that cannot be opened stays so
                if self.path is not None or self._backend.is_mistake(error) or time.monotonic() > give_up_at:
                    raise self._unavailable(error) from error
                time.sleep(PAUSE)
                continue
            if connection is None:
                raise StorageUnavailableError(
                    f"The database {self.place} did not answer within {self._deadline:g} s: other threads of this process hold it."
                )
            return connection

    def _maintain(self, statement: str) -> None:
        """Run a statement that must stand outside a transaction, on the writer's connection."""
        self.check_usable()
        connection = self._take(self._writers, time.monotonic() + self._deadline)
        try:
            driver_connection: Any = connection.connection.driver_connection
            # the driver's own: each row that is fetched may do a part, though it has no columns, which SQLAlchemy takes for no rows
            driver_connection.execute(statement).fetchall()
        except self._errors as error:
            raise self._unavailable(error) from error
        finally:
            self._writers.give_back(connection)

    def _unavailable(self, error: BaseException) -> StorageUnavailableError:
        because = self._backend.explain(error)
        if self.path is None:
            self._away_until, self._away_because = time.monotonic() + AWAY, because
        return StorageUnavailableError(because)


def _backend_of(url: str, synchronous: Synchronous, deadline: float) -> Backend:
    if url.startswith(("postgresql:", "postgresql+psycopg:")):
        try:
            from partita.storage.postgres import Postgres  # the driver is an extra
        except ImportError as error:
            raise OperationError(f"storage.url names PostgreSQL, which needs {error.name}: pip install 'partita[postgres]'.") from error
        return Postgres(url, deadline=deadline)
    return Sqlite(url, synchronous=synchronous)


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
