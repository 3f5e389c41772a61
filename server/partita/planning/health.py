"""How well an asset is: a function of what became of its last run, its checks and its freshness."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from partita.definitions.specs import AssetSpec
from partita.planning.freshness import FreshnessState
from partita.records.assets import AssetState, CheckResult
from partita.records.events import Severity
from partita.records.runs import FailedRun


class AssetHealth(StrEnum):
    """How well an asset is."""

    HEALTHY = "healthy"
    WARNING = "warning"
    """A check of severity WARN has failed."""
    DEGRADED = "degraded"
    """It could not be written, a check of severity ERROR has failed, or it is older than it may be."""
    UNKNOWN = "unknown"
    """It was never written, nor observed, and nothing is known against it."""


@dataclass(frozen=True, slots=True)
class Health:
    """How well an asset is, and why not better."""

    status: AssetHealth
    reasons: tuple[str, ...] = ()


def is_written(spec: AssetSpec, state: AssetState | None) -> bool:
    """Whether an asset is there: it was written or, when it is written elsewhere, looked at."""
    return state is not None and (state.latest is not None or (spec.is_observable and state.observed is not None))


def has_failed(spec: AssetSpec, state: AssetState | None, run: FailedRun | None) -> bool:
    """Whether `run`, the newest settled one that was to write an asset, has failed to, and nothing has made up for it."""
    if run is None or not run.has_left(spec.step_key):
        return False
    made = () if state is None else (state.latest, state.observed if spec.is_observable else None)
    # One step may write several assets before it fails at another.
    return not any(each is not None and (each.run_id == run.id or each.at > run.ended_at) for each in made)


def judge_health(
    *, is_written: bool, has_failed: bool, failed_partitions: int, results: Iterable[CheckResult], freshness: FreshnessState | None
) -> Health:
    """How well an asset is.

    Args:
        is_written: whether it is there.
        has_failed: whether the last run that was to write it failed to.
        failed_partitions: how many of the partitions it has the last run of failed to write.
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
