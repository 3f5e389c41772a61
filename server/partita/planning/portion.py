"""The part of a plan that is needed to execute some of its steps elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from partita.planning.plan import FromOutput, FromSeveral, Plan, Step


def portion_of(plan: Plan, wanted: Collection[Step]) -> Plan:
    """The steps and those whose outputs they load, with their config: a plan of a thousand steps is not sent a thousand times."""
    origins = {found.key: found for step in wanted for key in sources_of(step) if (found := plan.origin(key)) is not None}
    steps: Mapping[str, Any] = plan.config.get("steps", {})
    config = {**plan.config, "steps": {step.handle: steps[step.handle] for step in wanted if step.handle in steps}}
    return msgspec.structs.replace(plan, steps=(*origins.values(), *wanted), config=config if plan.config else {})


def sources_of(step: Step) -> tuple[str, ...]:
    """The steps whose outputs a step loads, each once."""
    found: list[str] = []
    for each in step.inputs:
        match each.source:
            case FromOutput(step=source):
                found.append(source)
            case FromSeveral(sources=several):
                found.extend(source.step for source in several)
    return tuple(dict.fromkeys(found))
