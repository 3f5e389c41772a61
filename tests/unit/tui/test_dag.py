from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from partita_client.tui.render.dag import DagNode, Drawing, beside, by_row, draw, emphasis, paint, text_width
from partita_client.tui.render.dag_layout import stand_ins
from partita_client.tui.render.graph import Graph, collapse
from partita_client.tui.render.text import line_text
from support.line_walk import read_edges

Edges = list[tuple[str, str]]
DIAMOND: Edges = [("raw", "left"), ("raw", "right"), ("left", "mart"), ("right", "mart")]


def drawn(graph: Graph) -> tuple[Drawing, dict[str, DagNode]]:
    nodes = {name: DagNode(name, name) for name in graph.nodes}
    return draw(graph, {name: text_width(node) for name, node in nodes.items()}), nodes


def edges_read(drawing: Drawing) -> set[tuple[str, str]]:
    starts = {name: (place.row, place.column + place.width + 1) for name, place in drawing.places.items()}
    return read_edges(drawing.rows, starts, {(place.row, place.column): name for name, place in drawing.places.items()})


def a_graph(size: int, *, seed: int, density: float = 2.0, layers: int | None = None) -> Graph:
    chance = random.Random(seed)
    names = [f"n{number}" for number in range(size)]
    if layers is None:
        pairs = [(a, b) for at, a in enumerate(names) for b in names[at + 1 :]]
        return Graph.of(names, chance.sample(pairs, min(len(pairs), round(size * density))))
    rows = [names[start::layers] for start in range(layers)]
    edges = [(chance.choice(rows[at - 1]), name) for at in range(1, layers) for name in rows[at] for _ in range(round(density))]
    return Graph.of(names, edges)


@st.composite
def graphs(build: st.DrawFn) -> Graph:
    size = build(st.integers(1, 18))
    names = [f"node{number}" for number in range(size)]
    pairs = [(a, b) for at, a in enumerate(names) for b in names[at + 1 :]]
    return Graph.of(names, build(st.lists(st.sampled_from(pairs), unique=True, max_size=45)) if pairs else [])


@settings(max_examples=300)
@given(graphs())
def test_the_edges_read_are_the_edges_given(graph: Graph) -> None:
    drawing, _ = drawn(graph)

    assert edges_read(drawing) == set(graph.edges)


@pytest.mark.parametrize("seed", range(6))
def test_the_edges_of_large_graphs_are_read_back(seed: int) -> None:
    for graph in (a_graph(60, seed=seed, density=3), a_graph(150, seed=seed, density=2, layers=8)):
        drawing, _ = drawn(graph)

        assert edges_read(drawing) == set(graph.edges)


@settings(max_examples=60)
@given(graphs())
def test_every_node_stands_alone_in_its_cells_and_every_rank_in_its_column(graph: Graph) -> None:
    drawing, nodes = drawn(graph)

    taken = [(place.row, column) for place in drawing.places.values() for column in range(place.column, place.column + place.width)]
    assert len(taken) == len(set(taken))
    assert all(drawing.places[a].column < drawing.places[b].column for a, b in graph.edges)
    rows = by_row(drawing)
    for row in range(drawing.height):
        line = paint(drawing, row, nodes, rows, emphasis(drawing, graph.nodes[0]))
        assert cell_len(line_text(line)) == drawing.width


@settings(max_examples=60)
@given(graphs())
def test_the_trail_of_an_edge_covers_a_way_from_one_end_to_the_other(graph: Graph) -> None:
    drawing, _ = drawn(graph)

    for a, b in graph.edges:
        cells = {(row, column) for row, start, end in drawing.trail(a, b) for column in range(start, end)}
        # Where a line passes an upright one the sign is the other's.
        kept = [["│" if sign == "│" else " " for sign in row] for row in drawing.rows]
        for row, column in cells:
            kept[row][column] = drawing.rows[row][column]
        starts = {a: (drawing.places[a].row, drawing.places[a].column + drawing.places[a].width + 1)}
        labels = {(place.row, place.column): name for name, place in drawing.places.items()}
        assert read_edges(["".join(row) for row in kept], starts, labels) == {(a, b)}


