"""What evaluating conditions reads of the world: a protocol that memory and a database can both fill.

A subject is an asset key, or a check's step key (`asset:check`). Sets are of the partitions that are passed in; what is not cut
has one, `WHOLE`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DynamicKeys, Partitions, PartitionSet, PartitionsSpec, StaticPartitions, partitions_of

WHOLE = StaticPartitions(["whole"])
"""The one partition of what has none: so conditions calculate with sets everywhere."""


class Facts(Protocol):
    """All that has happened, as positions in a log and as sets."""

    @property
    def cursor(self) -> int:
        """The position of the last thing that has happened."""

    def revision(self, subject: str) -> int:
        """The position of the last thing that has happened to a subject: a write, the start or end of a run, an evaluation; 0 for nothing."""

    def written(self, subject: str, partitions: Partitions) -> PartitionSet:
        """What was ever written; of a check, evaluated."""

    def written_at(self, subject: str) -> datetime | None:
        """When any partition was last written."""

    def updated(self, subject: str, partitions: Partitions, *, after: int) -> PartitionSet:
        """What was written, or evaluated, after a position."""

    def updated_with(self, subject: str, partitions: Partitions, *, target: AssetKey, after: int) -> PartitionSet:
        """Of `updated` what was written by a run that was to write `target` too."""

    def in_progress(self, subject: str, partitions: Partitions) -> PartitionSet:
        """What runs that are queued or running are to write."""

    def failed(self, subject: str, partitions: Partitions) -> PartitionSet:
        """That whose last run has failed before it was written."""

    def passed(self, check: str, partitions: Partitions) -> PartitionSet:
        """Where the last evaluation of a check has passed."""

    def not_passed(self, check: str, partitions: Partitions) -> PartitionSet:
        """Where the last evaluation of a check has failed."""


def cut_of(spec: PartitionsSpec | None, dynamic: DynamicKeys | None) -> Partitions:
    """How something is cut; whole if it is not."""
    return WHOLE if spec is None else partitions_of(spec, dynamic)
