"""A graph of assets or steps as text, from left to right.

How it is read: a tee is a fork, a curve in a line is a join, a line that goes straight through another passes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from rich.cells import cell_len

from partita_client.tui.render.dag_channels import Channel, Net, route
from partita_client.tui.render.dag_layout import Layout, lay_out
from partita_client.tui.render.graph import Graph
from partita_client.tui.render.text import Line, Piece, cut, fit_line, plain

NORTH, EAST, SOUTH, WEST = 1, 2, 4, 8
# By the sides that are open: north, east, south, west.
LINES = {
    0: " ", NORTH: "│", SOUTH: "│", NORTH | SOUTH: "│", EAST: "─", WEST: "─", EAST | WEST: "─",
    SOUTH | EAST: "╭", SOUTH | WEST: "╮", NORTH | EAST: "╰", NORTH | WEST: "╯",
    NORTH | SOUTH | EAST: "├", NORTH | SOUTH | WEST: "┤", EAST | WEST | SOUTH: "┬", EAST | WEST | NORTH: "┴", 15: "┼",
}  # fmt: skip
ARROW = "▶"
WIDEST_LABEL = 32


@dataclass(frozen=True, slots=True)
class DagNode:
    """A node as it is drawn."""

    id: str
    label: str
    glyph: str = "●"
    style: str = ""
    """Style of its glyph."""
    note: str = ""
    """What more is said of it where there is room: in lanes, after its name."""


class Place(NamedTuple):
    """Where a node stands, in cells."""

    row: int
    column: int
    width: int


class Span(NamedTuple):
    """Cells of one row, the last one left out."""

    row: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Wire:
    """Where the lines of an item run, in rows of the drawing."""

    net: Net
    left: int
    """Column after its label, where its line begins."""
    channel: int
    trunk: int
    right: int
    """First column of the next rank."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawn graph: its lines as characters, with blanks where the nodes are written."""

    graph: Graph
    width: int
    rows: tuple[str, ...]
    places: Mapping[str, Place]
    _wires: Mapping[int, _Wire]
    _layout: Layout
    _row_of: tuple[int, ...]
    """Row on the screen of each row of the channels."""
    _number: Mapping[str, int]
    """The item of each node."""

    @property
    def height(self) -> int:
        """Rows that it takes."""
        return len(self.rows)

    def trail(self, a: str, b: str) -> list[Span]:
        """The cells of the line from `a` to `b`, which must be joined."""
        item, goal = self._number[a], self._number[b]
        spans: list[Span] = []
        first = len(self._number)
        rows = self._layout.row
        while item != goal:
            # Of the next items only the goal itself and the one stand-in of this line can lead to it.
            ahead = self._layout.after[item]
            then = goal if goal in ahead else next(other for other in ahead if other >= first)
            wire = self._wires[item]
            for row, start, end, is_level in _cells(wire, 2 * rows[then]):
                spans += self._seen(self._row_of[row], start, end) if is_level else [Span(self._row_of[row], start, end)]
            item = then
        return spans

    def _seen(self, row: int, start: int, end: int) -> Iterable[Span]:
        """The cells of a level line without those where it passes an upright one."""
        for text in re.finditer("[^│]+", self.rows[row][start:end]):
            yield Span(row, start + text.start(), start + text.end())


def _cells(wire: _Wire, end: int) -> Iterable[tuple[int, int, int, bool]]:
    """The cells from an item to one end of its net, in rows of the channels: row, first, the one after the last, whether they are level."""
    net = wire.net
    if net.track is None:
        yield net.row, wire.left, wire.right, True
        return
    yield net.row, wire.left, wire.trunk if net.via is None else wire.channel + 1, True
    if net.via is not None:
        yield net.via, wire.channel, wire.trunk, True
    for row in range(min(net.start, end), max(net.start, end) + 1):
        yield row, wire.trunk, wire.trunk + 1, False
    yield end, wire.trunk + 1, wire.right, True


def label_of(node: DagNode) -> str:
    """What is written for a node, in the cells that it was given."""
    return cut(f"{node.glyph} {plain(node.label, 200)}", WIDEST_LABEL + 2)


