"""How long user code may take, kept by the process that runs it.

A signal interrupts the main thread, and an exception is sent to any other, so that `finally` blocks run and the step can
tell of its end. Code that never lets the interpreter handle either goes on; a worker ends the process of such a step from outside.
"""

from __future__ import annotations

import ctypes
import signal
import threading
from contextlib import suppress
from time import monotonic
from types import FrameType
from typing import Any

_CHECKS = 10
"""Turns of a loop, at each of which the interpreter looks whether there is something to raise. One is enough."""


class TimedOut(BaseException):
    """User code has run too long. Not an `Exception`, so that code that catches those still ends, `finally` by `finally`."""


class TimeLimit:
    """Raises `TimedOut` in the thread that started it once the time is over. Without a limit it does nothing.

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
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """The time begins."""
        if self._seconds is None:
            return
        if threading.current_thread() is not threading.main_thread():
            self._timer = threading.Timer(self._seconds, self._on_timer, [threading.get_ident()])
            self._timer.daemon = True
            self._timer.start()
            return
        if not hasattr(signal, "setitimer"):
            return
        self._began = monotonic()
        self._handler = signal.signal(signal.SIGALRM, self._on_alarm)
        self._before = signal.setitimer(signal.ITIMER_REAL, self._seconds)
        self._is_set = True

    def stop(self) -> None:
        """The time does not matter any more. It may be called again, where `TimedOut` came in the middle of it."""
        if self._timer is not None:
            with self._lock:
                timer, self._timer = self._timer, None
                timer.cancel()
            if self.has_passed:
                absorb(TimedOut)
        if not self._is_set:
            return
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self._handler is not None:
            signal.signal(signal.SIGALRM, self._handler)
        remaining, interval = self._before
        if remaining:
            signal.setitimer(signal.ITIMER_REAL, max(remaining - (monotonic() - self._began), 1e-6), interval)
        self._is_set = False

    def _on_timer(self, thread: int) -> None:
        with self._lock:
            if self._timer is not None:
                self.has_passed = True
                interrupt(thread, TimedOut)

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        self.has_passed = True
        raise TimedOut


def interrupt(thread: int, error: type[BaseException]) -> None:
    """Raise `error` in a thread of this process as soon as it runs Python code again."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


def absorb(error: type[BaseException]) -> None:
    """Returns when `interrupt` has nothing to raise in this thread any more.

    It is let come and is caught. Taken back, it would leave CPython 3.11 looking for it for ever, and a thread that is
    traced or profiled would look for nothing else.
    """
    with suppress(error):
        for _ in range(_CHECKS):
            pass
