"""What a backfill is to write: a selection of assets, or a job, and partitions, turned into items in the order of their turn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.definitions.mappings import IdentityMappingSpec, TimeWindowMappingSpec, default_mapping, edge_mapping
from partita.definitions.partitions import DynamicKeys, Partitions, PartitionSet, PartitionsSpec, TimePartitions, partitions_of
from partita.definitions.policies import BackfillPolicy
from partita.definitions.shared_steps import part_problem, turns
from partita.definitions.specs import AssetSpec
from partita.errors import RequestError
from partita.planning.coverage import cover
from partita.records.assets import PartitionStatus
from partita.records.backfills import BackfillItem
from partita.records.pages import Direction

Owner = tuple[str, str]
"""Location and repository."""
StatesOf = Callable[[AssetKey], Mapping[str, PartitionStatus]]
"""How partitions of an asset stand; those that are left out are missing."""
StaleOf = Callable[[AssetKey], PartitionSet]
"""The stale partitions of an asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionsChosen:
    """Which partitions are wanted; one of the fields is given, or none for assets without partitions."""

    keys: tuple[str, ...] | None = None
    range: tuple[str, str] | None = None
    """First and last key, both included."""
    is_all: bool = False
    statuses: frozenset[PartitionStatus] | None = None
    """Partitions that stand so now: missing or failed ones."""
    is_stale: bool = False
    """Partitions whose code or inputs have changed since they were written."""

    @property
    def is_by_state(self) -> bool:
        """Whether it depends on how each asset's own partitions stand."""
        return self.statuses is not None or self.is_stale


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillScope:
    """The workspace that a backfill is planned against."""

    graph: AssetGraph
    owners: Mapping[AssetKey, Owner]
    """Of the assets that can be written; those that are only observed are left out."""
    now: datetime
    dynamic: DynamicKeys | None = None

    def partitions(self, key: AssetKey) -> Partitions | None:
        """How an asset is cut; None: it is not."""
        spec = self.graph.spec(key).partitions
        return None if spec is None else partitions_of(spec, self.dynamic)


@dataclass(frozen=True, slots=True)
class Kind:
    """What the assets of one run have in common."""

    owner: Owner
    partitions: PartitionsSpec | None
    policy: BackfillPolicy | None
    """How the assets want their partitions cut into runs; None: they do not say."""


@dataclass(frozen=True, slots=True)
class Group:
    """Assets of one repository that are cut alike and need each other's partitions of the same key, so one run can write them."""

    kind: Kind
    keys: tuple[AssetKey, ...]
    """Upstream first."""


def group_assets(keys: Collection[AssetKey], scope: BackfillScope) -> tuple[Group, ...]:
    """Assets in groups, upstream first: one joins a group only where all it needs stands before it, or in it under the same key."""
    kinds: list[Kind] = []
    members: list[list[AssetKey]] = []
    newest: dict[Kind, int] = {}
    floor: dict[AssetKey, int] = {}
    wanted = frozenset(keys)
    for turn in turns(scope.graph, scope.owners):
        edges = [(scope.graph.spec(key), above) for key in turn for above in scope.graph.upstream(key) if above not in turn]
        # also through assets that are not wanted: what is behind them still comes later
        lowest = max((floor.get(above, 0) + (not needs_same_key(spec, above)) for spec, above in edges), default=0)
        floor.update(dict.fromkeys(turn, lowest))
        together = [key for key in turn if key in wanted and key in scope.owners]
        if not together:
            continue
        spec = scope.graph.spec(together[0])
        kind = Kind(scope.owners[together[0]], spec.partitions, spec.backfill)
        number = newest.get(kind, -1)
        if number < lowest:
            number = newest[kind] = len(kinds)
            kinds.append(kind)
            members.append([])
        members[number].extend(together)
        floor.update(dict.fromkeys(together, number))
    return tuple(Group(kind, tuple(each)) for kind, each in zip(kinds, members, strict=True))


def needs_same_key(spec: AssetSpec, above: AssetKey) -> bool:
    """Whether a partition of an asset needs the one with its own key of `above`, provided that both are cut alike."""
    match spec.mapping_from(above):
        case None | IdentityMappingSpec() | TimeWindowMappingSpec(start_offset=0, end_offset=0):
            return True
        case _:
            return spec.partitions is None


def _few(keys: Collection[AssetKey]) -> str:
    """`asset 'a' is`, `assets 'a', 'b' are`."""
    listed = ", ".join(repr(str(key)) for key in sorted(keys)[:5]) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")
    return f"asset {listed} is" if len(keys) == 1 else f"assets {listed} are"


