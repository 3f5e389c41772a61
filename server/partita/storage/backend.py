"""What the kinds of databases that Partita knows have in common, as the engine sees them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

from sqlalchemy import Connection, Engine, Table

Intent = Literal["read", "write"]
Synchronous = Literal["off", "normal", "full"]
Maintain = Callable[[str], None]
"""Runs one of the driver's statements outside a transaction."""


class Ringer(Protocol):
    """Tells that something was committed."""

    def poll(self) -> bool:
        """Whether anything was, by any process, since the last time this was asked."""
        ...

    def close(self) -> None:
        """Hear no more."""
        ...


class Backend(Protocol):
    """A kind of database."""

    @property
    def place(self) -> str:
        """What people call it: its file, or server and name."""
        ...

    @property
    def driver_error(self) -> type[BaseException]:
        """What its driver raises."""
        ...

    def engine(self, intent: Intent) -> Engine:
        """Makes connections for reading, or for writing."""
        ...

    def clock(self, connection: Connection) -> int:
        """Microseconds since the epoch by the database's clock."""
        ...

    def insert(self, table: Table) -> Any:
        """An INSERT that knows `on_conflict_do_update` and `on_conflict_do_nothing`."""
        ...

    def create(self, *, deadline: float) -> None:
        """Make the database, where that is ours to do."""
        ...

    def remember(self) -> None:
        """From now on, refuse to work when the database is no longer this one.

        Raises:
            StorageUnavailableError: there is none.
        """
        ...

    def check(self) -> None:
        """Nothing, if it is still the same.

        Raises:
            StorageUnavailableError: it was replaced.
        """
        ...

    def guard(self, connection: Connection, until: float) -> AbstractContextManager[None]:
        """While it is entered, a call on `connection` fails once the monotonic clock says `until`, whatever the database does."""
        ...

    def is_broken(self, connection: Connection) -> bool:
        """Whether a connection can be used no more."""
        ...

    def is_busy(self, error: BaseException) -> bool:
        """True when the same may succeed a moment later."""
        ...

    def is_mistake(self, error: BaseException) -> bool:
        """True when it is a bug of ours that no operator can mend."""
        ...

    def explain(self, error: BaseException) -> str:
        """One sentence about a call that failed, and what to do."""
        ...

    def copy(self, run: Maintain, suffix: str) -> None:
        """Make a copy beside it, where that is ours to do."""
        ...

    def backup(self, run: Maintain, to: Path) -> None:
        """Write a consistent copy into a new file.

        Raises:
            OperationError: that is not ours to do.
        """
        ...

    def damage(self, connection: Connection) -> list[str]:
        """What the database itself finds wrong with what it has stored."""
        ...

    def bytes(self, connection: Connection) -> int:
        """What it takes of its disk."""
        ...

    def reclaim(self, run: Maintain) -> None:
        """Give back what deleted rows took."""
        ...

    def ringer(self) -> Ringer:
        """Tells that something was committed."""
        ...

    def close(self) -> None:
        """Stop what it has started."""
        ...
