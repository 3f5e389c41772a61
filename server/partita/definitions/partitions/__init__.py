"""Partitions: the algebra of ranges that assets and jobs are cut into."""

from functools import lru_cache
from typing import assert_never

from partita.definitions.partitions.cadences import DailyPartitions, HourlyPartitions, MonthlyPartitions, WeeklyPartitions
from partita.definitions.partitions.partitions import Partitions, PartitionSet
from partita.definitions.partitions.specs import PartitionsSpec, StaticPartitionsSpec, TimePartitionsSpec
from partita.definitions.partitions.static import StaticPartitions
from partita.definitions.partitions.time import TimePartitions, TimeWindow


@lru_cache(maxsize=1024)
def partitions_of(spec: PartitionsSpec) -> Partitions:
    """The partitions that a spec describes; equal specs give the same object."""
    match spec:
        case TimePartitionsSpec():
            return TimePartitions(spec)
        case StaticPartitionsSpec():
            return StaticPartitions(spec.keys)
        case _:
            assert_never(spec)


__all__ = [
    "DailyPartitions",
    "HourlyPartitions",
    "MonthlyPartitions",
    "PartitionSet",
    "Partitions",
    "PartitionsSpec",
    "StaticPartitions",
    "StaticPartitionsSpec",
    "TimePartitions",
    "TimePartitionsSpec",
    "TimeWindow",
    "WeeklyPartitions",
    "partitions_of",
]
