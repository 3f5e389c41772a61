"""A graph as a list, for narrow terminals: one row for each node, lanes on the left as a log of commits draws them.

A lane leads down from a node to all that needs it; it turns off with a tee and ends with a curve. What finds no lane is named after its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from partita_client.tui.render.dag import DagNode, Emphasis
from partita_client.tui.render.graph import Graph
from partita_client.tui.render.text import Line, Piece, fit_line, plain

MOST_LANES = 12


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One node: the lanes beside it, and where they could not be drawn."""

    node: str
    lane: int
    signs: str
    """Two cells for each lane; the cell of the node itself is blank."""
    lit: tuple[str | None, ...]
    """The node that each sign leads from."""
    named: tuple[str, ...] = ()
    """Downstream nodes that no lane leads to."""


def lanes(graph: Graph, most: int = MOST_LANES) -> list[LaneRow]:
    """The rows of `graph` in topological order, with at most `most` lanes."""
    weave = _Weave(graph, most)
    rows = [weave.row(name) for name in graph.nodes]
    width = max((len(row.signs.rstrip()) for row in rows), default=0)
    return [LaneRow(row.node, row.lane, row.signs[: max(width, 2 * row.lane + 1)], row.lit, row.named) for row in rows]


class _Weave:
    """The lanes that are open between two rows."""

    def __init__(self, graph: Graph, most: int) -> None:
        self._graph, self._most = graph, most
        self._open: dict[int, str] = {}
        self._left: dict[str, set[str]] = {}
        """Nodes that the lane of a source still has to lead to."""
        self._named: dict[str, tuple[str, ...]] = {}
        self._above: set[int] = set()
        """Lanes whose sign in the row above leads nowhere down: what stood right below would look as if it were joined."""

    def row(self, name: str) -> LaneRow:
        """The row of `name`; its predecessors had theirs before."""
        needs = [lane for lane, source in sorted(self._open.items()) if name in self._left[source]]
        ending = {lane for lane in needs if self._left[self._open[lane]] == {name}}
        lane = self._lane(needs, ending)
        signs, lit = self._signs(needs, ending, lane)
        for at in needs:
            self._left[self._open[at]].discard(name)
        closed = {at for at in ending if at != lane}
        for at in ending:
            del self._open[at]
        named = self._begin(name, lane)
        self._above = closed | ({lane} if lane not in self._open else set())
        return LaneRow(name, lane, signs, lit, named)

    def _lane(self, needs: list[int], ending: set[int]) -> int:
        """Where `name` stands: below a lane that ends in it, else on the free lane nearest to what it needs; beside all lanes if none is free."""
        if ending:
            return min(ending)
        free = [at for at in range(self._most) if at not in self._open and at not in self._above]
        return min(free, key=lambda at: (abs(at - max(needs)) if needs else at, at), default=self._most)

    def _begin(self, name: str, lane: int) -> tuple[str, ...]:
        after = self._graph.after[name]
        if lane >= self._most:
            return after
        if after:
            self._open[lane] = name
            self._left[name] = set(after)
        return ()

    def _signs(self, needs: list[int], ending: set[int], lane: int) -> tuple[str, tuple[str | None, ...]]:
        """The cells of a row, and the source of each."""
        signs = [" "] * (2 * (self._most + 1))
        lit: list[str | None] = [None] * len(signs)
        for at, source in self._open.items():
            signs[2 * at], lit[2 * at] = "│", source
        # From the outside to the node, so that the level line shows what came last to it.
        for at in sorted((at for at in needs if at != lane), key=lambda at: -abs(at - lane)):
            source, right = self._open[at], at < lane
            between = range(2 * at + 1, 2 * lane) if right else range(2 * lane + 1, 2 * at)
            for cell in between:
                if signs[cell] in " ─":
                    signs[cell], lit[cell] = "─", source
            corner = ("╰" if right else "╯") if at in ending else ("├" if right else "┤")
            signs[2 * at], lit[2 * at] = corner, source
        signs[2 * lane] = " "
        return "".join(signs), tuple(lit)


def paint_lanes(row: LaneRow, nodes: Mapping[str, DagNode], shown: Emphasis, width: int) -> Line:
    """One row as it is shown: lanes, the glyph of the node in its lane, its name, its note."""
    node = nodes[row.node]
    base = "cursor" if node.id == shown.chosen else "" if shown.chosen is None or node.id in shown.nodes else "dim"
    pieces: list[Piece] = []
    for cell, sign in enumerate(row.signs):
        if cell == 2 * row.lane:
            pieces.append((node.glyph, node.style))
            continue
        source = row.lit[cell]
        is_lit = source is not None and source in shown.nodes and (sign != "─" or row.node in shown.nodes)
        style = "accent" if is_lit else "line"
        pieces.append((sign, style))
    pieces += [(" ", ""), (plain(node.label, 200), base)]
    if row.named:
        pieces.append(("  → " + ", ".join(plain(nodes[name].label, 60) for name in row.named), "dim"))
    if node.note:
        pieces.append(("  " + plain(node.note, 200), "dim"))
    return fit_line(tuple(pieces), width)
