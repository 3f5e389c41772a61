"""What all partitions have in common, and the sets of keys taken from them.

A partition is known to people by its key and to the algebra by its ordinal, an integer that follows definition order. A set is a
tuple of ranges of ordinals, so a million partitions cost as much as one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Iterator
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple, overload

from partita.definitions.partitions.encoding import decode_spans, encode_spans
from partita.definitions.partitions.spans import Span, Spans, intersect, merge, of_integers, subtract
from partita.definitions.partitions.specs import PartitionsSpec
from partita.errors import NotByTimeError, PartitionsError, RequestError, UnknownPartitionError


class TimeWindow(NamedTuple):
    """A stretch of time from `start` up to and without `end`, both aware."""

    start: datetime
    end: datetime


class Partitions(ABC):
    """How an asset or a job is cut: an ordered set of keys, computed rather than stored.

    Two are equal when their specs are. Every method is pure; `now` decides which partitions exist yet. A `now` without a zone is
    read as wall time of the partitions.
    """

    @property
    @abstractmethod
    def spec(self) -> PartitionsSpec:
        """The frozen value that says the same."""

    @abstractmethod
    def keys(self, *, now: datetime) -> PartitionSet:
        """All partitions that exist at `now`."""

    @abstractmethod
    def find_ordinal(self, key: str) -> int | None:
        """The ordinal of `key`, or None when no partition is ever called exactly so. Says nothing about existing already."""

    def could_have(self, key: str) -> bool:
        """Whether a partition may be called so, now or later."""
        return self.find_ordinal(key) is not None

    @abstractmethod
    def key_of(self, ordinal: int) -> str:
        """The key of the partition with this ordinal."""

    @abstractmethod
    def keys_between(self, span: Span) -> Iterator[str]:
        """Keys of a range of ordinals, gaps left out, in order."""

    @abstractmethod
    def gaps(self, span: Span) -> list[int]:
        """The ordinals of a range that are no partitions, ascending."""

    @abstractmethod
    def hint(self, key: str, *, now: datetime) -> str:
        """A sentence that helps whoever asked for a `key` that does not exist."""

    @abstractmethod
    def describe(self) -> str:
        """A few words for people."""

    @property
    @abstractmethod
    def ordinal_system(self) -> str:
        """What the ordinals count from; sets encoded under another system are refused."""

    @property
    @abstractmethod
    def ordinal_limits(self) -> Span:
        """The lowest and the highest ordinal that can be calculated with."""

    def count(self, *, now: datetime) -> int:
        """How many partitions exist at `now`."""
        return len(self.keys(now=now))

    def first(self, *, now: datetime) -> str | None:
        """The first key that exists at `now`, or None."""
        return self.keys(now=now).first

    def last(self, *, now: datetime) -> str | None:
        """The newest key that exists at `now`, or None."""
        return self.keys(now=now).last

    def ordinal(self, key: str) -> int:
        """The ordinal of a key.

        Raises:
            UnknownPartitionError: no partition is ever called so.
        """
        found = self.find_ordinal(key)
        if found is None:
            raise UnknownPartitionError(key, f"The partitioning {self.describe()!r}")
        return found

    @property
    def cron(self) -> str:
        """When a new partition begins.

        Raises:
            NotByTimeError: they are not cut by time.
        """
        raise self._not_by_time("cron")

    def window(self, key: str) -> TimeWindow:
        """The window of a key.

        Raises:
            NotByTimeError: they are not cut by time.
        """
        del key
        raise self._not_by_time("window")

    def key_at(self, instant: datetime) -> str | None:
        """The key of the window that an instant lies in.

        Raises:
            NotByTimeError: they are not cut by time.
        """
        del instant
        raise self._not_by_time("key_at")

    def range(self, first_key: str, last_key: str, *, now: datetime) -> PartitionSet:
        """The partitions from `first_key` to `last_key`, both included.

        Raises:
            UnknownPartitionError: one of the two does not exist at `now`.
            RequestError: the first comes after the last.
        """
        ends = self.select((first_key, last_key), now=now, owner=f"The partitioning {self.describe()!r}")
        low, high = self.ordinal(first_key), self.ordinal(last_key)
        if low > high:
            raise RequestError(f"The range {first_key!r} to {last_key!r} is the wrong way round: {first_key!r} comes after {last_key!r}.")
        return PartitionSet(ends.partitions, self.without_gaps(((low, high),)))

    def select(self, keys: Iterable[str], *, now: datetime, owner: str = "It") -> PartitionSet:
        """The set of these keys.

        Args:
            keys: in any order, doubles allowed.
            owner: who is asked, for the error: `"Asset 'flights'"`.

        Raises:
            UnknownPartitionError: one of them does not exist at `now`; names the owner, the key and the nearest or the valid span.
            PartitionsError: it is one text instead of a list, or no list at all.
        """
        _check_listed(keys)
        existing = self.keys(now=now)
        ordinals: list[int] = []
        for key in keys:
            ordinal = self.find_ordinal(key)
            if ordinal is None or not existing.has_ordinal(ordinal):
                raise UnknownPartitionError(key, owner, self.hint(key, now=now))
            ordinals.append(ordinal)
        return self.of_ordinals(ordinals)

    def set_of(self, keys: Iterable[str]) -> PartitionSet:
        """The set of these keys, whether or not they exist yet.

        Raises:
            UnknownPartitionError: no partition is ever called so.
            PartitionsError: it is one text instead of a list, or no list at all.
        """
        _check_listed(keys)
        return self.of_ordinals(self.ordinal(key) for key in keys)

    def of_ordinals(self, ordinals: Iterable[int]) -> PartitionSet:
        """The set of the partitions with these ordinals, in any order."""
        return PartitionSet(self, of_integers(ordinals))

    def decode(self, text: str) -> PartitionSet:
        """The set that its `encode` wrote; see `PartitionSet.decode`."""
        spans = decode_spans(text, system=self.ordinal_system, limits=self.ordinal_limits)
        return PartitionSet(self, self.without_gaps(spans))

    def none(self) -> PartitionSet:
        """The empty set."""
        return PartitionSet(self, ())

    def without_gaps(self, spans: Spans) -> Spans:
        """Only the ordinals that are partitions."""
        holes = [ordinal for span in spans for ordinal in self.gaps(span)]
        return subtract(spans, of_integers(holes)) if holes else spans

    def _not_by_time(self, asked: str) -> NotByTimeError:
        return NotByTimeError(
            f"{self.describe()!r} is not cut by time and has no {asked!r}. Ask partitions that are, such as pt.DailyPartitions(...)."
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Partitions) and self.spec == other.spec

    def __hash__(self) -> int:
        return hash(self.spec)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.describe()}>"


class PartitionSet:
    """Some partitions of one `Partitions`: immutable, in definition order, stored as ranges.

    Example:
        `len(days.keys(now=now) - days.select(["2013-01-05"], now=now))`
    """

    __slots__ = ("_ends", "_partitions", "_spans")

    def __init__(self, partitions: Partitions, spans: Iterable[Span]) -> None:
        self._partitions = partitions
        self._spans = merge(spans)
        self._ends = tuple(accumulate(high - low + 1 for low, high in self._spans))

    @property
    def partitions(self) -> Partitions:
        """What they are partitions of."""
        return self._partitions

    @property
    def spans(self) -> Spans:
        """Its ordinals as sorted inclusive ranges that never touch."""
        return self._spans

    @property
    def first(self) -> str | None:
        """The first key, or None when empty."""
        return self._partitions.key_of(self._spans[0][0]) if self._spans else None

    @property
    def last(self) -> str | None:
        """The last key, or None when empty."""
        return self._partitions.key_of(self._spans[-1][1]) if self._spans else None

    def ranges(self) -> list[tuple[str, str]]:
        """First and last key of each run of neighbours; a partition that is excluded does not part them."""
        joined: list[Span] = []
        for low, high in self._spans:
            if joined and len(self._partitions.gaps((joined[-1][1] + 1, low - 1))) == low - 1 - joined[-1][1]:
                joined[-1] = (joined[-1][0], high)
            else:
                joined.append((low, high))
        return [(self._partitions.key_of(low), self._partitions.key_of(high)) for low, high in joined]

    def has_ordinal(self, ordinal: int) -> bool:
        """True when the partition with this ordinal is in the set."""
        index = bisect_left(self._spans, (ordinal + 1, ordinal))
        return index > 0 and self._spans[index - 1][1] >= ordinal

    @property
    def content(self) -> Hashable:
        """What makes two sets of the same partitions equal."""
        return self._spans

    def rank(self, ordinal: int) -> int:
        """How many of its partitions come up to this ordinal, itself included."""
        return sum(min(high, ordinal) - low + 1 for low, high in self._spans if low <= ordinal)

    def encode(self) -> str:
        """A short text that `decode` reads back."""
        return encode_spans(self._partitions.ordinal_system, self._spans)

    @staticmethod
    def decode(text: str, partitions: Partitions) -> PartitionSet:
        """The set that `encode` wrote. Partitions that have been excluded since are left out.

        Raises:
            RequestError: the text is no encoded set, or was written for partitions that count otherwise.
        """
        return partitions.decode(text)

    def __iter__(self) -> Iterator[str]:
        for span in self._spans:
            yield from self._partitions.keys_between(span)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __bool__(self) -> bool:
        return bool(self._spans)

    def __contains__(self, key: object) -> bool:
        ordinal = self._partitions.find_ordinal(key) if isinstance(key, str) else None
        return ordinal is not None and self.has_ordinal(ordinal)

    def __or__(self, other: PartitionSet) -> PartitionSet:
        if not isinstance(other, PartitionSet):
            return NotImplemented
        return PartitionSet(self._partitions, (*self._spans, *self._same(other)))

    def __and__(self, other: PartitionSet) -> PartitionSet:
        if not isinstance(other, PartitionSet):
            return NotImplemented
        return PartitionSet(self._partitions, intersect(self._spans, self._same(other)))

    def __sub__(self, other: PartitionSet) -> PartitionSet:
        if not isinstance(other, PartitionSet):
            return NotImplemented
        return PartitionSet(self._partitions, subtract(self._spans, self._same(other)))

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> PartitionSet: ...
    def __getitem__(self, index: int | slice) -> str | PartitionSet:
        if isinstance(index, slice):
            return self._slice(*index.indices(len(self)))
        position = index if index >= 0 else len(self) + index
        if not 0 <= position < len(self):
            raise IndexError(f"partition {index} of {len(self)}")
        return self._key_at(position)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PartitionSet) and self._spans == other._spans and self._partitions == other._partitions

    def __hash__(self) -> int:
        return hash((self._partitions, self._spans))

    def __repr__(self) -> str:
        ranges = self[:1000].ranges()
        shown = ", ".join(low if low == high else f"{low}...{high}" for low, high in ranges[:5])
        return f"<PartitionSet of {len(self)}: {shown}{', ...' if len(ranges) > 5 or len(self) > 1000 else ''}>"

    def _key_at(self, position: int) -> str:
        return self._partitions.key_of(self._ordinal_at(position))

    def _ordinal_at(self, position: int) -> int:
        index = bisect_right(self._ends, position)
        return self._spans[index][1] - (self._ends[index] - 1 - position)

    def _slice(self, start: int, stop: int, step: int) -> PartitionSet:
        if step < 0:
            raise ValueError("a partition set keeps definition order: slice it with a positive step")
        if step > 1:
            return PartitionSet(self._partitions, of_integers(self._ordinal_at(position) for position in range(start, stop, step)))
        if start >= stop:
            return self._partitions.none()
        return PartitionSet(self._partitions, intersect(self._spans, ((self._ordinal_at(start), self._ordinal_at(stop - 1)),)))

    def _same(self, other: PartitionSet) -> Spans:
        if self._partitions is not other._partitions and self._partitions != other._partitions:
            raise RequestError(
                f"Partition sets of different partitions cannot be combined: {self._partitions.describe()!r} and {other._partitions.describe()!r}."
            )
        return other._spans


def _check_listed(keys: object) -> None:
    if isinstance(keys, str) or not isinstance(keys, Iterable):
        raise PartitionsError(f"{keys!r} is no list of partition keys. Give one, such as [{keys if isinstance(keys, str) else '2024-01-31'!r}].")
