"""What handles hold to reach the server: `AsyncLink` for async code, `Link` for blocking code. Same methods, one core.

Nothing heavy is imported before the first request: gql, aiohttp and asyncio come with `live` and `loop`.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from partita_client.models.requests import Request

if TYPE_CHECKING:
    from partita_client.live import Connection
    from partita_client.loop import LoopThread

A = TypeVar("A")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

DEFAULT_URL = "http://127.0.0.1:4400"
PAGE_SIZE = 100


class PageInfo(Protocol):
    """Whether there is more, and from where."""

    @property
    def has_next_page(self) -> bool:
        """Whether there is more."""

    @property
    def end_cursor(self) -> str | None:
        """Where more begins."""


class Page(Protocol[T_co]):
    """A part of a list, as every connection of the API answers."""

    @property
    def nodes(self) -> Sequence[T_co]:
        """The items."""

    @property
    def page_info(self) -> PageInfo:
        """Where the part stands in its list."""


def raw_request(document: str, variables: Mapping[str, Any] | None) -> Request[dict[str, Any]]:
    """A request of a document that a caller wrote; its answer stays as it came."""
    return Request("", "raw", document, dict(variables or {}))


class AsyncLink:
    """Requests and subscriptions, awaited."""

    def __init__(self, url: str | None, *, token: str | None, patience: float | None) -> None:
        given = url or os.environ.get("PARTITA_URL") or DEFAULT_URL
        self.url = given.rstrip("/").removesuffix("/graphql")
        self._token = token or os.environ.get("PARTITA_TOKEN") or None
        self._patience = patience
        self._connection: Connection | None = None

    async def execute(self, request: Request[T]) -> T:
        """The answer, read."""
        return await self._open().execute(request)

    async def subscribe(
        self, request: Request[T], *, ended: Callable[[T], bool] | None = None, seconds: float | None = None
    ) -> AsyncGenerator[T, None]:
        """The items until the server completes the subscription, across lost connections.

        `ended` tells of an item whether the subscription may end after it: a completion before that is a server going down.
        `seconds` count from now to the end of it all.
        """
        items = self._open().subscribe(request, ended=ended, seconds=seconds)
        async with aclosing(items):
            async for item in items:
                yield item

    async def pages(
        self,
        request: Callable[[int, str | None], Request[A]],
        page: Callable[[A], Page[T] | None],
        *,
        limit: int | None = None,
        size: int = PAGE_SIZE,
    ) -> AsyncGenerator[Sequence[T], None]:
        """The parts of a list, asked for one after another as they are consumed; at most `limit` items in all."""
        left, after = limit, None
        while left is None or left > 0:
            part = page(await self.execute(request(size if left is None else min(size, left), after)))
            if part is None:
                return
            yield part.nodes
            if not part.page_info.has_next_page:
                return
            after = part.page_info.end_cursor
            left = None if left is None else left - len(part.nodes)

    async def pause(self, seconds: float) -> None:
        """Wait before asking again."""
        from asyncio import sleep  # it runs on its loop by now

        await sleep(seconds)

    async def close(self) -> None:
        """Close the connection, if there is one; the next request opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _open(self) -> Connection:
        from partita_client.live import Connection  # gql and aiohttp, when first needed

        if self._connection is None:
            self._connection = Connection(self.url, token=self._token, patience=self._patience)
        return self._connection


class Link:
    """The same for blocking code: a thread of its own drives an `AsyncLink`."""

    def __init__(self, url: str | None, *, token: str | None, patience: float | None) -> None:
        self._link = AsyncLink(url, token=token, patience=patience)
        self._thread: LoopThread | None = None
        self._closing: Callable[[], object] | None = None
        self._starting = threading.Lock()
        self.url = self._link.url

    def execute(self, request: Request[T]) -> T:
        """The answer, read."""
        return self._started().call(self._link.execute(request))

    def subscribe(self, request: Request[T], *, ended: Callable[[T], bool] | None = None, seconds: float | None = None) -> Generator[T, None, None]:
        """The items until the server completes the subscription, across lost connections; see `AsyncLink.subscribe`."""
        return self._started().iterate(self._link.subscribe(request, ended=ended, seconds=seconds))

    def pages(
        self,
        request: Callable[[int, str | None], Request[A]],
        page: Callable[[A], Page[T] | None],
        *,
        limit: int | None = None,
        size: int = PAGE_SIZE,
    ) -> Generator[Sequence[T], None, None]:
        """The parts of a list, asked for one after another as they are consumed; at most `limit` items in all."""
        return self._started().iterate(self._link.pages(request, page, limit=limit, size=size))

    def pause(self, seconds: float) -> None:
        """Wait before asking again."""
        time.sleep(seconds)

    def close(self) -> None:
        """Close the connection and end the thread, if they are there; the next request starts others."""
        with self._starting:
            self._thread = None
            if self._closing is not None:
                self._closing()

    def _started(self) -> LoopThread:
        from partita_client.loop import LoopThread  # asyncio, when first needed

        with self._starting:
            if self._thread is None:
                self._thread = LoopThread()
                # A client that is forgotten closes what it opened when it is collected, or when the program ends.
                self._closing = weakref.finalize(self, _stop, self._thread, self._link)
            return self._thread


def _stop(thread: LoopThread, link: AsyncLink) -> None:
    thread.stop(link.close())