def draw(graph: Graph, widths: Mapping[str, int]) -> Drawing:
    """Draw `graph`; `widths` says how many cells the text of each node takes."""
    layout = lay_out(graph)
    channels = [_channel(layout, items) for items in layout.ranks[:-1]]
    canvas = _Canvas(graph, layout, widths)
    for items, channel in zip(layout.ranks, [*channels, Channel([])], strict=False):
        canvas.add(items, channel)
    return canvas.finished()


def _channel(layout: Layout, items: Iterable[int]) -> Channel:
    row, after = layout.row, layout.after
    return route([Net(item, 2 * row[item], tuple(sorted({2 * row[other] for other in after[item]}))) for item in items if after[item]])


class _Canvas:
    """The characters of a drawing while it grows from left to right; every second row is free for lines that step aside."""

    def __init__(self, graph: Graph, layout: Layout, widths: Mapping[str, int]) -> None:
        self._graph, self._layout, self._widths = graph, layout, widths
        self._height = 2 * (max(layout.row, default=-1) + 1)
        self._rows: list[list[str]] = [[] for _ in range(self._height)]
        self._x = 0
        self._places: dict[str, Place] = {}
        self._wires: dict[int, _Wire] = {}
        self._used: set[int] = set()

    def add(self, items: Iterable[int], channel: Channel) -> None:
        """Draw one rank and the channel after it."""
        ends = self._add_nodes(items)
        start = self._x + _lead(channel, ends, self._x)
        aside = int(channel.has_asides)
        right = start + aside + channel.tracks + 2 if channel.nets else start
        self._widen(right)
        for net in channel.nets:
            trunk = start + aside + (net.track or 0)
            wire = self._wires[net.item] = _Wire(net, ends[net.item], start, trunk, right)
            self._level(wire)
        for net in channel.nets:
            if net.track is not None:
                self._upright(self._wires[net.item])
        for net in channel.nets:
            for item in self._layout.after[net.item]:
                if item < len(self._graph.nodes):
                    self._rows[2 * self._layout.row[item]][right - 1] = ARROW
        self._x = right

    def _add_nodes(self, items: Iterable[int]) -> dict[int, int]:
        """Make room for a rank; where the line of each of its items begins."""
        first, names, row = self._x, self._graph.nodes, self._layout.row
        width = max((self._widths[names[item]] for item in items if item < len(names)), default=0)
        ends: dict[int, int] = {}
        self._widen(first + width + 1)
        for item in items:
            ends[item] = first
            if item < len(names):
                self._places[names[item]] = Place(2 * row[item], first, self._widths[names[item]])
                ends[item] += self._widths[names[item]] + 1
        return ends

    def _widen(self, width: int) -> None:
        for row in self._rows:
            row += " " * (width - len(row))
        self._x = width

    def _level(self, wire: _Wire) -> None:
        """The level lines of a net: from its item to its trunk, and from there to where it arrives."""
        net = wire.net
        if net.track is None:
            self._line(net.row, wire.left, wire.right)
            return
        self._line(net.row, wire.left, wire.trunk if net.via is None else wire.channel)
        if net.via is not None:
            self._line(net.via, wire.channel + 1, wire.trunk)
        for end in net.ends:
            self._line(end, wire.trunk + 1, wire.right)

    def _line(self, row: int, start: int, end: int) -> None:
        if end > start:
            self._rows[row][start:end] = "─" * (end - start)

    def _upright(self, wire: _Wire) -> None:
        """The trunk of a net, and the corner where it steps aside."""
        net = wire.net
        low, high = net.span
        for row in range(low, high + 1):
            sides = (NORTH if row > low else 0) | (SOUTH if row < high else 0) | (EAST if row in net.ends else 0) | (WEST if row == net.start else 0)
            self._rows[row][wire.trunk] = LINES[sides]
        if net.via is not None:
            down = net.via > net.row
            self._rows[net.row][wire.channel] = LINES[WEST | (SOUTH if down else NORTH)]
            self._rows[net.via][wire.channel] = LINES[EAST | (NORTH if down else SOUTH)]
            self._used.add(net.via)

    def finished(self) -> Drawing:
        """The drawing without the free rows that nobody used."""
        row_of: list[int] = []
        kept: list[str] = []
        for number, row in enumerate(self._rows):
            row_of.append(len(kept))
            if number % 2 == 0 or number in self._used:
                kept.append("".join(row))
        places = {name: Place(row_of[place.row], place.column, place.width) for name, place in self._places.items()}
        numbers = {name: at for at, name in enumerate(self._graph.nodes)}
        return Drawing(self._graph, self._x, tuple(kept), places, self._wires, self._layout, tuple(row_of), numbers)


