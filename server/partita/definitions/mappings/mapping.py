"""What all mappings have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from partita.definitions.mappings.specs import MappingSpec
from partita.definitions.partitions import Partitions, PartitionSet

Keys = PartitionSet | Iterable[str]


class Mapped(NamedTuple):
    """Where some partitions lead across one edge."""

    keys: PartitionSet
    """The partitions on the other side."""
    missing: list[str]
    """Upstream keys that are needed and do not exist, in order; empty when asking downstream."""


class Mapping(ABC):
    """Which upstream partitions a downstream one needs, and the other way round.

    Two are equal when their specs are. Keys are given as a `PartitionSet` or as texts; texts need not exist yet.
    """

    @property
    @abstractmethod
    def spec(self) -> MappingSpec:
        """The frozen value that says the same."""

    @abstractmethod
    def upstream(self, keys: Keys, *, downstream: Partitions | None, upstream: Partitions, now: datetime) -> Mapped:
        """The upstream partitions that these downstream ones need.

        Args:
            keys: downstream partitions; anything when downstream has none.
            downstream: how the asset that reads is cut; None when it is not.
            upstream: how the asset that is read is cut.
            now: decides which partitions exist.

        Raises:
            UnknownPartitionError: a text is no key of `downstream`.
        """

    @abstractmethod
    def downstream(self, keys: Keys, *, upstream: Partitions, downstream: Partitions, now: datetime) -> Mapped:
        """The downstream partitions, of those that exist, that need these upstream ones.

        Raises:
            UnknownPartitionError: a text is no key of `upstream`.
        """

    def check(self, *, upstream: Partitions, downstream: Partitions | None) -> None:
        """Refuses partitions that it cannot map.

        Raises:
            DefinitionError: says which side does not fit and why.
        """
        del upstream, downstream  # most mappings take any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self.spec == other.spec

    def __hash__(self) -> int:
        return hash(self.spec)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.spec}>"


def to_set(keys: Keys, partitions: Partitions) -> PartitionSet:
    """Keys as a set of these partitions; texts need not exist yet."""
    return keys if isinstance(keys, PartitionSet) else partitions.set_of(keys)


def split_existing(keys: Iterable[str], partitions: Partitions, *, now: datetime) -> Mapped:
    """Of these keys those that exist, as a set, and the others as they are."""
    existing = partitions.keys(now=now)
    found, missing = [], []
    for key in keys:
        ordinal = partitions.find_ordinal(key)
        if ordinal is not None and existing.has_ordinal(ordinal):
            found.append(ordinal)
        else:
            missing.append(key)
    return Mapped(partitions.of_ordinals(found), missing)
