"""How the partitions of something stand, as sets: missing, failed, running, materialised. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from partita.definitions.partitions import Partitions, PartitionSet
from partita.records.assets import PartitionStatus


@dataclass(frozen=True, slots=True)
class Coverage:
    """The partitions that exist at one moment, each in one of the sets."""

    existing: PartitionSet
    by_status: Mapping[PartitionStatus, PartitionSet]
    """Every status, also those that no partition has."""

    @property
    def counts(self) -> dict[PartitionStatus, int]:
        """How many stand in each way."""
        return {status: len(found) for status, found in self.by_status.items()}

    def standing(self, statuses: Collection[PartitionStatus]) -> PartitionSet:
        """Those that stand in one of these ways."""
        chosen = self.existing - self.existing
        for status in statuses:
            chosen |= self.by_status[status]
        return chosen


def cover(partitions: Partitions, states: Mapping[str, PartitionStatus], *, now: datetime) -> Coverage:
    """How partitions stand of which `states` tells; those that it leaves out are missing, and keys that do not exist (any more) count for nothing."""
    existing = partitions.keys(now=now)
    keys: dict[PartitionStatus, list[str]] = {status: [] for status in PartitionStatus}
    for key, status in states.items():
        if partitions.could_have(key):
            keys[status].append(key)
    sets = {status: partitions.set_of(found) & existing for status, found in keys.items()}
    told = existing - existing
    for status, found in sets.items():
        if status is not PartitionStatus.MISSING:
            told |= found
    return Coverage(existing, {**sets, PartitionStatus.MISSING: existing - told})
