"""The order of steps: each after those it needs, and among equals the higher priority, then the earlier definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

from partita.errors import CycleError
from partita.planning.plan import Step


def in_order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """`steps`, given in order of definition, so that each comes after those it needs.

    Raises:
        CycleError: some wait for each other.
    """
    place = {step.key: number for number, step in enumerate(steps)}
    waits: list[int] = []
    behind: Mapping[int, list[int]] = {number: [] for number in range(len(steps))}
    for number, step in enumerate(steps):
        needs = {place[key] for key in (*step.depends_on, *step.blocked_by) if key in place}
        waits.append(len(needs))
        for need in needs:
            behind[need].append(number)
    free = [(-steps[number].priority, number) for number, count in enumerate(waits) if count == 0]
    heapify(free)
    ordered: list[Step] = []
    while free:
        _, number = heappop(free)
        ordered.append(steps[number])
        for after in behind[number]:
            waits[after] -= 1
            if waits[after] == 0:
                heappush(free, (-steps[after].priority, after))
    if len(ordered) < len(steps):
        stuck = [step.key for number, step in enumerate(steps) if waits[number]]
        raise CycleError(f"These steps wait for each other: {', '.join(stuck)}.")
    return tuple(ordered)
