"""Partitions: the algebra of ranges that assets and jobs are cut into."""

from functools import lru_cache
from typing import assert_never

from partita.definitions.partitions.cadences import CronPartitions, DailyPartitions, HourlyPartitions, MonthlyPartitions, WeeklyPartitions
from partita.definitions.partitions.dynamic import DynamicKeys, DynamicPartitions
from partita.definitions.partitions.multi import MultiPartitions, ProductSet
from partita.definitions.partitions.partitions import Partitions, PartitionSet, TimeWindow
from partita.definitions.partitions.specs import DynamicPartitionsSpec, MultiPartitionsSpec, PartitionsSpec, StaticPartitionsSpec, TimePartitionsSpec
from partita.definitions.partitions.static import StaticPartitions
from partita.definitions.partitions.time import TimePartitions


def partitions_of(spec: PartitionsSpec, dynamic: DynamicKeys | None = None) -> Partitions:
    """The partitions that a spec describes; equal specs give the same object, a dynamic one as long as its keys are the same.

    Args:
        spec: how something is cut.
        dynamic: the keys of dynamic sets. None: whoever asks needs none of them, and is told so when it does.
    """
    if isinstance(spec, DynamicPartitionsSpec) and dynamic is not None:
        return _bound(spec.name, tuple(dynamic.get(spec.name, ())))
    if isinstance(spec, MultiPartitionsSpec) and dynamic is not None and dynamic_names(spec):
        return MultiPartitions({name: partitions_of(each, dynamic) for name, each in spec.dimensions})
    return _partitions_of(spec)


def dynamic_names(spec: PartitionsSpec | None) -> tuple[str, ...]:
    """The names of the dynamic sets that something is cut by."""
    match spec:
        case DynamicPartitionsSpec(name=name):
            return (name,)
        case MultiPartitionsSpec(dimensions=dimensions):
            return tuple(each.name for _, each in dimensions if isinstance(each, DynamicPartitionsSpec))
        case _:
            return ()


@lru_cache(maxsize=64)
def _bound(name: str, keys: tuple[str, ...]) -> DynamicPartitions:
    return DynamicPartitions(name).bound(keys)


@lru_cache(maxsize=1024)
def _partitions_of(spec: PartitionsSpec) -> Partitions:
    match spec:
        case TimePartitionsSpec():
            return TimePartitions(spec)
        case StaticPartitionsSpec():
            return StaticPartitions(spec.keys)
        case DynamicPartitionsSpec():
            return DynamicPartitions(spec.name)
        case MultiPartitionsSpec():
            return MultiPartitions({name: _partitions_of(each) for name, each in spec.dimensions})
        case _:
            assert_never(spec)


__all__ = [
    "CronPartitions",
    "DailyPartitions",
    "DynamicKeys",
    "DynamicPartitions",
    "DynamicPartitionsSpec",
    "HourlyPartitions",
    "MonthlyPartitions",
    "MultiPartitions",
    "MultiPartitionsSpec",
    "PartitionSet",
    "Partitions",
    "PartitionsSpec",
    "ProductSet",
    "StaticPartitions",
    "StaticPartitionsSpec",
    "TimePartitions",
    "TimePartitionsSpec",
    "TimeWindow",
    "WeeklyPartitions",
    "dynamic_names",
    "partitions_of",
]
