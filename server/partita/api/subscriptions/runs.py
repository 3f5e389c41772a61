"""Following runs: each change gives the run as it stands, several changes of one run may come as one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace

from partita.api.context import Context
from partita.api.errors import ApiError, Code
from partita.api.subscriptions.items import ShownRunChange
from partita.errors import RequestError
from partita.records.changes import ChangeBatch, ChangeKind
from partita.records.filters import RunFilter
from partita.records.pages import PageRequest
from partita.records.runs import Run

FRESH = 500
"""Runs that a subscriber whose cursor expired is told of: the newest."""


async def follow(context: Context, where: RunFilter, *, after: str | None) -> AsyncGenerator[ShownRunChange | ApiError, None]:
    """The runs that `where` means, as they change."""
    feed = context.server.feed
    async with feed.following():
        cursor = feed.cursor if after is None else after
        while True:
            batch = await changes_after(context, cursor)
            cursor = batch.cursor
            if batch.is_expired:
                yield expired()
                async for item in _fresh(context, where, cursor):
                    yield item
            async for item in _changed(context, where, batch):
                yield item


def expired() -> ApiError:
    """What stands in place of an item when changes after the cursor are gone."""
    message = "Changes after this cursor are no longer kept. What follows is the state as it is now, and what changes from here on."
    return ApiError(message, code=Code.EXPIRED)


async def changes_after(context: Context, cursor: str, *, patience: float | None = None) -> ChangeBatch:
    """What changed after a cursor.

    Raises:
        ApiError: it is not a cursor of changes.
    """
    try:
        return await context.server.feed.after(cursor, patience=patience)
    except RequestError as error:
        raise ApiError(error.message) from None


async def _changed(context: Context, where: RunFilter, batch: ChangeBatch) -> AsyncGenerator[ShownRunChange, None]:
    newest = {change.subject: change.cursor for change in batch.changes if change.kind is ChangeKind.RUN}
    if where.ids is not None:
        newest = {run_id: cursor for run_id, cursor in newest.items() if run_id in where.ids}
    if not newest:
        return
    found = {run.id: run for run in await _list(context, replace(where, ids=tuple(newest)), len(newest))}
    await context.begin()
    places = {change.cursor: place for place, change in enumerate(batch.changes)}
    for run_id in sorted(found, key=lambda run_id: places[newest[run_id]]):
        yield ShownRunChange(cursor=newest[run_id], run=found[run_id])


async def _fresh(context: Context, where: RunFilter, cursor: str) -> AsyncGenerator[ShownRunChange, None]:
    found = await _list(context, where, FRESH)
    await context.begin()
    for run in reversed(found):
        yield ShownRunChange(cursor=cursor, run=run)


async def _list(context: Context, where: RunFilter, limit: int) -> list[Run]:
    page = await context.read(lambda: context.store.runs.list(where, page=PageRequest(first=limit)))
    return page.items
