"""Partitions that are a list of names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from zlib import crc32

from partita.definitions.partitions.keys import check_key, listed_keys
from partita.definitions.partitions.partitions import Partitions, PartitionSet
from partita.definitions.partitions.spans import Span
from partita.definitions.partitions.specs import StaticPartitionsSpec
from partita.errors import DefinitionError, did_you_mean

_SHOWN = 5


class StaticPartitions(Partitions):
    """A fixed list of partitions; all of them always exist.

    Args:
        keys: their names, in order; text without `|`, `...` and control characters.

    Example:
        `pt.StaticPartitions(["eu", "us"])`

    Raises:
        DefinitionError: a key is given twice or may not be a key.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        checked = tuple(check_key(key, owner="StaticPartitions") for key in listed_keys(keys, owner="StaticPartitions"))
        self._ordinals = {key: ordinal for ordinal, key in enumerate(checked)}
        if len(self._ordinals) < len(checked):
            twice = next(key for ordinal, key in enumerate(checked) if self._ordinals[key] != ordinal)
            raise DefinitionError(f"StaticPartitions has the key {twice!r} twice. Leave one of them out.")
        self._spec = StaticPartitionsSpec(keys=checked)

    @property
    def spec(self) -> StaticPartitionsSpec:
        """The frozen value that says the same."""
        return self._spec

    @property
    def ordinal_system(self) -> str:
        """A checksum of the keys: positions mean nothing in another list."""
        return f"s{crc32('|'.join(self._spec.keys).encode()):08x}"

    @property
    def ordinal_limits(self) -> Span:
        """The first and the last position."""
        return 0, len(self._spec.keys) - 1

    def keys(self, *, now: datetime) -> PartitionSet:
        """All of them, whatever `now` is."""
        del now
        return PartitionSet(self, (self.ordinal_limits,))

    def find_ordinal(self, key: str) -> int | None:
        """The position of `key`, or None."""
        return self._ordinals.get(key)

    def key_of(self, ordinal: int) -> str:
        """The key at a position."""
        return self._spec.keys[ordinal]

    def keys_between(self, span: Span) -> Iterator[str]:
        """The keys of a range of positions."""
        return iter(self._spec.keys[span[0] : span[1] + 1])

    def gaps(self, span: Span) -> list[int]:
        """The positions of a range that are not in the list."""
        return [ordinal for ordinal in range(span[0], span[1] + 1) if not 0 <= ordinal < len(self._spec.keys)]

    def hint(self, key: str, *, now: datetime) -> str:
        """The nearest key, else the first few."""
        del now
        if near := did_you_mean(key, self._spec.keys).strip():
            return near
        return f"It has {self._listed()}."

    def describe(self) -> str:
        """`eu, us` and how many more."""
        return self._listed()

    def _listed(self) -> str:
        if not self._spec.keys:
            return "no partitions"
        more = len(self._spec.keys) - _SHOWN
        return ", ".join(self._spec.keys[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
