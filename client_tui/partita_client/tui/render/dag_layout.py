"""Where the nodes of a layered graph stand: in which rank, in which order, in which row.

Longest-path ranks; an edge over several ranks becomes a chain of stand-ins, one chain for all such edges of one source so that they run
as one line; medians sweep the ranks to take out crossings, then the rows are straightened.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

from partita_client.tui.render.graph import Graph

SWEEPS = 8
STRAIGHTENINGS = 6


@dataclass(slots=True)
class Layout:
    """Items by number: the nodes of the graph in its order, then the stand-ins of long edges."""

    ranks: list[list[int]]
    """Items of each rank, from top to bottom."""
    row: list[int]
    """Row of each item."""
    after: list[list[int]]
    """Items of the next rank that each item is joined to."""
    before: list[list[int]]


def stand_ins(graph: Graph) -> int:
    """How many stand-ins the layout of `graph` would take: what a drawing costs, known before it is made."""
    rank = _ranks(graph)
    place = {name: at for at, name in enumerate(graph.nodes)}
    return sum(max((rank[place[b]] - rank[place[a]] for b in graph.after[a]), default=1) - 1 for a in graph.nodes)


def lay_out(graph: Graph) -> Layout:
    """Ranks, order and rows of the nodes of `graph`."""
    layout = _with_stand_ins(graph)
    _untangle(layout)
    _straighten(layout)
    return layout


def _ranks(graph: Graph) -> list[int]:
    """The longest way from a source; a source stands right before the first node that needs it."""
    place = {name: at for at, name in enumerate(graph.nodes)}
    rank = [0] * len(place)
    for at, name in enumerate(graph.nodes):
        rank[at] = max((rank[place[other]] + 1 for other in graph.before[name]), default=0)
    for at, name in enumerate(graph.nodes):
        if graph.after[name] and not graph.before[name]:
            rank[at] = min(rank[place[other]] for other in graph.after[name]) - 1
    return rank


def _with_stand_ins(graph: Graph) -> Layout:
    place = {name: at for at, name in enumerate(graph.nodes)}
    rank = _ranks(graph)
    ranks: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    after: list[list[int]] = [[] for _ in place]
    before: list[list[int]] = [[] for _ in place]
    for at, one in enumerate(rank):
        ranks[one].append(at)
    chains: dict[tuple[int, int], int] = {}
    for a, b in graph.edges:
        last = source = place[a]
        for one in range(rank[source] + 1, rank[place[b]]):
            item = chains.get((source, one))
            if item is None:
                item = chains[source, one] = len(after)
                ranks[one].append(item)
                after.append([])
                before.append([last])
                after[last].append(item)
            last = item
        after[last].append(place[b])
        before[place[b]].append(last)
    return Layout(ranks, [0] * len(after), after, before)


def _untangle(layout: Layout) -> None:
    """Sort each rank by the medians of its neighbours, back and forth, and keep the order with the fewest crossings."""
    position = layout.row
    for items in layout.ranks:
        _number(items, position)
    best, fewest = [list(items) for items in layout.ranks], _crossings(layout, position)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        forth = sweep % 2 == 0
        near = layout.before if forth else layout.after
        for items in layout.ranks if forth else reversed(layout.ranks):
            middle = {item: _median([position[other] for other in near[item]], position[item]) for item in items}
            items.sort(key=middle.__getitem__)
            _number(items, position)
        if (now := _crossings(layout, position)) < fewest:
            best, fewest = [list(items) for items in layout.ranks], now
    layout.ranks = best


def _number(items: Sequence[int], position: list[int]) -> None:
    for at, item in enumerate(items):
        position[item] = at


def _median(values: list[int], otherwise: int) -> float:
    if not values:
        return otherwise
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _crossings(layout: Layout, position: list[int]) -> int:
    """How many pairs of edges cross."""
    total = 0
    for items in layout.ranks:
        seen: list[int] = []
        for item in items:
            ends = [position[other] for other in layout.after[item]]
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _straighten(layout: Layout) -> None:
    """Give each item a row near the median of its neighbours' rows, in the order of its rank."""
    row, height = layout.row, max(map(len, layout.ranks), default=0)
    for items in layout.ranks:
        top = (height - len(items)) // 2
        for at, item in enumerate(items):
            row[item] = top + at
    for turn in range(STRAIGHTENINGS):
        forth = turn % 2 == 0
        near = layout.before if forth else layout.after
        for items in layout.ranks if forth else reversed(layout.ranks):
            lowest = 0
            for at, item in enumerate(items):
                rows = sorted(row[other] for other in near[item])
                wanted = rows[(len(rows) - 1) // 2] if rows else row[item]
                row[item] = max(lowest, min(wanted, height - len(items) + at))
                lowest = row[item] + 1
