"""Keyset pages: a cursor names the row it stands on, so a page costs the same however deep it lies."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Select, tuple_

from partita.errors import RequestError
from partita.records.codec import decode
from partita.records.pages import Direction, Page, PageRequest
from partita.storage.rows import AnyRow

T = TypeVar("T")

DEFAULT_SIZE = 50
FIRST_PAGE = PageRequest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyset:
    """What a list is sorted by: a column that may be empty, whose empty rows come last, or none; and a unique one.

    `name` is part of every cursor, so that a cursor of another order is recognised.
    """

    name: str
    unique: ColumnElement[Any]
    column: ColumnElement[Any] | None = None
    direction: Direction = Direction.DESC

    @property
    def full_name(self) -> str:
        """The name with its direction."""
        return f"{self.name} {self.direction}"

    @property
    def parts(self) -> tuple[bool, ...]:
        """Whether rows have a value: of each part of the list, in order."""
        is_nullable = isinstance(self.column, Column) and self.column.nullable
        return (True, False) if is_nullable else (True,)

    def columns(self, *, has_value: bool) -> list[ColumnElement[Any]]:
        """What one part is sorted by."""
        return [self.column, self.unique] if self.column is not None and has_value else [self.unique]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a cursor stands."""

    unique: str | int
    value: int | None = None


PositionOf = Callable[[AnyRow], Position]


class Part(msgspec.Struct, frozen=True, array_like=True):
    """What a cursor holds."""

    name: str
    unique: str | int
    value: int | None = None


def encode_cursor(keyset: Keyset, position: Position) -> str:
    """The opaque text of a place in a list."""
    raw = msgspec.json.encode(Part(keyset.full_name, position.unique, position.value))
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_cursor(keyset: Keyset, cursor: str) -> Position:
    """The place that `cursor` names.

    Raises:
        RequestError: it is no cursor, or one of a list sorted otherwise.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        part = decode(raw, Part)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise RequestError(f"{cursor[:60]!r} is not a cursor. Use one that this list has given.") from None
    if part.name != keyset.full_name:
        raise RequestError(f"The cursor belongs to a list sorted by {part.name}, not by {keyset.full_name}. Start again without it.")
    return Position(part.unique, part.value)


def read_page(
    connection: Connection, query: Select[Any], keyset: Keyset, *, page: PageRequest, position_of: PositionOf, to_item: Callable[[AnyRow], T]
) -> Page[T]:
    """The rows of `query`, which says what but not in which order, that `page` asks for.

    Raises:
        RequestError: a bad cursor or size.
    """
    is_backward = page.last is not None
    size = page_size(page)
    after = decode_cursor(keyset, page.after) if page.after is not None else None
    before = decode_cursor(keyset, page.before) if page.before is not None else None
    rows: list[AnyRow] = []
    for part in _parts(query, keyset, after=after, before=before, is_backward=is_backward):
        rows += connection.execute(part.limit(size + 1 - len(rows))).all()
        if len(rows) > size:
            break
    has_more = len(rows) > size
    rows = rows[:size][::-1] if is_backward else rows[:size]
    return Page(
        items=[to_item(row) for row in rows],
        cursors=[encode_cursor(keyset, position_of(row)) for row in rows],
        has_next=before is not None if is_backward else has_more,
        has_previous=has_more if is_backward else after is not None,
    )


def page_size(page: PageRequest) -> int:
    """How many items are wanted at most; `last` counts before `first`, which has a default.

    Raises:
        RequestError: a negative number.
    """
    name, size = ("last", page.last) if page.last is not None else ("first", page.first)
    if size is not None and size < 0:
        raise RequestError(f"`{name}` is {size}; ask for zero or more items.")
    return DEFAULT_SIZE if size is None else size


def _parts(query: Select[Any], keyset: Keyset, *, after: Position | None, before: Position | None, is_backward: bool) -> Iterator[Select[Any]]:
    """The rows that have a value and those that have none, as two queries, each of which is one range of an index."""
    is_descending = (keyset.direction is Direction.DESC) != is_backward
    for has_value in reversed(keyset.parts) if is_backward else keyset.parts:
        bounds = _bounds(keyset, has_value=has_value, after=after, before=before)
        if bounds is None:
            continue
        columns = keyset.columns(has_value=has_value)
        yield query.where(*bounds).order_by(*(column.desc() if is_descending else column.asc() for column in columns))


def _bounds(keyset: Keyset, *, has_value: bool, after: Position | None, before: Position | None) -> list[ColumnElement[bool]] | None:
    """What holds for the rows of one part between the two positions; None when there are none."""
    bounds: list[ColumnElement[bool]] = []
    if keyset.column is not None and len(keyset.parts) > 1:
        bounds.append(keyset.column.is_not(None) if has_value else keyset.column.is_(None))
    rises = keyset.direction is Direction.ASC
    for position, is_lower in ((after, True), (before, False)):
        if position is None:
            continue
        is_same_part = keyset.column is None or (position.value is not None) == has_value
        if is_same_part:
            bounds.append(_beyond(keyset, position, has_value=has_value, greater=is_lower == rises))
        elif is_lower == has_value:
            return None  # after a row without value, none has one; before a row with a value, all have
    return bounds


def _beyond(keyset: Keyset, position: Position, *, has_value: bool, greater: bool) -> ColumnElement[bool]:
    columns = keyset.columns(has_value=has_value)
    if len(columns) == 1:
        return columns[0] > position.unique if greater else columns[0] < position.unique
    here, there = tuple_(*columns), tuple_(position.value, position.unique)
    return here > there if greater else here < there
