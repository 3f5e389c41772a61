"""Partitions whose keys are added while the workspace runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Self
from zlib import crc32

from partita.definitions.keys import check_name
from partita.definitions.partitions.keys import check_key
from partita.definitions.partitions.partitions import Partitions, PartitionSet
from partita.definitions.partitions.spans import Span
from partita.definitions.partitions.specs import DynamicPartitionsSpec
from partita.errors import DefinitionError, RequestError, did_you_mean

DynamicKeys = Mapping[str, Sequence[str]]
"""The keys of dynamic sets by the sets' names, in order of addition. A set that is not among them has no keys yet."""

HOW_TO_ADD = "with addDynamicPartitions or a sensor"
_COMPARED = 2000
"""Keys that a wrong one is compared with."""


class DynamicPartitions(Partitions):
    """A set of partitions that sensors, the API and clients add keys to; its name means the same set in the whole workspace.

    The definition itself has no keys, since they are kept in the store: `bound` gives them to it.

    Args:
        name: the set's name: letters, digits, `_`, `.` and `-`.

    Example:
        `@pt.asset(partitions=pt.DynamicPartitions("customers"))`

    Raises:
        DefinitionError: a set may not be called so.
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise DefinitionError(f"DynamicPartitions takes the name of a set of partitions, not {name!r}. The keys are added later, {HOW_TO_ADD}.")
        self._spec = DynamicPartitionsSpec(name=check_name("set of dynamic partitions", name))
        self._keys: tuple[str, ...] | None = None
        self._ordinals: dict[str, int] = {}

    @property
    def name(self) -> str:
        """The set's name."""
        return self._spec.name

    @property
    def spec(self) -> DynamicPartitionsSpec:
        """The frozen value that says the same."""
        return self._spec

    def bound(self, keys: Sequence[str]) -> Self:
        """The same set with the keys that it has at this moment, in order of addition."""
        made = type(self)(self._spec.name)
        made._bind(keys)  # noqa: SLF001 (one of its own kind)
        return made

    @property
    def ordinal_system(self) -> str:
        """The set: keys are only ever added, so a key's place never changes."""
        return f"y{crc32(self._spec.name.encode()):08x}"

    @property
    def ordinal_limits(self) -> Span:
        """The first and the last place."""
        return 0, len(self._known) - 1

    def keys(self, *, now: datetime) -> PartitionSet:
        """All that have been added, whatever `now` is.

        Raises:
            RequestError: no keys were bound.
        """
        del now
        return PartitionSet(self, (self.ordinal_limits,))

    def could_have(self, key: str) -> bool:
        """True for every text that may be a key: it can be added any time."""
        try:
            check_key(key, owner=self.describe())
        except DefinitionError:
            return False
        return True

    def find_ordinal(self, key: str) -> int | None:
        """The place of `key` in order of addition, or None.

        Raises:
            RequestError: no keys were bound.
        """
        return self._ordinals.get(key) if self._known else None

    def key_of(self, ordinal: int) -> str:
        """The key at a place."""
        return self._known[ordinal]

    def keys_between(self, span: Span) -> Iterator[str]:
        """The keys of a range of places."""
        return iter(self._known[span[0] : span[1] + 1])

    def gaps(self, span: Span) -> list[int]:
        """The places of a range that no key has."""
        count = len(self._known)
        return [ordinal for ordinal in range(span[0], span[1] + 1) if not 0 <= ordinal < count]

    def hint(self, key: str, *, now: datetime) -> str:
        """How a key gets there, and the nearest one that is."""
        del now
        if not self.could_have(key):
            return "Keys are texts without '|', '...' and control characters."
        near = did_you_mean(key, self._known[:_COMPARED]).strip()
        return f"{near} If it is new, add it {HOW_TO_ADD}." if near else f"Add it to {self._spec.name!r} first, {HOW_TO_ADD}."

    def describe(self) -> str:
        """`dynamic (customers)`."""
        return f"dynamic ({self._spec.name})"

    def _bind(self, keys: Sequence[str]) -> None:
        self._keys = tuple(dict.fromkeys(keys))
        self._ordinals = {key: ordinal for ordinal, key in enumerate(self._keys)}

    @property
    def _known(self) -> tuple[str, ...]:
        if self._keys is None:
            raise RequestError(
                f"The keys of the dynamic partitions {self._spec.name!r} are kept in the store, and were not looked up here. "
                f"Bind them: DynamicPartitions({self._spec.name!r}).bound(keys)."
            )
        return self._keys
