"""Everything that is known of the server, kept up to date by changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar, assert_never

from partita_client.tui.store.automation import Automation, automation_key, automation_of, keep_ticks
from partita_client.tui.store.slim import Pool
from partita_client.tui.store.topics import (
    AlertsSeen,
    AssetsSeen,
    AutomationsSeen,
    BackfillsSeen,
    Change,
    Changes,
    Connected,
    DaemonSeen,
    Disconnected,
    JobsSeen,
    Loaded,
    LocationsSeen,
    RunsCounted,
    RunsSeen,
    ServerSeen,
    StreamFailed,
    TicksSeen,
    Topic,
)

if TYPE_CHECKING:
    from partita_client.models import Alert, CodeLocation, TuiAsset, TuiBackfill, TuiDaemon, TuiJob, TuiRun, TuiRunCounts, TuiServer, TuiTick

T = TypeVar("T")

ACTIVE = ("queued", "starting", "running", "canceling")
MOST_TICKS = 60
"""Ticks of each automation that are kept; its own place asks for more."""
MOST_ALERTS = 500
"""Alerts that are kept, those that were heard of first forgotten first."""
MOST_RUNS = 20_000
"""Runs that are kept: beyond them the oldest that have ended are forgotten, and asked for again when they are scrolled to."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether the server answers, and since when not."""

    is_connected: bool = False
    was_connected: bool = False
    seen_at: datetime | None = None
    """When what is shown was last known to be true."""
    lost_at: datetime | None = None
    problem: str = ""
    retry_at: datetime | None = None

    @property
    def is_stale(self) -> bool:
        """Whether what is shown may not be true any more."""
        return self.was_connected and not self.is_connected


