"""Keys are taken one after another, each by what the ones before it opened."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from textual.dom import DOMNode
from textual.events import Key

__all__ = ["Keyboard"]
PATIENCE = 0.3
"""Seconds that a key waits for one before it; a widget that goes away meanwhile never says that it is done."""


class Keyboard:
    """What is typed, in order.

    Textual gives a key to the widget that has the focus when it arrives, which may be about to go with its place or dialog, and
    the key with it. Here a key waits until the one before it was handled and what that asked for is open.
    """

    def __init__(self, give: Callable[[Key], Awaitable[None]], focus: Callable[[], DOMNode], opened: Callable[[], Awaitable[None]]) -> None:
        """`give` hands a key to the widget that `focus` tells; `opened` waits for what is being opened."""
        self._give, self._focus, self._opened = give, focus, opened
        self._typed: deque[Key] = deque()
        self._way: list[DOMNode] = []
        self.is_busy = False
        """Whether a key is being handled: others are to wait."""

    def keep(self, key: Key) -> None:
        """Let a key wait for its turn."""
        self._typed.append(key)

    async def take(self, key: Key) -> None:
        """Give a key at once; `follow` is to be called when this was done."""
        self.is_busy = True
        self._way = self._focus().ancestors_with_self
        await self._give(key)

    async def follow(self) -> None:
        """Wait until the key that was taken is handled, then give those that wait, each in its turn."""
        try:
            await self._handled()
            while self._typed:
                await self.take(self._typed.popleft())
                await self._handled()
        finally:
            self.is_busy = False

    async def _handled(self) -> None:
        """Wait until the key went from its widget up to the app, and what it asked for is open."""
        for node in self._way:
            passed = asyncio.Event()
            if node.call_later(passed.set):
                try:
                    async with asyncio.timeout(PATIENCE):
                        await passed.wait()
                except TimeoutError:
                    continue
        await self._opened()
