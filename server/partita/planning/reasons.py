"""Why a condition is true or not: its tree, with what each part was true of, and since when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from partita.definitions.conditions import Condition
from partita.definitions.partitions import PartitionSet
from partita.planning.condition_facts import WHOLE
from partita.records.conditions import ReasonRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A part of a condition, evaluated."""

    condition: Condition
    """The part itself."""
    subject: str
    """The asset or check that it was asked of."""
    true: PartitionSet
    """The partitions of the subject that it is true of."""
    since: datetime
    """Since when it has been true of exactly these."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What it was decided by, such as the tick that has passed."""
    children: tuple[Reason, ...] = ()

    @property
    def label(self) -> str:
        """What people call it."""
        return str(self.condition)

    @property
    def is_true(self) -> bool:
        """Whether it is true of anything."""
        return bool(self.true)

    @property
    def record(self) -> ReasonRecord:
        """The same as a value that can be encoded."""
        return ReasonRecord(
            label=self.label,
            subject=self.subject,
            true=self.true.encode(),
            count=len(self.true),
            since=self.since,
            metadata=dict(self.metadata),
            children=tuple(child.record for child in self.children),
        )

    def __str__(self) -> str:
        return "\n".join(self._lines(0, None))

    def _lines(self, depth: int, asked: str | None) -> Iterator[str]:
        of = "" if asked == self.subject else f"{self.subject}: "
        details = "".join(f", {name} {value}" for name, value in self.metadata.items())
        yield f"{'  ' * depth}{of}{self.label}: {shown(self.true)} since {self.since.isoformat()}{details}"
        for child in self.children:
            yield from child._lines(depth + 1, self.subject)  # noqa: SLF001 (of its own kind)

    @property
    def why(self) -> str:
        """One line: its label, and the labels of the parts that make it true."""
        parts = [child.label for child in self.children if child.is_true]
        return f"{self.label}: {', '.join(parts)}" if parts else self.label


def shown(keys: PartitionSet) -> str:
    """A set in a few words."""
    if keys.partitions == WHOLE:
        return "true" if keys else "false"
    if not keys:
        return "no partition"
    first, last = keys.ranges()[0]
    head = first if first == last else f"{first}...{last}"
    return head if len(keys.spans) == 1 else f"{len(keys)} partitions from {keys.first} to {keys.last}"
