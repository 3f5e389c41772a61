"""Facts kept in memory: what a simulation writes down, what tests tell, and what a daemon has read."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from partita.definitions.keys import AssetKey
from partita.definitions.partitions import Partitions, PartitionSet


class _Write(NamedTuple):
    position: int
    keys: PartitionSet
    together: frozenset[str]
    """The assets that the run was to write."""


@dataclass
class _Subject:
    """What is known of an asset or check."""

    written: PartitionSet
    in_progress: PartitionSet
    failed: PartitionSet
    passed: PartitionSet
    not_passed: PartitionSet
    revision: int = 0
    written_at: datetime | None = None
    writes: list[_Write] = field(default_factory=list)


class RememberedFacts:
    """A record of what has happened; implements `condition_facts.Facts`.

    Args:
        cut: how each subject is cut.
        position: where the record goes on from.
    """

    def __init__(self, cut: Callable[[str], Partitions], *, position: int = 0) -> None:
        self._cut = cut
        self._subjects: dict[str, _Subject] = {}
        self._position = position

    def stir(self, subject: str) -> None:
        """Something has happened to it, and nobody knows what."""
        self._touch(subject)

    def recall(self, subject: str, *, written: PartitionSet | None = None, failed: PartitionSet | None = None, at: datetime | None = None) -> None:
        """How a subject has stood for long: nothing that happens now."""
        known = self._known(subject)
        known.written = known.written if written is None else written
        known.failed = known.failed if failed is None else failed
        known.written_at = at or known.written_at

    def recall_result(self, check: str, keys: PartitionSet | None = None, *, passed: bool, at: datetime) -> None:
        """How a check was last evaluated, long ago."""
        known, told = self._known(check), self._keys(check, keys)
        known.written |= told
        known.written_at = at
        known.passed = known.passed | told if passed else known.passed - told
        known.not_passed = known.not_passed - told if passed else known.not_passed | told

    def recall_started(self, subject: str, keys: PartitionSet | None = None) -> None:
        """A run that is to write it was queued long ago."""
        self._known(subject).in_progress |= self._keys(subject, keys)

    def wrote(self, subject: str, keys: PartitionSet | None = None, *, at: datetime, together: Collection[str] = ()) -> None:
        """An asset was written; None: an asset without partitions. `together`: all that the run was to write."""
        known, told = self._touch(subject), self._keys(subject, keys)
        known.written |= told
        known.in_progress -= told
        known.failed -= told
        known.written_at = at
        known.writes.append(_Write(known.revision, told, frozenset(together)))

    def started(self, subject: str, keys: PartitionSet | None = None) -> None:
        """A run that is to write it was queued."""
        self._touch(subject).in_progress |= self._keys(subject, keys)

    def broke(self, subject: str, keys: PartitionSet | None = None) -> None:
        """A run that was to write it has failed."""
        known, told = self._touch(subject), self._keys(subject, keys)
        known.in_progress -= told
        known.failed |= told

    def ended(self, subject: str, keys: PartitionSet | None = None) -> None:
        """A run that was to write it has ended without, and it is not to be counted as failed."""
        told = self._keys(subject, keys)
        if self._known(subject).in_progress & told:
            self._touch(subject).in_progress -= told

    def checked(self, check: str, keys: PartitionSet | None = None, *, passed: bool, at: datetime) -> None:
        """A check was evaluated."""
        self.wrote(check, keys, at=at)
        known, told = self._subjects[check], self._keys(check, keys)
        known.passed = known.passed | told if passed else known.passed - told
        known.not_passed = known.not_passed - told if passed else known.not_passed | told

    @property
    def cursor(self) -> int:
        """The position of the last thing that has happened."""
        return self._position

    def revision(self, subject: str) -> int:
        """The position of the last thing that has happened to a subject."""
        known = self._subjects.get(subject)
        return 0 if known is None else known.revision

    def written(self, subject: str, partitions: Partitions) -> PartitionSet:
        """What was ever written."""
        return known.written if (known := self._subjects.get(subject)) is not None else partitions.none()

    def written_at(self, subject: str) -> datetime | None:
        """When any partition was last written."""
        known = self._subjects.get(subject)
        return None if known is None else known.written_at

    def updated(self, subject: str, partitions: Partitions, *, after: int) -> PartitionSet:
        """What was written after a position."""
        return self._since(subject, partitions, after, None)

    def updated_with(self, subject: str, partitions: Partitions, *, target: AssetKey, after: int) -> PartitionSet:
        """What was written after a position by runs that were to write `target` too."""
        return self._since(subject, partitions, after, target)

    def in_progress(self, subject: str, partitions: Partitions) -> PartitionSet:
        """What is being made."""
        return known.in_progress if (known := self._subjects.get(subject)) is not None else partitions.none()

    def failed(self, subject: str, partitions: Partitions) -> PartitionSet:
        """That whose last run has failed."""
        return known.failed if (known := self._subjects.get(subject)) is not None else partitions.none()

    def passed(self, check: str, partitions: Partitions) -> PartitionSet:
        """Where the last evaluation of a check has passed."""
        return known.passed if (known := self._subjects.get(check)) is not None else partitions.none()

    def not_passed(self, check: str, partitions: Partitions) -> PartitionSet:
        """Where the last evaluation of a check has failed."""
        return known.not_passed if (known := self._subjects.get(check)) is not None else partitions.none()

    def _since(self, subject: str, partitions: Partitions, after: int, target: str | None) -> PartitionSet:
        found = partitions.none()
        known = self._subjects.get(subject)
        for write in reversed(known.writes if known is not None else []):
            if write.position <= after:
                break
            if target is None or target in write.together:
                found |= write.keys
        return found

    def _touch(self, subject: str) -> _Subject:
        known = self._known(subject)
        self._position += 1
        known.revision = self._position
        return known

    def _known(self, subject: str) -> _Subject:
        known = self._subjects.get(subject)
        if known is None:
            none = self._cut(subject).none()
            known = self._subjects[subject] = _Subject(none, none, none, none, none)
        return known

    def _keys(self, subject: str, keys: PartitionSet | None) -> PartitionSet:
        return PartitionSet(self._cut(subject), ((0, 0),)) if keys is None else keys
