"""What is particular to PostgreSQL: how a connection is made, who may write, what its errors mean, how it rings.

Writers take turns, as on SQLite: each transaction that writes begins by taking one lock of the database, which it holds until it
has committed. So numbers are in the order of commits, and whoever reads by cursor misses nothing.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, NullPool, Table, create_engine, event, text
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from partita.errors import OperationError, SettingsError, StorageUnavailableError
from partita.storage.backend import Intent
from partita.storage.watchdog import Watchdog

OLDEST = 140000
"""PostgreSQL 14: what it is tested with and newer ones."""
CONNECT = 2
"""Seconds that making a connection may take."""
STATEMENT, LOCK, IDLE = 30_000, 10_000, 60_000
"""Milliseconds that a statement, the wait for a lock, and a pause in a transaction may take, on the server's side."""
IDLE_WRITER = 5_000
"""The same pause while others wait for their turn to write: of a machine that is gone or frozen the server hears nothing."""
SILENCE = 15_000
"""Milliseconds after which a connection that does not answer is given up, on ours."""
GIVEN_UP = "25P03"
"""How the server says that a pause in a transaction was too long: it is undone, and the same may succeed."""
WRITERS = 7_265_746
"""The lock that writers take turns at."""
CHANNEL = "partita"
RETRY_BELL = 1.0
_OPTIONS = f"-c lock_timeout={LOCK} -c timezone=UTC -c client_encoding=UTF8"
_NOW = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
_BYTES = text("SELECT pg_database_size(current_database())")
_TAKE_TURN = f"SELECT pg_advisory_xact_lock({WRITERS})"
_RING = f"SELECT pg_notify('{CHANNEL}', '')"


