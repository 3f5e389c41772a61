"""What an evaluation of a schedule or sensor came to, before anything of it is done."""

from __future__ import annotations

from typing import Any

import msgspec

from partita.definitions.keys import AssetKey
from partita.records.assets import ReportedMaterialization
from partita.records.events import LogWritten
from partita.records.failures import PythonError
from partita.records.ticks import PartitionsAdded


class RequestedRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run that a function asked for, as it asked."""

    run_key: str | None = None
    partition: str | None = None
    assets: tuple[AssetKey, ...] | None = None
    """A part of the target's assets; None: all of them."""
    job: str | None = None
    """Which of several targets is meant."""
    config: dict[str, Any] = {}
    tags: dict[str, str] = {}


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a function answered: runs, or a reason for none, or an error."""

    requests: tuple[RequestedRun, ...] = ()
    skip: str | None = None
    cursor: str | None = None
    sets_cursor: bool = False
    partitions: tuple[PartitionsAdded, ...] = ()
    """Keys to add, whether they are there already or not."""
    events: tuple[ReportedMaterialization, ...] = ()
    error: PythonError | None = None
    logs: tuple[LogWritten, ...] = ()
    """What it logged, the newest records."""
