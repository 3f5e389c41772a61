"""Going on from an earlier run: which of its steps count, and which are executed again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from partita.planning.plan import Plan
from partita.records.runs import StepStatus


class Resumption(NamedTuple):
    """What a run that resumes another executes, and what it takes over."""

    steps: tuple[str, ...]
    """To execute, in plan order."""
    reused: tuple[str, ...]
    """Succeeded in the run before: their stored outputs count as this run's."""


def resume(plan: Plan, parent_steps: Mapping[str, StepStatus]) -> Resumption:
    """Steps that did not succeed in the parent run are executed; a step that the parent did not know is too."""
    reused = {key for key, status in parent_steps.items() if status is StepStatus.SUCCEEDED}
    keys = [step.key for step in plan.steps]
    return Resumption(steps=tuple(key for key in keys if key not in reused), reused=tuple(key for key in keys if key in reused))
