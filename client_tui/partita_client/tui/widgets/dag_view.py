"""A graph to walk through along its edges."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

from textual.binding import Binding
from textual.events import Click
from textual.geometry import Region
from textual.reactive import reactive

from partita_client.tui.render.dag import DagNode, Drawing, Emphasis, beside, by_row, draw, emphasis, paint, text_width
from partita_client.tui.render.dag_layout import stand_ins
from partita_client.tui.render.graph import Graph
from partita_client.tui.render.lanes import LaneRow, lanes, paint_lanes
from partita_client.tui.render.text import Line
from partita_client.tui.widgets.line_view import LineView, ViewMessage

__all__ = ["DagNode", "DagView"]

NARROW = 70
"""Cells below which a graph is drawn as a list with lanes."""
MOST_STAND_INS = 5_000
"""What a layered drawing may cost; beyond it nobody could read it anyway."""
DEEPEST = 9


class DagView(LineView):
    """The surroundings of a node, or the whole graph; the ways through the chosen node stand out."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("left,h", "walk('left')", "Upstream", show=False, id="dag.upstream"),
        Binding("right,l", "walk('right')", "Downstream", show=False, id="dag.downstream"),
        Binding("up,k", "walk('up')", "Up", show=False, id="dag.up"),
        Binding("down,j", "walk('down')", "Down", show=False, id="dag.down"),
        Binding("plus,equals_sign", "depth(1)", "Deeper", show=False, id="dag.deeper"),
        Binding("minus", "depth(-1)", "Nearer", show=False, id="dag.nearer"),
        Binding("z", "whole", "Whole graph", show=False, id="dag.whole"),
        Binding("enter", "choose", "Open", show=False, id="dag.open"),
    ]
    depth_up: reactive[int] = reactive(2, init=False)
    """Edges that are shown upstream of the focus."""
    depth_down: reactive[int] = reactive(1, init=False)
    """Edges that are shown downstream of it."""
    shows_all: reactive[bool] = reactive(False, init=False)
    """Whether the whole graph is shown, not only what is near the focus."""

    class NodeHighlighted(ViewMessage):
        """The cursor came to a node."""

        def __init__(self, view: DagView, node_id: str) -> None:
            super().__init__(view)
            self.node_id = node_id

    class NodeSelected(ViewMessage):
        """A node was opened."""

        def __init__(self, view: DagView, node_id: str) -> None:
            super().__init__(view)
            self.node_id = node_id

    def __init__(self, *, empty: str = "No assets.", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(empty=empty, id=id, classes=classes)
        self._graph = Graph.of((), ())
        self._by_id: dict[str, DagNode] = {}
        self._focus: str | None = None
        self._cursor_id: str | None = None
        self._drawing: Drawing | None = None
        self._lanes: list[LaneRow] = []
        self._rows: dict[int, list[str]] = {}
        self._shown = Emphasis()
        self._version = 0

    # What is shown.

    def show(self, nodes: Sequence[DagNode], edges: Sequence[tuple[str, str]], focus: str | None = None) -> None:
        """Show a graph around `focus`; without one all of it."""
        by_id = {node.id: node for node in nodes}
        graph = Graph.of(by_id, edges)
        focus = focus if focus in by_id else None
        is_same = graph == self._graph and focus == self._focus and all(text_width(node) == text_width(self._by_id[node.id]) for node in nodes)
        refocused = focus != self._focus
        self._by_id, self._graph, self._focus = by_id, graph, focus
        if is_same:
            self.update_nodes(nodes)
            return
        self._lay_out()
        self._choose(focus if refocused and focus else self._cursor_id or focus)

    def update_nodes(self, nodes: Sequence[DagNode]) -> None:
        """The same nodes with other signs and styles; nothing moves."""
        self._by_id |= {node.id: node for node in nodes if node.id in self._by_id}
        self._version += 1
        self.refresh()

    def _lay_out(self) -> None:
        graph = self._graph
        if self._focus is not None and not self.shows_all:
            graph = graph.only(graph.reach(self._focus, up=self.depth_up, down=self.depth_down))
        self._version += 1
        if self.view_width < NARROW or stand_ins(graph) > MOST_STAND_INS:
            self._drawing, self._rows, self._lanes = None, {}, lanes(graph)
        else:
            self._drawing, self._lanes = draw(graph, {name: text_width(self._by_id[name]) for name in graph.nodes}), []
            self._rows = by_row(self._drawing)
        self.resized()

    def _choose(self, node_id: str | None) -> None:
        """Put the cursor on a node that is shown, or on the first that is."""
        shown = self._drawing.places if self._drawing else {row.node: row for row in self._lanes}
        before = self._cursor_id
        self._cursor_id = node_id if node_id in shown else next(iter(shown), None)
        self._emphasize()
        self._reveal()
        if self._cursor_id is not None and before != self._cursor_id:
            self.post_message(self.NodeHighlighted(self, self._cursor_id))

    def _emphasize(self) -> None:
        if self._drawing is not None:
            self._shown = emphasis(self._drawing, self._cursor_id)
        elif self._cursor_id is not None:
            near = self._graph.reach(self._cursor_id, up=None, down=0) | self._graph.reach(self._cursor_id, up=0, down=None)
            self._shown = Emphasis(self._cursor_id, frozenset(near))
        else:
            self._shown = Emphasis()
        self._version += 1
        self.refresh()

    def _reveal(self) -> None:
        if self._cursor_id is None or not self.size.width:
            return
        if self._drawing is None:
            self.reveal(self._lane_of(self._cursor_id))
            return
        place = self._drawing.places[self._cursor_id]
        self.scroll_to_region(Region(max(0, place.column - 4), place.row, place.width + 8, 1), animate=False, force=True, immediate=True)

    def _lane_of(self, node_id: str) -> int:
        return next(at for at, row in enumerate(self._lanes) if row.node == node_id)

    def on_resize(self) -> None:
        """A narrow view is a list, a wide one a drawing."""
        if (self.view_width < NARROW) != (self._drawing is None):
            self._lay_out()
            self._choose(self._cursor_id)
        self.resized()
        self._reveal()

    def watch_depth_up(self) -> None:
        """More or less is shown."""
        self._again()

    def watch_depth_down(self) -> None:
        """More or less is shown."""
        self._again()

    def watch_shows_all(self) -> None:
        """All is shown, or what is near."""
        self._again()

    def _again(self) -> None:
        self._lay_out()
        self._choose(self._cursor_id)

    # The cursor.

    @property
    def cursor_id(self) -> str | None:
        """The node under the cursor."""
        return self._cursor_id

    @property
    def focus_id(self) -> str | None:
        """The node whose surroundings are shown."""
        return self._focus

    @property
    def is_list(self) -> bool:
        """Whether it is drawn as a list with lanes."""
        return self._drawing is None

    def move_to(self, node_id: str) -> bool:
        """Put the cursor on a node; whether it is shown."""
        self._choose(node_id)
        return self._cursor_id == node_id

    def action_walk(self, direction: str) -> None:
        """Go along an edge, or to a neighbour."""
        if self._cursor_id is None:
            return
        found = beside(self._drawing, self._cursor_id, direction) if self._drawing else self._beside_lane(direction)
        if found is not None:
            self._choose(found)

    def _beside_lane(self, direction: str) -> str | None:
        here = self._lane_of(self._cursor_id or "")
        if direction in ("up", "down"):
            at = here + (1 if direction == "down" else -1)
            return self._lanes[at].node if 0 <= at < len(self._lanes) else None
        near = (self._graph.before if direction == "left" else self._graph.after)[self._lanes[here].node]
        places = {row.node: at for at, row in enumerate(self._lanes)}
        return min((name for name in near if name in places), key=lambda name: abs(places[name] - here), default=None)

    def action_depth(self, way: int) -> None:
        """Show one edge more or less on both sides."""
        self.depth_up = min(DEEPEST, max(1, self.depth_up + way))
        self.depth_down = min(DEEPEST, max(1, self.depth_down + way))

    def action_whole(self) -> None:
        """Show the whole graph, or what is near again."""
        self.shows_all = not self.shows_all

    def action_choose(self) -> None:
        """Open the node under the cursor."""
        if self._cursor_id is not None:
            self.post_message(self.NodeSelected(self, self._cursor_id))

    def on_click(self, event: Click) -> None:
        """The first click on a node moves the cursor to it, one on the node under it opens it."""
        spot = self.spot(event)
        found = None if spot is None else self._node_at(spot.x, spot.y)
        if found is None:
            return
        if found == self._cursor_id:
            self.action_choose()
        else:
            self._choose(found)

    def _node_at(self, x: int, y: int) -> str | None:
        index = self.index_at(y)
        if index is None:
            return None
        if self._drawing is None:
            return self._lanes[index].node
        places = ((name, self._drawing.places[name]) for name in self._rows.get(index, ()))
        return next((name for name, place in places if place.column <= x < place.column + place.width), None)

    # Lines.

    def line_count(self) -> int:
        """Rows of the drawing."""
        return self._drawing.height if self._drawing else len(self._lanes)

    def line_width(self) -> int:
        """Cells of the drawing where it is wider than the widget."""
        return self._drawing.width if self._drawing and self._drawing.width > self.view_width else 0

    def line_key(self, index: int) -> Hashable:
        """What the look of a row depends on: everything, and that changes with each step."""
        return (index, self._version)

    def line_at(self, index: int, width: int) -> Line:
        """A row of the drawing."""
        if self._drawing is None:
            return paint_lanes(self._lanes[index], self._by_id, self._shown, width)
        return paint(self._drawing, index, self._by_id, self._rows, self._shown)
