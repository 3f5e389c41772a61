"""What is particular to SQLite: the file, the driver, how a connection is made, what its errors mean, how it rings.

The writer begins every transaction with `BEGIN IMMEDIATE`: a deferred transaction that reads first cannot be upgraded and
fails with BUSY whatever the timeout. Readers are `query_only`, see one snapshot each and never wait.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, NullPool, Table, create_engine, event
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from partita.errors import SettingsError, StorageUnavailableError
from partita.storage.backend import Intent, Maintain, Synchronous

try:
    from pysqlite3 import dbapi2 as bundled_sqlite
except ImportError:  # the wheel exists for Linux only
    bundled_sqlite = None

logger = logging.getLogger(__name__)
_UNGUARDED = nullcontext()

# Before 3.51.3 a checkpoint that meets a commit which resets the WAL can lose that commit or corrupt the file.
MENDED = (3, 51, 3)
BUSY_TIMEOUT = 5.0
# 16 MB: a checkpoint waits for the disk, so a quarter as many as by default.
CHECKPOINT_PAGES = 4000
# Changing the journal mode does not wait by itself when another process is there first.
RETRY_AFTER = 0.01


def path_of(url: str) -> Path:
    """The file that a URL such as `sqlite:////var/lib/partita/partita.db` names.

    Raises:
        SettingsError: it is no URL, another kind of database, or a database in memory.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError(f"storage.url {url!r} is not a database URL. Write sqlite:///path/to/partita.db.") from None
    if parsed.get_backend_name() != "sqlite":
        name = parsed.get_backend_name()
        raise SettingsError(f"storage.url: Partita does not work with {name}. Use sqlite:///path/to/partita.db, or postgresql+psycopg://.")
    if not parsed.database or parsed.database == ":memory:":
        raise SettingsError("storage.url: a database in memory cannot be shared by several processes. Use sqlite:///path/to/partita.db.")
    return Path(parsed.database).absolute()


class Sqlite:
    """A file of SQLite (WAL), shared by the processes of one machine."""

    def __init__(self, url: str, *, synchronous: Synchronous) -> None:
        self.path = path_of(url)
        self.place = str(self.path)
        self._synchronous = synchronous
        self._identity: tuple[int, int] | None = None
        self.driver_error: type[BaseException] = driver().Error

    def engine(self, intent: Intent) -> Engine:
        """Makes connections for reading, or for writing."""
        engine = create_engine("sqlite://", module=driver(), creator=lambda: self.connect(intent), poolclass=NullPool, hide_parameters=True)
        begin = "BEGIN IMMEDIATE" if intent == "write" else "BEGIN"

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            driver_connection: Any = connection.connection.driver_connection
            driver_connection.execute(begin)

        return engine

    def connect(self, intent: Intent) -> Any:
        """A driver's connection."""
        return connect(self.path, intent, synchronous=self._synchronous)

    def clock(self, connection: Connection) -> int:
        """Microseconds since the epoch: SQLite lives on our clock."""
        del connection
        return time.time_ns() // 1000

    def insert(self, table: Table) -> Insert:
        """An INSERT that knows `on_conflict_do_update` and `on_conflict_do_nothing`."""
        return insert(table)

    def create(self, *, deadline: float) -> None:
        """Make the file, if there is none, ready for several processes."""
        create_file(self.path, deadline=deadline)

    def remember(self) -> None:
        """From now on, refuse to work when the file is no longer this one."""
        self._identity = self._file_identity()
        if self._identity is None:
            raise StorageUnavailableError(f"There is no database at {self.path}. Start `partita dev`, or create it with `partita db upgrade`.")

    def check(self) -> None:
        """Nothing, if the file is still the same."""
        if self._identity is not None and self._file_identity() != self._identity:
            raise StorageUnavailableError(
                f"The database {self.path} was deleted or replaced while it was in use. Stop every Partita process, put it back, and start again."
            )

    def guard(self, connection: Connection, until: float) -> AbstractContextManager[None]:
        """Nothing: a file answers, and waiting for others ends by the busy timeout."""
        del connection, until
        return _UNGUARDED

    def is_broken(self, connection: Connection) -> bool:
        """Whether a connection can be used no more."""
        return connection.invalidated

    def is_busy(self, error: BaseException) -> bool:
        """True when others were in the way, so that the same may succeed a moment later."""
        return is_busy(error)

    def is_mistake(self, error: BaseException) -> bool:
        """True when it is a bug of ours that no operator can mend."""
        return is_mistake(error)

    def explain(self, error: BaseException) -> str:
        """One sentence about a call that failed, and what to do."""
        return explain(error, self.path)

    def copy(self, run: Maintain, suffix: str) -> None:
        """Make a consistent copy beside it, replacing one of the same name."""
        self.backup(run, self.path.with_name(self.path.name + suffix))

    def backup(self, run: Maintain, to: Path) -> None:
        """Write a consistent copy, whole or not at all, replacing one of the same name."""
        draft = to.with_name(f"{to.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        try:
            run(copy_statement(draft))
            draft.replace(to)
        finally:
            draft.unlink(missing_ok=True)

    def damage(self, connection: Connection) -> list[str]:
        """What SQLite finds wrong with the pages of the file."""
        return [line for line in connection.exec_driver_sql("PRAGMA integrity_check").scalars() if line != "ok"]

    def bytes(self, connection: Connection) -> int:
        """The file, and what was written after its last checkpoint."""
        del connection
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(each.stat().st_size for each in files if each.exists())

    def reclaim(self, run: Maintain) -> None:
        """Give back what deleted rows took, a portion at a time."""
        run(VACUUM_STATEMENT)
        run(CHECKPOINT_STATEMENT)

    def ringer(self) -> Ringer:
        """Tells that something was committed."""
        return Ringer(self)

    def close(self) -> None:
        """Nothing: it has started nothing."""

    def _file_identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)  # noqa: PTH116 (a third of the cost, at every transaction)
        except OSError:
            return None
        return found.st_dev, found.st_ino


