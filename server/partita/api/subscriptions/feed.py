"""One reader of the store's change feed for all subscribers of this process.

It runs only while somebody follows something. The bell is polled from the event loop, which costs microseconds; the feed
itself is read in a thread, once, whoever many follow. What was read is kept as a chain of batches, each under the
cursor it begins at: a subscriber that is up to date walks the chain, one that fell behind reads the store by its own
cursor. So nobody's queue grows, and a slow subscriber gets fewer and bigger steps.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from partita.errors import OperationError
from partita.records.changes import ChangeBatch
from partita.storage.bell import Bell
from partita.storage.store import Store

T = TypeVar("T")
Read = Callable[[Callable[[], Any]], Awaitable[Any]]

logger = logging.getLogger(__name__)

POLL = 0.01
"""Seconds between looks at the bell: half of it is what an event waits on average."""
HEAL = 1.0
"""Seconds after which the feed is read though the bell has not rung."""
RETRY = 1.0
"""Seconds before a store that did not answer is asked again."""
PAGE = 1000
KEPT = 256
"""Batches of the chain; a subscriber that is further behind reads the store."""


class Feed:
    """Follows the change feed and tells subscribers."""

    def __init__(self, store: Store, read: Read) -> None:
        self._store = store
        self._read = read
        self._followers = 0
        self._task: asyncio.Task[None] | None = None
        self._started: asyncio.Future[None] | None = None
        self._cursor = ""
        self._chain: OrderedDict[str, ChangeBatch] = OrderedDict()
        self._moved = asyncio.Event()
        self._watched: dict[str, set[asyncio.Event]] = {}

    @property
    def followers(self) -> int:
        """How many subscriptions follow it now: what is committed from here on reaches them."""
        return self._followers if self._started is not None and self._started.done() else 0

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """While this lasts, the feed is read."""
        self._followers += 1
        try:
            await self._start()
            yield
        finally:
            self._followers -= 1
            if self._followers == 0:
                await self._stop()

    @asynccontextmanager
    async def watching(self, subject: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever `subject` changes. Clear it before reading the state."""
        event = asyncio.Event()
        async with self.following():
            self._watched.setdefault(subject, set()).add(event)
            try:
                yield event
            finally:
                self._watched[subject].discard(event)
                if not self._watched[subject]:
                    del self._watched[subject]

    @property
    def cursor(self) -> str:
        """The cursor after everything that has been read."""
        return self._cursor

    async def after(self, cursor: str, *, patience: float | None = None) -> ChangeBatch:
        """What changed after `cursor`, waiting for it; an empty batch when nothing did within `patience` seconds."""
        while True:
            moved = self._moved
            if cursor != self._cursor:
                batch = self._chain.get(cursor) or await self._read_after(cursor)
                if batch.changes or batch.is_expired:
                    return batch
                cursor = batch.cursor
            try:
                await asyncio.wait_for(moved.wait(), patience)
            except TimeoutError:
                return ChangeBatch(changes=(), cursor=cursor)

    async def _read_after(self, cursor: str) -> ChangeBatch:
        batch: ChangeBatch = await self._read(lambda: self._store.changes.after(cursor, limit=PAGE))
        return batch

    async def _start(self) -> None:
        """Begin to read, unless that is done or being done."""
        if self._started is None:
            self._started = asyncio.get_running_loop().create_future()
            try:
                bell = self._store.bell()
                self._cursor = await self._read(self._store.changes.latest)
            except BaseException as error:
                started, self._started = self._started, None
                started.set_exception(error)
                started.exception()  # whoever waits gets it; nobody may
                raise
            self._task = asyncio.create_task(self._run(bell), name="change feed")
            self._started.set_result(None)
        await self._started

    async def _stop(self) -> None:
        task, self._task, self._started = self._task, None, None
        self._chain.clear()
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self, bell: Bell) -> None:
        loop = asyncio.get_running_loop()
        read_at = 0.0
        try:
            while True:
                try:
                    if bell.poll() or loop.time() - read_at >= HEAL:
                        read_at = loop.time()
                        await self._advance()
                except OperationError:
                    logger.warning("the change feed cannot be read", exc_info=True)
                    await asyncio.sleep(RETRY)
                await asyncio.sleep(POLL)
        finally:
            bell.close()

    async def _advance(self) -> None:
        """Read what is new and tell everybody whom it concerns."""
        while True:
            start = self._cursor
            batch = await self._read_after(start)
            if batch.cursor == start:
                return
            self._take(start, batch)
            if len(batch.changes) < PAGE:
                return

    def _take(self, start: str, batch: ChangeBatch) -> None:
        self._cursor = batch.cursor
        if batch.is_expired:
            self._chain.clear()
            subjects = set(self._watched)
        else:
            self._chain[start] = batch
            if len(self._chain) > KEPT:
                self._chain.popitem(last=False)
            subjects = {change.subject for change in batch.changes}
        for subject in subjects & self._watched.keys():
            for event in self._watched[subject]:
                event.set()
        self._moved.set()
        self._moved = asyncio.Event()
