"""Kinds of columns, and what stands in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Index, Integer, TextClause
from sqlalchemy import Text as PlainText

# Keys and ids are compared byte by byte, as in Python and in SQLite, whatever language the database speaks.
Text = PlainText().with_variant(PlainText(collation="C"), "postgresql")

# SQLite numbers rows by itself only when the key is called INTEGER. `sqlite_autoincrement` makes it remember the numbers of
# deleted rows too, which costs a page of every commit; the newest change is therefore never deleted.
Number = BigInteger().with_variant(Integer, "sqlite")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Microseconds since the epoch."""
    return (at - _EPOCH) // _MICROSECOND


def to_datetime(micros: int) -> datetime:
    """The aware UTC datetime of a column."""
    return _EPOCH + timedelta(microseconds=micros)


def to_datetime_or_none(micros: int | None) -> datetime | None:
    """The aware UTC datetime of a column that may be empty."""
    return None if micros is None else to_datetime(micros)


def partial_index(name: str, *columns: ColumnElement[Any] | str, where: TextClause) -> Index:
    """An index of those rows alone for which `where` holds.

    PostgreSQL takes the condition as `postgresql_where`. Saying so here would import that dialect, which costs every process
    60 ms, so the condition stands in `info` for whoever makes the tables there.
    """
    return Index(name, *columns, sqlite_where=where, info={"where": where})
