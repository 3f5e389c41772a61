"""Rows that are marked for an action on all of them."""

from __future__ import annotations


class Marks:
    """The marked rows by id, and a range that is being drawn from where the cursor was."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self.anchor: str | None = None
        """The row where the range began; None when none is being drawn."""
        self._range: frozenset[str] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """All marked rows."""
        return frozenset(self._ids) | self._range

    def toggle(self, row_id: str) -> None:
        """Mark a row, or take its mark away."""
        self._ids ^= {row_id}

    def begin(self, row_id: str) -> None:
        """Begin a range."""
        self.anchor, self._range = row_id, frozenset({row_id})

    def stretch(self, row_ids: frozenset[str]) -> None:
        """The rows that the range covers now."""
        self._range = row_ids

    def keep(self) -> None:
        """End the range; its rows stay marked."""
        self._ids |= self._range
        self.anchor, self._range = None, frozenset()

    def clear(self) -> bool:
        """Take all marks away; whether there were any."""
        had = bool(self._ids or self._range or self.anchor)
        self._ids.clear()
        self.anchor, self._range = None, frozenset()
        return had
