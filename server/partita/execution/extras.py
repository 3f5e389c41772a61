"""Libraries that only some need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from partita.errors import ExecutionError

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure"}
"""The extra that brings what a scheme of object stores needs; others need `objects`."""


def needed(module: str, *, extra: str, who: str) -> Any:
    """The module, imported now.

    Raises:
        ExecutionError: it is not installed; says how to.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ExecutionError(f"{who} needs {error.name or module}, which is not installed: pip install 'partita[{extra}]'.") from error
