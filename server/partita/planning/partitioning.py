"""Which partitions each asset of a run writes, and which it reads of each asset before it.

A run's partition keys are keys of one of its partitionings: the job's own, or that of its most downstream asset which
knows them. Assets that are cut otherwise by time take part with the windows that overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from partita.definitions.mappings import (
    AllMapping,
    DimensionMappingSpec,
    IdentityMappingSpec,
    LastMappingSpec,
    MappingSpec,
    MultiMappingSpec,
    SpecificMappingSpec,
    StaticMappingSpec,
    TimeWindowMappingSpec,
    default_mapping,
    edge_mapping,
    is_matched,
    links_of,
    mapping_of,
    part_of,
)
from partita.definitions.partitions import DynamicKeys, MultiPartitions, Partitions, PartitionSet, PartitionsSpec, TimePartitionsSpec, partitions_of
from partita.errors import PartitionsError, UnknownPartitionError

_BOUNDARIES = {"hourly": 0, "daily": 1, "weekly": 2, "monthly": 2}


class Target(NamedTuple):
    """Something a run writes, and how it is cut."""

    key: str
    partitions: PartitionsSpec | None
    kind: str = "Asset"

    @property
    def label(self) -> str:
        """What errors call it: `Asset 'flights'`."""
        return f"{self.kind} {str(self.key)!r}"


class Read(NamedTuple):
    """Upstream partitions of one input. None: the asset has none; empty: what is needed lies before its first partition."""

    keys: tuple[str, ...] | None
    is_single: bool


_UNPARTITIONED = Read(None, is_single=True)


class Partitioning:
    """The partitions of one run."""

    def __init__(self, space: PartitionsSpec | None, keys: Sequence[str], *, dynamic: DynamicKeys | None = None, now: datetime) -> None:
        self.space = space
        self.keys = tuple(keys)
        self._dynamic = dynamic
        self._now = now
        self._written: dict[PartitionsSpec, PartitionSet] = {}
        self._read: dict[tuple[PartitionsSpec, PartitionsSpec | None, MappingSpec | None], Read] = {}

    def writes(self, target: Target) -> tuple[str, ...]:
        """Keys that `target` writes, in definition order; empty when it has no partitions.

        Raises:
            PartitionsError: the run's keys mean nothing for its partitions.
        """
        spec = target.partitions
        if spec is None or self.space is None:
            return ()
        if spec == self.space:
            return self.keys
        return tuple(self._set_of(target.label, spec))

    def reads(self, *, reader: Target, upstream: Target, mapping: MappingSpec | None) -> Read:
        """Partitions of `upstream` that `reader` needs, and whether it gets one value rather than a dict by key.

        Raises:
            UnknownPartitionError: a partition that it needs does not exist.
        """
        if upstream.partitions is None:
            return _UNPARTITIONED
        place = (upstream.partitions, reader.partitions, mapping)
        if place not in self._read:
            self._read[place] = self._map(reader, upstream, mapping)
        return self._read[place]

    def _map(self, reader: Target, upstream: Target, mapping: MappingSpec | None) -> Read:
        assert upstream.partitions is not None
        above = partitions_of(upstream.partitions, self._dynamic)
        below = partitions_of(reader.partitions, self._dynamic) if reader.partitions is not None else None
        rule = edge_mapping(mapping, upstream=above, downstream=below)
        written = self._set_of(reader.label, reader.partitions) if reader.partitions is not None else None
        mapped = rule.upstream(written if written is not None else (), downstream=below, upstream=above, now=self._now)
        if mapped.missing:
            needed_for = f"{reader.label} [{_span(list(written))}]" if written else reader.label
            raise UnknownPartitionError(mapped.missing[0], upstream.label, f"{needed_for} needs it.")
        is_fixed = isinstance(rule.spec, (LastMappingSpec, SpecificMappingSpec))
        is_single = is_fixed or (written is not None and len(written) == 1)
        is_single = is_single and _is_one_to_one(rule.spec, above.spec, reader.partitions)
        return Read(tuple(mapped.keys), is_single=is_single)

    def _set_of(self, label: str, spec: PartitionsSpec) -> PartitionSet:
        if spec not in self._written:
            self._written[spec] = self._translate(label, spec)
        return self._written[spec]

    def _translate(self, label: str, spec: PartitionsSpec) -> PartitionSet:
        assert self.space is not None
        own, space = partitions_of(spec, self._dynamic), partitions_of(self.space, self._dynamic)
        keys = space.select(self.keys, now=self._now, owner=label)
        if spec == self.space:
            return keys
        if not _goes_with(own, space):
            raise PartitionsError(
                f"{label} is partitioned {own.describe()}, but this run is for {space.describe()} [{_span(self.keys)}]. "
                "Materialize it in a run of its own."
            )
        return default_mapping(upstream=own, downstream=space).upstream(keys, downstream=space, upstream=own, now=self._now).keys


def choose_partitioning(
    subject: str,
    targets: Iterable[Target],
    *,
    own: PartitionsSpec | None,
    keys: Sequence[str],
    dynamic: DynamicKeys | None = None,
    now: datetime,
) -> Partitioning:
    """The partitioning of a run of `targets`, which come upstream first.

    Args:
        subject: what is run, as errors call it.
        targets: what the run writes.
        own: the job's own partitions, which the keys then belong to.
        keys: the partition keys asked for.
        dynamic: the keys of dynamic sets.
        now: what exists depends on it.

    Raises:
        PartitionsError: keys for something without partitions, or none for something with them.
        UnknownPartitionError: a key that does not exist.
    """
    cut = [target for target in targets if target.partitions is not None]
    spaces = [own] if own is not None else list(dict.fromkeys(target.partitions for target in reversed(cut)))
    if not spaces:
        if keys:
            raise PartitionsError(f"{subject} has no partitions, so partition {keys[0]!r} means nothing. Leave it out.")
        return Partitioning(None, (), dynamic=dynamic, now=now)
    owner = subject if own is not None else cut[-1].label
    if not keys:
        raise _missing_key(owner, spaces[0], dynamic=dynamic, now=now)
    refusals: list[UnknownPartitionError] = []
    for space in spaces:
        assert space is not None
        try:
            chosen = partitions_of(space, dynamic).select(keys, now=now, owner=owner)
        except UnknownPartitionError as error:
            refusals.append(error)
            continue
        return Partitioning(space, tuple(chosen), dynamic=dynamic, now=now)
    raise refusals[0]


def _missing_key(owner: str, spec: PartitionsSpec | None, *, dynamic: DynamicKeys | None, now: datetime) -> PartitionsError:
    assert spec is not None
    partitions = partitions_of(spec, dynamic)
    example = partitions.last(now=now)
    hint = f"Give a partition, such as {example!r}." if example is not None else "None of its partitions exists yet."
    return PartitionsError(f"{owner} is partitioned {partitions.describe()}, and no partition is given. {hint}")


def _is_one_to_one(mapping: MappingSpec, upstream: PartitionsSpec, downstream: PartitionsSpec | None) -> bool:
    """Whether every downstream partition needs exactly one upstream partition, whichever it is.

    Decided by the definitions, never by how many keys one run happens to need, so that a function always gets the same type."""
    match mapping:
        case IdentityMappingSpec() | LastMappingSpec():
            return True
        case SpecificMappingSpec(keys=keys):
            return len(keys) == 1
        case StaticMappingSpec(keys=pairs):
            fed = [below for _, belows in pairs for below in belows]
            return len(fed) == len(set(fed))
        case TimeWindowMappingSpec(start_offset=start, end_offset=end):
            return start == end and _lies_within(downstream, upstream)
        case DimensionMappingSpec() | MultiMappingSpec() if downstream is not None:
            above, below = partitions_of(upstream), partitions_of(downstream)
            links = links_of(mapping_of(mapping), upstream=above, downstream=below)
            # A dimension upstream that nothing leads to is needed as a whole.
            wanted = set(above.dimensions) if isinstance(above, MultiPartitions) else {""}
            return {link.above for link in links} == wanted and all(
                _is_one_to_one(link.mapping.spec, part_of(above, link.above).spec, part_of(below, link.below).spec) for link in links
            )
        case _:
            return False


def _goes_with(own: Partitions, space: Partitions) -> bool:
    """Whether the keys of a run say which partitions an asset takes part with that is cut otherwise: by time, or by a dimension."""
    several = isinstance(own, MultiPartitions) or isinstance(space, MultiPartitions)
    return not isinstance(default_mapping(upstream=own, downstream=space), AllMapping) if several else is_matched(own, space)


def _lies_within(inner: PartitionsSpec | None, outer: PartitionsSpec) -> bool:
    """Whether each window of `inner` lies within one window of `outer`."""
    if not (isinstance(inner, TimePartitionsSpec) and isinstance(outer, TimePartitionsSpec)) or inner.timezone != outer.timezone:
        return False
    if inner.minute_offset != outer.minute_offset:
        return False
    if inner.cadence == outer.cadence:
        return (inner.hour_offset, inner.day_offset, inner.cron) == (outer.hour_offset, outer.day_offset, outer.cron)
    if inner.cron or outer.cron:
        return False
    if inner.cadence == "daily" and inner.hour_offset != outer.hour_offset:
        return False
    return _BOUNDARIES[inner.cadence] < _BOUNDARIES[outer.cadence]


def _span(keys: Sequence[str]) -> str:
    return keys[0] if len(keys) == 1 else f"{keys[0]} to {keys[-1]}"
