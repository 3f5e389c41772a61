"""`Dynamic`: what an op with a dynamic output gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from partita.definitions.results import DynamicOutput

T = TypeVar("T")
R = TypeVar("R")


class Dynamic(Generic[T]):
    """Items whose number is known only once the op that gives them has run.

    In the body of a graph or job it stands for what will be there. Where an op is called as a plain function, and so in
    tests, it holds what the function gave: iterating yields the `DynamicOutput`s.

    Example:
        `report(shards().map(load_one).collect())`
    """

    def __init__(self, outputs: Iterable[DynamicOutput[T]]) -> None:
        self._outputs = outputs

    def __iter__(self) -> Iterator[DynamicOutput[T]]:
        return iter(self._outputs)

    def map(self, function: Callable[[T], R]) -> Dynamic[R]:
        """`function`, an op, a graph or what connects some, for each item."""
        return Dynamic([DynamicOutput(function(each.value), mapping_key=each.mapping_key) for each in self])

    def collect(self) -> list[T]:
        """All items, in the order in which they were given."""
        return [each.value for each in self]
