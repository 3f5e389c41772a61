"""The order of steps: each after those it needs, and among equals the higher priority, then the earlier definition."""

from __future__ import annotations

from collections.abc import Sequence

from partita.definitions.walks import in_turn
from partita.errors import CycleError
from partita.planning.plan import Step


def in_order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """`steps`, given in order of definition, so that each comes after those it needs.

    Raises:
        CycleError: some wait for each other.
    """
    place = {step.key: number for number, step in enumerate(steps)}
    needs = [{place[key] for key in (*step.depends_on, *step.blocked_by) if key in place} for step in steps]
    ordered = in_turn(needs, weights=[-step.priority for step in steps])
    if len(ordered) < len(steps):
        done = set(ordered)
        stuck = [step.key for number, step in enumerate(steps) if number not in done]
        raise CycleError(f"These steps wait for each other: {', '.join(stuck)}.")
    return tuple(steps[number] for number in ordered)
