"""What a backfill does next: which of its items can be launched now, as which runs, and which never will be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from partita.definitions.keys import AssetKey
from partita.definitions.mappings import Mapping as PartitionMapping
from partita.definitions.mappings import default_mapping, mapping_of
from partita.definitions.partitions import Partitions
from partita.definitions.policies import BackfillPolicy
from partita.planning.backfill import BackfillScope, Group, group_assets
from partita.records.backfills import BackfillItem, BackfillItemStatus, BackfillRequest
from partita.records.runs import RunRequest

Place = tuple[AssetKey | None, str | None]
"""Asset and partition of an item."""
ONE_EACH = BackfillPolicy(max_partitions_per_run=1)


class Launch(NamedTuple):
    """One run, and the items that it is to write."""

    request: RunRequest
    items: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be done now."""

    launches: tuple[Launch, ...] = ()
    skipped: tuple[Place, ...] = ()
    """Items that will not be written, because something before them in this backfill was not."""


def next_batch(backfill_id: str, request: BackfillRequest, items: Sequence[BackfillItem], scope: BackfillScope, *, room: int) -> Batch:
    """The runs to launch now, at most `room`, and the items to give up.

    An item is ready when all that it depends on inside this backfill has succeeded, or is written by the same run.

    Args:
        backfill_id: the backfill.
        request: what was asked for.
        items: all its items as they stand, in the order of their turn.
        scope: the workspace of this moment.
        room: how many runs may be launched.

    Raises:
        RequestError: an asset that the workspace does not have any more.
    """
    if request.job is not None:
        return _next_of_job(backfill_id, request, items, room=room)
    return _Turn(backfill_id, request, items, scope).batch(room)


def _next_of_job(backfill_id: str, request: BackfillRequest, items: Sequence[BackfillItem], *, room: int) -> Batch:
    assert request.job is not None
    waiting = [item.partition for item in items if item.status is BackfillItemStatus.WAITING]
    chunks = _chunks(waiting, request.policy or ONE_EACH, room)
    common = _common(backfill_id, request)
    launches = [
        Launch(
            RunRequest(
                location=request.job.location,
                repository=request.job.repository,
                job=request.job.name,
                partition_keys=tuple(key for key in chunk if key is not None),
                **common,
            ),
            tuple((None, key) for key in chunk),
        )
        for chunk in chunks
    ]
    return Batch(tuple(launches))


