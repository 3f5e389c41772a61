"""A backfill as words, and its partitions as a picture."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
STATUSES = ("requested", "running", "paused", "canceling", "succeeded", "failed", "canceled")
MONTH = re.compile(r"\d{4}-\d{2}")
"""A partition of a month as it may be named too, which is no date by itself."""
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
        (("runs     ", "dim"), (_policy_of(each), ""), (_ways_of(each), "dim")),
        (("id       ", "dim"), (each.id, "dim")),
    ]
    if each.error is not None:
        lines.insert(1, (("✗ ", "failed"), (plain(f"{each.error.class_name}: {each.error.message}", 400), "failed")))
    return lines


def _ways_of(each: TuiBackfill) -> str:
    priority = f"   priority {each.priority}" if each.priority else ""
    order = "   the last first" if each.order.value == "desc" else ""
    return priority + order + ("   those in the queue wait until it is resumed" if each.status.value == "paused" else "")


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
    crons: dict[str, str] = field(default_factory=dict)
    """How an asset is cut in time; nothing for one that is not."""
    keys: list[str] = field(default_factory=list)
    """What the columns of the picture stand for, in order."""
    _own: dict[str, dict[str, str]] = field(default_factory=dict)

    def take(self, nodes: Iterable[Any], target: str) -> None:
        """Take partitions as the server lists them; `target` is what stands for those of a job."""
        for node in nodes:
            asset, key = node.asset_key or target, node.partition_key or WHOLE
            self.statuses.setdefault(asset, {})[key] = node.status.value
            if node.run is not None:
                self.runs[asset, key] = node.run.id

    def take_assets(self, assets: Iterable[Any]) -> None:
        """Take how the assets are cut."""
        for asset in assets:
            if asset.partitions is not None and asset.partitions.dimensions and (cron := asset.partitions.dimensions[0].cron):
                self.crons[asset.key] = cron

    def settle(self) -> None:
        """All are taken: find the columns, and which partition of each asset a column shows."""
        coarse = [asset for asset in self.statuses if self._is_coarse(asset)]
        keys = dict.fromkeys(key for asset, statuses in self.statuses.items() if asset not in coarse for key in statuses)
        windows = {asset: _Windows(self.statuses[asset], _longest_window(self.crons[asset])) for asset in coarse}
        for asset in coarse:
            held = {windows[asset].holding(key) for key in keys}
            keys |= dict.fromkeys(own for own in self.statuses[asset] if own not in held)
        if self.crons:
            keys = dict.fromkeys(sorted(keys, key=_place))
        self.keys = list(keys)
        self._own = {asset: {key: own for key in keys if (own := windows[asset].holding(key))} for asset in coarse}

    def _is_coarse(self, asset: str) -> bool:
        """Whether another is cut finer in time."""
        mine = _longest_window(self.crons.get(asset, ""))
        return any(timedelta() < _longest_window(cron) < mine for other, cron in self.crons.items() if other in self.statuses)

    def own_key(self, asset: str, key: str) -> str:
        """The partition of `asset` that the column `key` shows: the month that a day is in, where others are cut by days."""
        return self._own.get(asset, {}).get(key, key)

    def rows(self) -> list[tuple[str, Sequence[str]]]:
        """A row of states for each asset; keys that it does not have are absent."""
        return [(asset, [statuses.get(self.own_key(asset, key), "absent") for key in self.keys]) for asset, statuses in self.statuses.items()]


class _Windows:
    """The partitions of an asset as windows of time."""

    def __init__(self, keys: Iterable[str], longest: timedelta) -> None:
        found = sorted((start, key) for key in keys if (start := _moment(key)) is not None)
        self._starts, self._keys = [start for start, _ in found], [key for _, key in found]
        self._longest = longest

    def holding(self, key: str) -> str | None:
        """The partition whose window holds the start of another's."""
        at = _moment(key)
        place = bisect_right(self._starts, at) - 1 if at else -1
        return self._keys[place] if at and place >= 0 and at - self._starts[place] < self._longest else None


def _moment(key: str) -> datetime | None:
    """When the window of a partition starts, as its key says; its zone does not matter beside others of the same asset."""
    try:
        return datetime.fromisoformat(f"{key}-01" if MONTH.fullmatch(key) else key).replace(tzinfo=None)
    except ValueError:
        return None


def _place(key: str) -> tuple[bool, datetime | str]:
    at = _moment(key)
    return (True, key) if at is None else (False, at)


def _longest_window(cron: str) -> timedelta:
    """The most time from one start to the next."""
    fields = cron.split()
    if len(fields) != 5:
        return timedelta()
    _, hour, day, month, weekday = fields
    if month != "*":
        return timedelta(days=366)
    if day != "*":
        return timedelta(days=31)
    if weekday != "*":
        return timedelta(days=7)
    return timedelta(hours=1 if hour == "*" else 24)


def item_line(asset: str, key: str, status: str, run_id: str) -> Line:
    """One partition in words."""
    run: Line = (("   run ", "dim"), (short_id(run_id), "accent"), ("  ↵ open", "dim")) if run_id else ()
    what: Line = (("▸ ", "accent"), (fit(plain(asset, 60), min(40, len(asset) + 2)), ""), (plain(key, 60) + "  ", "strong"))
    return (*what, *mark_line("item", status), *run)
