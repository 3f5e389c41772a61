"""An event loop in a thread of its own, so that blocking code can drive the async core."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

T = TypeVar("T")

CLOSED = "The client was closed."


class LoopThread:
    """Runs coroutines for other threads, until it is stopped."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_stopping = False
        # Nothing may be handed to the loop behind its end, for nobody would answer. The garbage collector may come back here: reentrant.
        self._gate = threading.RLock()
        self._thread = threading.Thread(target=self._run, name="partita-client", daemon=True)
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; it is cancelled if the caller is interrupted while waiting.

        Raises:
            RuntimeError: the thread was stopped.
        """
        future = self._submit(coroutine)
        try:
            return future.result()
        except CancelledError:
            raise RuntimeError(CLOSED) from None
        except BaseException:
            future.cancel()
            raise

    def iterate(self, source: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """The items of an async generator, which is closed together with this one."""
        try:
            while True:
                try:
                    item = self.call(_next(source))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self._close(source)

    def stop(self, last: Coroutine[Any, Any, None]) -> None:
        """Cancel what still runs, close what is still iterated, run `last`, and end the thread."""
        with self._gate:
            self._is_stopping = True
            ending = asyncio.run_coroutine_threadsafe(self._end(last), self._loop)
        if not self._is_own_thread():
            ending.result()
            self._thread.join()

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def _is_own_thread(self) -> bool:
        """True when the garbage collector brought us here from within the loop, which cannot wait for itself."""
        return threading.current_thread() is self._thread

    def _close(self, source: AsyncGenerator[Any, None]) -> None:
        with self._gate:
            if self._is_stopping:
                return  # the end closes it
            closing = asyncio.run_coroutine_threadsafe(_finish(source), self._loop)
        if not self._is_own_thread():
            closing.result()

    async def _end(self, last: Coroutine[Any, Any, None]) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await last
        self._loop.call_soon(self._loop.stop)

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        with self._gate:
            if not self._is_stopping:
                return asyncio.run_coroutine_threadsafe(self._tracked(coroutine), self._loop)
        coroutine.close()
        raise RuntimeError(CLOSED)

    async def _tracked(self, coroutine: Coroutine[Any, Any, T]) -> T:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            return await coroutine
        finally:
            self._tasks.discard(task)


async def _next(source: AsyncGenerator[T, None]) -> T:
    return await anext(source)


async def _finish(source: AsyncGenerator[Any, None]) -> None:
    while getattr(source, "ag_running", False):  # noqa: ASYNC110 (a generator has no event for its end)
        # The caller was interrupted while it waited for the next item: that task is cancelled already and is about to end.
        await asyncio.sleep(0.001)
    await source.aclose()
