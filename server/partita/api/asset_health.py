"""How well assets are, as the schema shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from partita.api.context import Context
from partita.api.entries import AssetEntry
from partita.api.freshness import freshness_of
from partita.definitions.partitions import partitions_of
from partita.planning.coverage import cover
from partita.planning.health import AssetHealth, Health, has_failed, is_written, judge_health
from partita.records.assets import PartitionStatus
from partita.records.runs import FailedRun


async def health_of(asset: AssetEntry, context: Context) -> Health:
    """How well an asset is. Many at once cost a few reads together."""
    loaders = context.loaders
    checks = [(asset.key, check.spec.name) for check in context.definitions.checks_of(asset.key)]
    state, failed_run, failed_partitions, freshness, results = await asyncio.gather(
        loaders.asset_states.load(asset.key),
        _failed_run(asset, context),
        _failed_partitions(asset, context),
        freshness_of(asset, context),
        loaders.latest_results.load_many(checks),
    )
    return judge_health(
        is_written=is_written(asset.spec, state),
        has_failed=has_failed(asset.spec, state, failed_run),
        failed_partitions=failed_partitions,
        results=[result for result in results if result is not None],
        freshness=None if freshness is None else freshness.state,
    )


async def with_health(assets: Sequence[AssetEntry], wanted: Collection[AssetHealth] | None, context: Context) -> list[AssetEntry]:
    """Those assets that are as well as is wanted; all when it does not matter."""
    if wanted is None:
        return list(assets)
    found = await asyncio.gather(*(health_of(asset, context) for asset in assets))
    return [asset for asset, health in zip(assets, found, strict=True) if health.status in wanted]


async def _failed_run(asset: AssetEntry, context: Context) -> FailedRun | None:
    """The last run that was to write an asset, if it failed. Of one with partitions each stands for itself instead."""
    return await context.loaders.failed_runs.load(asset.key) if asset.spec.partitions is None else None


async def _failed_partitions(asset: AssetEntry, context: Context) -> int:
    """How many of the partitions that an asset has now could not be written."""
    if asset.spec.partitions is None:
        return 0
    failed = await context.loaders.failed_partitions.load(asset.key)
    if not failed:
        return 0
    partitions = partitions_of(asset.spec.partitions, context.definitions.dynamic)
    return cover(partitions, dict.fromkeys(failed, PartitionStatus.FAILED), now=context.now).counts[PartitionStatus.FAILED]
