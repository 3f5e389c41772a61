"""One wish for many assets, cut into runs: one per repository and partitioning, and one per partition."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DynamicKeys, PartitionsSpec
from partita.definitions.shared_steps import part_problem, turns
from partita.errors import NotFoundError, RequestError
from partita.planning.asset_steps import target_of
from partita.planning.partitioning import choose_partitioning
from partita.records.runs import RunRequest

Owner = tuple[str, str]
"""Location and repository."""


@dataclass
class _Group:
    owner: Owner
    partitions: PartitionsSpec | None
    keys: list[AssetKey] = field(default_factory=list)


def cut_assets(
    keys: Collection[AssetKey],
    *,
    owners: Mapping[AssetKey, Owner],
    graph: AssetGraph,
    now: datetime,
    partition_keys: Sequence[str] = (),
    dynamic: DynamicKeys | None = None,
    **common: Any,
) -> tuple[RunRequest, ...]:
    """Requests that together materialise `keys`, upstream first.

    Args:
        keys: what is to be materialised.
        owners: which repository computes each asset of the workspace.
        graph: all assets of the workspace.
        now: which partitions exist depends on it.
        partition_keys: for the assets that have partitions; each of them becomes a run.
        dynamic: the keys of dynamic sets.
        common: fields that all requests share: config, tags, priority, launched_by.

    Raises:
        NotFoundError: an asset that nobody knows.
        RequestError: an asset that nothing computes; partitions missing or out of place.
        UnknownPartitionError: a key that fits none of the partitioned assets.
    """
    groups = _group(keys, owners=owners, graph=graph)
    if partition_keys and all(group.partitions is None for group in groups):
        raise RequestError(f"None of these assets has partitions, so partition {partition_keys[0]!r} means nothing. Leave it out.")
    return tuple(
        RunRequest(location=group.owner[0], repository=group.owner[1], assets=tuple(group.keys), partition_keys=partition, **common)
        for group in groups
        for partition in _runs_of(group, graph, partition_keys, dynamic=dynamic, now=now)
    )


def _runs_of(group: _Group, graph: AssetGraph, partition_keys: Sequence[str], *, dynamic: DynamicKeys | None, now: datetime) -> list[tuple[str, ...]]:
    if group.partitions is None:
        return [()]
    targets = [target_of(graph.spec(key)) for key in group.keys]
    label = targets[0].label if len(targets) == 1 else f"{targets[0].label} and others"
    chosen = choose_partitioning(label, targets, own=None, keys=partition_keys, dynamic=dynamic, now=now)
    return [(key,) for key in chosen.keys]


def _group(keys: Collection[AssetKey], *, owners: Mapping[AssetKey, Owner], graph: AssetGraph) -> list[_Group]:
    """Assets by owner and partitioning; an asset joins a group only where all it needs stands in that group or before it."""
    groups: list[_Group] = []
    newest: dict[tuple[Owner, PartitionsSpec | None], int] = {}
    floor: dict[AssetKey, int] = {}
    wanted = frozenset(keys)
    for key in wanted:
        if key not in graph:
            raise NotFoundError("asset", key, graph.keys)
        if key not in owners:
            raise RequestError(f"Asset {str(key)!r} is external: no code location computes it.")
    problem = part_problem(graph.specs.values(), wanted, owners=owners)
    if problem is not None:
        raise RequestError(f"This cannot be run: {problem}")
    for turn in turns(graph, owners):
        # also through assets that are not wanted: what is behind them still comes later
        edges = [above for key in turn for above in graph.upstream(key) if above not in turn]
        lowest = max((floor.get(above, 0) for above in edges), default=0)
        floor.update(dict.fromkeys(turn, lowest))
        together = [key for key in turn if key in wanted]
        if not together:
            continue
        kind = (owners[together[0]], graph.spec(together[0]).partitions)
        number = newest.get(kind)
        if number is None or number < lowest:
            number = newest[kind] = len(groups)
            groups.append(_Group(*kind))
        groups[number].keys.extend(together)
        floor.update(dict.fromkeys(together, number))
    return groups
