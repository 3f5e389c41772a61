"""What all conditions of one evaluation share: the graph, the facts, the time, and what was worked out already.

Thousands of assets are cut in a few ways and need each other in a few ways, so each of these is worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.cron import Cron
from partita.definitions.keys import AssetKey
from partita.definitions.mappings import MappingSpec, edge_mapping
from partita.definitions.partitions import DynamicKeys, MultiPartitions, Partitions, PartitionSet, PartitionsSpec, TimePartitions
from partita.planning.condition_facts import WHOLE, Facts, cut_of
from partita.records.conditions import ConditionState


@dataclass(frozen=True, slots=True)
class Cut:
    """How something is cut, at the time of the evaluation."""

    partitions: Partitions
    everything: PartitionSet
    """All partitions that exist."""
    none: PartitionSet
    changes_at: datetime | None
    """When the next one may come to exist by the clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """One evaluation."""

    graph: AssetGraph
    facts: Facts
    now: datetime
    dynamic: DynamicKeys | None
    previous: Mapping[AssetKey, ConditionState]
    requested: Mapping[AssetKey, PartitionSet]
    """What this evaluation asks for so far: that of everything upstream."""
    is_together: Callable[[AssetKey, AssetKey], bool]
    """Whether one run can write both assets."""
    chosen: Callable[[str], frozenset[AssetKey]]
    """The assets that a selection means."""
    _cuts: dict[PartitionsSpec | None, Cut] = field(default_factory=dict)
    _led: dict[tuple[object, ...], PartitionSet] = field(default_factory=dict)
    _texts: dict[tuple[int, Hashable], str] = field(default_factory=dict)
    _sets: dict[tuple[int, str], PartitionSet] = field(default_factory=dict)
    _ticks: dict[tuple[tuple[str, ...], str], tuple[datetime, datetime]] = field(default_factory=dict)

    def cut(self, key: AssetKey) -> Cut:
        """How an asset is cut."""
        spec = self.graph.spec(key).partitions
        found = self._cuts.get(spec)
        if found is None:
            partitions = cut_of(spec, self.dynamic)
            found = self._cuts[spec] = Cut(partitions, partitions.keys(now=self.now), partitions.none(), _next_start(partitions, self.now))
        return found

    def ticks(self, cron: tuple[str, ...], timezone: str) -> tuple[datetime, datetime]:
        """The newest tick at or before now, and the next one after it."""
        found = self._ticks.get((cron, timezone))
        if found is None:
            parsed = _cron(cron, timezone)
            following = parsed.next(self.now)
            found = self._ticks[(cron, timezone)] = (parsed.previous(following), following)
        return found

    def downstream(self, keys: PartitionSet, *, above: AssetKey, below: AssetKey) -> PartitionSet:
        """The partitions of `below` that need any of these of `above`."""
        up, down = self.cut(above), self.cut(below)
        if not keys:
            return down.none
        if up.partitions is WHOLE:
            return down.everything
        declared = self.graph.spec(below).mapping_from(above)
        what = (id(up), id(down), declared, keys.content)
        found = self._led.get(what)
        if found is None:
            found = self._led[what] = self._lead(keys, up, down, declared)
        return found

    def _lead(self, keys: PartitionSet, up: Cut, down: Cut, declared: MappingSpec | None) -> PartitionSet:
        downstream = None if down.partitions is WHOLE else down.partitions
        mapping = edge_mapping(declared, upstream=up.partitions, downstream=downstream)
        if downstream is None:
            needed = mapping.upstream((), downstream=None, upstream=up.partitions, now=self.now).keys
            return down.everything if needed & keys else down.none
        return mapping.downstream(keys, upstream=up.partitions, downstream=downstream, now=self.now).keys & down.everything

    def encoded(self, keys: PartitionSet, cut: Cut) -> str:
        """A set of what is cut so, as text."""
        found = self._texts.get((id(cut), keys.content))
        if found is None:
            found = self._texts[(id(cut), keys.content)] = keys.encode()
        return found

    def decoded(self, text: str, cut: Cut) -> PartitionSet:
        """Of the set that `encoded` wrote what exists.

        Raises:
            RequestError: it was counted by other partitions.
        """
        found = self._sets.get((id(cut), text))
        if found is None:
            found = self._sets[(id(cut), text)] = PartitionSet.decode(text, cut.partitions) & cut.everything
        return found


def _next_start(partitions: Partitions, now: datetime) -> datetime | None:
    """When the window that is running ends, so that the next begins."""
    if isinstance(partitions, MultiPartitions):
        return min((each for each in (_next_start(part, now) for part in partitions.dimensions.values()) if each is not None), default=None)
    if not isinstance(partitions, TimePartitions):
        return None
    seconds = int(now.timestamp())
    running, _ = partitions.overlapping(seconds, seconds + 1)
    return datetime.fromtimestamp(partitions.start_of(running + 1), UTC)


@lru_cache(maxsize=1024)
def _cron(expressions: tuple[str, ...], timezone: str) -> Cron:
    return Cron(expressions, timezone=timezone)
