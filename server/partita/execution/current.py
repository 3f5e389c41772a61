"""Which step runs here: for resources that act for it without being handed its context."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from partita.execution.context import StepContext

_CURRENT: ContextVar[StepContext | None] = ContextVar("partita_step", default=None)


def current_context() -> StepContext | None:
    """The context of the step whose function is running; None outside of one."""
    return _CURRENT.get()


@contextmanager
def as_current(context: StepContext) -> Iterator[None]:
    """Make a step the one that runs here."""
    token = _CURRENT.set(context)
    try:
        yield
    finally:
        _CURRENT.reset(token)
