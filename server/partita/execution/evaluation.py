"""What a user process is to evaluate: one tick of a schedule or sensor."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from partita.records.assets import Materialization
from partita.records.runs import Run
from partita.records.verdicts import RequestedRun as RequestedRun
from partita.records.verdicts import Verdict as Verdict


class Evaluation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="evaluation", tag_field="order"):
    """Call this schedule's or sensor's function and say what it answers."""

    location: str
    repository: str
    kind: Literal["schedule", "sensor"]
    name: str
    tick_id: str
    due_at: datetime
    cursor: str | None = None
    last_tick_at: datetime | None = None
    materializations: tuple[Materialization, ...] = ()
    """What an asset sensor has not seen yet, oldest first."""
    runs: tuple[Run, ...] = ()
    """What a run status sensor has not seen yet, oldest first."""
    timeout: float = 60.0
    """Seconds that it may take; whoever launched the process sees to that."""
    env: dict[str, str] = {}