@dataclass(slots=True)
class World:
    """Records by id, as the server last told them."""

    runs: dict[str, TuiRun] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    """Runs that have not ended."""
    failed: set[str] = field(default_factory=set)
    """Runs that failed."""
    assets: dict[str, TuiAsset] = field(default_factory=dict)
    locations: dict[str, CodeLocation] = field(default_factory=dict)
    jobs: dict[str, TuiJob] = field(default_factory=dict)
    automations: dict[str, Automation] = field(default_factory=dict)
    ticks: dict[str, list[TuiTick]] = field(default_factory=dict)
    """The last ticks of each automation, oldest first, by its id."""
    backfills: dict[str, TuiBackfill] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    server: TuiServer | None = None
    run_counts: TuiRunCounts | None = None
    connection: Connection = Connection()
    problems: dict[Topic, str] = field(default_factory=dict)
    """Topics that cannot be followed, and why."""
    loaded: set[Topic] = field(default_factory=set)
    """Topics whose first answer has come."""
    _pool: Pool = field(default_factory=Pool)

    def apply_all(self, changes: Iterable[Change]) -> Changes:
        """Take changes in their order; what is different now."""
        told: Changes = {}
        for change in changes:
            for topic, ids in self.apply(change).items():
                told.setdefault(topic, set()).update(ids)
        if len(self.runs) > MOST_RUNS:
            self._forget_runs()
        return told

    def apply(self, change: Change) -> Changes:  # noqa: C901, PLR0912  one case for each kind of change
        """Take one change."""
        match change:
            case RunsSeen(runs):
                for run in runs:
                    (self.active.add if run.status.value in ACTIVE else self.active.discard)(run.id)
                    (self.failed.add if run.status.value == "failed" else self.failed.discard)(run.id)
                return self._seen(Topic.RUNS, self.runs, {run.id: self._pool.slim(run) for run in runs})
            case AssetsSeen(assets, is_all):
                return self._seen(Topic.ASSETS, self.assets, {asset.key: asset for asset in assets}, is_all=is_all)
            case LocationsSeen(locations, is_all):
                return self._seen(Topic.WORKSPACE, self.locations, {place.name: place for place in locations}, is_all=is_all)
            case JobsSeen(jobs):
                return self._seen(Topic.JOBS, self.jobs, {job.id: job for job in jobs}, is_all=True)
            case RunsCounted(counts):
                self.run_counts = counts
                return {Topic.SERVER: set()}
            case AutomationsSeen(records, is_all):
                found = {each.id: each for each in map(automation_of, records)}
                return self._seen(Topic.AUTOMATIONS, self.automations, found, is_all=is_all)
            case TicksSeen(ticks):
                return self._ticked(ticks)
            case BackfillsSeen(backfills):
                return self._seen(Topic.BACKFILLS, self.backfills, {each.id: each for each in backfills})
            case ServerSeen(server):
                self.server = server
                return {Topic.SERVER: set()}
            case DaemonSeen(daemon):
                self._beat(daemon)
                return {Topic.SERVER: set()}
            case AlertsSeen(alerts):
                for old in list(self.alerts)[: max(0, len(self.alerts) + len(alerts) - MOST_ALERTS)]:
                    del self.alerts[old]
                return self._seen(Topic.ALERTS, self.alerts, {alert.id: alert for alert in alerts})
            case Loaded(topic):
                is_first = topic not in self.loaded
                self.loaded.add(topic)
                return {topic: set()} if is_first else {}
            case Connected(at):
                self.connection = Connection(is_connected=True, was_connected=True, seen_at=at)
                return {Topic.CONNECTION: set()}
            case Disconnected():
                self.connection = self._lost(change)
                return {Topic.CONNECTION: set()}
            case StreamFailed(topic, problem):
                self.problems.pop(topic, None)
                if problem is not None:
                    self.problems[topic] = problem
                return {topic: set(), Topic.CONNECTION: set()}
            case _:
                assert_never(change)

    def _seen(self, topic: Topic, known: dict[str, T], seen: dict[str, T], *, is_all: bool = False) -> Changes:
        ids = {key for key, record in seen.items() if known.get(key) != record}
        if is_all:
            gone = known.keys() - seen.keys()
            for key in gone:
                del known[key]
            ids |= gone
        known.update(seen)
        return {topic: ids} if ids else {}

    def _ticked(self, ticks: Sequence[TuiTick]) -> Changes:
        """Keep the last ticks of each automation."""
        by_automation: dict[str, list[TuiTick]] = {}
        for tick in ticks:
            if tick.automation is not None:
                by_automation.setdefault(automation_key(tick.automation), []).append(tick)
        for key, seen in by_automation.items():
            self.ticks[key] = keep_ticks(self.ticks.get(key, ()), seen, MOST_TICKS)
        return {Topic.TICKS: set(by_automation)}

    def _beat(self, daemon: TuiDaemon) -> None:
        if self.server is not None:
            daemons = {each.kind: each for each in self.server.daemons} | {daemon.kind: daemon}
            self.server = self.server.model_copy(update={"daemons": tuple(daemons.values())})

    def _lost(self, change: Disconnected) -> Connection:
        before = self.connection
        lost_at = before.lost_at or change.at
        seen_at = change.at if before.is_connected else before.seen_at
        return replace(before, is_connected=False, seen_at=seen_at, lost_at=lost_at, problem=change.problem, retry_at=change.retry_at)

    def _forget_runs(self) -> None:
        ended = sorted((run for run in self.runs.values() if run.status.value not in ACTIVE), key=lambda run: run.created_at)
        for run in ended[: len(self.runs) - MOST_RUNS * 9 // 10]:
            del self.runs[run.id]
            self.failed.discard(run.id)


def active_runs(world: World) -> list[TuiRun]:
    """The runs that have not ended: those that run first, then those that wait, each oldest first."""
    return sorted((world.runs[run_id] for run_id in world.active), key=lambda run: (run.status.value == "queued", run.created_at))


def since_lost(connection: Connection, now: datetime) -> timedelta:
    """How long the server has not answered."""
    return now - connection.lost_at if connection.lost_at else timedelta(0)
