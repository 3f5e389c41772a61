"""How the partitions of a downstream asset need those of an upstream one."""

from typing import assert_never

from partita.definitions.mappings.dimensions import (
    DimensionMapping,
    MultiMapping,
    dimension_for,
    is_matched,
    links_of,
    matched_mapping,
    part_of,
    shared_dimensions,
)
from partita.definitions.mappings.keyed import IdentityMapping, StaticMapping
from partita.definitions.mappings.mapping import Mapped, Mapping
from partita.definitions.mappings.specs import (
    AllMappingSpec,
    DimensionMappingSpec,
    IdentityMappingSpec,
    LastMappingSpec,
    MappingSpec,
    MultiMappingSpec,
    SpecificMappingSpec,
    StaticMappingSpec,
    TimeWindowMappingSpec,
)
from partita.definitions.mappings.time_windows import TimeWindowMapping
from partita.definitions.mappings.whole import AllMapping, LastMapping, SpecificMapping
from partita.definitions.partitions import MultiPartitions, Partitions


def mapping_of(spec: MappingSpec) -> Mapping:
    """The mapping that a spec describes."""
    match spec:
        case IdentityMappingSpec():
            return IdentityMapping()
        case TimeWindowMappingSpec(start_offset=start, end_offset=end, allow_missing=allow_missing):
            return TimeWindowMapping(start, end, allow_missing)
        case AllMappingSpec():
            return AllMapping()
        case LastMappingSpec():
            return LastMapping()
        case StaticMappingSpec(keys=table):
            return StaticMapping(dict(table))
        case SpecificMappingSpec(keys=keys):
            return SpecificMapping(keys)
        case DimensionMappingSpec(dimension=dimension, mapping=inner):
            return DimensionMapping(dimension, None if inner is None else mapping_of(inner))
        case MultiMappingSpec(dimensions=pairs):
            return MultiMapping({above: below if inner is None else (below, mapping_of(inner)) for above, below, inner in pairs})
        case _:
            assert_never(spec)


def edge_mapping(declared: MappingSpec | None, *, upstream: Partitions, downstream: Partitions | None) -> Mapping:
    """The mapping of an edge: the one that it declares, else the default one."""
    return mapping_of(declared) if declared is not None else default_mapping(upstream=upstream, downstream=downstream)


def default_mapping(*, upstream: Partitions, downstream: Partitions | None) -> Mapping:
    """The mapping of an edge that declares none: windows of time by overlap, equal partitions by key, dimensions that correspond by dimension.

    Anything else is all to all."""
    if downstream is not None and is_matched(upstream, downstream):
        return matched_mapping(upstream, downstream)
    match upstream, downstream:
        case MultiPartitions(), MultiPartitions():
            shared = shared_dimensions(upstream, downstream)
            return MultiMapping(shared) if shared else AllMapping()
        case (MultiPartitions() as several, Partitions() as one) | (Partitions() as one, MultiPartitions() as several):
            dimension = dimension_for(several, one)
            return AllMapping() if dimension is None else DimensionMapping(dimension)
        case _:
            return AllMapping()


__all__ = [
    "AllMapping",
    "AllMappingSpec",
    "DimensionMapping",
    "DimensionMappingSpec",
    "IdentityMapping",
    "IdentityMappingSpec",
    "LastMapping",
    "LastMappingSpec",
    "Mapped",
    "Mapping",
    "MappingSpec",
    "MultiMapping",
    "MultiMappingSpec",
    "SpecificMapping",
    "SpecificMappingSpec",
    "StaticMapping",
    "StaticMappingSpec",
    "TimeWindowMapping",
    "TimeWindowMappingSpec",
    "default_mapping",
    "edge_mapping",
    "is_matched",
    "links_of",
    "mapping_of",
    "part_of",
]
