"""The typed client of a Partita server: `Client` blocks, `AsyncClient` is awaited, and both have the same names.

Names are loaded when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partita_client.aio.assets import AsyncAsset, AsyncPartitions
    from partita_client.aio.backfills import AsyncBackfill
    from partita_client.aio.client import AsyncClient
    from partita_client.aio.runs import AsyncRun
    from partita_client.assets import Asset, Partitions
    from partita_client.backfills import Backfill
    from partita_client.client import Client
    from partita_client.errors import (
        BackfillFailedError,
        ConnectionFailedError,
        PartitaClientError,
        RequestRefusedError,
        RunFailedError,
        TimedOutError,
        UnexpectedAnswerError,
    )
    from partita_client.history import Materialization, Observation
    from partita_client.runs import Run

_HOMES = {
    "Asset": "assets",
    "AsyncAsset": "aio.assets",
    "AsyncBackfill": "aio.backfills",
    "AsyncClient": "aio.client",
    "AsyncPartitions": "aio.assets",
    "AsyncRun": "aio.runs",
    "Backfill": "backfills",
    "BackfillFailedError": "errors",
    "Client": "client",
    "ConnectionFailedError": "errors",
    "Materialization": "history",
    "Observation": "history",
    "PartitaClientError": "errors",
    "Partitions": "assets",
    "RequestRefusedError": "errors",
    "Run": "runs",
    "RunFailedError": "errors",
    "TimedOutError": "errors",
    "UnexpectedAnswerError": "errors",
}
"""Where each public name is defined."""

__all__ = [
    "Asset",
    "AsyncAsset",
    "AsyncBackfill",
    "AsyncClient",
    "AsyncPartitions",
    "AsyncRun",
    "Backfill",
    "BackfillFailedError",
    "Client",
    "ConnectionFailedError",
    "Materialization",
    "Observation",
    "PartitaClientError",
    "Partitions",
    "RequestRefusedError",
    "Run",
    "RunFailedError",
    "TimedOutError",
    "UnexpectedAnswerError",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return __all__
