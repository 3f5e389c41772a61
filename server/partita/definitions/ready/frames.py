"""What is asked of tables of any make: pandas, polars, Arrow, or a list of dicts. None of the libraries is imported here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from partita.errors import ExecutionError


class Frame(ABC):
    """A table, whatever made it."""

    def __init__(self, table: Any) -> None:
        self.table = table

    @abstractmethod
    def count(self) -> int:
        """How many rows it has."""

    @abstractmethod
    def columns(self) -> dict[str, str]:
        """The type of each column, as its library writes it."""

    @abstractmethod
    def count_nulls(self, column: str) -> int:
        """In how many rows a column has no value."""

    @abstractmethod
    def count_distinct(self, columns: Sequence[str]) -> int:
        """How many different rows there are when only these columns are looked at."""


class PandasFrame(Frame):
    """`pandas.DataFrame`."""

    def count(self) -> int:
        """How many rows it has."""
        return len(self.table)

    def columns(self) -> dict[str, str]:
        """The type of each column."""
        return {str(name): str(kind) for name, kind in self.table.dtypes.items()}

    def count_nulls(self, column: str) -> int:
        """In how many rows a column has no value."""
        return int(self.table[column].isna().sum())

    def count_distinct(self, columns: Sequence[str]) -> int:
        """How many different rows there are."""
        return len(self.table[list(columns)].drop_duplicates())


class PolarsFrame(Frame):
    """`polars.DataFrame`, and `LazyFrame`, which is collected."""

    def __init__(self, table: Any) -> None:
        super().__init__(table.collect() if hasattr(table, "collect") else table)

    def count(self) -> int:
        """How many rows it has."""
        return int(self.table.height)

    def columns(self) -> dict[str, str]:
        """The type of each column."""
        return {name: str(kind) for name, kind in self.table.schema.items()}

    def count_nulls(self, column: str) -> int:
        """In how many rows a column has no value."""
        return int(self.table[column].null_count())

    def count_distinct(self, columns: Sequence[str]) -> int:
        """How many different rows there are."""
        return int(self.table.select(list(columns)).unique().height)


class ArrowFrame(Frame):
    """`pyarrow.Table`."""

    def count(self) -> int:
        """How many rows it has."""
        return int(self.table.num_rows)

    def columns(self) -> dict[str, str]:
        """The type of each column."""
        return {column.name: str(column.type) for column in self.table.schema}

    def count_nulls(self, column: str) -> int:
        """In how many rows a column has no value."""
        return int(self.table.column(column).null_count)

    def count_distinct(self, columns: Sequence[str]) -> int:
        """How many different rows there are."""
        return int(self.table.group_by(list(columns)).aggregate([]).num_rows)


class RowsFrame(Frame):
    """A list of dicts; a key that a row lacks is a column without a value there."""

    def count(self) -> int:
        """How many rows it has."""
        return len(self.table)

    def columns(self) -> dict[str, str]:
        """The types of each column's values."""
        found: dict[str, dict[str, None]] = {}
        for row in self.table:
            for name, value in row.items():
                kinds = found.setdefault(str(name), {})
                if value is not None:
                    kinds[type(value).__name__] = None
        return {name: " | ".join(kinds) for name, kinds in found.items()}

    def count_nulls(self, column: str) -> int:
        """In how many rows a column has no value, or NaN."""
        values = [row.get(column) for row in self.table]
        return sum(value is None or value != value for value in values)

    def count_distinct(self, columns: Sequence[str]) -> int:
        """How many different rows there are."""
        return len({repr([row.get(name) for name in columns]) for row in self.table})


_KINDS: Mapping[str, type[Frame]] = {"pandas": PandasFrame, "polars": PolarsFrame, "pyarrow": ArrowFrame}


def frame_of(value: Any) -> Frame:
    """The table that a value is.

    Raises:
        ExecutionError: it is none.
    """
    kind = _KINDS.get(type(value).__module__.partition(".")[0])
    if kind is not None and (hasattr(value, "collect_schema") or hasattr(value, "columns")):
        return kind(value)
    if isinstance(value, Sequence) and all(isinstance(row, Mapping) for row in value) and not isinstance(value, str | bytes):
        return RowsFrame(value)
    name = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    raise ExecutionError(f"A value of type {name} is no table: give a data frame of pandas or polars, an Arrow table, or a list of dicts.")
