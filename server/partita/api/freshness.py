"""Whether an asset is as fresh as its policy wants, as the schema shows it."""

from __future__ import annotations

from dataclasses import dataclass

from partita.api.context import Context
from partita.api.entries import AssetEntry
from partita.planning.freshness import FreshnessState, evaluate_freshness


@dataclass(frozen=True, slots=True)
class ShownFreshness:
    """The value behind an `AssetFreshness`."""

    policy: str
    state: FreshnessState


async def freshness_of(asset: AssetEntry, context: Context) -> ShownFreshness | None:
    """How an asset stands; None when it has no policy."""
    policy = asset.spec.freshness
    if policy is None:
        return None
    known = await context.loaders.asset_states.load(asset.key)
    written_at = known.latest.at if known is not None and known.latest is not None else None
    return ShownFreshness(str(policy), evaluate_freshness(policy, written_at=written_at, now=context.now))
