"""Ends calls that take too long, from outside: a server that hangs answers nothing, and keeps none of its own limits."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol


class HasFile(Protocol):
    """Something that talks over a socket, such as a driver's connection."""

    def fileno(self) -> int:
        """The number of the socket."""
        ...


class Watchdog:
    """One thread that watches over the calls of a process, and shuts the connection of each that has had its time.

    The thread sleeps until the first call under watch would be late, so watching costs two dictionary entries a call.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._until: dict[int, float] = {}
        self._thread: threading.Thread | None = None
        self._is_idle = True
        self._is_closed = False

    @contextmanager
    def guard(self, connection: HasFile, until: float) -> Iterator[None]:
        """While it is entered, the connection is shut down when the monotonic clock says `until`: whoever waits for it gets an error."""
        number = connection.fileno()
        with self._changed:
            self._until[number] = until
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="partita-watchdog", daemon=True)
                self._thread.start()
            elif self._is_idle:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._until.pop(number, None)

    def close(self) -> None:
        """Watch no more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._is_closed:
                now = time.monotonic()
                for number in [number for number, until in self._until.items() if until <= now]:
                    del self._until[number]
                    _shut(number)
                # Calls that begin meanwhile are given as long, so they are not late before the thread looks again.
                self._is_idle = not self._until
                self._changed.wait(None if self._is_idle else min(self._until.values()) - now)


def _shut(number: int) -> None:
    """End what a socket carries, and leave its number to its owner."""
    with suppress(OSError), socket.socket(fileno=os.dup(number)) as twin:  # it may have been closed by the other side
        twin.shutdown(socket.SHUT_RDWR)
