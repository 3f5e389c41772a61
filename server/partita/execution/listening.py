"""Waiting for several descriptors at once: one callback for each that has something to read."""

from __future__ import annotations

import selectors
from collections.abc import Callable

Callback = Callable[[], None]


class Listener:
    """Descriptors and what to do when they can be read."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def listen(self, fd: int, callback: Callback) -> None:
        """From now on, call back whenever `fd` can be read."""
        self._selector.register(fd, selectors.EVENT_READ, callback)

    def forget(self, fd: int) -> None:
        """Do so no longer; call it before `fd` is closed."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def wait(self, timeout: float) -> None:
        """Wait until something can be read, at most `timeout` seconds, and call back."""
        for key, _ in self._selector.select(timeout):
            # What is handled first may have closed what comes next.
            if self._selector.get_map().get(key.fd) is key:
                callback: Callback = key.data
                callback()

    def close(self) -> None:
        """Forget everything."""
        self._selector.close()
