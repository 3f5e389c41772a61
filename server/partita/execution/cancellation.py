"""How a user process learns that its run is cancelled: SIGTERM becomes an exception in its main thread, once."""

from __future__ import annotations

import signal
from types import FrameType


class Canceled(BaseException):
    """The run is cancelled. Not an `Exception`, so that user code that catches those still ends, `finally` by `finally`."""


class Cancellation:
    """Whether this process was told to stop."""

    def __init__(self) -> None:
        self._is_requested = False

    def listen(self) -> None:
        """From now on SIGTERM raises `Canceled` in the main thread; a second one is ignored, so that cleaning up can finish."""
        signal.signal(signal.SIGTERM, self._on_signal)

    def is_requested(self) -> bool:
        """True from the moment the signal came."""
        return self._is_requested

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if not self._is_requested:
            self._is_requested = True
            raise Canceled
