"""Live data from the server to the store.

Every topic is asked for once and then followed; nothing is polled. What arrives goes through one queue that is emptied ten times a
second at most, so that a burst of events is one repaint. The link is told to have no patience: that a connection is lost must be
known at once, to say so. The feed then tries again, for ever, and every stream goes on behind the last cursor that it saw.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from partita_client.backoff import Backoff
from partita_client.errors import ConnectionFailedError, PartitaClientError
from partita_client.link import AsyncLink
from partita_client.models.generated import operations
from partita_client.models.requests import Request
from partita_client.tui.store.topics import (
    Change,
    Changes,
    Connected,
    Disconnected,
    Loaded,
    LocationsSeen,
    RunsCounted,
    RunsSeen,
    ServerSeen,
    StreamFailed,
    Topic,
)
from partita_client.tui.store.world import World
from partita_client.tui.streams import STREAMS, Stream

T = TypeVar("T")

TICK = 0.1
"""Seconds between two looks at what has arrived."""
QUEUE_PAGE = 50
GOODBYE = 0.2
"""Seconds that closing the connection may take."""
GATE = 0.5
"""Seconds after which a stream counts as begun though the server has said nothing yet."""
AGAIN = 2.0
"""Seconds between two questions that no stream answers, such as for counts, however much changes."""
REFUSED_AGAIN = 10.0
"""Seconds before a stream that the server refused is asked for again."""

Tell = Callable[[Changes], None]
Clock = Callable[[], datetime]


class Feed:
    """Keeps a `World` up to date."""

    def __init__(self, link: AsyncLink, world: World, *, tell: Tell, clock: Clock) -> None:
        self.link, self.world, self._tell, self._clock = link, world, tell, clock
        self._queue: asyncio.Queue[Change] = asyncio.Queue()
        self._connected = asyncio.Event()
        self._lost = asyncio.Event()
        self._hurry = asyncio.Event()
        self._begun = asyncio.Event()
        self._taken = asyncio.Event()
        self._running: asyncio.Task[Any] | None = None
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._reload: dict[Topic, asyncio.Event] = {stream.topic: asyncio.Event() for stream in STREAMS}

    # What screens call.

    async def execute(self, request: Request[T]) -> T:
        """The answer to a request; one that fails because the server is gone says so to everybody.

        Raises:
            PartitaClientError: no answer, or a refusal.
        """
        try:
            return await self.link.execute(request)
        except ConnectionFailedError as error:
            self._disconnect(error)
            raise

    async def ask(self, request: Request[T]) -> T:
        """The answer to a query, over lost connections.

        Raises:
            PartitaClientError: a refusal.
        """
        while True:
            await self._connected.wait()
            try:
                return await self.execute(request)
            except ConnectionFailedError:
                continue

    async def follow(self, request: Request[T], cursor_of: Callable[[T], str], *, ended: Callable[[T], bool] | None = None) -> AsyncIterator[T]:
        """The items of a subscription, over lost connections, until it has ended.

        Raises:
            RequestRefusedError: the server refuses it.
        """
        while True:
            await self._connected.wait()
            try:
                async with aclosing(self.link.subscribe(request, ended=ended or _never)) as items:
                    async for item in items:
                        request = replace(request, variables={**request.variables, "after": cursor_of(item)})
                        yield item
                return
            except ConnectionFailedError as error:
                self._disconnect(error)

    async def until_loaded(self, topic: Topic) -> None:
        """Wait until the first answer about a topic has come."""
        while topic not in self.world.loaded:
            self._taken.clear()
            await self._taken.wait()

    async def until_connected(self) -> None:
        """Wait until the server answers."""
        await self._connected.wait()

    def put(self, change: Change) -> None:
        """Say what somebody else has found out, such as the answer to a mutation."""
        self._queue.put_nowait(change)

    def retry_now(self) -> None:
        """Do not wait any longer before the server is tried again."""
        self._hurry.set()

    def reload(self, *topics: Topic) -> None:
        """Ask for topics anew."""
        for topic in topics:
            if topic in self._reload:
                self._reload[topic].set()

    # Running.

    async def run(self) -> None:
        """Feed the world until cancelled."""
        # gql and pydantic take a third of a second to import; the first paint does not wait for them.
        await asyncio.to_thread(importlib.import_module, "partita_client.live")
        self._running = asyncio.current_task()
        tasks = [asyncio.create_task(work) for work in (self._keep_connected(), self._drain(), *map(self._keep, STREAMS))]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in (*tasks, *self._asking.values()):
                task.cancel()
            await asyncio.gather(*tasks, *self._asking.values(), return_exceptions=True)

    async def close(self) -> None:
        """End what runs and close the connection."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        # A server that has just gone says no goodbye, and nobody who leaves wants to wait for one.
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE):
                await self.link.close()

    async def _drain(self) -> None:
        """Fold what has arrived into the world, and tell of it, every tick."""
        while True:
            changes = [await self._queue.get()]
            while not self._queue.empty():
                changes.append(self._queue.get_nowait())
            told = self.world.apply_all(changes)
            self._taken.set()
            if told:
                self._tell(told)
            if Topic.RUNS in told:
                self._ask_again("server", operations.tui_get_server(), lambda answer: ServerSeen(answer.server))
                if any(self.world.runs[run_id].status.value == "queued" for run_id in self.world.active):
                    # Why a run waits changes with what the others do; of that no stream tells.
                    waiting: Any = {"statuses": ["QUEUED"]}
                    self._ask_again("queue", operations.tui_runs(first=QUEUE_PAGE, filter=waiting), lambda answer: RunsSeen(answer.runs.nodes))
                since = (self._clock() - timedelta(days=1)).isoformat()
                self._ask_again("counts", operations.tui_run_counts(since=since), RunsCounted)
            await asyncio.sleep(TICK)

    def _ask_again(self, name: str, request: Request[T], change: Callable[[T], Change]) -> None:
        """Ask what no stream tells, once for all that changes within a while."""
        if name not in self._asking and self._connected.is_set():
            task = asyncio.create_task(self._ask_later(request, change))
            self._asking[name] = task
            task.add_done_callback(lambda _: self._asking.pop(name, None))

    async def _ask_later(self, request: Request[T], change: Callable[[T], Change]) -> None:
        await asyncio.sleep(AGAIN if self.world.run_counts is not None else 0)
        try:
            self.put(change(await self.execute(request)))
        except PartitaClientError as error:
            self.put(StreamFailed(Topic.SERVER, problem_of(error)))

    # The connection.

    async def _keep_connected(self) -> None:
        """Find the server, and find it again whenever it is lost."""
        backoff = Backoff(None)
        while True:
            try:
                answer = await self.link.execute(operations.tui_get_server())
            except PartitaClientError as error:
                await self._wait(backoff, error)
                continue
            backoff = Backoff(None)
            self.put(Connected(self._clock()))
            self.put(ServerSeen(answer.server))
            self._lost.clear()
            self._connected.set()
            await self._lost.wait()
            await self._wait(backoff, None)

    async def _wait(self, backoff: Backoff, error: PartitaClientError | None) -> None:
        wait = backoff.wait() or 0.0
        now = self._clock()
        problem = problem_of(error) if error is not None else self.world.connection.problem
        self.put(Disconnected(now, problem, now + timedelta(seconds=wait)))
        self._hurry.clear()
        try:
            async with asyncio.timeout(wait):
                await self._hurry.wait()
        except TimeoutError:
            pass

    def _disconnect(self, error: ConnectionFailedError) -> None:
        if not self._connected.is_set():
            return
        self._connected.clear()
        self._begun.clear()
        self.put(Disconnected(self._clock(), problem_of(error)))
        self._lost.set()

    # Topics.

    async def _keep(self, stream: Stream) -> None:
        """Follow one topic for ever."""
        cursor: str | None = None
        while True:
            await self._connected.wait()
            try:
                cursor = await self._session(stream, cursor)
            except _LostError as lost:
                cursor = lost.cursor
            except PartitaClientError as error:
                expired = error.code == "EXPIRED"
                cursor = None
                if not expired:
                    self.put(StreamFailed(stream.topic, problem_of(error)))
                    await self._pause(stream, REFUSED_AGAIN)

    async def _pause(self, stream: Stream, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._reload[stream.topic].wait()
        except TimeoutError:
            pass

    async def _session(self, stream: Stream, cursor: str | None) -> str | None:
        """Load and follow one topic until it is lost, or is to be loaded anew.

        Raises:
            _LostError: the connection is lost; it goes on behind its cursor.
            PartitaClientError: the server refuses.
        """
        self._reload[stream.topic].clear()
        place = _Place(cursor)
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(self._reload[stream.topic].wait())]
        if stream.follow is not None:
            tasks.append(asyncio.create_task(self._stream(stream, place)))
        # What is loaded must not be older than what the stream begins with: the stream begins first.
        loading = asyncio.create_task(self._load(stream, is_needed=cursor is None))
        try:
            await _first_failure(loading, tasks)
        except ConnectionFailedError as error:
            self._disconnect(error)
            raise _LostError(place.cursor) from error
        finally:
            for task in (loading, *tasks):
                task.cancel()
            await asyncio.gather(loading, *tasks, return_exceptions=True)
        return None

    async def _load(self, stream: Stream, *, is_needed: bool) -> None:
        if not is_needed:
            return
        if stream.topic is not Topic.WORKSPACE:
            try:
                async with asyncio.timeout(GATE):
                    await self._begun.wait()
            except TimeoutError:
                pass
        for change in await stream.load(self):
            self.put(change)
        self.put(Loaded(stream.topic))
        if stream.topic in self.world.problems:
            self.put(StreamFailed(stream.topic, None))

    async def _stream(self, stream: Stream, place: _Place) -> None:
        assert stream.follow is not None
        assert stream.read is not None
        async with aclosing(self.link.subscribe(stream.follow(place.cursor), ended=_never)) as items:
            async for item in items:
                place.cursor, change = stream.read(item)
                self.put(change)
                self._begun.set()
                if _has_loaded(self.world, change):
                    self.reload(Topic.JOBS, Topic.ASSETS, Topic.AUTOMATIONS)


@dataclass(slots=True)
class _Place:
    """How far a stream has come."""

    cursor: str | None


class _LostError(Exception):
    """A stream was lost, with its cursor."""

    def __init__(self, cursor: str | None) -> None:
        self.cursor = cursor


async def _first_failure(loading: asyncio.Task[None], tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Wait for the load to be done and the first of the others to end; what goes wrong in any of them is raised."""
    pending: set[asyncio.Task[Any]] = {loading, *tasks}
    while True:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        if done - {loading}:
            return


def _never(_: object) -> bool:
    """State goes on as long as the server does: a stream that ends is a server that goes down."""
    return False


def problem_of(error: PartitaClientError) -> str:
    """What is wrong, on one line and said once, without the advice that is for programs."""
    lines = dict.fromkeys(error.message.split(". Start one with")[0].splitlines())
    return " ".join(line.strip() for line in lines if line.strip())


def _has_loaded(world: World, change: Change) -> bool:
    """Whether code was loaded anew, so that assets may be others."""
    match change:
        case LocationsSeen((location,)):
            known = world.locations.get(location.name)
            return known is not None and known.loaded_at != location.loaded_at
        case _:
            return False
