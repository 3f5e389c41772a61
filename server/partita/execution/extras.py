"""Libraries that only some IO managers need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from partita.errors import ExecutionError


def needed(module: str, *, extra: str, who: str) -> Any:
    """The module, imported now.

    Raises:
        ExecutionError: it is not installed; says how to.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ExecutionError(f"{who} needs {error.name or module}, which is not installed: pip install 'partita[{extra}]'.") from error
