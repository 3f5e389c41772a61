"""What the items of a backfill depend on inside it: along each edge, which items of the asset above.

Looked at as late as possible, one item after another, and shared: all who need the same items of an asset have one `Needs`. So an edge
from all partitions to all costs as many looks as there are partitions, not their product.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from enum import Enum, auto
from functools import cache
from typing import NamedTuple

from partita.definitions.keys import AssetKey
from partita.definitions.mappings import edge_mapping
from partita.definitions.partitions import PartitionSet
from partita.planning.backfill import BackfillScope, needs_same_key
from partita.records.backfills import BackfillItemStatus

States = dict[str | None, BackfillItemStatus]
"""How the items of one asset stand, by partition."""
LookUp = Callable[[str], PartitionSet]
"""Answers which partitions of an asset one of another asset needs."""


class Outlook(Enum):
    """Whether what an item depends on will be there."""

    MET = auto()
    """All of it has succeeded."""
    OPEN = auto()
    LOST = auto()
    """Some of it has ended otherwise."""


class Needs:
    """Some items of one asset that others wait for."""

    def __init__(self, above: AssetKey, keys: Iterable[str | None], states: States) -> None:
        self.above = above
        self._states = states
        self._rest = self._unfinished(iter(keys))
        self._is_lost = False
        self.next: str | None = None
        """While the outlook is open: the item that decides it."""

    def look(self) -> Outlook:
        """Whether all of them have succeeded; what is not in the backfill does not count."""
        for key in self._rest:
            self.next = key
            return Outlook.OPEN
        return Outlook.LOST if self._is_lost else Outlook.MET

    def _unfinished(self, keys: Iterator[str | None]) -> Iterator[str | None]:
        for key in keys:
            while (status := self._states.get(key)) is not None and not status.is_finished:
                yield key
            if status is not None and status is not BackfillItemStatus.SUCCEEDED:
                self._is_lost = True
                return


class Route:
    """How partitions of an asset need those of another one of the backfill.

    `look_up` None: the other one is needed as a whole.
    """

    def __init__(self, above: AssetKey, states: States, *, is_same_key: bool, look_up: LookUp | None) -> None:
        self.above = above
        self.is_same_key = is_same_key
        self._states = states
        self._look_up = look_up
        self._by_partition: dict[str | None, Needs] = {}
        self._by_set: dict[object, Needs] = {}

    def needs(self, partition: str | None) -> Needs:
        """The items that one of the asset below needs.

        Raises:
            PartitaError: the partition cannot be mapped.
        """
        found = self._by_partition.get(partition)
        if found is None:
            found = self._by_partition[partition] = self._make(partition)
        return found

    def _make(self, partition: str | None) -> Needs:
        states = self._states
        if self.is_same_key:
            return Needs(self.above, (partition,), states)
        if self._look_up is None or partition is None:
            return self._by_set.setdefault(None, Needs(self.above, tuple(states), states))
        keys = self._look_up(partition)
        found = self._by_set.get(keys.content)
        if found is None:
            few = keys if len(keys) <= len(states) else [key for key in states if key in keys]
            found = self._by_set[keys.content] = Needs(self.above, few, states)
        return found


class Edge(NamedTuple):
    """A dependency of an asset on another one of the backfill."""

    key: AssetKey
    route: Route

    def is_inside(self, together: Collection[AssetKey]) -> bool:
        """Whether a run that writes these assets has what it needs from itself."""
        return self.route.above in together and self.route.is_same_key


class Edges(NamedTuple):
    """The dependencies of some assets, written by one run, on assets of the backfill."""

    outer: tuple[Edge, ...]
    """On what other runs write."""
    inner: Mapping[AssetKey, tuple[AssetKey, ...]]
    """On what the same run writes under the same key."""


class Routes:
    """Every dependency inside a backfill; assets that need the same of the same asset share one."""

    def __init__(self, scope: BackfillScope, statuses: Mapping[AssetKey | None, States]) -> None:
        self._scope = scope
        self._statuses = statuses
        self._routes: dict[tuple[object, ...], Route] = {}
        self._look_ups: dict[tuple[object, ...], LookUp] = {}
        self._edges: dict[tuple[AssetKey, ...], Edges] = {}

    def of(self, keys: tuple[AssetKey, ...]) -> Edges:
        """The dependencies of assets that one run writes."""
        found = self._edges.get(keys)
        if found is None:
            edges = [Edge(key, self._route(key, above)) for key in keys for above in self._scope.graph.upstream(key) if above in self._statuses]
            together = frozenset(keys)
            inner: dict[AssetKey, tuple[AssetKey, ...]] = {}
            for edge in edges:
                if edge.is_inside(together):
                    inner[edge.key] = (*inner.get(edge.key, ()), edge.route.above)
            found = self._edges[keys] = Edges(tuple(edge for edge in edges if not edge.is_inside(together)), inner)
        return found

    def _route(self, key: AssetKey, above: AssetKey) -> Route:
        graph = self._scope.graph
        spec = graph.spec(key)
        what = (above, spec.partitions, spec.mapping_from(above))
        found = self._routes.get(what)
        if found is None:
            cut = graph.spec(above).partitions if above in graph else None
            is_same_key = above in graph and cut == spec.partitions and needs_same_key(spec, above)
            look_up = None
            # An asset that is gone, or is not cut any more, is needed as a whole: nothing tells which of its items would do.
            if cut is not None and spec.partitions is not None and not is_same_key:
                alike = (cut, spec.partitions, spec.mapping_from(above))
                look_up = self._look_ups.setdefault(alike, self._look_up(key, above))
            found = self._routes[what] = Route(above, self._statuses[above], is_same_key=is_same_key, look_up=look_up)
        return found

    def _look_up(self, key: AssetKey, above: AssetKey) -> LookUp:
        """Answers what a partition of `key` needs of `above`; remembers, since many assets are cut and mapped alike."""
        upstream, downstream = self._scope.partitions(above), self._scope.partitions(key)
        assert upstream is not None, "both are cut"
        assert downstream is not None, "both are cut"
        declared = self._scope.graph.spec(key).mapping_from(above)
        mapping = edge_mapping(declared, upstream=upstream, downstream=downstream)
        return cache(lambda partition: mapping.upstream([partition], downstream=downstream, upstream=upstream, now=self._scope.now).keys)
