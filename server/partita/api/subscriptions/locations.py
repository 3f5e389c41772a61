"""Following code locations: loads, failures, and workers that come and go."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from partita.api.context import Context
from partita.api.entries import LocationEntry
from partita.api.errors import ApiError
from partita.api.subscriptions.items import ShownLocationChange
from partita.api.subscriptions.runs import changes_after, expired
from partita.records.changes import ChangeKind
from partita.records.locations import LocationStatus

LOOK = 2.0
"""Seconds between looks at the locations: a worker whose lease ends writes nothing, so no change tells of it."""


async def follow(context: Context, *, after: str | None) -> AsyncGenerator[ShownLocationChange | ApiError, None]:
    """Code locations as they change; without `after`, first each as it stands."""
    feed = context.server.feed
    async with feed.following():
        cursor = feed.cursor if after is None else after
        await context.begin()
        shown: dict[str, Any] = {}
        if after is not None:  # that a worker is gone, no change has told, so nobody knows whether who resumes has been told
            shown = {name: look for name, look in _looks(context).items() if look[0] is not LocationStatus.UNREACHABLE}
        while True:
            for entry in context.definitions.locations:
                if shown.get(entry.name) != _look(entry):
                    yield ShownLocationChange(cursor=cursor, code_location=entry)
            shown = _looks(context)
            batch = await changes_after(context, cursor, patience=LOOK)
            cursor = batch.cursor
            if batch.is_expired:
                yield expired()
                shown = {}
            for change in batch.changes:
                if change.kind is ChangeKind.LOCATION:
                    shown.pop(change.subject, None)
            await context.begin()


def _looks(context: Context) -> dict[str, Any]:
    return {entry.name: _look(entry) for entry in context.definitions.locations}


def _look(entry: LocationEntry) -> Any:
    """What makes a location look different without a change of its own: its worker is gone, or another location's definitions changed."""
    return entry.record.status, entry.problems
