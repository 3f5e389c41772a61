"""The values behind the items of subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from partita.api.entries import LocationEntry
from partita.api.events import ShownEvent
from partita.records.runs import Run, RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBatch:
    """The value behind a `RunEventBatch`."""

    cursor: str
    events: Sequence[ShownEvent]
    run_status: RunStatus
    is_caught_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRunChange:
    """The value behind a `RunChange`."""

    cursor: str
    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLocationChange:
    """The value behind a `WorkspaceChange`."""

    cursor: str
    code_location: LocationEntry
