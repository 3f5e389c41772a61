"""The last so many entries of something that never ends, each a line high or several."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Ring(Generic[T]):
    """Entries by number; numbers count on when old entries go, so that a number means one entry for ever."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._items: list[T] = []
        self._ends: list[int] = []
        """Line after each entry, counted from the first entry there ever was."""
        self.first = 0
        """Number of the oldest entry that is kept."""
        self._gone = 0
        """Entries at the start of the lists that are kept no more."""
        self._start = 0
        """Line where the oldest entry begins."""

    def __len__(self) -> int:
        return len(self._items) - self._gone

    @property
    def after(self) -> int:
        """The number that the next entry will get."""
        return self.first + len(self)

    @property
    def lines(self) -> int:
        """Lines that all entries take."""
        return (self._ends[-1] if self._ends else self._start) - self._start

    def __getitem__(self, number: int) -> T:
        return self._items[number - self.first + self._gone]

    def extend(self, items: Iterable[T], height: Callable[[T], int]) -> int:
        """Add entries; how many lines of old ones went for them."""
        line = self._ends[-1] if self._ends else self._start
        for item in items:
            line += height(item)
            self._items.append(item)
            self._ends.append(line)
        return self._drop(len(self) - self.limit)

    def _drop(self, number: int) -> int:
        if number <= 0:
            return 0
        before = self._start
        self._gone += number
        self.first += number
        self._start = self._ends[self._gone - 1]
        # Moving the lists costs as much as they are long: done once for as many entries as are kept.
        if self._gone > self.limit:
            del self._items[: self._gone], self._ends[: self._gone]
            self._gone = 0
        return self._start - before

    def drop_last(self) -> None:
        """Forget the newest entry; the next one gets its number."""
        del self._items[-1], self._ends[-1]

    def at_line(self, line: int) -> tuple[int, int]:
        """The number of the entry at a line, and which of its lines it is."""
        at = bisect_right(self._ends, line + self._start, lo=self._gone)
        begin = self._ends[at - 1] if at > self._gone else self._start
        return at - self._gone + self.first, line + self._start - begin

    def line_of(self, number: int) -> int:
        """The first line of an entry."""
        at = number - self.first + self._gone
        return (self._ends[at - 1] if at > self._gone else self._start) - self._start

    def height_of(self, number: int) -> int:
        """Lines that an entry takes."""
        at = number - self.first + self._gone
        return self._ends[at] - (self._ends[at - 1] if at > self._gone else self._start)

    def set_height(self, number: int, height: int) -> None:
        """Give an entry another height."""
        change = height - self.height_of(number)
        for at in range(number - self.first + self._gone, len(self._ends)):
            self._ends[at] += change

    def measure(self, height: Callable[[T], int]) -> None:
        """Give all entries their height anew."""
        line = self._start
        for at in range(self._gone, len(self._items)):
            line += height(self._items[at])
            self._ends[at] = line

    def clear(self) -> None:
        """Forget all entries; numbers count on."""
        self.first = self.after
        self._items.clear()
        self._ends.clear()
        self._gone = self._start = 0
