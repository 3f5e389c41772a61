"""The parts of one API process that all its operations share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from partita.api.catalogs import Catalogs
from partita.api.definitions import Definitions
from partita.api.subscriptions.feed import Feed
from partita.execution.archive import LogArchive
from partita.storage.store import Store
from partita.workspace.settings import Settings

T = TypeVar("T")

READERS = 8
"""Threads that may be in the store at once: more than two cores can feed, fewer than a pool has connections."""


def utc_now() -> datetime:
    """The clock of the API."""
    return datetime.now(UTC)


class Server:
    """One API process."""

    def __init__(self, store: Store, settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.store = store
        self.settings = settings
        self.clock = clock
        self.started_at = clock()
        self.archive = LogArchive(settings.storage.logs) if settings.storage.logs is not None else None
        self.feed = Feed(store, self.read)
        self._reading: dict[Hashable, asyncio.Task[Any]] = {}
        self._catalogs = Catalogs(store)
        self._limiter: anyio.CapacityLimiter | None = None

    async def read(self, function: Callable[[], T]) -> T:
        """The result of a function that reads or writes the store, called in a thread."""
        if self._limiter is None:  # belongs to the running loop, so it cannot be made earlier
            self._limiter = anyio.CapacityLimiter(READERS)
        return await anyio.to_thread.run_sync(function, limiter=self._limiter, abandon_on_cancel=True)

    async def read_once(self, key: Hashable, function: Callable[[], T]) -> T:
        """As `read`, but callers that ask for the same `key` at the same time share one call."""
        task: asyncio.Task[T] | None = self._reading.get(key)
        if task is None:
            task = self._reading[key] = asyncio.create_task(self.read(function))
            task.add_done_callback(lambda _: self._reading.pop(key, None))
        # One caller that gives up must not take the answer from the others.
        return await asyncio.shield(task)

    async def definitions(self) -> Definitions:
        """What the workspace declares at this moment."""
        return await self.read(self._catalogs.read)
