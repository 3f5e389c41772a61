"""One event loop for all async functions of a run, also where the caller already runs one (a notebook)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import Any

from partita.execution.escaped import Escaped
from partita.execution.time_limit import TimedOut

Returned = Coroutine[Any, Any, Any] | AsyncIterator[Any]
"""What an async function returns when it is called."""


class Coroutines:
    """Runs coroutines from synchronous code, on one loop. It runs while somebody waits for it, and not otherwise."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._thread = ThreadPoolExecutor(1, "partita-async") if _has_loop() else None
        self._new: list[tuple[str, Coroutine[Any, Any, list[Any]], Context]] = []
        self._tasks: dict[asyncio.Task[list[Any]], str] = {}

    def run(self, returned: Returned, timeout: float | None = None) -> list[Any]:
        """All that it gives; what it raises.

        Raises:
            TimedOut: it was cancelled because it took longer than `timeout` seconds.
        """
        try:
            found: list[Any] = self._run(_limited(returned, timeout), copy_context())
        except Escaped as escaped:
            raise escaped.original from None
        return found

    def begin(self, name: str, returned: Returned, *, timeout: float | None, context: Context) -> None:
        """Have it run under `name`, in `context`, beside others, whenever somebody waits."""
        self._new.append((name, _limited(returned, timeout), context))

    def wait(self, timeout: float | None) -> list[tuple[str, asyncio.Task[list[Any]]]]:
        """Run what was begun until some of it has ended, at most `timeout` seconds. Answers what has ended, by name."""
        found: list[tuple[str, asyncio.Task[list[Any]]]] = self._run(self._turn(timeout), copy_context())
        return found

    def cancel(self) -> list[str]:
        """Cancel what was begun and wait until all of it has ended. Answers the names."""
        names = [name for name, *_ in self._new] + list(self._tasks.values())
        for _, coroutine, _ in self._new:
            coroutine.close()
        self._new.clear()
        self._run(self._cancel(), copy_context())
        self._tasks.clear()
        return names

    def close(self) -> None:
        """Cancel what is left on the loop and end it."""
        if self._thread is None:
            self._runner.close()
            return
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    def _run(self, coroutine: Coroutine[Any, Any, Any], context: Context) -> Any:
        if self._thread is None:
            return self._runner.run(coroutine, context=context)
        return self._thread.submit(self._runner.run, coroutine, context=context).result()

    async def _turn(self, seconds: float | None) -> list[tuple[str, asyncio.Task[list[Any]]]]:
        loop = asyncio.get_running_loop()
        for name, coroutine, context in self._new:
            self._tasks[loop.create_task(coroutine, context=context)] = name
        self._new.clear()
        if not self._tasks:
            return []
        done, _ = await asyncio.wait(self._tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return [(self._tasks.pop(task), task) for task in list(self._tasks) if task in done]

    async def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _limited(returned: Returned, seconds: float | None) -> list[Any]:
    try:
        if seconds is None:
            return await _all_of(returned)
        async with asyncio.timeout(seconds) as limit:
            return await _all_of(returned)
    except TimeoutError:
        if seconds is not None and limit.expired():
            raise TimedOut from None
        raise
    except (SystemExit, KeyboardInterrupt) as error:
        raise Escaped(error) from None


async def _all_of(returned: Returned) -> list[Any]:
    if isinstance(returned, AsyncIterator):
        return [item async for item in returned]
    return [await returned]


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
