"""What a write of an asset was made from: for each asset before it, which of its partitions was read."""

from __future__ import annotations

from partita.definitions.keys import AssetKey
from partita.definitions.specs import AssetSpec
from partita.execution.scope import RunScope
from partita.planning.plan import FromAsset, Step
from partita.records.events import AssetRead


def reads_of(scope: RunScope, step: Step, asset: AssetKey, partition: str | None) -> tuple[AssetRead, ...]:
    """The assets that `asset` depends on, as one partition of it depends on them; dependencies without loading among them."""
    spec = scope.asset_specs.get(asset)
    if spec is None:
        return ()
    sources = {each.source.asset: each.source for each in step.inputs if isinstance(each.source, FromAsset)}
    return tuple(_read(scope, spec, key, sources.get(key), partition) for key in spec.upstream)


def _read(scope: RunScope, spec: AssetSpec, upstream: AssetKey, source: FromAsset | None, partition: str | None) -> AssetRead:
    above = scope.asset_specs.get(upstream)
    cut = above.partitions if above is not None else None
    is_alike = cut is not None and cut == spec.partitions and spec.mapping_from(upstream) is None and upstream != spec.key
    if partition is not None and is_alike and (source is None or partition in (source.partitions or ())):
        return AssetRead(asset=upstream, partition=partition)
    if source is None:
        # how an asset of another location is cut is not known here
        return AssetRead(asset=upstream, is_several=cut is not None or above is None or not above.is_executable)
    if source.partitions is None:
        return AssetRead(asset=upstream)
    if len(source.partitions) == 1:
        return AssetRead(asset=upstream, partition=source.partitions[0])
    return AssetRead(asset=upstream, is_several=True)