def test_a_fork_and_a_join_look_as_they_are_read() -> None:
    drawing, nodes = drawn(Graph.of(["raw", "left", "right", "mart"], DIAMOND))

    rows = by_row(drawing)
    assert [line_text(paint(drawing, row, nodes, rows, emphasis(drawing, None))).rstrip() for row in range(drawing.height)] == [
        "● raw ┬─▶● left ─╭─▶● mart",
        "      ╰─▶● right ╯",
    ]


def test_a_free_row_is_there_only_when_a_line_steps_aside() -> None:
    # Each of the two left nodes needs the row of the other: one line has to make room.
    crossed, _ = drawn(Graph.of(["a", "b", "c", "d"], [("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")]))
    straight, _ = drawn(Graph.of(["a", "b", "c", "d"], [("a", "c"), ("b", "d")]))

    assert crossed.height == 3
    assert straight.height == 2


def test_a_loop_is_opened_and_strangers_and_doubles_are_left_out() -> None:
    graph = Graph.of(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a"), ("a", "b"), ("a", "stranger")])

    assert graph.edges == (("a", "b"), ("b", "c"))
    assert edges_read(drawn(graph)[0]) == set(graph.edges)


def test_nothing_is_drawn_of_an_empty_graph() -> None:
    drawing, _ = drawn(Graph.of([], []))

    assert (drawing.height, drawing.width) == (0, 0)


def test_reach_counts_edges_up_and_down() -> None:
    graph = Graph.of("abcde", [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("a", "e")])

    assert graph.reach("c", up=1, down=1) == {"b", "c", "d"}
    assert graph.reach("c", up=2, down=0) == {"a", "b", "c"}
    assert graph.reach("a") == set("abcde")
    assert graph.reach("unknown") == set()


def test_groups_stand_for_their_members() -> None:
    graph = collapse(Graph.of(["raw/a", "raw/b", "mart/c"], [("raw/a", "raw/b"), ("raw/b", "mart/c")]), lambda name: name.split("/")[0])

    assert (graph.nodes, graph.edges) == (("raw", "mart"), (("raw", "mart"),))


@pytest.mark.parametrize(("start", "keys", "end"), [("raw", ["right"], "left"), ("left", ["down"], "right"), ("mart", ["left", "left"], "raw")])
def test_steps_follow_edges_and_ranks(start: str, keys: list[str], end: str) -> None:
    drawing, _ = drawn(Graph.of(["raw", "left", "right", "mart"], DIAMOND))

    at: str | None = start
    for key in keys:
        assert at is not None
        at = beside(drawing, at, key)

    assert at == end


def test_there_is_no_step_over_an_end() -> None:
    drawing, _ = drawn(Graph.of(["raw", "mart"], [("raw", "mart")]))

    assert [beside(drawing, "raw", way) for way in ("left", "up", "down")] == [None, None, None]


def test_the_ways_through_the_chosen_node_stand_out_and_the_rest_is_dim() -> None:
    drawing, nodes = drawn(Graph.of(["raw", "left", "right", "mart", "other"], [*DIAMOND, ("right", "other")]))

    shown = emphasis(drawing, "left")

    assert shown.nodes == {"raw", "left", "mart"}
    rows = by_row(drawing)
    styles = {text.strip(): style for row in range(drawing.height) for text, style in paint(drawing, row, nodes, rows, shown)}
    assert (styles["left"], styles["raw"], styles["right"], styles["other"]) == ("cursor", "", "dim", "dim")


def test_what_a_drawing_costs_is_known_before_it_is_made() -> None:
    assert stand_ins(Graph.of("abcd", [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d"), ("a", "c")])) == 2


def test_the_work_for_a_thousand_nodes_grows_with_their_edges_only() -> None:
    graph = a_graph(1_000, seed=3, density=2, layers=30)

    drawing, _ = drawn(graph)

    assert edges_read(drawing) == set(graph.edges)
    columns = Counter(place.column for place in drawing.places.values())
    assert drawing.height <= 4 * max(columns.values())
