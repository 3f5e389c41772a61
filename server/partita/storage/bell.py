"""The bell: tells that something was committed, so that nobody has to ask the tables in a loop. It carries nothing and may ring falsely."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from partita.storage.engine import Database

# A poll costs microseconds; a hundred a second are not seen in any measurement.
INTERVAL = 0.01


class Bell:
    """Watches one database. For one thread at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ringer = database.ringer()

    def poll(self) -> bool:
        """Whether anything was committed, by any process, since the last time this was asked."""
        self._database.check_usable()
        return self._ringer.poll()

    def wait(self, timeout: float, *, interval: float = INTERVAL) -> bool:
        """Wait until something is committed, `timeout` seconds at most, looking every `interval` seconds; False when nothing was."""
        give_up_at = time.monotonic() + timeout
        while not self.poll():
            left = give_up_at - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(interval, left))
        return True

    def close(self) -> None:
        """Stop listening."""
        self._ringer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
