"""How well assets are, as the schema shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from partita.api.context import Context
from partita.api.entries import AssetEntry
from partita.api.freshness import freshness_of
from partita.planning.health import AssetHealth, Health, judge_health
from partita.records.assets import AssetState, PartitionStatus
from partita.records.runs import RunStatus


async def health_of(asset: AssetEntry, context: Context) -> Health:
    """How well an asset is. Many at once cost a few reads together."""
    loaders = context.loaders
    checks = [(asset.key, check.spec.name) for check in context.definitions.checks_of(asset.key)]
    state, counts, freshness, results = await asyncio.gather(
        loaders.asset_states.load(asset.key),
        loaders.partition_counts.load(asset.key),
        freshness_of(asset, context),
        loaders.latest_results.load_many(checks),
    )
    return judge_health(
        is_written=state is not None and state.latest is not None,
        has_failed=await _has_failed(state, context),
        failed_partitions=counts.get(PartitionStatus.FAILED, 0),
        results=[result for result in results if result is not None],
        freshness=None if freshness is None else freshness.state,
    )


async def with_health(assets: Sequence[AssetEntry], wanted: Collection[AssetHealth] | None, context: Context) -> list[AssetEntry]:
    """Those assets that are as well as is wanted; all when it does not matter."""
    if wanted is None:
        return list(assets)
    found = await asyncio.gather(*(health_of(asset, context) for asset in assets))
    return [asset for asset, health in zip(assets, found, strict=True) if health.status in wanted]


async def _has_failed(state: AssetState | None, context: Context) -> bool:
    """Whether the newest run that was to write it failed before it had."""
    if state is None or state.latest_run_id is None:
        return False
    if state.latest is not None and state.latest.run_id == state.latest_run_id:
        return False
    run = await context.loaders.run(state.latest_run_id)
    return run is not None and run.status is RunStatus.FAILED
