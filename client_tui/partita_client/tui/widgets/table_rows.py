"""Where the rows of a table come from: a list, or pages that arrive when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from partita_client.tui.render.text import Line


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table."""

    id: str
    cells: tuple[str | Line, ...]
    version: Hashable = None
    """Changes when the cells do; None: the cells themselves are compared."""

    @property
    def key(self) -> Hashable:
        """What its look depends on."""
        return (self.id, self.cells if self.version is None else self.version)


class PageSource(Protocol):
    """Rows by place, some of which may still be on the server."""

    def __len__(self) -> int:
        """How many there are, as far as is known."""

    def is_loaded(self, index: int) -> bool:
        """Whether the row at a place is here."""

    def row(self, index: int) -> Row | None:
        """The row at a place; None if it is not here."""

    def id_at(self, index: int) -> str | None:
        """The id of the row at a place; None if it is not here."""

    def index_of(self, row_id: str) -> int | None:
        """The place of a row; None if it is not here."""


class KeyedSource:
    """Rows by id, each made only when it is seen."""

    def __init__(self, ids: Sequence[str], make: Callable[[str], Row | None], total: int | None = None) -> None:
        self._ids, self._make = ids, make
        self._total = max(len(ids), total or 0)
        self._places: dict[str, int] | None = None

    def __len__(self) -> int:
        return self._total

    def is_loaded(self, index: int) -> bool:
        """Whether the row at a place is here."""
        return index < len(self._ids)

    def row(self, index: int) -> Row | None:
        """The row at a place; None if it is not here."""
        return self._make(self._ids[index]) if index < len(self._ids) else None

    def id_at(self, index: int) -> str | None:
        """The id of the row at a place; None if it is not here."""
        return self._ids[index] if index < len(self._ids) else None

    def index_of(self, row_id: str) -> int | None:
        """The place of a row; None if it is not here."""
        if self._places is None:
            self._places = {one: place for place, one in enumerate(self._ids)}
        return self._places.get(row_id)


def rows_source(rows: Sequence[Row]) -> KeyedSource:
    """The source of rows that are all here."""
    by_id = {row.id: row for row in rows}
    return KeyedSource(tuple(by_id), by_id.get)
