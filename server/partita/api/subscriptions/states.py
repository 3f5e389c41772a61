"""Following ticks, backfills, schedules, sensors, assets and daemons: each change gives the thing as it stands, several may come as one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from partita.api import status
from partita.api.context import Context
from partita.api.definitions import Definitions
from partita.api.errors import ApiError
from partita.api.nodes import find_backfill
from partita.api.status import ShownDaemon
from partita.api.subscriptions.items import (
    ShownAlertChange,
    ShownAssetChange,
    ShownAutomationChange,
    ShownBackfillChange,
    ShownDaemonChange,
    ShownTickChange,
)
from partita.api.subscriptions.runs import changes_after, expired
from partita.api.types.filters import check_list, to_asset_key
from partita.definitions.keys import AssetKey
from partita.records.alerts import Alert
from partita.records.backfills import Backfill, BackfillFilter
from partita.records.changes import ChangeBatch, ChangeKind
from partita.records.filters import TickFilter
from partita.records.pages import PageRequest
from partita.records.ticks import Tick

T = TypeVar("T")
FRESH = 500
"""Things that a subscriber whose cursor expired is told of: the newest."""
LOOK = 2.0
"""Seconds between looks at the daemons: one that dies writes nothing, so no change tells of it."""

Found = list[tuple[str, T]]
"""Cursors, and the things that changed there."""


async def _changes(
    context: Context, *, after: str | None, changed: Callable[[ChangeBatch], Awaitable[Found[T]]], fresh: Callable[[str], Awaitable[Found[T]]]
) -> AsyncGenerator[tuple[str, T] | ApiError, None]:
    """Everything that `changed` finds in batch after batch; what `fresh` finds where changes are no longer kept."""
    feed = context.server.feed
    async with feed.following():
        cursor = feed.cursor if after is None else after
        while True:
            batch = await changes_after(context, cursor)
            cursor = batch.cursor
            if batch.is_expired:
                yield expired()
                await context.begin()
                for item in await fresh(cursor):
                    yield item
            if batch.changes:
                found = await changed(batch)
                if found:
                    await context.begin()
                for item in found:
                    yield item


async def follow_ticks(context: Context, where: TickFilter, *, after: str | None) -> AsyncGenerator[ShownTickChange | ApiError, None]:
    """The ticks that `where` means, as they change."""

    async def changed(batch: ChangeBatch) -> Found[Tick]:
        cursors = _newest(batch, ChangeKind.TICK)
        found = await context.read(lambda: context.store.ticks.find(list(cursors)))
        return [(cursor, found[tick_id]) for tick_id, cursor in cursors.items() if tick_id in found and _fits_tick(found[tick_id], where)]

    async def fresh(cursor: str) -> Found[Tick]:
        page = await context.read(lambda: context.store.ticks.list(where, page=PageRequest(first=FRESH)))
        return [(cursor, tick) for tick in reversed(page.items)]

    async for item in _changes(context, after=after, changed=changed, fresh=fresh):
        yield item if isinstance(item, ApiError) else ShownTickChange(cursor=item[0], tick=item[1])


async def follow_backfills(context: Context, where: BackfillFilter, *, after: str | None) -> AsyncGenerator[ShownBackfillChange | ApiError, None]:
    """The backfills that `where` means, as they change."""

    async def changed(batch: ChangeBatch) -> Found[Backfill]:
        newest = _newest(batch, ChangeKind.BACKFILL)
        cursors = {each: cursor for each, cursor in newest.items() if where.ids is None or each in where.ids}
        if not cursors:
            return []
        wanted, size = replace(where, ids=tuple(cursors)), PageRequest(first=len(cursors))
        page = await context.read(lambda: context.store.backfills.list(wanted, page=size))
        found = {backfill.id: backfill for backfill in page.items}
        return [(cursor, found[each]) for each, cursor in cursors.items() if each in found]

    async def fresh(cursor: str) -> Found[Backfill]:
        page = await context.read(lambda: context.store.backfills.list(where, page=PageRequest(first=FRESH)))
        return [(cursor, backfill) for backfill in reversed(page.items)]

    async for item in _changes(context, after=after, changed=changed, fresh=fresh):
        yield item if isinstance(item, ApiError) else ShownBackfillChange(cursor=item[0], backfill=item[1])


async def follow_backfill(context: Context, backfill_id: str, *, after: str | None) -> AsyncGenerator[ShownBackfillChange | ApiError, None]:
    """One backfill: as it stands, then as it changes, until it has ended.

    Raises:
        ApiError: there is none, or several have the short id.
    """
    feed = context.server.feed
    async with feed.following():
        start = feed.cursor
        await context.begin()
        now = await find_backfill(context, backfill_id)
        if now is None:
            raise ApiError(f"There is no backfill {backfill_id[:100]!r}.")
        if after is None or now.status.is_finished:
            yield ShownBackfillChange(cursor=start, backfill=now)
        if now.status.is_finished:
            return
        async for item in follow_backfills(context, BackfillFilter(ids=(now.id,)), after=start if after is None else after):
            yield item
            if isinstance(item, ShownBackfillChange) and item.backfill.status.is_finished:
                return


async def follow_assets(context: Context, keys: Collection[str] | None, *, after: str | None) -> AsyncGenerator[ShownAssetChange | ApiError, None]:
    """Assets as something happens to them.

    Raises:
        ApiError: there are too many keys, or one cannot be a key.
    """
    if keys is not None:
        check_list("keys", list(keys))
    wanted = None if keys is None else frozenset(to_asset_key(key) for key in keys)

    async def changed(batch: ChangeBatch) -> Found[AssetKey]:
        if not any(change.kind in {ChangeKind.ASSET, ChangeKind.PARTITIONS} for change in batch.changes):
            return []
        await context.begin()
        cursors = dict(_assets_of(batch, context.definitions))
        return [(cursor, AssetKey(key)) for key, cursor in cursors.items() if wanted is None or key in wanted]

    async def fresh(cursor: str) -> Found[AssetKey]:
        return [(cursor, key) for key in context.definitions.entries.assets if wanted is None or key in wanted]

    async for item in _changes(context, after=after, changed=changed, fresh=fresh):
        yield item if isinstance(item, ApiError) else ShownAssetChange(cursor=item[0], asset=context.definitions.show_asset(item[1]))


async def follow_automations(context: Context, *, after: str | None) -> AsyncGenerator[ShownAutomationChange | ApiError, None]:
    """Schedules and sensors; without `after`, first each as it stands."""
    feed = context.server.feed
    async with feed.following():
        start = feed.cursor
        if after is None:
            await context.begin()
            for entry in context.definitions.automations.by_id.values():
                yield ShownAutomationChange(cursor=start, automation=entry)

        async def changed(batch: ChangeBatch) -> Found[str]:
            return [(cursor, each) for each, cursor in _newest(batch, ChangeKind.AUTOMATION).items()]

        async def fresh(cursor: str) -> Found[str]:
            return [(cursor, each) for each in context.definitions.automations.by_id]

        async for item in _changes(context, after=start if after is None else after, changed=changed, fresh=fresh):
            if isinstance(item, ApiError):
                yield item
            elif (found := context.definitions.automations.by_id.get(item[1])) is not None:
                yield ShownAutomationChange(cursor=item[0], automation=found)


async def follow_alerts(context: Context, *, after: str | None) -> AsyncGenerator[ShownAlertChange | ApiError, None]:
    """Alerts as they change."""

    async def changed(batch: ChangeBatch) -> Found[Alert]:
        cursors = _newest(batch, ChangeKind.ALERT)
        found = await context.read(lambda: context.store.alerts.find_many(list(cursors)))
        return [(cursor, found[alert_id]) for alert_id, cursor in cursors.items() if alert_id in found]

    async def fresh(cursor: str) -> Found[Alert]:
        page = await context.read(lambda: context.store.alerts.list(page=PageRequest(first=FRESH)))
        return [(cursor, alert) for alert in reversed(page.items)]

    async for item in _changes(context, after=after, changed=changed, fresh=fresh):
        yield item if isinstance(item, ApiError) else ShownAlertChange(cursor=item[0], alert=item[1])


async def follow_daemons(context: Context, *, after: str | None) -> AsyncGenerator[ShownDaemonChange | ApiError, None]:
    """The roles of the daemon; without `after`, first each as it stands. Health is looked at again and again."""
    feed = context.server.feed
    async with feed.following():
        cursor = feed.cursor if after is None else after
        shown: dict[str, Any] = {}
        if after is not None:
            shown = {each.kind: _look(each) for each in await _daemons(context) if not _has_fallen_silent(each)}
        while True:
            now = await _daemons(context)
            for daemon in now:
                if shown.get(daemon.kind) != _look(daemon):
                    yield ShownDaemonChange(cursor=cursor, daemon=daemon)
            shown = {each.kind: _look(each) for each in now}
            batch = await changes_after(context, cursor, patience=LOOK)
            cursor = batch.cursor
            if batch.is_expired:
                yield expired()
                shown = {}
            for change in batch.changes:
                if change.kind is ChangeKind.DAEMON:
                    shown.pop(change.subject, None)


async def _daemons(context: Context) -> list[ShownDaemon]:
    return status.daemons(await context.read(context.store.leases.daemons))


def _look(daemon: ShownDaemon) -> Any:
    """What is told of a daemon at once when it changes; its heartbeats alone are not."""
    return daemon.is_healthy, daemon.errors, daemon.host, daemon.last_heartbeat_at is None


def _has_fallen_silent(daemon: ShownDaemon) -> bool:
    """Whether it died, which no change tells of: nobody knows whether who resumes has been told."""
    return not daemon.is_healthy and not daemon.errors and daemon.last_heartbeat_at is not None


def _newest(batch: ChangeBatch, kind: ChangeKind) -> dict[str, str]:
    """The subjects of a kind that changed, in the order of their newest changes, and the cursors of those."""
    found: dict[str, str] = {}
    for change in batch.changes:
        if change.kind is kind:
            found.pop(change.subject, None)
            found[change.subject] = change.cursor
    return found


def _assets_of(batch: ChangeBatch, definitions: Definitions) -> Iterable[tuple[str, str]]:
    """Keys of assets that changed, each also when the set of dynamic partitions grew that it is cut by."""
    for change in batch.changes:
        if change.kind is ChangeKind.ASSET:
            yield change.subject, change.cursor
        elif change.kind is ChangeKind.PARTITIONS:
            for key, entry in definitions.entries.assets.items():
                if getattr(entry.spec.partitions, "name", None) == change.subject:
                    yield str(key), change.cursor


def _fits_tick(tick: Tick, where: TickFilter) -> bool:
    return (
        (where.automation_ids is None or tick.automation_id in where.automation_ids)
        and (where.statuses is None or tick.status in where.statuses)
        and (where.after is None or tick.due_at > where.after)
        and (where.before is None or tick.due_at < where.before)
        and where.is_dry_run in {None, tick.is_dry_run}
    )