class Postgres:
    """A database of a PostgreSQL server."""

    def __init__(self, url: str, *, deadline: float) -> None:
        self._url = _parsed(url)
        self._statement = max(STATEMENT, int(deadline * 1000))
        self.place = f"{self._url.host or 'localhost'}:{self._url.port or 5432}/{self._url.database}"
        self._watchdog = Watchdog()

    driver_error: type[BaseException] = psycopg.Error

    def engine(self, intent: Intent) -> Engine:
        """Makes connections for reading, or for writing."""
        engine = create_engine(
            "postgresql+psycopg://", creator=lambda: self._connect(intent), poolclass=NullPool, use_native_hstore=False, hide_parameters=True
        )
        if intent == "write":

            @event.listens_for(engine, "begin")
            def _begin(connection: Connection) -> None:
                connection.connection.cursor().execute(_TAKE_TURN)

            @event.listens_for(engine, "commit")
            def _commit(connection: Connection) -> None:
                connection.connection.cursor().execute(_RING)

        return engine

    def clock(self, connection: Connection) -> int:
        """Microseconds since the epoch, by the server's clock."""
        now: int = connection.execute(_NOW).scalar_one()
        return now

    def insert(self, table: Table) -> Insert:
        """An INSERT that knows `on_conflict_do_update` and `on_conflict_do_nothing`."""
        return insert(table)

    def create(self, *, deadline: float) -> None:
        """Nothing: a database is made by whoever runs the server."""

    def remember(self) -> None:
        """Nothing, if the server answers, and is one that we know.

        Raises:
            StorageUnavailableError: it is too old.
        """
        with self._open(autocommit=True) as connection:
            if connection.info.server_version < OLDEST:
                version = connection.info.server_version // 10000
                raise StorageUnavailableError(f"The server of {self.place} is PostgreSQL {version}. Partita needs {OLDEST // 10000} or newer.")

    def check(self) -> None:
        """Nothing: a server that is gone is told by its errors."""

    def guard(self, connection: Connection, until: float) -> AbstractContextManager[None]:
        """While it is entered, a call on `connection` fails once the monotonic clock says `until`, whatever the server does."""
        driver_connection: Any = connection.connection.driver_connection
        return self._watchdog.guard(driver_connection, until)

    def is_broken(self, connection: Connection) -> bool:
        """Whether a connection can be used no more."""
        with suppress(Exception):  # one that has no driver's connection any more
            return bool(connection.connection.driver_connection.closed)  # type: ignore[union-attr]
        return True

    def is_busy(self, error: BaseException) -> bool:
        """True when others were in the way, or the server was gone for a moment, so that the same may succeed a moment later."""
        state = _state(error)
        return state is None or state[:2] in {"40", "08", "57", "53"} or state in {"55P03", GIVEN_UP}

    def is_mistake(self, error: BaseException) -> bool:
        """True when the statement is wrong, or breaks a rule of the tables: a bug of ours that no operator can mend."""
        state = _state(error)
        if state is None:
            return isinstance(_original(error), psycopg.ProgrammingError | psycopg.DataError | psycopg.IntegrityError)
        return state[:2] in {"22", "23", "42", "0A", "21", "25", "3D"} and state not in {"42501", "3D000", GIVEN_UP}

    def explain(self, error: BaseException) -> str:
        """One sentence about a call that failed, and what to do."""
        original = _original(error)
        cause = str(original).strip().splitlines()[0] if str(original).strip() else type(original).__name__
        match _state(error) or _state_told(cause):
            case "28P01" | "28000":
                advice = "Correct user and password in storage.url, or pg_hba.conf of the server"
            case "3D000":
                advice = f"Create the database, with: createdb {self._url.database}"
            case "42501":
                advice = "Give the user of storage.url the right to use the schema and its tables"
            case "53100":
                advice = "The server's disk is full: free some space"
            case "53300":
                advice = "The server has no connection left: raise its max_connections"
            case _:
                advice = "Look whether it runs, and whether storage.url is right"
        return f"The database {self.place} failed: {cause}. {advice}."

    def copy(self, run: Any, suffix: str) -> None:
        """Nothing: a server is backed up by its own means."""

    def backup(self, run: Any, to: Path) -> None:
        """Refused: a server is backed up by its own means.

        Raises:
            OperationError: always.
        """
        del run
        raise OperationError(f"{self.place} is backed up with PostgreSQL's own tools, such as: pg_dump --format=custom --file={to} {self._safe_url}")

    def damage(self, connection: Connection) -> list[str]:
        """Nothing: a server is looked after by its own means."""
        del connection
        return []

    def bytes(self, connection: Connection) -> int:
        """The database, with its indexes."""
        found: int = connection.execute(_BYTES).scalar_one()
        return found

    def reclaim(self, run: Any) -> None:
        """Nothing: autovacuum does it."""

    def ringer(self) -> Ringer:
        """Tells that something was committed."""
        return Ringer(self)

    def close(self) -> None:
        """Stop watching over calls."""
        self._watchdog.close()

    def listen(self) -> Any:
        """A driver's connection that hears of commits.

        Raises:
            psycopg.Error: the server cannot be reached.
        """
        connection = self._open(autocommit=True)
        connection.execute(f"LISTEN {CHANNEL}")
        return connection

    @property
    def _safe_url(self) -> str:
        return self._url.set(drivername="postgresql", password=None).render_as_string()

    def _connect(self, intent: Intent) -> Any:
        connection = self._open(autocommit=False, idle=IDLE if intent == "read" else IDLE_WRITER)
        if intent == "read":
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
        return connection

    def _open(self, *, autocommit: bool, idle: int = IDLE) -> Any:
        given = {name: value for name, value in self._url.query.items() if isinstance(value, str)}
        parts = {"host": self._url.host, "port": self._url.port, "user": self._url.username, "password": self._url.password}
        timing = {"connect_timeout": CONNECT, "tcp_user_timeout": SILENCE, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2}
        known = {name: value for name, value in {**parts, "dbname": self._url.database}.items() if value is not None}
        wanted: dict[str, Any] = {
            "application_name": "partita",
            "options": f"-c statement_timeout={self._statement} -c idle_in_transaction_session_timeout={idle} {_OPTIONS}",
            **timing,
            **known,
            **given,
        }
        return psycopg.connect(**wanted, autocommit=autocommit)


class Ringer:
    """Hears of commits. A connection that is lost is made again, and counts as a ring: something may have been missed."""

    def __init__(self, backend: Postgres) -> None:
        self._backend = backend
        self._connection: Any = backend.listen()
        self._retry_at = 0.0

    def poll(self) -> bool:
        """Whether anything was committed since the last time this was asked."""
        if self._connection is None:
            return self._listen_again()
        try:
            return any(True for _ in self._connection.notifies(timeout=0))
        except psycopg.Error:
            self.close()
            return True

    def close(self) -> None:
        """Hear no more."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def _listen_again(self) -> bool:
        if time.monotonic() < self._retry_at:
            return False
        self._retry_at = time.monotonic() + RETRY_BELL
        with suppress(psycopg.Error):  # the next call tries again, and everybody looks once a second anyway
            self._connection = self._backend.listen()
        return True


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError("storage.url is not a database URL. Write postgresql+psycopg://user:password@host/database.") from None
    if not parsed.database:
        raise SettingsError("storage.url names no database. Write postgresql+psycopg://user:password@host/database.")
    return parsed


def _original(error: BaseException) -> BaseException:
    return getattr(error, "orig", None) or error


def _state(error: BaseException) -> str | None:
    return getattr(_original(error), "sqlstate", None)


_TOLD = {"does not exist": "3D000", "authentication failed": "28P01", "no pg_hba.conf entry": "28000", "too many": "53300"}


def _state_told(cause: str) -> str | None:
    """A connection that is refused has no code, only words."""
    return next((state for words, state in _TOLD.items() if words in cause), None)
