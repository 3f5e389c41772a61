"""An asset as words: how it stands, what a table and a title say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from partita_client.tui.render.states import mark, mark_line
from partita_client.tui.render.text import Line, ago, plain
from partita_client.tui.store.filters import Filter, parse_filter
from partita_client.tui.store.run_rows import short_id

if TYPE_CHECKING:
    from partita_client.models import TuiAsset, TuiAssetLatestMaterialization, TuiAssetLatestObservation, TuiRun

FIELDS = ("status", "health", "group", "kind", "owner", "location", "key", "check")
HEALTH = ("healthy", "warning", "degraded", "unknown")
UNWELL = ("warning", "degraded")
STATUSES = ("materialized", "failed", "running", "missing", "warning", "external")


def parse_asset_filter(text: str) -> Filter:
    """A filter of assets."""
    return parse_filter(text, FIELDS, words={"status": STATUSES, "check": ("passed", "failed", "missing"), "health": HEALTH})


def active_keys(runs: Iterable[TuiRun]) -> frozenset[str]:
    """Assets that a run writes now."""
    return frozenset(asset.key for run in runs for asset in run.assets)


def status_of(asset: TuiAsset, active: frozenset[str] = frozenset()) -> str:
    """How it stands: what is wrong comes before what is there."""
    if asset.is_external:
        return "external"
    if asset.key in active:
        return "running"
    counts = partition_counts(asset)
    if counts.get("failed"):
        return "failed"
    if failed_checks(asset) or asset.health.value in UNWELL:
        return "warning"
    if asset.partitions is not None:
        return "materialized" if counts.get("materialized") else "missing"
    return "materialized" if asset.latest_materialization else "missing"


def partition_counts(asset: TuiAsset) -> dict[str, int]:
    """How many partitions stand in each way."""
    cut = asset.partitions
    return {each.status.value: each.count for each in cut.status_counts} if cut else {}


def failed_checks(asset: TuiAsset) -> list[str]:
    """Names of checks whose last verdict was bad."""
    return [check.name for check in asset.checks if check.latest_result is not None and not check.latest_result.passed]


def checks_of(asset: TuiAsset) -> Line:
    """How many of its checks passed."""
    if not asset.checks:
        return (("–", "dim"),)
    bad = len(failed_checks(asset))
    passed = sum(1 for check in asset.checks if check.latest_result is not None and check.latest_result.passed)
    return ((f"{passed}/{len(asset.checks)}", "warning" if bad else "" if passed else "dim"),)


def partitions_of(asset: TuiAsset) -> str:
    """How many of its partitions are written."""
    cut = asset.partitions
    return f"{partition_counts(asset).get('materialized', 0)}/{cut.total_count}" if cut else "–"


def location_of(asset: TuiAsset) -> str:
    """The code location that defines it."""
    return asset.repository.code_location.name if asset.repository else ""


def can_run(asset: TuiAsset) -> bool:
    """Whether a run can write it or look at it."""
    return not asset.is_external or asset.is_observable


def latest_of(asset: TuiAsset) -> TuiAssetLatestMaterialization | TuiAssetLatestObservation | None:
    """Its newest write or, where it is written elsewhere, the newest look at it."""
    return asset.latest_materialization or asset.latest_observation


def asset_cells(asset: TuiAsset, now: datetime, active: frozenset[str]) -> tuple[str | Line, ...]:
    """The cells of its row."""
    latest = latest_of(asset)
    status = status_of(asset, active)
    kinds = ",".join(asset.kinds)
    return (
        asset.key,
        mark_line("asset", status),
        ago(latest.at, now) if latest else "–",
        ((short_id(latest.run.id), "accent"),) if latest and latest.run else "–",
        partitions_of(asset),
        checks_of(asset),
        ((asset.group_name, "dim"),),
        ((kinds, "dim"),),
    )


def values_of(asset: TuiAsset, active: frozenset[str]) -> dict[str, Sequence[str]]:
    """What the fields of a filter are compared with."""
    verdicts = ["missing" if check.latest_result is None else "passed" if check.latest_result.passed else "failed" for check in asset.checks]
    return {
        "status": [status_of(asset, active)],
        "health": [asset.health.value],
        "group": [asset.group_name],
        "kind": asset.kinds,
        "owner": asset.owners,
        "location": [location_of(asset)],
        "key": [asset.key],
        "check": verdicts,
    }


def list_assets(assets: Mapping[str, TuiAsset], wanted: Filter, active: frozenset[str], *, group: str = "") -> list[str]:
    """Keys of the assets that a filter and a group mean, by key."""
    found = []
    for key in sorted(assets):
        asset = assets[key]
        if group and asset.group_name != group:
            continue
        if wanted.matches(values_of(asset, active), f"{key} {asset.description or ''}"):
            found.append(key)
    return found


def list_groups(assets: Iterable[TuiAsset], active: frozenset[str]) -> list[tuple[str, int, Line]]:
    """Each group, how many assets it has, and what of them wants to be seen."""
    counts: Counter[str] = Counter()
    states: dict[str, Counter[str]] = {}
    for asset in assets:
        counts[asset.group_name] += 1
        states.setdefault(asset.group_name, Counter())[status_of(asset, active)] += 1
    return [(group, counts[group], group_marks(states[group])) for group in sorted(counts)]


def group_marks(states: Counter[str]) -> Line:
    """What of a group wants to be seen; that all is well when nothing does."""
    shown = [(word, states[word]) for word in ("failed", "warning", "running", "missing") if states[word]]
    if not shown:
        return (("✓", "ok"),)
    return tuple((f"{mark('asset', word).glyph}{number} ", mark("asset", word).style) for word, number in shown)


def summary(asset: TuiAsset, now: datetime, active: frozenset[str]) -> list[Line]:
    """A few lines on an asset: how it stands, what it comes from and goes to."""
    latest = latest_of(asset)
    done = "observed" if asset.is_observable and not asset.latest_materialization else "written"
    written = f"{done} {ago(latest.at, now)} ago" if latest else f"never {done}"
    by = f" by {short_id(latest.run.id)}" if latest and latest.run else ""
    first: Line = (
        *mark_line("asset", status_of(asset, active)),
        (f"  {written}{by}", ""),
        (f" · {len(asset.upstream)} upstream · {len(asset.downstream)} downstream", "dim"),
    )
    lines = [first]
    if asset.partitions is not None:
        lines.append(((f"{partitions_of(asset)} partitions, {plain(asset.partitions.description, 120)}", ""),))
    if asset.description:
        lines.append(((plain(" ".join(asset.description.split("\n\n")[0].split()), 300), ""),))
    owned = f"owners {', '.join(asset.owners)}  " if asset.owners else ""
    kinds = f"kinds {', '.join(asset.kinds)}  " if asset.kinds else ""
    lines.append(((plain(f"{owned}{kinds}group {asset.group_name}  {location_of(asset)}"), "dim"),))
    if bad := failed_checks(asset):
        lines.append((("⚠ ", "warning"), (plain(f"checks failed: {', '.join(bad)}"), "warning")))
    return lines
