"""Mappings from key to key."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Table
from datetime import datetime

from partita.definitions.mappings.mapping import Keys, Mapped, Mapping, split_existing, to_set
from partita.definitions.mappings.specs import IdentityMappingSpec, StaticMappingSpec
from partita.definitions.partitions import DynamicPartitions, Partitions, StaticPartitions
from partita.definitions.partitions.keys import listed_keys
from partita.errors import DefinitionError, did_you_mean


class IdentityMapping(Mapping):
    """A downstream partition needs the upstream one with the same key.

    Example:
        `pt.In(key="raw/orders", mapping=pt.IdentityMapping())`
    """

    @property
    def spec(self) -> IdentityMappingSpec:
        """The frozen value that says the same."""
        return IdentityMappingSpec()

    def upstream(self, keys: Keys, *, downstream: Partitions | None, upstream: Partitions, now: datetime) -> Mapped:
        """The same keys, as far as upstream has them; the others are missing."""
        return Mapped(upstream.none(), []) if downstream is None else _same_keys(keys, downstream, upstream, now=now)

    def downstream(self, keys: Keys, *, upstream: Partitions, downstream: Partitions, now: datetime) -> Mapped:
        """The same keys, as far as downstream has them."""
        return Mapped(_same_keys(keys, upstream, downstream, now=now).keys, [])


def _same_keys(keys: Keys, ours: Partitions, theirs: Partitions, *, now: datetime) -> Mapped:
    given = to_set(keys, ours)
    if ours == theirs:
        existing = theirs.keys(now=now)
        return Mapped(given & existing, list(given - existing))
    return split_existing(given, theirs, now=now)


class StaticMapping(Mapping):
    """An upstream partition is needed by the downstream ones written beside it.

    Args:
        keys: upstream key to the downstream key, or keys, that need it.

    Example:
        `pt.StaticMapping({"de": "eu", "fr": "eu", "us": ["us", "all"]})`

    Raises:
        DefinitionError: it is no mapping from keys to keys.
    """

    def __init__(self, keys: Table[str, str | Iterable[str]]) -> None:
        if not isinstance(keys, Table):
            raise DefinitionError(f"StaticMapping takes a mapping from upstream keys, such as {{'de': 'eu'}}, not {keys!r}.")
        downs_of = {up: [down] if isinstance(down, str) else listed_keys(down, owner="StaticMapping") for up, down in keys.items()}
        table = {up: tuple(dict.fromkeys(downs)) for up, downs in downs_of.items()}
        self._spec = StaticMappingSpec(keys=tuple(table.items()))
        self._below = table
        self._above: dict[str, list[str]] = {}
        for up, downs in table.items():
            for down in downs:
                self._above.setdefault(down, []).append(up)

    @property
    def spec(self) -> StaticMappingSpec:
        """The frozen value that says the same."""
        return self._spec

    def upstream(self, keys: Keys, *, downstream: Partitions | None, upstream: Partitions, now: datetime) -> Mapped:
        """The keys written for these, as far as upstream has them; the others are missing."""
        given = to_set(keys, downstream) if downstream is not None else ()
        return split_existing(dict.fromkeys(up for key in given for up in self._above.get(key, ())), upstream, now=now)

    def downstream(self, keys: Keys, *, upstream: Partitions, downstream: Partitions, now: datetime) -> Mapped:
        """The keys written for these, as far as downstream has them."""
        named = dict.fromkeys(down for key in to_set(keys, upstream) for down in self._below.get(key, ()))
        return Mapped(split_existing(named, downstream, now=now).keys, [])

    def check(self, *, upstream: Partitions, downstream: Partitions | None) -> None:
        """Refuses anything but static and dynamic partitions, and keys that they cannot have."""
        _check_names("upstream", self._below, upstream)
        _check_names("downstream", self._above, downstream)


def _check_names(side: str, names: Iterable[str], partitions: Partitions | None) -> None:
    if not isinstance(partitions, (StaticPartitions, DynamicPartitions)):
        found = "is not partitioned" if partitions is None else f"is {partitions.describe()!r}"
        raise DefinitionError(f"StaticMapping needs StaticPartitions or DynamicPartitions on both sides, and {side} {found}.")
    known = partitions.spec.keys if isinstance(partitions, StaticPartitions) else ()
    for name in names:
        if not partitions.could_have(name):
            raise DefinitionError(f"StaticMapping names the {side} key {name!r}, which does not exist.{did_you_mean(name, known)}")