def plan_assets(
    keys: Collection[AssetKey],
    chosen: PartitionsChosen,
    scope: BackfillScope,
    *,
    states_of: StatesOf,
    stale_of: StaleOf | None = None,
    order: Direction = Direction.ASC,
) -> tuple[BackfillItem, ...]:
    """The items of a backfill of assets, in the order of their turn: upstream first, then by partition.

    A range or keys are those of the first asset, upstream first, whose partitions know them. Assets that are cut otherwise take part with
    the partitions that depend on the chosen ones, or overlap them in time. Keys that could mean something else there are not guessed at.

    Args:
        keys: what is to be written; external assets are left out.
        chosen: which partitions.
        scope: the workspace.
        states_of: how the partitions of an asset stand.
        stale_of: which of them are stale; needed when those are chosen.
        order: whether the first partitions come first, or the last.

    Raises:
        RequestError: there is nothing to write, or the partitions do not fit the assets, or are not clear for all of them.
        UnknownPartitionError: a key that no asset knows.
    """
    problem = part_problem(scope.graph.specs.values(), frozenset(keys), owners=scope.owners)
    if problem is not None:
        raise RequestError(f"This backfill cannot be run: {problem}")
    groups = group_assets(keys, scope)
    if keys and not groups:
        raise RequestError(f"There is nothing to write: {_few(keys)} written elsewhere, and only observed here. Launch a run to observe.")
    if chosen.is_by_state:  # what has no partitions has none that stand so
        groups = tuple(group for group in groups if group.kind.partitions is not None)
    sets = _chosen_sets([key for group in groups for key in group.keys], chosen, scope, states_of=states_of, stale_of=stale_of)
    sets = _whole_steps(sets, scope)
    items = [item for group in groups for item in _items_of(group, sets, order)]
    if not items:
        raise RequestError("There is nothing to write: none of the chosen partitions exists, or none stands as was asked for.")
    return tuple(items)


def _whole_steps(sets: dict[AssetKey, PartitionSet | None], scope: BackfillScope) -> dict[AssetKey, PartitionSet | None]:
    """The partitions, those of a step that computes all of its assets or none united: what one of them lacks is written of all."""
    united: dict[tuple[Owner, str], PartitionSet] = {}
    for key, found in sets.items():
        spec = scope.graph.spec(key)
        if found is not None and spec.step is not None and not spec.can_subset:
            before = united.get((scope.owners[key], spec.step))
            united[scope.owners[key], spec.step] = found if before is None else before | found
    if not united:
        return sets
    return {key: united.get((scope.owners[key], scope.graph.spec(key).step or ""), found) for key, found in sets.items()}


def plan_job(
    partitions: PartitionsSpec, chosen: PartitionsChosen, scope: BackfillScope, *, name: str, order: Direction = Direction.ASC
) -> tuple[BackfillItem, ...]:
    """The items of a backfill of a partitioned job.

    Raises:
        RequestError: partitions by status, which a job does not have, or none at all.
        UnknownPartitionError: a key that does not exist.
    """
    if chosen.is_by_state:
        raise RequestError("Partitions of a job have no status of their own: choose a range, keys or all, or backfill its assets.")
    found = _own_set(partitions_of(partitions, scope.dynamic), chosen, owner=f"Job {name!r}", now=scope.now)
    if not found:
        raise RequestError(f"Job {name!r} has none of the chosen partitions yet.")
    return tuple(BackfillItem(partition=key) for key in _ordered(found, order))


def _ordered(keys: PartitionSet, order: Direction) -> Iterable[str]:
    return keys if order is Direction.ASC else list(keys)[::-1]


def _items_of(group: Group, sets: Mapping[AssetKey, PartitionSet | None], order: Direction) -> list[BackfillItem]:
    if group.kind.partitions is None:
        return [BackfillItem(asset=key) for key in group.keys]
    wanted = [(key, found) for key in group.keys if (found := sets[key])]
    everything: PartitionSet | None = None
    for _, found in wanted:
        everything = found if everything is None else everything | found
    if everything is None:
        return []
    turns = _ordered(everything, order)
    if all(found == everything for _, found in wanted):
        return [BackfillItem(asset=key, partition=partition) for partition in turns for key, _ in wanted]
    return [BackfillItem(asset=key, partition=partition) for partition in turns for key, found in wanted if partition in found]


def _chosen_sets(
    keys: Sequence[AssetKey], chosen: PartitionsChosen, scope: BackfillScope, *, states_of: StatesOf, stale_of: StaleOf | None
) -> dict[AssetKey, PartitionSet | None]:
    """The partitions of each asset; None for those that have none."""
    cut = {key: scope.partitions(key) for key in keys}
    by_key = {key: partitions for key, partitions in cut.items() if partitions is not None}
    sets: dict[AssetKey, PartitionSet | None] = dict.fromkeys(keys)
    if chosen.is_all:
        return sets | {key: each.keys(now=scope.now) for key, each in by_key.items()}
    if chosen.statuses is not None:
        return sets | {key: cover(each, states_of(key), now=scope.now).standing(chosen.statuses) for key, each in by_key.items()}
    if chosen.is_stale:
        assert stale_of is not None, "who chooses the stale ones says which they are"
        return sets | {key: stale_of(key) for key in by_key}
    if chosen.keys is None and chosen.range is None:
        if by_key:
            first = next(iter(by_key))
            raise RequestError(f"Asset {str(first)!r} has partitions ({by_key[first].describe()}): say which ones, or all of them.")
        return sets
    if not by_key:
        raise RequestError("None of these assets is partitioned. Leave the partitions out.")
    return sets | _carried(by_key, chosen, scope)


