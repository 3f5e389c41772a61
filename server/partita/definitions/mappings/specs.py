"""Mappings as frozen values that can be encoded."""

from __future__ import annotations

import msgspec


class IdentityMappingSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="identity", tag_field="kind"):
    """Same key."""


class TimeWindowMappingSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="time_window", tag_field="kind"):
    """Windows that overlap, after the downstream ones were moved by whole downstream windows."""

    start_offset: int = 0
    end_offset: int = 0
    allow_missing: bool = False


class AllMappingSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="all", tag_field="kind"):
    """Every upstream partition."""


class LastMappingSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="last", tag_field="kind"):
    """The newest upstream partition."""


class StaticMappingSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="static", tag_field="kind"):
    """Upstream key to downstream keys, written out."""

    keys: tuple[tuple[str, tuple[str, ...]], ...]


class SpecificMappingSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="specific", tag_field="kind"):
    """Always these upstream keys."""

    keys: tuple[str, ...]


KeyMappingSpec = IdentityMappingSpec | TimeWindowMappingSpec | AllMappingSpec | LastMappingSpec | StaticMappingSpec | SpecificMappingSpec
"""Mappings of one dimension."""


class DimensionMappingSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="dimension", tag_field="kind"):
    """One dimension of one side is mapped to the other side, which has but one."""

    dimension: str | None = None
    """None: the one that both have, or the only one by time."""
    mapping: KeyMappingSpec | None = None
    """None: the default one between the two."""


class MultiMappingSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="multi", tag_field="kind"):
    """Dimensions of one side are mapped to dimensions of the other."""

    dimensions: tuple[tuple[str, str, KeyMappingSpec | None], ...]
    """Upstream dimension, downstream dimension, and how; in order of the upstream names."""


MappingSpec = KeyMappingSpec | DimensionMappingSpec | MultiMappingSpec
