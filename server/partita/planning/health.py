"""How well an asset is: a function of what became of its last run, its checks and its freshness."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from partita.planning.freshness import FreshnessState
from partita.records.assets import CheckResult
from partita.records.events import Severity


class AssetHealth(StrEnum):
    """How well an asset is."""

    HEALTHY = "healthy"
    WARNING = "warning"
    """A check of severity WARN has failed."""
    DEGRADED = "degraded"
    """It could not be written, a check of severity ERROR has failed, or it is older than it may be."""
    UNKNOWN = "unknown"
    """It was never written, and nothing is known against it."""


@dataclass(frozen=True, slots=True)
class Health:
    """How well an asset is, and why not better."""

    status: AssetHealth
    reasons: tuple[str, ...] = ()


def judge_health(
    *, is_written: bool, has_failed: bool, failed_partitions: int, results: Iterable[CheckResult], freshness: FreshnessState | None
) -> Health:
    """How well an asset is.

    Args:
        is_written: whether it was ever written.
        has_failed: whether the last run that was to write it failed to.
        failed_partitions: how many of its partitions the last run of failed to write.
        results: the newest result of each of its checks that was ever evaluated.
        freshness: how it stands against its policy; None when it has none.
    """
    bad: list[str] = []
    doubtful: list[str] = []
    if failed_partitions:
        bad.append(f"{failed_partitions} partition{'' if failed_partitions == 1 else 's'} could not be written")
    elif has_failed:
        bad.append("The last run failed to write it")
    for result in results:
        if not result.passed:
            where = "" if result.partition is None else f" of {result.partition}"
            (doubtful if result.severity is Severity.WARN else bad).append(f"Check {result.check}{where} failed")
    if freshness is not None and not freshness.is_fresh and freshness.since is not None:
        bad.append(f"It is too old since {freshness.since:%Y-%m-%d %H:%M} UTC")
    reasons = (*bad, *doubtful)
    if bad:
        return Health(AssetHealth.DEGRADED, reasons)
    if doubtful:
        return Health(AssetHealth.WARNING, reasons)
    return Health(AssetHealth.HEALTHY if is_written else AssetHealth.UNKNOWN, ())
