"""Which assets, and which of their partitions, are missing, fresh or stale, and why. Pure.

A write is stale for reasons of its own only: the code of its asset has another version, an upstream asset has other data
than the write was made from, or the asset depends on others than it did. An upstream asset that is itself stale makes
nothing stale before it is written again: only then is it known whether its data changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.definitions.mappings import MappingSpec, edge_mapping
from partita.definitions.partitions import DynamicKeys, Partitions, PartitionSet, PartitionsSpec, partitions_of
from partita.definitions.specs import AssetSpec
from partita.records.assets import Write

Writes = Mapping[AssetKey, Mapping[str | None, Write]]
"""The newest write of each asset, by partition; under None that of an asset without partitions."""


class Freshness(StrEnum):
    """How an asset or a partition stands against its code and its inputs."""

    MISSING = "missing"
    FRESH = "fresh"
    STALE = "stale"


class CauseKind(StrEnum):
    """What kind of change made a write stale."""

    CODE = "code"
    DATA = "data"
    DEPENDENCIES = "dependencies"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something is stale; `upstream` is the asset whose data changed, or that was added or removed."""

    kind: CauseKind
    reason: str
    upstream: AssetKey | None = None

    def __str__(self) -> str:
        return self.reason if self.upstream is None else f"{self.reason}: {self.upstream}"


NEW_CODE = Cause(CauseKind.CODE, "has a new code version")
NEW_DATA = "has a new dependency data version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staleness:
    """How an asset stands. Of one with partitions: how they stand together."""

    status: Freshness
    causes: tuple[Cause, ...] = ()
    """Each once, in the order of dependencies; code first."""
    missing: PartitionSet | None = None
    """Partitions that exist and were never written; None for an asset without partitions."""
    stale: PartitionSet | None = None

    @property
    def words(self) -> frozenset[str]:
        """What selections call it: an asset with partitions may be stale and missing at once."""
        found = {self.status.value}
        if self.missing:
            found.add(Freshness.MISSING.value)
        return frozenset(found)


def assess(
    graph: AssetGraph, writes: Writes, *, now: datetime, keys: Iterable[AssetKey] | None = None, dynamic: DynamicKeys | None = None
) -> dict[AssetKey, Staleness]:
    """How each asset that can be materialised stands, or those of `keys`; of each, the writes of what it depends on are needed too."""
    ground = _Ground(graph, writes, now=now, dynamic=dynamic)
    wanted = graph.keys if keys is None else keys
    return {key: ground.assess(graph.spec(key)) for key in wanted if key in graph.materializable}


def needed_writes(graph: AssetGraph, keys: Iterable[AssetKey]) -> frozenset[AssetKey]:
    """The assets whose writes `assess` looks at for `keys`."""
    found = set(keys)
    return frozenset(found.union(*(graph.upstream(key) for key in found)))


Above = Mapping[str | None, Write]


