"""Names that are stored once and referred to by number, for ever: asset keys and partition keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, bindparam, select

from partita.storage.engine import Database
from partita.storage.prepared import Prepared

T = TypeVar("T")

# Bound parameters of one statement; SQLite takes 32,766.
CHUNK = 1000
# So few keys are quicker asked for one by one.
FEW = 8
# Names remembered in memory; a workspace with more asks the database again now and then.
REMEMBERED = 200_000


def in_chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many of them at a time as one statement takes."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


class Interned:
    """The names of one table, with the numbers that this process has learned."""

    def __init__(self, database: Database, table: Table) -> None:
        self._database = database
        self._known: dict[str, int] = {}
        self._select = select(table.c.key, table.c.id).where(table.c.key.in_(bindparam("keys", expanding=True)))
        self._select_one = Prepared(select(table.c.key, table.c.id).where(table.c.key == bindparam("key")))
        self._insert = Prepared(database.insert(table).on_conflict_do_nothing(index_elements=["key"]))

    def ids(self, connection: Connection, keys: Iterable[str]) -> dict[str, int]:
        """The number of every key; new keys get one."""
        wanted = dict.fromkeys(keys)
        found = self.find(connection, wanted)
        missing = [key for key in wanted if key not in found]
        if missing:
            self._insert.run_many(connection, [{"key": key} for key in missing])
            found |= self._read(connection, missing)
        return found

    def find(self, connection: Connection, keys: Collection[str]) -> dict[str, int]:
        """The numbers of those keys that have one."""
        known = self._known
        found = {key: known[key] for key in keys if key in known}
        unknown = [str(key) for key in keys if key not in found]
        return found | self._read(connection, unknown) if unknown else found

    def _read(self, connection: Connection, keys: list[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        if len(keys) <= FEW:
            found.update((row.key, row.id) for key in keys if (row := self._select_one.one(connection, {"key": key})) is not None)
            keys = []
        for start in range(0, len(keys), CHUNK):
            rows: Any = connection.execute(self._select, {"keys": keys[start : start + CHUNK]})
            found.update((key, number) for key, number in rows)
        # Not before the commit: a number that is rolled back will be another name's.
        self._database.on_commit(connection, partial(self._remember, found))
        return found

    def _remember(self, found: dict[str, int]) -> None:
        if len(self._known) + len(found) > REMEMBERED:
            self._known = {}  # not emptied: another thread may be looking into it
        self._known.update(found)
