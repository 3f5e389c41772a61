"""What a simulation comes to: the ticks and runs that there would have been.

They hold no circles, so the garbage collector is told to leave them alone: walking over a million of them again and again took a third of
the time of a simulation.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from partita.definitions.keys import AssetKey
from partita.planning.reasons import Reason

Outcome = Literal["succeeded", "failed"]
CONDITIONS = "conditions"
"""What has launched a run, where it was no schedule."""


class SimulatedRun(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A run that would have been launched."""

    due_at: datetime
    launched_by: str
    """The name of the schedule; `conditions` for those of assets."""
    job: str | None
    """None when assets are materialised directly."""
    assets: tuple[AssetKey, ...]
    """All that it writes, in the order of its steps."""
    partition: str | None
    why: str
    run_key: str | None = None
    config: dict[str, Any] = {}
    tags: dict[str, str] = {}
    outcome: Outcome = "succeeded"


class SimulatedTick(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tick of a schedule, or an evaluation of a condition that asks for something."""

    due_at: datetime
    kind: Literal["schedule", "condition"]
    name: str
    """The schedule's name, or the asset's key."""
    runs: tuple[SimulatedRun, ...] = ()
    skip_reason: str | None = None
    error: str | None = None
    reason: Reason | None = None
    """Of a condition: the whole tree of reasons."""
