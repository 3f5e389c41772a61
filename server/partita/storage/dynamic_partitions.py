"""The keys of dynamic partitions: added while the workspace runs, in order, and never twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from threading import Lock

from sqlalchemy import Connection, bindparam, func, insert, select

from partita.definitions.keys import check_name
from partita.definitions.partitions.keys import check_key
from partita.errors import DefinitionError, RequestError
from partita.records.changes import ChangeKind
from partita.storage.changes import record_changes
from partita.storage.engine import Database
from partita.storage.prepared import Prepared
from partita.storage.tables import dynamic_partitions

_of_set = dynamic_partitions.c.set_name == bindparam("of_set")
_AFTER = Prepared(
    select(dynamic_partitions.c.key, dynamic_partitions.c.number)
    .where(_of_set, dynamic_partitions.c.number > bindparam("after"))
    .order_by(dynamic_partitions.c.number)
)
_KNOWN = Prepared(select(dynamic_partitions.c.key).where(_of_set, dynamic_partitions.c.key == bindparam("of_key")))
_LAST = Prepared(select(func.max(dynamic_partitions.c.number).label("number")).where(_of_set))
_NEXT_SET = Prepared(
    select(dynamic_partitions.c.set_name).where(dynamic_partitions.c.set_name > bindparam("of_set")).order_by(dynamic_partitions.c.set_name).limit(1)
)
_INSERT = Prepared(insert(dynamic_partitions))


class DynamicPartitionKeys:
    """The keys of every dynamic set of partitions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._known: dict[str, tuple[int, tuple[str, ...]]] = {}
        """Each set's keys as they were last read, and the number of the last of them."""

    def keys(self, set_name: str) -> tuple[str, ...]:
        """The keys of a set in order of addition; none of a set that nobody has added to."""
        return self._database.read(self._keys, set_name)

    def bind(self, set_names: Collection[str]) -> dict[str, tuple[str, ...]]:
        """The keys of these sets by the sets' names, as planning takes them; the store is not asked where there are none."""

        def work(connection: Connection) -> dict[str, tuple[str, ...]]:
            return {name: self._keys(connection, name) for name in set_names}

        return self._database.read(work) if set_names else {}

    def all(self) -> dict[str, tuple[str, ...]]:
        """The keys of every set that has any, by the sets' names."""

        def work(connection: Connection) -> dict[str, tuple[str, ...]]:
            found: dict[str, tuple[str, ...]] = {}
            name = ""
            while (row := _NEXT_SET.one(connection, {"of_set": name})) is not None:
                name = row.set_name
                found[name] = self._keys(connection, name)
            return found

        return self._database.read(work)

    def add(self, set_name: str, keys: Iterable[str]) -> tuple[str, ...]:
        """Add keys to a set. Answers those that were new, in the order given.

        Raises:
            RequestError: the set may not be called so, or a text may not be a key; nothing is added.
        """
        wanted = _checked(set_name, keys)

        def work(connection: Connection) -> tuple[str, ...]:
            return _add(connection, set_name, wanted, at=self._database.clock(connection))

        return self._database.write(work) if wanted else ()

    def add_in(self, connection: Connection, set_name: str, keys: Iterable[str], *, at: int) -> tuple[str, ...]:
        """As `add`, as a part of the transaction of `connection`.

        Raises:
            RequestError: the set may not be called so, or a text may not be a key.
        """
        return _add(connection, set_name, _checked(set_name, keys), at=at)

    def _keys(self, connection: Connection, set_name: str) -> tuple[str, ...]:
        with self._lock:
            known = self._known.get(set_name, (0, ()))
        rows = _AFTER.all(connection, {"of_set": set_name, "after": known[0]})
        if not rows:
            return known[1]
        found = rows[-1].number, (*known[1], *(row.key for row in rows))
        with self._lock:
            if self._known.get(set_name, (0, ()))[0] < found[0]:
                self._known[set_name] = found
        return found[1]


def _checked(set_name: str, keys: Iterable[str]) -> tuple[str, ...]:
    if isinstance(keys, str):
        raise RequestError(f"The keys {keys!r} are one text. Give a list: [{keys!r}].")
    try:
        owner = f"The set {check_name('set of dynamic partitions', set_name)!r}"
        return tuple(dict.fromkeys(check_key(key, owner=owner) for key in keys))
    except DefinitionError as error:
        raise RequestError(error.message) from None


def _add(connection: Connection, set_name: str, keys: tuple[str, ...], *, at: int) -> tuple[str, ...]:
    new = tuple(key for key in keys if _KNOWN.one(connection, {"of_set": set_name, "of_key": key}) is None)
    if new:
        first = (_LAST.scalar(connection, {"of_set": set_name}) or 0) + 1
        rows = [{"set_name": set_name, "key": key, "number": first + place, "added_at": at} for place, key in enumerate(new)]
        _INSERT.run_many(connection, rows)
        record_changes(connection, [(ChangeKind.PARTITIONS, set_name)], at=at)
    return new
