"""A backfill as words, and its partitions as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from partita_client.tui.render.grid import counts_line
from partita_client.tui.render.spark import progress
from partita_client.tui.render.states import mark_line
from partita_client.tui.render.text import Line, ago, clock, duration, fit, plain
from partita_client.tui.store.automation import backfill_counts
from partita_client.tui.store.filters import Filter, parse_filter
from partita_client.tui.store.run_rows import short_id

if TYPE_CHECKING:
    from partita_client.models import TuiBackfill

FIELDS = ("status", "asset", "job")
STATUSES = ("requested", "running", "canceling", "succeeded", "failed", "canceled")
WHOLE = "(whole)"
"""What stands for a partition of something that has none."""


def parse_backfill_filter(text: str) -> Filter:
    """A filter of backfills."""
    return parse_filter(text, FIELDS, words={"status": STATUSES})


def list_backfills(found: Mapping[str, TuiBackfill], wanted: Filter) -> list[str]:
    """Ids of those that a filter means, the newest first."""
    shown = [each for each in found.values() if wanted.matches(_values(each), f"{each.id} {each.title or ''} {target_of(each)}")]
    return [each.id for each in sorted(shown, key=lambda each: (each.created_at, each.id), reverse=True)]


def _values(each: TuiBackfill) -> dict[str, list[str]]:
    return {"status": [each.status.value], "asset": [asset.key for asset in each.assets], "job": [each.job_name or ""]}


def target_of(each: TuiBackfill) -> str:
    """What it writes."""
    if each.job_name:
        return f"job {each.job_name}"
    keys = [asset.key for asset in each.assets]
    return (keys[0] + (f" +{len(keys) - 1}" if len(keys) > 1 else "")) if keys else each.selection or "–"


def bar_of(each: TuiBackfill, width: int) -> Line:
    """How far it is."""
    counts = backfill_counts(each)
    bad = counts.get("failed", 0) + counts.get("canceled", 0) + counts.get("skipped", 0)
    done = counts.get("succeeded", 0)
    share = 100 * (done + bad) // each.partition_count if each.partition_count else 100
    return (*progress(done, each.partition_count, width, bad), (f" {share:3}%", ""))


def backfill_cells(each: TuiBackfill, now: datetime) -> tuple[str | Line, ...]:
    """The cells of its row."""
    counts = backfill_counts(each)
    failed = counts.get("failed", 0)
    return (
        ((short_id(each.id), "accent"),),
        (each.title + "  " if each.title else "") + target_of(each),
        mark_line("backfill", each.status.value),
        bar_of(each, 12),
        str(counts.get("succeeded", 0)),
        ((str(failed), "failed" if failed else "dim"),),
        str(counts.get("running", 0)),
        str(counts.get("waiting", 0)),
        duration((each.ended_at or now) - each.created_at),
    )


def backfill_lines(each: TuiBackfill, now: datetime) -> list[Line]:
    """What is known of it."""
    begun = f"   begun {ago(each.created_at, now)} ago ({clock(each.created_at, now)})   "
    written = f"job {each.job_name}" if each.job_name else ", ".join(asset.key for asset in each.assets)
    lines: list[Line] = [
        (*mark_line("backfill", each.status.value), (begun, ""), *counts_line(backfill_counts(each), "item")),
        (("writes   ", "dim"), (plain(written, 400), "")),
        (("runs     ", "dim"), (_policy_of(each), ""), (f"   priority {each.priority}" if each.priority else "", "dim")),
        (("id       ", "dim"), (each.id, "dim")),
    ]
    if each.error is not None:
        lines.insert(1, (("✗ ", "failed"), (plain(f"{each.error.class_name}: {each.error.message}", 400), "failed")))
    return lines


def _policy_of(each: TuiBackfill) -> str:
    if each.policy is None:
        return "as each asset says"
    most = each.policy.max_partitions_per_run
    return "all partitions in one run" if most is None else f"{most} partition{'s' * (most != 1)} in each run"


@dataclass(slots=True)
class Items:
    """The partitions of a backfill: status and run of each, by asset and key."""

    statuses: dict[str, dict[str, str]] = field(default_factory=dict)
    """By asset (or job), then by key, both in the order of the backfill."""
    runs: dict[tuple[str, str], str] = field(default_factory=dict)

    def take(self, nodes: Iterable[Any], target: str) -> None:
        """Take partitions as the server lists them; `target` is what stands for those of a job."""
        for node in nodes:
            asset, key = node.asset_key or target, node.partition_key or WHOLE
            self.statuses.setdefault(asset, {})[key] = node.status.value
            if node.run is not None:
                self.runs[asset, key] = node.run.id

    @property
    def keys(self) -> list[str]:
        """Every key, in order."""
        return list(dict.fromkeys(key for statuses in self.statuses.values() for key in statuses))

    def rows(self) -> list[tuple[str, Sequence[str]]]:
        """A row of states for each asset; keys that it does not have are absent."""
        keys = self.keys
        return [(asset, [statuses.get(key, "absent") for key in keys]) for asset, statuses in self.statuses.items()]


def item_line(asset: str, key: str, status: str, run_id: str) -> Line:
    """One partition in words."""
    run: Line = (("   run ", "dim"), (short_id(run_id), "accent"), ("  ↵ open", "dim")) if run_id else ()
    what: Line = (("▸ ", "accent"), (fit(plain(asset, 60), min(40, len(asset) + 2)), ""), (plain(key, 60) + "  ", "strong"))
    return (*what, *mark_line("item", status), *run)
