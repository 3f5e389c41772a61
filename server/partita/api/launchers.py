"""What launched a run or started a backfill, as the schema shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from partita.api.context import Context


@dataclass(frozen=True, slots=True)
class ShownUser:
    """Somebody who launched a run or started a backfill."""

    name: str


async def launcher_of(launched_by: str, context: Context) -> Any:
    """The user, schedule, sensor or backfill that a request says launched it; None when it no longer exists."""
    kind, _, subject = launched_by.partition(":")
    match kind:
        case "schedule" | "sensor":
            return context.definitions.automations.by_id.get(subject)
        case "backfill":
            return await context.loaders.backfills.load(subject)
        case "condition" if subject:
            return await context.loaders.evaluations.load(subject)
        case _:
            return ShownUser(subject or kind)
