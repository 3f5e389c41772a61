"""What is followed: for each topic how it is loaded, how it is followed, and what an item of its stream says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from partita_client.models.generated import operations
from partita_client.models.requests import Request
from partita_client.tui.store.topics import (
    AlertsSeen,
    AssetsSeen,
    AutomationsSeen,
    BackfillsSeen,
    Change,
    DaemonSeen,
    JobsSeen,
    LocationsSeen,
    RunsSeen,
    ServerSeen,
    TicksSeen,
    Topic,
)

if TYPE_CHECKING:
    from partita_client.tui.feed import Feed

FIRST_PAGE = 200
ALERTS = 50
ASSET_PAGE = 200
"""An asset brings its neighbours, checks and counts: more of them at once cost more than the server grants one question."""


@dataclass(frozen=True, slots=True)
class Stream:
    """How one topic is loaded and followed."""

    topic: Topic
    load: Callable[[Feed], Awaitable[Sequence[Change]]]
    follow: Callable[[str | None], Request[Any]] | None
    """The request of its stream from a cursor; None: the topic is only loaded."""
    read: Callable[[Any], tuple[str, Change]] | None = None
    """The cursor of an item, and what it says."""


async def _load_runs(feed: Feed) -> Sequence[Change]:
    """The newest runs, and all that have not ended."""
    active: Any = {"statuses": ["QUEUED", "STARTING", "RUNNING", "CANCELING"]}
    newest = await feed.execute(operations.tui_runs(first=FIRST_PAGE))
    open_ones = await feed.execute(operations.tui_runs(first=FIRST_PAGE, filter=active))
    return [RunsSeen([*newest.runs.nodes, *open_ones.runs.nodes])]


async def _load_assets(feed: Feed) -> Sequence[Change]:
    found: list[Any] = []
    pages = feed.link.pages(lambda first, after: operations.tui_assets(first=first, after=after), lambda answer: answer.assets, size=ASSET_PAGE)
    async for page in pages:
        found += page
    return [AssetsSeen(found, is_all=True)]


async def _load_locations(feed: Feed) -> Sequence[Change]:
    answer = await feed.execute(operations.list_locations())
    return [LocationsSeen(answer.workspace.code_locations, is_all=True)]


async def _load_jobs(feed: Feed) -> Sequence[Change]:
    found: list[Any] = []
    async for page in feed.link.pages(lambda first, after: operations.tui_jobs(first=first, after=after), lambda answer: answer.jobs):
        found += page
    return [JobsSeen(found)]


async def _load_automations(feed: Feed) -> Sequence[Change]:
    found: list[Any] = []
    async for schedules in feed.link.pages(lambda first, after: operations.tui_schedules(first=first, after=after), lambda answer: answer.schedules):
        found += schedules
    async for sensors in feed.link.pages(lambda first, after: operations.tui_sensors(first=first, after=after), lambda answer: answer.sensors):
        found += sensors
    return [AutomationsSeen(found, is_all=True)]


async def _load_ticks(feed: Feed) -> Sequence[Change]:
    return [TicksSeen((await feed.execute(operations.tui_ticks(first=FIRST_PAGE))).ticks.nodes)]


async def _load_backfills(feed: Feed) -> Sequence[Change]:
    return [BackfillsSeen((await feed.execute(operations.tui_backfills(first=FIRST_PAGE))).backfills.nodes)]


async def _load_alerts(feed: Feed) -> Sequence[Change]:
    return [AlertsSeen((await feed.execute(operations.list_alerts(first=ALERTS))).alerts.nodes)]


async def _load_server(feed: Feed) -> Sequence[Change]:
    return [ServerSeen((await feed.execute(operations.tui_get_server())).server)]


STREAMS: tuple[Stream, ...] = (
    Stream(Topic.RUNS, _load_runs, lambda after: operations.tui_follow_runs(after=after), lambda item: (item.runs.cursor, RunsSeen([item.runs.run]))),
    Stream(
        Topic.ASSETS,
        _load_assets,
        lambda after: operations.tui_follow_assets(after=after),
        lambda item: (item.assets.cursor, AssetsSeen([item.assets.asset])),
    ),
    Stream(Topic.JOBS, _load_jobs, None),
    Stream(
        Topic.AUTOMATIONS,
        _load_automations,
        lambda after: operations.tui_follow_automations(after=after),
        lambda item: (item.automations.cursor, AutomationsSeen([item.automations.automation])),
    ),
    Stream(
        Topic.TICKS,
        _load_ticks,
        lambda after: operations.tui_follow_ticks(after=after),
        lambda item: (item.ticks.cursor, TicksSeen([item.ticks.tick])),
    ),
    Stream(
        Topic.BACKFILLS,
        _load_backfills,
        lambda after: operations.tui_follow_backfills(after=after),
        lambda item: (item.backfills.cursor, BackfillsSeen([item.backfills.backfill])),
    ),
    Stream(
        Topic.SERVER,
        _load_server,
        lambda after: operations.tui_follow_daemons(after=after),
        lambda item: (item.daemons.cursor, DaemonSeen(item.daemons.daemon)),
    ),
    Stream(
        Topic.ALERTS,
        _load_alerts,
        lambda after: operations.follow_alerts(after=after),
        lambda item: (item.alerts.cursor, AlertsSeen([item.alerts.alert])),
    ),
    # Last, because it says something at once: what it says tells that the others have begun.
    Stream(
        Topic.WORKSPACE,
        _load_locations,
        lambda after: operations.follow_workspace(after=after),
        lambda item: (item.workspace.cursor, LocationsSeen([item.workspace.code_location])),
    ),
)
