"""What launched a run, as the schema shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from partita.api.context import Context
from partita.records.runs import Run


@dataclass(frozen=True, slots=True)
class ShownUser:
    """Somebody who launched a run."""

    name: str


async def launcher_of(run: Run, context: Context) -> Any:
    """The user, schedule, sensor or backfill that launched a run; None when it no longer exists."""
    kind, _, subject = run.request.launched_by.partition(":")
    match kind:
        case "schedule" | "sensor":
            return context.definitions.automations.by_id.get(subject)
        case "backfill":
            return await context.loaders.backfills.load(subject)
        case _:
            return ShownUser(subject or kind)
