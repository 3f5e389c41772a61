"""Which step runs here: for resources that act for it without being handed its context, and for what it prints and logs."""

from __future__ import annotations

from contextvars import ContextVar

from partita.execution.context import StepContext

_CURRENT: ContextVar[StepContext | None] = ContextVar("partita_step", default=None)


def current_context() -> StepContext | None:
    """The context of the step that runs here; None outside of one."""
    return _CURRENT.get()


def become_current(context: StepContext) -> None:
    """Make a step the one that runs here, which is a context of variables of its own."""
    _CURRENT.set(context)