@dataclass
class _Ground:
    graph: AssetGraph
    writes: Writes
    now: datetime = field(kw_only=True)
    dynamic: DynamicKeys | None = field(kw_only=True)
    _cuts: dict[PartitionsSpec, Partitions] = field(default_factory=dict)
    _ordinals: dict[PartitionsSpec, dict[str | None, int | None]] = field(default_factory=dict)
    """Of the keys met so far: reading one takes longer than judging it, and assets that are cut alike share them."""
    _needed: dict[tuple[PartitionsSpec | None, PartitionsSpec, MappingSpec | None, str | None], tuple[str, ...]] = field(default_factory=dict)

    def assess(self, spec: AssetSpec) -> Staleness:
        written = self.writes.get(spec.key, {})
        if spec.partitions is not None:
            return self._assess_partitions(spec, written)
        write = written.get(None)
        if write is None:
            return Staleness(status=Freshness.MISSING)
        causes = self._causes(spec, write, None)
        return Staleness(status=Freshness.STALE if causes else Freshness.FRESH, causes=causes)

    def _assess_partitions(self, spec: AssetSpec, written: Above) -> Staleness:
        assert spec.partitions is not None
        partitions = self._cut(spec.partitions)
        existing = partitions.keys(now=self.now)
        ordinals = self._ordinals.setdefault(spec.partitions, {})
        causes: dict[Cause, None] = {}
        known: list[int] = []
        stale: list[int] = []
        for key, write in written.items():
            if key not in ordinals:
                ordinals[key] = partitions.find_ordinal(key) if key is not None else None
            ordinal = ordinals[key]
            if ordinal is None or not existing.has_ordinal(ordinal):
                continue  # a changed definition no longer has it
            known.append(ordinal)
            found = self._causes(spec, write, key)
            if found:
                stale.append(ordinal)
                causes.update(dict.fromkeys(found))
        missing = existing - PartitionSet(partitions, ((each, each) for each in known))
        stale_set = PartitionSet(partitions, ((each, each) for each in stale))
        status = Freshness.STALE if stale_set else Freshness.FRESH if known else Freshness.MISSING
        return Staleness(status=status, causes=tuple(causes) if stale_set else (), missing=missing, stale=stale_set)

    def _causes(self, spec: AssetSpec, write: Write, partition: str | None) -> tuple[Cause, ...]:
        causes: list[Cause] = []
        if spec.code_version is not None and write.code_version != spec.code_version:
            causes.append(NEW_CODE)
        read = None if write.inputs is None else {each.asset: each.version for each in write.inputs}
        upstream = self.graph.upstream(spec.key)
        for key in upstream:
            if read is not None and key not in read:
                causes.append(Cause(CauseKind.DEPENDENCIES, "has a new dependency", key))
            elif self._has_new_data(spec, key, write=write, version=None if read is None else read[key], partition=partition):
                causes.append(Cause(CauseKind.DATA, NEW_DATA, key))
        if read is not None:
            causes += [Cause(CauseKind.DEPENDENCIES, "has lost a dependency", key) for key in read if key not in upstream]
        return tuple(causes)

    def _has_new_data(self, spec: AssetSpec, upstream: AssetKey, *, write: Write, version: str | None, partition: str | None) -> bool:
        above = self.writes.get(upstream)
        if not above:
            return False
        began = write.read_at or write.at
        cut = self.graph.specs[upstream].partitions if upstream in self.graph else None
        if cut is None:
            latest = above.get(None)
            return latest is not None and _differs(latest, version, began)
        if cut == spec.partitions and partition is not None and spec.mapping_from(upstream) is None:
            latest = above.get(partition)
            return latest is not None and _differs(latest, version, began)
        needed = [above[key] for key in self._keys_needed(spec, upstream, cut, partition) if key in above]
        return _differs(needed[0], version, began) if len(needed) == 1 else any(each.effective_changed_at > began for each in needed)

    def _keys_needed(self, spec: AssetSpec, upstream: AssetKey, cut: PartitionsSpec, partition: str | None) -> tuple[str, ...]:
        place = (spec.partitions, cut, spec.mapping_from(upstream), partition)
        if place not in self._needed:
            above = self._cut(cut)
            below = self._cut(spec.partitions) if spec.partitions is not None else None
            rule = edge_mapping(place[2], upstream=above, downstream=below)
            keys = (partition,) if partition is not None else ()
            self._needed[place] = tuple(rule.upstream(keys, downstream=below, upstream=above, now=self.now).keys)
        return self._needed[place]

    def _cut(self, spec: PartitionsSpec) -> Partitions:
        if spec not in self._cuts:
            self._cuts[spec] = partitions_of(spec, self.dynamic)
        return self._cuts[spec]


def _differs(latest: Write, version: str | None, began: datetime) -> bool:
    """Whether the data is other than what was read: by version where that was recorded, else by when it changed."""
    return latest.effective_version != version if version is not None else latest.effective_changed_at > began
