"""One event loop for all async functions of a run, also where the caller already runs one (a notebook)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from partita.execution.time_limit import TimedOut


class Coroutines:
    """Runs coroutines from synchronous code, on one loop."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._thread = ThreadPoolExecutor(1, "partita-async") if _has_loop() else None

    def run(self, coroutine: Coroutine[Any, Any, Any], *, timeout: float | None = None) -> Any:
        """What it returns; what it raises.

        Raises:
            TimedOut: it was cancelled because it took longer than `timeout` seconds.
        """
        limited = coroutine if timeout is None else _limited(coroutine, timeout)
        if self._thread is None:
            return self._runner.run(limited, context=copy_context())
        return self._thread.submit(self._runner.run, limited, context=copy_context()).result()

    def collect(self, items: AsyncIterator[Any], *, timeout: float | None = None) -> list[Any]:
        """Everything that an async generator yields.

        Raises:
            TimedOut: it was cancelled because it took longer than `timeout` seconds.
        """
        found: list[Any] = self.run(_collect(items), timeout=timeout)
        return found

    def close(self) -> None:
        """Cancel what is left on the loop and end it."""
        if self._thread is None:
            self._runner.close()
            return
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()


async def _limited(coroutine: Coroutine[Any, Any, Any], seconds: float) -> Any:
    try:
        async with asyncio.timeout(seconds) as limit:
            return await coroutine
    except TimeoutError:
        if limit.expired():
            raise TimedOut from None
        raise


async def _collect(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