def _carried(by_key: Mapping[AssetKey, Partitions], chosen: PartitionsChosen, scope: BackfillScope) -> dict[AssetKey, PartitionSet]:
    """The chosen partitions of the asset that knows them, and what they mean for the others."""
    anchor, start = _anchor(by_key, chosen, now=scope.now)
    above = scope.graph.ancestors(key for key, partitions in by_key.items() if partitions == start.partitions)
    found: dict[AssetKey, PartitionSet] = {}
    for key, partitions in by_key.items():
        if partitions == start.partitions:
            found[key] = start
        elif (inherited := _inherited(key, partitions, found, by_key, scope)) is not None:
            found[key] = inherited
        elif (own := _find_own_set(partitions, chosen, now=scope.now)) is not None:
            _check_same(anchor, start, key, own)
            found[key] = own
        elif key in above or _is_time(start, partitions):
            overlap = default_mapping(upstream=start.partitions, downstream=partitions)
            found[key] = overlap.downstream(start, upstream=start.partitions, downstream=partitions, now=scope.now).keys
        else:
            raise RequestError(
                f"Partitions of asset {str(anchor)!r} ({start.partitions.describe()}) do not say which partitions of asset {str(key)!r} "
                f"({partitions.describe()}) are meant: no chosen asset leads from one to the other. Backfill it by itself."
            )
    return found


def _is_time(start: PartitionSet, partitions: Partitions) -> bool:
    return isinstance(start.partitions, TimePartitions) and isinstance(partitions, TimePartitions)


def _check_same(anchor: AssetKey, start: PartitionSet, key: AssetKey, own: PartitionSet) -> None:
    """Refuse keys that two assets understand differently: the first of a month as a day and as the month.

    Raises:
        RequestError: they do, and neither depends on the other.
    """
    ours, theirs = start.partitions, own.partitions
    if _is_time(start, theirs):
        is_same = (ours.ordinal_system, start.content) == (theirs.ordinal_system, own.content)
    else:
        is_same = isinstance(ours, TimePartitions) == isinstance(theirs, TimePartitions)  # names mean the same everywhere
    if not is_same:
        raise RequestError(
            f"Partition {start.first!r} stands for different things: asset {str(anchor)!r} has partitions ({ours.describe()}), asset "
            f"{str(key)!r} has partitions ({theirs.describe()}), and no chosen asset leads from one to the other. Backfill them one after the other."
        )


def _inherited(
    key: AssetKey, partitions: Partitions, found: Mapping[AssetKey, PartitionSet], by_key: Mapping[AssetKey, Partitions], scope: BackfillScope
) -> PartitionSet | None:
    """The partitions that depend on what is chosen of the assets before it; None where it depends on none of them."""
    spec = scope.graph.spec(key)
    united: PartitionSet | None = None
    for above in scope.graph.upstream(key):
        if above not in found or above == key:
            continue
        upstream = by_key[above]
        declared = spec.mapping_from(above)
        mapping = edge_mapping(declared, upstream=upstream, downstream=partitions)
        part = mapping.downstream(found[above], upstream=upstream, downstream=partitions, now=scope.now).keys
        united = part if united is None else united | part
    return united


def _anchor(by_key: Mapping[AssetKey, Partitions], chosen: PartitionsChosen, *, now: datetime) -> tuple[AssetKey, PartitionSet]:
    """The first asset that knows the chosen keys, and these.

    Raises:
        UnknownPartitionError: no asset has such partitions; names the first asset's nearest.
    """
    failure: RequestError | None = None
    for key, partitions in by_key.items():
        try:
            return key, _own_set(partitions, chosen, owner=f"Asset {str(key)!r}", now=now)
        except RequestError as error:
            failure = failure or error
    assert failure is not None, "there is at least one partitioned asset"
    raise failure


def _find_own_set(partitions: Partitions, chosen: PartitionsChosen, *, now: datetime) -> PartitionSet | None:
    try:
        return _own_set(partitions, chosen, owner="It", now=now)
    except RequestError:
        return None


def _own_set(partitions: Partitions, chosen: PartitionsChosen, *, owner: str, now: datetime) -> PartitionSet:
    if chosen.is_all:
        return partitions.keys(now=now)
    if chosen.range is not None:
        first, last = chosen.range
        partitions.select(chosen.range, now=now, owner=owner)
        return partitions.range(first, last, now=now)
    if not chosen.keys:
        raise RequestError(f"{owner} has partitions ({partitions.describe()}): say which ones, or all of them.")
    return partitions.select(chosen.keys, now=now, owner=owner)
