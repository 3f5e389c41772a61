"""One event loop for all async functions of a run, also where the caller already runs one (a notebook)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Coroutines:
    """Runs coroutines from synchronous code, on one loop."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._thread = ThreadPoolExecutor(1, "partita-async") if _has_loop() else None

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What it returns; what it raises."""
        if self._thread is None:
            return self._runner.run(coroutine)
        return self._thread.submit(self._runner.run, coroutine).result()

    def collect(self, items: AsyncIterator[Any]) -> list[Any]:
        """Everything that an async generator yields."""
        found: list[Any] = self.run(_collect(items))
        return found

    def close(self) -> None:
        """Cancel what is left on the loop and end it."""
        if self._thread is None:
            self._runner.close()
            return
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()


async def _collect(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