class Ringer:
    """Sees commits of any process by a counter of the file."""

    def __init__(self, backend: Sqlite) -> None:
        self._backend = backend
        self._connection: Any = backend.connect("read")
        self._version = self._read()

    def poll(self) -> bool:
        """Whether anything was committed since the last time this was asked."""
        version = self._read()
        has_rung, self._version = version != self._version, version
        return has_rung

    def close(self) -> None:
        """See no more."""
        self._connection.close()

    def _read(self) -> int:
        self._backend.check()
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version


@cache
def driver() -> ModuleType:
    """The SQLite to use: the interpreter's own, or the bundled one where that has the WAL-reset race."""
    if sqlite3.sqlite_version_info >= MENDED:
        return sqlite3
    if bundled_sqlite is not None:
        module: ModuleType = bundled_sqlite
        return module
    logger.warning(
        "SQLite %s can lose commits when several processes write (mended in 3.51.3). Install pysqlite3, or a Python with a newer SQLite.",
        sqlite3.sqlite_version,
    )
    return sqlite3


def connect(path: Path, intent: Intent, *, synchronous: Synchronous) -> Any:
    """A connection to a file that exists; one that was deleted must not come back empty."""
    connection = driver().connect(
        _uri(path, "rw"), uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    if intent == "read":
        connection.execute("PRAGMA query_only = ON")
    return connection


def create_file(path: Path, *, deadline: float) -> None:
    """Make the database file, if there is none, ready for several processes."""
    connection = driver().connect(_uri(path, "rwc"), uri=True, timeout=BUSY_TIMEOUT, isolation_level=None)
    try:
        if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table, or never
        _insist(lambda: connection.execute("PRAGMA journal_mode = WAL"), deadline=deadline)
    finally:
        connection.close()


def copy_statement(to: Path) -> str:
    """The statement that writes a consistent copy of the database into a new file."""
    return "VACUUM INTO '{}'".format(str(to).replace("'", "''"))


# Pages that became free go back to the file system a portion at a time.
VACUUM_STATEMENT = "PRAGMA incremental_vacuum(1000)"
# Afterwards the write-ahead log is empty, unless somebody is reading it, who is not waited for longer than for a lock.
CHECKPOINT_STATEMENT = "PRAGMA wal_checkpoint(TRUNCATE)"


def is_busy(error: BaseException) -> bool:
    """True when others were in the way, so that the same may succeed a moment later."""
    return _code(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def is_mistake(error: BaseException) -> bool:
    """True when the statement is wrong, or breaks a rule of the tables: a bug of ours that no operator can mend."""
    return _code(error) in {"", "SQLITE_ERROR", "SQLITE_MISUSE", "SQLITE_RANGE"} or _code(error).startswith(("SQLITE_CONSTRAINT", "SQLITE_MISMATCH"))


def explain(error: BaseException, path: Path) -> str:
    """One sentence about a call that failed, and what to do."""
    code = _code(error)
    if code.startswith("SQLITE_CANTOPEN"):
        return _explain_cannot_open(path)
    sentence = next((text for prefix, text in _SENTENCES.items() if code.startswith(prefix)), "The database {path} failed: {cause}.")
    return sentence.format(path=path, directory=path.parent, cause=getattr(error, "orig", None) or error)


_SENTENCES = {
    "SQLITE_NOTADB": "{path} is not a database. Move the file away, or correct storage.url.",
    "SQLITE_CORRUPT": "The database {path} is damaged. Stop every Partita process and restore it from a backup.",
    "SQLITE_READONLY": "The database {path} cannot be written. Give this user write permission on the file and on {directory}.",
    "SQLITE_FULL": "The disk that holds the database {path} is full. Free some space; nothing that was acknowledged is lost.",
    "SQLITE_IOERR": "The disk that holds the database {path} failed to read or write. Look at the system's log and the free space.",
    "SQLITE_BUSY": "The database {path} is locked by another process that does not let go. Look for one that hangs.",
    "SQLITE_PERM": "The database {path} cannot be opened with this user's permissions.",
}


def _explain_cannot_open(path: Path) -> str:
    if not path.parent.exists():
        return f"The database {path} cannot be opened: the directory {path.parent} does not exist. Create it, or correct storage.url."
    if path.is_dir():
        return f"The database {path} cannot be opened: it is a directory. Correct storage.url."
    if not path.exists():
        return f"The database {path} does not exist and cannot be created. Give this user permission to write in {path.parent}."
    return f"The database {path} cannot be opened. Give this user permission to read and write it and {path.parent}."


def _code(error: BaseException) -> str:
    return getattr(getattr(error, "orig", None) or error, "sqlite_errorname", None) or ""


def _insist(act: Callable[[], object], *, deadline: float) -> None:
    give_up_at = time.monotonic() + deadline
    while True:
        try:
            act()
            return
        except driver().OperationalError as error:
            if not is_busy(error) or time.monotonic() > give_up_at:
                raise
            time.sleep(RETRY_AFTER)


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(str(path))}?mode={mode}"
