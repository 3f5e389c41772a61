"""The algebra of sets in several dimensions: trees of ranges.

In one dimension a tree is `Spans`. In more it is a tuple of pairs: the ordinals of the first dimension, as spans, that go with the same tree of
the others. Pairs are sorted, their trees differ and are never empty, so equal sets are equal trees, and a product of ranges costs as much as
its ranges, however many points it has.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from partita.definitions.partitions.spans import Span, Spans, intersect, merge, of_integers, size, subtract

Tree = Any
"""`Spans` in one dimension, `tuple[tuple[Spans, Tree], ...]` in more: a type that Python's checkers cannot say by depth."""
Point = tuple[int, ...]


class Segment(NamedTuple):
    """Neighbours in the first dimension that go with the same tree of the others."""

    low: int
    high: int
    rest: Tree


def of_product(spans: Sequence[Spans]) -> Tree:
    """Every combination of one ordinal of each dimension."""
    if not all(spans):
        return ()
    tree: Tree = spans[-1]
    for each in reversed(spans[:-1]):
        tree = ((each, tree),)
    return tree


def of_points(points: Iterable[Point], depth: int) -> Tree:
    """Exactly these points, in any order."""
    return _of_sorted(sorted(set(points)), depth)


def _of_sorted(points: Sequence[Point], depth: int) -> Tree:
    if depth == 1:
        return of_integers(point[0] for point in points)
    grouped = ((first, [point[1:] for point in group]) for first, group in groupby(points, key=lambda point: point[0]))
    return _joined(Segment(first, first, _of_sorted(group, depth - 1)) for first, group in grouped)


def union(ours: Tree, theirs: Tree, depth: int) -> Tree:
    """What either holds."""
    if depth == 1:
        return merge((*ours, *theirs))
    return _swept(ours, theirs, lambda a, b: union(a, b, depth - 1), keeps_ours=True, keeps_theirs=True)


def intersection(ours: Tree, theirs: Tree, depth: int) -> Tree:
    """What both hold."""
    if depth == 1:
        return intersect(ours, theirs)
    return _swept(ours, theirs, lambda a, b: intersection(a, b, depth - 1), keeps_ours=False, keeps_theirs=False)


def difference(ours: Tree, theirs: Tree, depth: int) -> Tree:
    """What ours hold and theirs do not."""
    if depth == 1:
        return subtract(ours, theirs)
    return _swept(ours, theirs, lambda a, b: difference(a, b, depth - 1), keeps_ours=True, keeps_theirs=False)


def count(tree: Tree, depth: int) -> int:
    """How many points it holds."""
    if depth == 1:
        return size(tree)
    return sum(size(spans) * count(rest, depth - 1) for spans, rest in tree)


def holds(tree: Tree, point: Point) -> bool:
    """Whether a point is in it."""
    if len(point) == 1:
        return _has(tree, point[0])
    return any(_has(spans, point[0]) and holds(rest, point[1:]) for spans, rest in tree)


def points(tree: Tree, depth: int) -> Iterator[Point]:
    """Every point, in order."""
    for lead, (low, high) in rows(tree, depth):
        for last in range(low, high + 1):
            yield (*lead, last)


def rows(tree: Tree, depth: int) -> Iterator[tuple[Point, Span]]:
    """Neighbours in the last dimension, with their place in those before it; in order."""
    if depth == 1:
        yield from (((), span) for span in tree)
        return
    for low, high, rest in segments(tree):
        for first in range(low, high + 1):
            yield from (((first, *lead), span) for lead, span in rows(rest, depth - 1))


def boxes(tree: Tree, depth: int) -> Iterator[tuple[Spans, ...]]:
    """The products that it is made of; they share no point."""
    if depth == 1:
        yield (tree,)
        return
    for spans, rest in tree:
        yield from ((spans, *others) for others in boxes(rest, depth - 1))


def project(tree: Tree, depth: int, place: int) -> Spans:
    """The ordinals of one dimension that any of its points has."""
    return merge(span for box in boxes(tree, depth) for span in box[place])


