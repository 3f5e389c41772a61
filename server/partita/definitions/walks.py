"""Walking along edges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