def _lead(channel: Channel, ends: Mapping[int, int], start: int) -> int:
    """One cell more before the first track, where a line would else begin with the trunk of another."""
    if channel.has_asides:
        return 0
    trunks = [net.span for net in channel.nets if net.track == 0]
    tight = [net.row for net in channel.nets if net.track != 0 and ends[net.item] == start]
    return int(any(low <= row <= high for row in tight for low, high in trunks))


class Emphasis(NamedTuple):
    """What stands out in a drawing."""

    chosen: str | None = None
    nodes: frozenset[str] = frozenset()
    """Nodes on the ways through the chosen one."""
    spans: Mapping[int, tuple[tuple[int, int], ...]] = {}
    """Cells of their lines, by row."""


def emphasis(drawing: Drawing, chosen: str | None) -> Emphasis:
    """The ways through `chosen`: all that it needs, all that needs it, and the lines between them."""
    graph = drawing.graph
    if chosen is None or chosen not in drawing.places:
        return Emphasis()
    up, down = graph.reach(chosen, down=0), graph.reach(chosen, up=0)
    spans: dict[int, list[tuple[int, int]]] = {}
    for a, b in graph.edges:
        if (a in up and b in up) or (a in down and b in down):
            for row, start, end in drawing.trail(a, b):
                spans.setdefault(row, []).append((start, end))
    return Emphasis(chosen, frozenset(up | down), {row: tuple(them) for row, them in spans.items()})


def paint(drawing: Drawing, row: int, nodes: Mapping[str, DagNode], by_row: Mapping[int, list[str]], shown: Emphasis) -> Line:
    """One row of a drawing; what is not on the ways through the chosen node is dim."""
    pieces: list[Piece] = []
    wires, lit, x = drawing.rows[row], shown.spans.get(row, ()), 0
    for name in by_row.get(row, ()):
        place = drawing.places[name]
        pieces += _wire_pieces(wires, x, place.column, lit)
        pieces += node_pieces(nodes[name], place.width, shown)
        x = place.column + place.width
    pieces += _wire_pieces(wires, x, len(wires), lit)
    return tuple(pieces)


def node_pieces(node: DagNode, width: int, shown: Emphasis) -> Line:
    """The glyph and the name of a node."""
    if node.id == shown.chosen:
        style = "cursor"
    else:
        style = "" if shown.chosen is None or node.id in shown.nodes else "dim"
    glyph = (node.glyph, node.style if style != "cursor" else f"cursor {node.style}".strip())
    return fit_line((glyph, (label_of(node)[len(node.glyph) :], style)), width)


def _wire_pieces(wires: str, start: int, end: int, lit: Iterable[tuple[int, int]]) -> Iterable[Piece]:
    """Lines between two columns, those of the chosen ways in their own style."""
    cuts = sorted({start, end, *(at for span in lit for at in span if start < at < end)})
    for a, b in pairwise(cuts):
        if text := wires[a:b]:
            yield text, "accent" if any(low <= a and b <= high for low, high in lit) else "line"


def by_row(drawing: Drawing) -> dict[int, list[str]]:
    """The nodes of each row, from left to right."""
    rows: dict[int, list[str]] = {}
    for name, place in sorted(drawing.places.items(), key=lambda item: item[1]):
        rows.setdefault(place.row, []).append(name)
    return rows


def beside(drawing: Drawing, name: str, direction: str) -> str | None:
    """The node that a step from `name` leads to: left and right along its edges, up and down to the next in its rank, or the nearest."""
    places, here = drawing.places, drawing.places[name]
    if direction in ("left", "right"):
        near = drawing.graph.before[name] if direction == "left" else drawing.graph.after[name]
        return min(near, key=lambda other: (abs(places[other].row - here.row), abs(places[other].column - here.column)), default=None)
    sign = 1 if direction == "down" else -1
    ahead = [other for other, place in places.items() if (place.row - here.row) * sign > 0]
    column = [other for other in ahead if places[other].column == here.column]
    return min(column or ahead, key=lambda other: (abs(places[other].row - here.row), abs(places[other].column - here.column)), default=None)


def text_width(node: DagNode) -> int:
    """Cells that the text of a node takes."""
    return cell_len(label_of(node))
