"""What whoever looks after a database wants of it: how large it is, whether it is sound, a copy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, func, select

from partita.storage import schema
from partita.storage.columns import to_datetime_or_none
from partita.storage.consistency import find_contradictions
from partita.storage.engine import Database
from partita.storage.tables import metadata, run_events


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much a database holds."""

    revision: str
    """Of its schema."""
    bytes: int
    """On its disk, with what is not in its main file yet."""
    rows: dict[str, int]
    """By table."""
    oldest_event: datetime | None
    """Of those that are kept."""


class Maintenance:
    """Looks after a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def size(self) -> Size:
        """How much it holds now. Counts every row, which takes seconds where there are millions."""
        return self._database.read(self._size)

    def problems(self) -> list[str]:
        """What is wrong with it, a sentence each: pages that are damaged, and records that contradict each other. Reads everything."""
        return self._database.damage() or self._database.read(find_contradictions)

    def backup(self, to: Path) -> None:
        """Write a consistent copy into the new file `to`, while others go on.

        Raises:
            OperationError: the database is not a file of ours to copy.
            StorageUnavailableError: the copy cannot be written.
        """
        self._database.backup(to)

    def _size(self, connection: Connection) -> Size:
        rows = {name: connection.execute(select(func.count()).select_from(table)).scalar_one() for name, table in sorted(metadata.tables.items())}
        oldest = connection.execute(select(func.min(run_events.c.at))).scalar_one()
        found = schema.state_of(connection).found or ""
        return Size(revision=found, bytes=self._database.bytes(connection), rows=rows, oldest_event=to_datetime_or_none(oldest))