@dataclass
class _Turn:
    """One look at a backfill of assets."""

    backfill_id: str
    request: BackfillRequest
    items: Sequence[BackfillItem]
    scope: BackfillScope
    statuses: dict[AssetKey, dict[str | None, BackfillItemStatus]] = field(default_factory=dict)
    unfinished: dict[AssetKey, int] = field(default_factory=dict)
    failed: dict[AssetKey, int] = field(default_factory=dict)

    def batch(self, room: int) -> Batch:
        """The runs to launch now, and the items to give up."""
        for item in self.items:
            if item.asset is not None:
                self.statuses.setdefault(item.asset, {})[item.partition] = item.status
        for key, states in self.statuses.items():
            self.unfinished[key] = sum(not status.is_finished for status in states.values())
            self.failed[key] = sum(status.is_finished and status is not BackfillItemStatus.SUCCEEDED for status in states.values())
        launches: list[Launch] = []
        skipped: list[Place] = []
        for group in group_assets([key for key in self.statuses if self._waits(key)], self.scope):
            self._look(group, launches, skipped, room=room)
        return Batch(tuple(launches), tuple(skipped))

    def _waits(self, key: AssetKey) -> bool:
        self.scope.graph.spec(key)  # raises when it is gone
        return BackfillItemStatus.WAITING in self.statuses[key].values()

    def _look(self, group: Group, launches: list[Launch], skipped: list[Place], *, room: int) -> None:
        """Launch what is ready of a group, and give up what will never be."""
        waiting: dict[str | None, list[AssetKey]] = {}
        for key in group.keys:
            for partition, status in self.statuses[key].items():
                if status is BackfillItemStatus.WAITING:
                    waiting.setdefault(partition, []).append(key)
        edges = list(self._edges(group))
        for partition, keys in waiting.items():
            lost = self._lost(keys, partition, edges)
            for key in lost:
                keys.remove(key)
                self.statuses[key][partition] = BackfillItemStatus.SKIPPED
                self.failed[key] += 1
                skipped.append((key, partition))
        order = [(tuple(keys), partition) for partition, keys in waiting.items() if keys]
        policy = self._policy(group)
        for keys, cluster in groupby(order, key=lambda each: each[0]):
            chunks = _chunks([partition for _, partition in cluster], policy, room - len(launches))
            launches += [self._launch(group, keys, chunk) for chunk in chunks if self._are_ready(keys, chunk, edges)]

    def _policy(self, group: Group) -> BackfillPolicy:
        if self.request.policy is not None:
            return self.request.policy
        own = (self.scope.graph.spec(key).backfill for key in group.keys)
        return next((policy for policy in own if policy is not None), ONE_EACH)

    def _edges(self, group: Group) -> Iterator[_Edge]:
        """Every dependency of the group on an asset of this backfill."""
        for key in group.keys:
            spec = self.scope.graph.spec(key)
            for above in self.scope.graph.upstream(key):
                if above in self.statuses:
                    upstream, downstream = self.scope.partitions(above), self.scope.partitions(key)
                    declared = spec.mapping_from(above)
                    mapping = None
                    if upstream is not None:
                        mapping = mapping_of(declared) if declared is not None else default_mapping(upstream=upstream, downstream=downstream)
                    yield _Edge(key, above, upstream, downstream, mapping)

    def _needs(self, partition: str | None, edge: _Edge) -> Iterable[str | None]:
        """The items of the upstream asset that an item depends on; only those of this backfill count."""
        states = self.statuses[edge.above]
        if edge.upstream is None or edge.mapping is None:
            return (None,) if None in states else ()
        if edge.downstream is None or partition is None:
            return states
        found = edge.mapping.upstream([partition], downstream=edge.downstream, upstream=edge.upstream, now=self.scope.now).keys
        return [each for each in found if each in states]

    def _lost(self, keys: Sequence[AssetKey], partition: str | None, edges: Sequence[_Edge]) -> list[AssetKey]:
        """Those of `keys` that wait for something which did not succeed, upstream first."""
        lost: list[AssetKey] = []
        for edge in edges:
            if edge.key not in keys or edge.key in lost or not (self.failed[edge.above] or edge.above in lost):
                continue
            for need in self._needs(partition, edge):
                status = self.statuses[edge.above][need]
                if (status.is_finished and status is not BackfillItemStatus.SUCCEEDED) or (edge.above in lost and need == partition):
                    lost.append(edge.key)
                    break
        return lost

    def _are_ready(self, keys: Sequence[AssetKey], chunk: Sequence[str | None], edges: Sequence[_Edge]) -> bool:
        """Whether all that a run's items depend on has succeeded, or is written by the same run."""
        together = frozenset(chunk)
        for edge in edges:
            if edge.key not in keys or not self.unfinished[edge.above]:
                continue
            states = self.statuses[edge.above]
            needs = {need for partition in chunk for need in self._needs(partition, edge)}
            if edge.above in keys:
                needs -= together
            if any(states[need] is not BackfillItemStatus.SUCCEEDED for need in needs):
                return False
        return True

    def _launch(self, group: Group, keys: tuple[AssetKey, ...], chunk: Sequence[str | None]) -> Launch:
        for key in keys:
            self.statuses[key].update(dict.fromkeys(chunk, BackfillItemStatus.RUNNING))
        location, repository = group.owner
        request = RunRequest(
            location=location,
            repository=repository,
            assets=keys,
            partition_keys=tuple(key for key in chunk if key is not None),
            **_common(self.backfill_id, self.request),
        )
        return Launch(request, tuple((key, partition) for partition in chunk for key in keys))


class _Edge(NamedTuple):
    """A dependency of one asset on another."""

    key: AssetKey
    above: AssetKey
    upstream: Partitions | None
    downstream: Partitions | None
    mapping: PartitionMapping | None


def _chunks(partitions: Sequence[str | None], policy: BackfillPolicy, room: int) -> list[Sequence[str | None]]:
    """Partitions cut into runs, at most `room` of them."""
    if not partitions or room <= 0:
        return []
    size = policy.max_partitions_per_run or len(partitions)
    return [partitions[start : start + size] for start in range(0, min(len(partitions), size * room), size)]


def _common(backfill_id: str, request: BackfillRequest) -> dict[str, Any]:
    """What all runs of a backfill share."""
    return {
        "config": request.config,
        "tags": request.tags,
        "priority": request.priority,
        "launched_by": f"backfill:{backfill_id}",
        "backfill_id": backfill_id,
    }
