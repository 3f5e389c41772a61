"""How long to wait before trying again, and when to stop trying."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

SHORTEST = 0.1
LONGEST = 5.0


class Backoff:
    """Waits from 0.1 to 5 s, doubling, each cut by chance to between half and whole so that clients do not come back all at once."""

    def __init__(self, patience: float | None, *, clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random) -> None:
        self._patience, self._clock, self._chance = patience, clock, chance
        self._began: float | None = None
        self._next = SHORTEST

    def wait(self) -> float | None:
        """Seconds to wait before the next attempt; None when patience (None: endless) would be over before it."""
        now = self._clock()
        self._began = self._began if self._began is not None else now
        wait = self._next * (0.5 + self._chance() / 2)
        if self._patience is not None and now + wait > self._began + self._patience:
            return None
        self._next = min(self._next * 2, LONGEST)
        return wait
