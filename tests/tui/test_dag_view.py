from __future__ import annotations

from itertools import pairwise

import pytest

from partita_client.tui.widgets.dag_view import DagNode, DagView
from support.screens import NARROW, WIDE, Stage, screen_text, shows, told, until

pytestmark = pytest.mark.anyio
EDGES = [("raw", "stg"), ("raw", "log"), ("stg", "fct"), ("fct", "mart"), ("mart", "report"), ("dim", "mart")]
NAMES = ("raw", "stg", "log", "fct", "dim", "mart", "report")


def nodes(**styles: str) -> list[DagNode]:
    return [DagNode(name, f"{name}_[/x", "✗" if styles.get(name) == "failed" else "✓", styles.get(name, "ok"), "4m") for name in NAMES]


async def test_what_is_near_the_focus_is_shown_and_more_on_demand() -> None:
    view = DagView()
    view.show(nodes(), EDGES, "fct")
    async with Stage(view).run_test(size=WIDE) as pilot:
        view.focus()
        text = await shows(pilot, "✓ raw_[/x", "─▶✓ fct_[/x", "mart_[/x")
        assert "report" not in text
        assert "log" not in text

        await pilot.press("plus")
        await shows(pilot, "report_[/x")
        await pilot.press("minus", "minus")
        await until(pilot, lambda: "raw" not in screen_text(pilot.app))
        await pilot.press("z")
        await shows(pilot, "report_[/x", "dim_[/x", "log_[/x")


async def test_keys_walk_along_edges_and_open_what_they_come_to() -> None:
    view = DagView()
    view.show(nodes(), EDGES, "fct")
    async with Stage(view).run_test(size=WIDE) as pilot:
        view.focus()
        await pilot.press("z", "h", "h", "l", "j", "enter")

        await until(pilot, lambda: told(pilot.app, DagView.NodeSelected))
        assert [message.node_id for message in told(pilot.app, DagView.NodeHighlighted)] == ["fct", "stg", "raw", "stg", "log"]
        assert told(pilot.app, DagView.NodeSelected)[0].node_id == "log"


async def test_a_click_goes_to_a_node_then_opens_it() -> None:
    view = DagView()
    view.show(nodes(), EDGES)
    async with Stage(view).run_test(size=WIDE) as pilot:
        lines = (await shows(pilot, "fct_[/x")).splitlines()
        place = next((line.index("fct"), row) for row, line in enumerate(lines) if "fct" in line)

        await pilot.click(view, offset=place)
        await until(pilot, lambda: view.cursor_id == "fct")
        assert not told(pilot.app, DagView.NodeSelected)
        await pilot.click(view, offset=place)
        await until(pilot, lambda: told(pilot.app, DagView.NodeSelected))


async def test_new_states_change_signs_and_move_nothing() -> None:
    view = DagView()
    view.show(nodes(), EDGES, "fct")
    async with Stage(view).run_test(size=WIDE) as pilot:
        before = await shows(pilot, "✓ fct_[/x")

        view.update_nodes(nodes(fct="failed"))

        after = await shows(pilot, "✗ fct_[/x")
        assert after == before.replace("✓ fct", "✗ fct")


async def test_the_same_graph_again_is_not_laid_out_and_a_new_focus_takes_the_cursor() -> None:
    view = DagView()
    view.show(nodes(), EDGES, "fct")
    async with Stage(view).run_test(size=WIDE) as pilot:
        assert view.move_to("raw")
        view.show(nodes(fct="failed"), EDGES, "fct")
        await shows(pilot, "✗ fct_[/x")
        assert view.cursor_id == "raw"

        view.show(nodes(), EDGES, "mart")
        await shows(pilot, "report_[/x")
        assert view.cursor_id == "mart"


async def test_a_narrow_view_is_a_list_with_lanes_and_keeps_the_cursor() -> None:
    view = DagView()
    view.show(nodes(), EDGES)
    async with Stage(view).run_test(size=WIDE) as pilot:
        view.focus()
        assert view.move_to("mart")
        assert not view.is_list

        await pilot.resize_terminal(60, 24)
        text = await shows(pilot, "├─✓   stg_[/x  4m")
        assert view.is_list
        assert len(text.strip().splitlines()) == len(NAMES)
        assert view.cursor_id == "mart"

        await pilot.press("k", "h")
        await until(pilot, lambda: view.cursor_id is not None and view.cursor_id != "mart")
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: not view.is_list)


async def test_a_large_drawing_scrolls_to_its_cursor() -> None:
    names = [f"node_{number:03}" for number in range(60)]
    view = DagView()
    view.show([DagNode(name, name) for name in names], list(pairwise(names)))
    async with Stage(view).run_test(size=NARROW) as pilot:
        view.focus()
        assert view.move_to("node_059")
        await shows(pilot, "node_059")
        await pilot.press("h")
        await until(pilot, lambda: view.cursor_id == "node_058")


async def test_nothing_to_draw_is_said() -> None:
    view = DagView(empty="No assets [/ here.")
    async with Stage(view).run_test(size=NARROW) as pilot:
        await shows(pilot, "No assets [/ here.")
        view.focus()
        await pilot.press("j", "enter", "z")
        view.show(nodes(), EDGES, "unknown")
        await shows(pilot, "report_[/x")
        assert view.focus_id is None
