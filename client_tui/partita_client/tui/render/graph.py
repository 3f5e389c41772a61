"""Graphs as they are drawn: what is upstream, what is downstream, and how much of it is looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in topological order and the edges between them; without loops, strangers and doubles, whatever it was made of."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    """From upstream to downstream."""
    after: Mapping[str, tuple[str, ...]]
    """The direct downstream of each node."""
    before: Mapping[str, tuple[str, ...]]
    """The direct upstream of each node."""

    @classmethod
    def of(cls, nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> Graph:
        """The graph of `nodes` and those `edges` that join two of them; an edge that would close a loop is left out."""
        names = dict.fromkeys(nodes)
        given = [(a, b) for a, b in dict.fromkeys(edges) if a != b and a in names and b in names]
        order = {name: place for place, name in enumerate(_ordered(list(names), given))}
        kept = tuple((a, b) for a, b in given if order[a] < order[b])
        after: dict[str, list[str]] = {name: [] for name in order}
        before: dict[str, list[str]] = {name: [] for name in order}
        for a, b in kept:
            after[a].append(b)
            before[b].append(a)
        return cls(tuple(order), kept, {name: tuple(them) for name, them in after.items()}, {name: tuple(them) for name, them in before.items()})

    def only(self, nodes: Iterable[str]) -> Graph:
        """The part of it that joins `nodes`."""
        wanted = set(nodes)
        return Graph.of((name for name in self.nodes if name in wanted), self.edges)

    def reach(self, start: str, *, up: int | None = None, down: int | None = None) -> set[str]:
        """`start` and what is at most so many edges upstream and downstream of it; None: however far."""
        if start not in self.after:
            return set()
        return _within(start, self.before, up) | _within(start, self.after, down)


def _ordered(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[str]:
    """Topological order, each node soon after what it needs; loops are opened at the node that comes first in `nodes`."""
    after: dict[str, list[str]] = {name: [] for name in nodes}
    waits = dict.fromkeys(nodes, 0)
    for a, b in edges:
        after[a].append(b)
        waits[b] += 1
    done: dict[str, None] = {}
    ready = [name for name in reversed(nodes) if not waits[name]]
    rest = iter(nodes)
    while len(done) < len(waits):
        name = ready.pop() if ready else next(name for name in rest if name not in done)
        if name in done:
            continue
        done[name] = None
        for then in reversed(after[name]):
            waits[then] -= 1
            if not waits[then] and then not in done:
                ready.append(then)
    return list(done)


def _within(start: str, edges: Mapping[str, tuple[str, ...]], depth: int | None) -> set[str]:
    """What can be reached from `start` over at most `depth` edges, itself included."""
    seen = {start}
    edge: deque[tuple[str, int]] = deque([(start, 0)])
    while edge:
        name, far = edge.popleft()
        if depth is not None and far >= depth:
            continue
        for then in edges[name]:
            if then not in seen:
                seen.add(then)
                edge.append((then, far + 1))
    return seen


def collapse(graph: Graph, group_of: Callable[[str], str]) -> Graph:
    """The graph of groups: an edge where any of their members are joined."""
    return Graph.of((group_of(name) for name in graph.nodes), ((group_of(a), group_of(b)) for a, b in graph.edges))
