"""What the overview counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from partita_client.tui.render.spark import progress
from partita_client.tui.render.states import mark
from partita_client.tui.render.text import Line, ago, count, until
from partita_client.tui.store.asset_rows import active_keys, failed_checks, status_of
from partita_client.tui.store.automation import Automation
from partita_client.tui.store.topics import Topic
from partita_client.tui.store.world import World, active_runs


@dataclass(frozen=True, slots=True)
class Card:
    """One of the small panes at the top."""

    title: str
    lines: Sequence[Line]


WAITING: Line = (("…", "dim"),)


def cards(world: World, now: datetime) -> dict[str, Card]:
    """The four cards."""
    return {
        "runs": Card("Runs 24h", _runs(world)),
        "now": Card("Now", _now(world, now)),
        "assets": Card("Assets", _assets(world)),
        "automation": Card("Automation", _automation(world, now)),
    }


def _runs(world: World) -> Sequence[Line]:
    counts = world.run_counts
    if counts is None:
        return [WAITING]
    ok, bad, gone = counts.succeeded.total_count, counts.failed.total_count, counts.canceled.total_count
    total = ok + bad + gone
    share = f"{100 * ok / (ok + bad):.1f} % ok" if ok + bad else "nothing has ended yet"
    return [
        ((f"{count(ok)} ok", "ok"), (f"  {count(bad)} failed", "failed" if bad else "dim"), (f"  {count(gone)} ⏹" if gone else "", "dim")),
        progress(ok, total, 24, bad),
        ((share, ""),),
    ]


def _now(world: World, now: datetime) -> Sequence[Line]:
    if world.server is None:
        return [WAITING]
    queue = world.server.queue
    slots: Line = (("no limit on runs at once", "dim"),)
    if queue.max_concurrent:
        slots = ((f"slots {queue.running}/{queue.max_concurrent} ", ""), *progress(queue.running, queue.max_concurrent, 14))
    waiting = [run.created_at for run in active_runs(world) if run.status.value == "queued"]
    oldest = f"oldest queued {ago(min(waiting), now)}" if waiting else "nothing waits"
    return [
        ((f"▓ {queue.running} running", "running" if queue.running else "dim"), (f"   ◌ {queue.queued} queued", "queued" if queue.queued else "dim")),
        slots,
        ((oldest, "dim"),),
    ]


def asset_counts(world: World) -> Counter[str]:
    """How many assets stand in each way."""
    active = active_keys(active_runs(world))
    return Counter(status_of(asset, active) for asset in world.assets.values())


def _states(counts: Counter[str], words: Sequence[str]) -> Line:
    return tuple(
        (f"{mark('asset', word).glyph} {counts[word]} {mark('asset', word).word}  ", mark("asset", word).style) for word in words if counts[word]
    )


def _assets(world: World) -> Sequence[Line]:
    if Topic.ASSETS not in world.loaded:
        return [WAITING]
    counts = asset_counts(world)
    verdicts = [check for asset in world.assets.values() for check in asset.checks if check.latest_result is not None]
    bad = sum(len(failed_checks(asset)) for asset in world.assets.values())
    tests: Line = ((f"checks {len(verdicts) - bad}/{len(verdicts)} pass", ""), (f"   ✗ {bad}" if bad else "", "failed"))
    return [
        ((f"{count(counts['materialized'])} of {count(len(world.assets))} materialized", "ok"),),
        _states(counts, ("failed", "warning", "running", "missing", "external")) or (("nothing is missing", "dim"),),
        tests if verdicts else (("no check has run", "dim"),),
    ]


def _automation(world: World, now: datetime) -> Sequence[Line]:
    if Topic.AUTOMATIONS not in world.loaded:
        return [WAITING]
    lines: list[Line] = []
    for kind in ("schedule", "sensor"):
        found = [each for each in world.automations.values() if each.kind == kind]
        on = sum(each.is_on for each in found)
        failed = sum(each.last_tick is not None and each.last_tick.status == "failed" for each in found)
        lines.append(((f"{kind}s {on}/{len(found)} on", "" if found else "dim"), (f"   ✗ {failed} failed" if failed else "", "failed")))
    soon = upcoming(world)
    lines.append(((f"next {soon[0].name} {until(soon[0].next_at, now)}" if soon else "nothing is scheduled", "dim"),))
    return lines


def upcoming(world: World) -> list[Automation]:
    """Schedules that are on, the next to come first."""
    due = [each for each in world.automations.values() if each.is_on and each.next_at is not None and each.kind == "schedule"]
    return sorted(due, key=lambda each: (each.next_at, each.id))


def one_line(world: World) -> Line:
    """The cards as one line, for small terminals."""
    pieces: list[tuple[str, str]] = [(" ", "")]
    if world.run_counts is not None:
        counts = world.run_counts
        pieces += [
            ("runs 24h ", "dim"),
            (f"{counts.succeeded.total_count}✓ ", "ok"),
            (f"{counts.failed.total_count}✗  ", "failed" if counts.failed.total_count else "dim"),
        ]
    if world.server is not None:
        pieces += [("now ", "dim"), (f"{world.server.queue.running}▓ ", "running"), (f"{world.server.queue.queued}◌  ", "queued")]
    if Topic.ASSETS in world.loaded:
        counted = asset_counts(world)
        shown = [word for word in ("materialized", "failed", "warning", "missing") if counted[word]]
        pieces += [("assets ", "dim"), *((f"{counted[word]}{mark('asset', word).glyph} ", mark("asset", word).style) for word in shown)]
    if Topic.AUTOMATIONS in world.loaded:
        pieces += [(" auto ", "dim"), (f"{sum(each.is_on for each in world.automations.values())}● ", "ok")]
    return tuple(pieces)
