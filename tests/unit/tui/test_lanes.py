from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from partita_client.tui.render.dag import DagNode, Emphasis
from partita_client.tui.render.graph import Graph
from partita_client.tui.render.lanes import LaneRow, lanes, paint_lanes
from partita_client.tui.render.text import line_text

OPEN = {"│": "NS", "─": "EW", "├": "NSE", "╰": "NE", "┤": "NSW", "╯": "NW"}
STEP = {"N": (-1, 0), "S": (1, 0), "E": (0, 1), "W": (0, -1)}
BACK = {"N": "S", "S": "N", "E": "W", "W": "E"}


@st.composite
def graphs(build: st.DrawFn) -> Graph:
    names = [f"node{number}" for number in range(build(st.integers(1, 20)))]
    pairs = [(a, b) for at, a in enumerate(names) for b in names[at + 1 :]]
    return Graph.of(names, build(st.lists(st.sampled_from(pairs), unique=True, max_size=60)) if pairs else [])


def edges_read(rows: list[LaneRow], most: int) -> set[tuple[str, str]]:
    """Follow each lane from its node down to where it turns off."""
    heads = {(at, 2 * row.lane): row.node for at, row in enumerate(rows)}
    found: set[tuple[str, str]] = {(row.node, other) for row in rows for other in row.named}
    for (at, column), name in heads.items():
        todo, seen = [(at + 1, column, "S")], set()
        while todo and column < 2 * most:
            step = y, x, way = todo.pop()
            if step in seen or y >= len(rows):
                continue
            seen.add(step)
            if (y, x) in heads:
                found.add((name, heads[y, x]))
                continue
            sign = rows[y].signs[x] if x < len(rows[y].signs) else " "
            sides = OPEN.get(sign, "")
            if way == "S":
                ways = sides.replace("N", "") if "N" in sides else ""
            else:
                ways = way if sides else ""  # a level line goes on, past what stands upright and what joins it
            todo += [(y + STEP[side][0], x + STEP[side][1], side) for side in ways]
    return found


@settings(max_examples=300)
@given(graphs(), st.integers(1, 12))
def test_the_edges_read_are_the_edges_given(graph: Graph, most: int) -> None:
    rows = lanes(graph, most)

    assert [row.node for row in rows] == list(graph.nodes)
    assert edges_read(rows, most) == set(graph.edges)
    assert all(row.lane <= most for row in rows)


def test_a_chain_takes_one_lane_and_a_fork_turns_off() -> None:
    graph = Graph.of(["raw", "left", "right", "mart"], [("raw", "left"), ("raw", "right"), ("left", "mart"), ("right", "mart")])
    nodes = {name: DagNode(name, name, "✓", "ok") for name in graph.nodes}

    assert [line_text(paint_lanes(row, nodes, Emphasis(), 20)).rstrip() for row in lanes(graph)] == [
        "✓   raw",
        "├─✓ left",
        "✓ │ right",
        "✓─╯ mart",
    ]


def test_what_finds_no_lane_is_named() -> None:
    graph = Graph.of(["a", "b", "c", "d"], [("a", "c"), ("b", "d")])

    rows = lanes(graph, 1)

    assert [(row.node, row.named) for row in rows if row.named] == [("b", ("d",))]
