"""What is remembered between evaluations of an asset's condition."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

from partita.definitions.keys import AssetKey
from partita.records.failures import PythonError


class NodeState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a condition as it was last evaluated."""

    true: str
    """The partitions it was true of, encoded."""
    since: datetime
    """Since when it has been true of exactly these."""


class ConditionState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The condition of an asset as it was last evaluated: all that the next evaluation has to know."""

    condition: str
    """A checksum of the condition: another one begins anew."""
    surroundings: str
    """A checksum of how the asset and what it depends on are cut, and of their code versions."""
    evaluated_at: datetime
    cursor: int
    """How much of what has happened was known."""
    requested: str = ""
    """The partitions that were asked for, encoded; empty for none."""
    nodes: dict[str, NodeState] = {}
    """Every part by its path in the tree: positions, and the names of the dependencies and checks passed."""
    code_versions: dict[str, str | None] = {}
    """Of the assets whose code versions it looks at."""
    is_settled: bool = False
    """Evaluated again, it would come to the same, until something happens or `valid_until`."""
    valid_until: datetime | None = None
    """The next time at which the clock alone may change the outcome."""


class ConditionEvaluation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the condition of an asset has come to, and what came of it."""

    id: str
    asset: AssetKey
    at: datetime
    reason: ReasonRecord
    """The whole tree of reasons."""
    partitions: tuple[str, ...] = ()
    """What was asked for, of a partitioned asset; the first thousand."""
    count: int = 0
    """How many partitions were asked for; 1 for an asset without."""
    run_ids: tuple[str, ...] = ()
    error: PythonError | None = None
    """Why what was asked for could not be launched."""

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The tree of reasons, each part before those inside it."""
        return tuple(_flat(self.reason, depth=0))


class ReasonRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a condition and what it came to: the tree of reasons of an evaluation."""

    label: str
    subject: str
    """The asset or check that it was asked of."""
    true: str
    """The partitions that it is true of, encoded."""
    count: int
    """How many these are."""
    since: datetime
    metadata: dict[str, str] = {}
    children: tuple[ReasonRecord, ...] = ()


class Reason(NamedTuple):
    """A part of a tree of reasons."""

    depth: int
    part: ReasonRecord


def _flat(part: ReasonRecord, *, depth: int) -> Iterator[Reason]:
    yield Reason(depth, part)
    for child in part.children:
        yield from _flat(child, depth=depth + 1)