def cut(tree: Tree, depth: int, start: int, stop: int) -> Tree:
    """The points from position `start` up to and without `stop`."""
    if depth == 1:
        return _cut_spans(tree, start, stop)
    found: list[Segment] = []
    passed = 0
    for low, high, rest in segments(tree):
        each = count(rest, depth - 1)
        total = (high - low + 1) * each
        begin, end = max(start - passed, 0), min(stop - passed, total)
        passed += total
        if begin >= end:
            continue
        (first, begin), (last, end) = divmod(begin, each), divmod(end, each)
        if first == last:
            found.append(Segment(low + first, low + first, cut(rest, depth - 1, begin, end)))
            continue
        if begin:
            found.append(Segment(low + first, low + first, cut(rest, depth - 1, begin, each)))
            first += 1
        if first < last:
            found.append(Segment(low + first, low + last - 1, rest))
        if end:
            found.append(Segment(low + last, low + last, cut(rest, depth - 1, 0, end)))
    return _joined(found)


def rank(tree: Tree, point: Point) -> int:
    """How many points come before `point`, itself counted where it is in it."""
    if len(point) == 1:
        return sum(min(high, point[0]) - low + 1 for low, high in tree if low <= point[0])
    passed = 0
    for low, high, rest in segments(tree):
        if low > point[0]:
            break
        passed += (min(high + 1, point[0]) - low) * count(rest, len(point) - 1)
        if point[0] <= high:
            passed += rank(rest, point[1:])
    return passed


def segments(tree: Tree) -> list[Segment]:
    """The first dimension in order."""
    return sorted((Segment(low, high, rest) for spans, rest in tree for low, high in spans), key=lambda each: each.low)


def _cut_spans(spans: Spans, start: int, stop: int) -> Spans:
    found: list[Span] = []
    passed = 0
    for low, high in spans:
        begin, end = max(start - passed, 0), min(stop - passed, high - low + 1)
        if begin < end:
            found.append((low + begin, low + end - 1))
        passed += high - low + 1
    return tuple(found)


def _has(spans: Spans, ordinal: int) -> bool:
    index = bisect_left(spans, (ordinal + 1, ordinal))
    return index > 0 and spans[index - 1][1] >= ordinal


def _joined(found: Iterable[Segment]) -> Tree:
    """Segments that share no ordinal, as a tree."""
    of_rest: dict[Tree, list[Span]] = {}
    for low, high, rest in found:
        if rest:
            of_rest.setdefault(rest, []).append((low, high))
    return tuple(sorted(((merge(spans), rest) for rest, spans in of_rest.items()), key=lambda pair: pair[0]))


def _swept(ours: Tree, theirs: Tree, both: Callable[[Tree, Tree], Tree], *, keeps_ours: bool, keeps_theirs: bool) -> Tree:
    """Go along the first dimension; where both have something, `both` says what becomes of it."""
    left, right = segments(ours)[::-1], segments(theirs)[::-1]
    found: list[Segment] = []
    while left or right:
        if not right or (left and left[-1].high < right[-1].low):
            one = left.pop()
            if keeps_ours:
                found.append(one)
        elif not left or right[-1].high < left[-1].low:
            one = right.pop()
            if keeps_theirs:
                found.append(one)
        else:
            _meet(left, right, found, both, keeps_ours=keeps_ours, keeps_theirs=keeps_theirs)
    return _joined(found)


def _meet(
    left: list[Segment], right: list[Segment], found: list[Segment], both: Callable[[Tree, Tree], Tree], *, keeps_ours: bool, keeps_theirs: bool
) -> None:
    """The first segments of both overlap: take what comes before, and what they share."""
    a, b = left.pop(), right.pop()
    low, high = max(a.low, b.low), min(a.high, b.high)
    if a.low < low and keeps_ours:
        found.append(Segment(a.low, low - 1, a.rest))
    if b.low < low and keeps_theirs:
        found.append(Segment(b.low, low - 1, b.rest))
    found.append(Segment(low, high, both(a.rest, b.rest)))
    if a.high > high:
        left.append(Segment(high + 1, a.high, a.rest))
    if b.high > high:
        right.append(Segment(high + 1, b.high, b.rest))
