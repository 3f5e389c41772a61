"""Waiting on a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], *, seconds: float = 10.0, what: str = "the condition") -> T:
    """The first true value of `condition`, asked every few milliseconds.

    Raises:
        AssertionError: it stayed false for so long.
    """
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {seconds:g} s in vain for {what}; last value {value!r}.")
        time.sleep(0.005)
