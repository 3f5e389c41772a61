"""Walking along edges."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import TypeVar

K = TypeVar("K")


def reach(start: Iterable[K], *, edges: Callable[[K], Iterable[K]], depth: int | None = None) -> set[K]:
    """What one to `depth` edges lead to; a key of `start` is among it only if another one leads there."""
    seen: set[K] = set()
    frontier: Iterable[K] = start
    far = 0
    while frontier and (depth is None or far < depth):
        frontier = set[K]().union(*map(edges, frontier)) - seen
        seen |= frontier
        far += 1
    return seen


def in_turn(needs: Sequence[Collection[int]], *, weights: Sequence[int] | None = None) -> list[int]:
    """Numbers so that each comes after those it needs; among the free ones the lightest goes first, then the lowest.

    Those that wait for each other, and what waits for them, are left out."""
    behind: list[list[int]] = [[] for _ in needs]
    for number, each in enumerate(needs):
        for need in each:
            behind[need].append(number)
    weight = weights or [0] * len(needs)
    waiting = [len(each) for each in needs]
    free = [(weight[number], number) for number, count in enumerate(waiting) if not count]
    heapify(free)
    ordered: list[int] = []
    while free:
        _, number = heappop(free)
        ordered.append(number)
        for after in behind[number]:
            waiting[after] -= 1
            if not waiting[after]:
                heappush(free, (weight[after], after))
    return ordered


def circle_among(needs: Sequence[Sequence[int]], ordered: Collection[int]) -> list[int]:
    """One circle among the numbers that `in_turn` has left out, in the order in which they feed each other."""
    stuck = set(range(len(needs))).difference(ordered)
    path: dict[int, None] = {}
    number = min(stuck)
    while number not in path:
        path[number] = None
        number = next(each for each in needs[number] if each in stuck)
    walked = list(path)
    return walked[walked.index(number) :][::-1]
