"""An interrupted wait for the next item closes its source quietly."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator

import pytest

from partita_client.loop import LoopThread


def test_an_interrupt_while_waiting_closes_the_source_and_is_all_that_is_raised() -> None:
    closed = threading.Event()
    waiting = threading.Event()

    async def never() -> AsyncGenerator[int, None]:
        try:
            waiting.set()
            await asyncio.sleep(60)
            yield 1
        finally:
            await asyncio.sleep(0.05)  # as unsubscribing takes a moment
            closed.set()

    async def nothing() -> None:
        return

    loop = LoopThread()
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        waiting.wait(10)
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            next(loop.iterate(never()))
        assert closed.wait(10)
    finally:
        loop.stop(nothing())
