"""The algebra of integer ranges that partition sets are made of.

A span is an inclusive pair. Spans are kept sorted, apart and never touching, so equal sets are equal tuples and every operation is
linear in the number of spans, not of the integers in them.
"""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[int, int]
Spans = tuple[Span, ...]


def merge(pairs: Iterable[Span]) -> Spans:
    """Any pairs, in any order, as sorted spans; those that overlap or touch become one."""
    merged: list[Span] = []
    for low, high in sorted(pairs):
        if low > high:
            continue
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def of_integers(numbers: Iterable[int]) -> Spans:
    """The spans that hold exactly these integers."""
    return merge((number, number) for number in numbers)


def intersect(ours: Spans, theirs: Spans) -> Spans:
    """What both hold."""
    found: list[Span] = []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        low, high = max(ours[i][0], theirs[j][0]), min(ours[i][1], theirs[j][1])
        if low <= high:
            found.append((low, high))
        if ours[i][1] < theirs[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def subtract(ours: Spans, theirs: Spans) -> Spans:
    """What ours hold and theirs do not."""
    left: list[Span] = []
    j = 0
    for low, high in ours:
        while j < len(theirs) and theirs[j][1] < low:
            j += 1
        k = j
        while k < len(theirs) and theirs[k][0] <= high:
            if low < theirs[k][0]:
                left.append((low, theirs[k][0] - 1))
            low = theirs[k][1] + 1
            k += 1
        if low <= high:
            left.append((low, high))
    return tuple(left)


def size(spans: Spans) -> int:
    """How many integers they hold."""
    return sum(high - low + 1 for low, high in spans)
