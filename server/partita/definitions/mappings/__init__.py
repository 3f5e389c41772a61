"""How the partitions of a downstream asset need those of an upstream one."""

from typing import assert_never

from partita.definitions.mappings.keyed import IdentityMapping, StaticMapping
from partita.definitions.mappings.mapping import Mapped, Mapping
from partita.definitions.mappings.specs import (
    AllMappingSpec,
    IdentityMappingSpec,
    LastMappingSpec,
    MappingSpec,
    SpecificMappingSpec,
    StaticMappingSpec,
    TimeWindowMappingSpec,
)
from partita.definitions.mappings.time_windows import TimeWindowMapping
from partita.definitions.mappings.whole import AllMapping, LastMapping, SpecificMapping
from partita.definitions.partitions import Partitions, TimePartitions


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
        case _:
            assert_never(spec)


def default_mapping(*, upstream: Partitions, downstream: Partitions | None) -> Mapping:
    """The mapping of an edge that declares none: windows of time by overlap, equal partitions by key, anything else all to all."""
    if isinstance(upstream, TimePartitions) and isinstance(downstream, TimePartitions):
        return TimeWindowMapping()
    return IdentityMapping() if upstream == downstream else AllMapping()


__all__ = [
    "AllMapping",
    "AllMappingSpec",
    "IdentityMapping",
    "IdentityMappingSpec",
    "LastMapping",
    "LastMappingSpec",
    "Mapped",
    "Mapping",
    "MappingSpec",
    "SpecificMapping",
    "SpecificMappingSpec",
    "StaticMapping",
    "StaticMappingSpec",
    "TimeWindowMapping",
    "TimeWindowMappingSpec",
    "default_mapping",
    "mapping_of",
]
