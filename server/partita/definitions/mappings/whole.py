"""Mappings that do not look at which downstream partition asks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from partita.definitions.mappings.mapping import Keys, Mapped, Mapping, split_existing, to_set
from partita.definitions.mappings.specs import AllMappingSpec, LastMappingSpec, SpecificMappingSpec
from partita.definitions.partitions import Partitions
from partita.definitions.partitions.keys import listed_keys
from partita.errors import DefinitionError


class AllMapping(Mapping):
    """Every downstream partition needs every upstream one.

    Example:
        `pt.In(key="raw/orders", mapping=pt.AllMapping())`
    """

    @property
    def spec(self) -> AllMappingSpec:
        """The frozen value that says the same."""
        return AllMappingSpec()

    def upstream(self, keys: Keys, *, downstream: Partitions | None, upstream: Partitions, now: datetime) -> Mapped:
        """All upstream partitions that exist."""
        del keys, downstream
        return Mapped(upstream.keys(now=now), [])

    def downstream(self, keys: Keys, *, upstream: Partitions, downstream: Partitions, now: datetime) -> Mapped:
        """All downstream partitions that exist, unless no key is given."""
        return Mapped(downstream.keys(now=now) if to_set(keys, upstream) else downstream.none(), [])


class LastMapping(Mapping):
    """Every downstream partition needs the newest upstream one.

    Example:
        `pt.In(key="rates", mapping=pt.LastMapping())`
    """

    @property
    def spec(self) -> LastMappingSpec:
        """The frozen value that says the same."""
        return LastMappingSpec()

    def upstream(self, keys: Keys, *, downstream: Partitions | None, upstream: Partitions, now: datetime) -> Mapped:
        """The last upstream partition that exists; none while none does."""
        del keys, downstream
        return Mapped(upstream.keys(now=now)[-1:], [])

    def downstream(self, keys: Keys, *, upstream: Partitions, downstream: Partitions, now: datetime) -> Mapped:
        """All downstream partitions that exist if the newest upstream one is among the keys, else none."""
        is_needed = bool(to_set(keys, upstream) & upstream.keys(now=now)[-1:])
        return Mapped(downstream.keys(now=now) if is_needed else downstream.none(), [])


class SpecificMapping(Mapping):
    """Every downstream partition needs the same upstream ones.

    Args:
        keys: upstream keys.

    Example:
        `pt.SpecificMapping(["2013-01-01"])`

    Raises:
        DefinitionError: the keys are one text instead of a list.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._spec = SpecificMappingSpec(keys=tuple(dict.fromkeys(listed_keys(keys, owner="SpecificMapping"))))

    @property
    def spec(self) -> SpecificMappingSpec:
        """The frozen value that says the same."""
        return self._spec

    def upstream(self, keys: Keys, *, downstream: Partitions | None, upstream: Partitions, now: datetime) -> Mapped:
        """These keys, as far as they exist; the others are missing."""
        del keys, downstream
        return split_existing(self._spec.keys, upstream, now=now)

    def downstream(self, keys: Keys, *, upstream: Partitions, downstream: Partitions, now: datetime) -> Mapped:
        """All downstream partitions that exist if one of these keys is given, else none."""
        given = to_set(keys, upstream)
        is_needed = any(key in given for key in self._spec.keys)
        return Mapped(downstream.keys(now=now) if is_needed else downstream.none(), [])

    def check(self, *, upstream: Partitions, downstream: Partitions | None) -> None:
        """Refuses upstream partitions that never have one of these keys."""
        del downstream
        unknown = next((key for key in self._spec.keys if not upstream.could_have(key)), None)
        if unknown is not None:
            raise DefinitionError(f"SpecificMapping names the upstream key {unknown!r}, which {upstream.describe()!r} never has.")
