"""How long user code may take, kept by the process that runs it.

A signal interrupts the main thread, so that `finally` blocks run and the step can tell of its end. Code that never lets
the interpreter handle a signal goes on; a worker ends the process of such a step from outside.
"""

from __future__ import annotations

import signal
import threading
from time import monotonic
from types import FrameType
from typing import Any


class TimedOut(BaseException):
    """User code has run too long. Not an `Exception`, so that code that catches those still ends, `finally` by `finally`."""


class TimeLimit:
    """Raises `TimedOut` in the main thread once the time is over. In other threads, and without a limit, it does nothing.

    An alarm that was set before, by whoever called us, goes on afterwards.
    """

    def __init__(self, seconds: float | None) -> None:
        self.has_passed = False
        """True from the moment the time was over."""
        self._seconds = seconds
        self._is_set = False
        self._handler: Any = None
        self._before: tuple[float, float] = (0.0, 0.0)
        self._began = 0.0

    def start(self) -> None:
        """The time begins."""
        if self._seconds is None or not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
            return
        self._began = monotonic()
        self._handler = signal.signal(signal.SIGALRM, self._on_alarm)
        self._before = signal.setitimer(signal.ITIMER_REAL, self._seconds)
        self._is_set = True

    def stop(self) -> None:
        """The time does not matter any more. It may be called again, where `TimedOut` came in the middle of it."""
        if not self._is_set:
            return
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self._handler is not None:
            signal.signal(signal.SIGALRM, self._handler)
        remaining, interval = self._before
        if remaining:
            signal.setitimer(signal.ITIMER_REAL, max(remaining - (monotonic() - self._began), 1e-6), interval)
        self._is_set = False

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        self.has_passed = True
        raise TimedOut
