"""Statements of the busiest paths, compiled once.

`Connection.execute` takes some 60 microseconds before SQLite sees a statement that itself takes 5. A `Prepared` keeps the
compiled SQL and hands it to the driver. It knows no types, so columns must be numbers or text; booleans come back as numbers
where the database has none. It is not for `IN` lists, which SQLAlchemy writes anew for every call.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Insert, Select
from sqlalchemy.sql.dml import UpdateBase

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    order: tuple[str, ...] | None
    """Names in the places of the statement; None when the driver takes them by name."""
    constants: dict[str, Any]
    to_row: Callable[[Sequence[Any]], Any]

    def bind(self, values: Values) -> Any:
        """What the driver wants for these values."""
        if self.order is None:
            return {**self.constants, **values}
        constants = self.constants
        return [values[name] if name in values else constants[name] for name in self.order]


class Prepared:
    """One statement. Rows are named tuples of its columns."""

    def __init__(self, statement: Select[*tuple[Any, ...]] | UpdateBase) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}
        """By kind of database."""

    def one(self, connection: Connection, values: Values) -> Any:
        """The first row, or None."""
        compiled = self._get(connection, values)
        row = self._execute(connection, compiled, values).fetchone()
        return None if row is None else compiled.to_row(row)

    def all(self, connection: Connection, values: Values) -> list[Any]:
        """Every row."""
        compiled = self._get(connection, values)
        return [compiled.to_row(row) for row in self._execute(connection, compiled, values).fetchall()]

    def scalar(self, connection: Connection, values: Values) -> Any:
        """The first column of the first row, or None."""
        row = self._execute(connection, self._get(connection, values), values).fetchone()
        return None if row is None else row[0]

    def run(self, connection: Connection, values: Values) -> int:
        """How many rows it changed."""
        count: int = self._execute(connection, self._get(connection, values), values).rowcount
        return count

    def run_many(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Run it for each of `rows`, which have the same names; answers how many rows it changed."""
        if not rows:
            return 0
        compiled = self._get(connection, rows[0])
        cursor: Any = connection.connection.cursor()
        cursor.executemany(compiled.sql, [compiled.bind(row) for row in rows])
        count: int = cursor.rowcount
        return count

    def _execute(self, connection: Connection, compiled: _Compiled, values: Values) -> Any:
        cursor: Any = connection.connection.cursor()
        cursor.execute(compiled.sql, compiled.bind(values))
        return cursor

    def _get(self, connection: Connection, values: Values) -> _Compiled:
        kind = connection.dialect.name
        if kind not in self._compiled:
            self._compiled[kind] = _compile(self._statement, connection, values)
        return self._compiled[kind]


def _compile(statement: Select[*tuple[Any, ...]] | UpdateBase, connection: Connection, values: Values) -> _Compiled:
    is_insert = isinstance(statement, Insert) and statement.select is None
    compiled: Any = statement.compile(dialect=connection.dialect, column_keys=list(values) if is_insert else None, for_executemany=is_insert)
    names = [str(name) for name in statement.exported_columns.keys()]  # noqa: SIM118 (not a dict: iterating gives columns)
    row_type: Any = namedtuple("Row", names) if names else None  # its fields are known only now
    return _Compiled(
        sql=str(compiled),
        order=tuple(compiled.positiontup) if compiled.positiontup is not None else None,
        constants={name: bound.value for name, bound in compiled.binds.items() if not bound.required},
        to_row=row_type._make if names else tuple,
    )
