"""Pages of lists: asked for by keyset, never by offset."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Direction(StrEnum):
    """Which way a list runs."""

    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which part of a list: `first` after a cursor, or the `last` before one. Cursors come from `Page.cursors`."""

    first: int | None = 50
    after: str | None = None
    last: int | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """A part of a list, in the list's order, with the cursor of each item."""

    items: list[T] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)
    has_next: bool = False
    has_previous: bool = False
