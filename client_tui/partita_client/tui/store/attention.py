"""What needs to be looked at, the most urgent first, each with the place where it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from partita_client.tui.render.states import Kind
from partita_client.tui.render.text import plain
from partita_client.tui.routes import Route
from partita_client.tui.store.asset_rows import failed_checks
from partita_client.tui.store.automation import backfill_counts
from partita_client.tui.store.run_rows import partition_of, short_id, what_of
from partita_client.tui.store.world import World, active_runs

RECENT = timedelta(days=1)
"""What failed longer ago is history: it is in the list of runs."""
LONG_WAIT = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that needs to be looked at."""

    id: str
    kind: str
    """What sort of thing, in one short word."""
    mark: tuple[Kind, str]
    text: str
    at: datetime | None
    route: Route
    weight: int
    """How urgent: higher comes first."""


def concerns(world: World, now: datetime) -> list[Concern]:
    """Everything that needs to be looked at: what keeps most from working first, then the newest."""
    found = [
        *_locations(world),
        *_daemons(world),
        *_alerts(world),
        *_queue(world, now),
        *_backfills(world),
        *_ticks(world, now),
        *_runs(world, now),
        *_checks(world),
    ]
    return sorted(found, key=lambda each: (-each.weight, -(each.at.timestamp() if each.at else 0.0), each.id))


def _locations(world: World) -> Iterator[Concern]:
    for place in world.locations.values():
        route = Route("workspace", id=place.name)
        if place.error is not None:
            text = f"{place.name}  load error  {place.error.class_name}: {place.error.message}"
            yield Concern(f"location {place.name}", "loc", ("location", "failed"), plain(text, 300), None, route, 50)
        elif place.status.value == "unreachable":
            yield Concern(f"location {place.name}", "loc", ("location", "unreachable"), f"{place.name}  no worker serves it", None, route, 50)


def _daemons(world: World) -> Iterator[Concern]:
    required = [daemon for daemon in (world.server.daemons if world.server else ()) if daemon.is_required]
    if required and not any(daemon.is_healthy or daemon.errors for daemon in required):
        heard = max((daemon.last_heartbeat_at for daemon in required if daemon.last_heartbeat_at is not None), default=None)
        text = "no daemon is running" if heard is None else "the daemon has not been heard of"
        yield Concern("daemon", "daemon", ("location", "failed"), text, heard, Route("health"), 60)
        return
    for daemon in required:
        if daemon.is_healthy:
            continue
        kind, seen = daemon.kind.value, daemon.last_heartbeat_at
        if daemon.errors:
            text = f"{kind} fails  {plain(daemon.errors[0].message, 300)}"
        else:
            text = f"{kind} is not running" if seen is None else f"{kind} has not been heard of"
        yield Concern(f"daemon {kind}", "daemon", ("location", "failed"), text, seen, Route("health"), 60)


def _alerts(world: World) -> Iterator[Concern]:
    """Somebody should have been told of something, and was not."""
    refused = [alert for alert in world.alerts.values() if alert.error is not None and alert.status.value in ("waiting", "failed")]
    if refused:
        last = max(refused, key=lambda alert: alert.last_at)
        text = f"{len(refused)} not told  {plain(last.error or '', 200)}"
        yield Concern("alerts", "alert", ("run", "failed"), plain(text, 300), last.last_at, Route("health"), 40)


def _queue(world: World, now: datetime) -> Iterator[Concern]:
    waiting = [run for run in active_runs(world) if run.status.value == "queued" and now - run.created_at > LONG_WAIT]
    if waiting:
        oldest = min(run.created_at for run in waiting)
        reason = f" ({plain(waiting[0].wait_reason.message, 100)})" if waiting[0].wait_reason else ""
        text = f"{len(waiting)} queued for more than 3m{reason}"
        yield Concern("queue", "queue", ("run", "queued"), text, oldest, Route("runs", filter="status:queued"), 30)


def _runs(world: World, now: datetime) -> Iterator[Concern]:
    recent = [run for run in (world.runs[run_id] for run_id in world.failed) if now - run.created_at <= RECENT]
    retried = {run.parent.id for run in world.runs.values() if run.parent is not None} if recent else set()
    for run in recent:
        if run.id in retried:
            continue
        what = f"{short_id(run.id)} {what_of(run)} {partition_of(run).replace('–', '')}"
        failed = run.stats.failed_steps
        why = f"  {run.error.class_name}: {run.error.message}" if run.error else f"  {failed} step{'s' * (failed != 1)} failed" if failed else ""
        yield Concern(f"run {run.id}", "run", ("run", "failed"), plain(what + why, 300), run.ended_at, Route("runs", id=run.id), 20)


def _checks(world: World) -> Iterator[Concern]:
    for asset in world.assets.values():
        bad = set(failed_checks(asset))
        for check in asset.checks:
            if check.name in bad and check.latest_result is not None:
                word = "failed" if check.latest_result.severity.value == "error" else "warned"
                route = Route("assets", id=asset.key, tab="checks")
                at = check.latest_result.at
                yield Concern(f"check {asset.key} {check.name}", "check", ("check", word), plain(f"{check.name} on {asset.key}", 200), at, route, 15)


def _ticks(world: World, now: datetime) -> Iterator[Concern]:
    for automation in world.automations.values():
        last = automation.last_tick
        if last is not None and last.status == "failed" and now - last.at < RECENT:
            text = plain(f"{automation.kind} {automation.name}  {last.note}", 300)
            yield Concern(f"tick {automation.id}", "tick", ("tick", "failed"), text, last.at, Route("automation", id=automation.id), 25)


def _backfills(world: World) -> Iterator[Concern]:
    for backfill in world.backfills.values():
        failed = backfill_counts(backfill).get("failed", 0)
        is_over = backfill.status.value in ("succeeded", "canceled")
        if failed and not is_over:
            text = f"{backfill.title or short_id(backfill.id)}  {failed}/{backfill.partition_count} partitions failed"
            yield Concern(
                f"backfill {backfill.id}",
                "backf",
                ("backfill", "failed"),
                plain(text, 200),
                backfill.ended_at or backfill.created_at,
                Route("backfills", id=backfill.id),
                22,
            )
