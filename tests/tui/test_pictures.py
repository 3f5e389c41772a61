from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from partita_client.tui.render.text import line_text
from partita_client.tui.widgets.gantt_view import Attempt, GanttRow, GanttView
from partita_client.tui.widgets.partition_grid import PartitionGrid
from partita_client.tui.widgets.partition_matrix import PartitionMatrix
from partita_client.tui.widgets.tick_strip import TickCell, TickStrip
from support.screens import NARROW, WIDE, Stage, screen_lines, screen_text, shows, told, until

pytestmark = pytest.mark.anyio
START = datetime(2026, 11, 22, 14, tzinfo=UTC)
DAYS = [str(date(2026, 1, 1) + timedelta(days=at)) for at in range(60)]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def steps(*, is_over: bool = False) -> list[GanttRow]:
    return [
        GanttRow("a", "stg_orders", "succeeded", (Attempt(at(0), at(40), "succeeded"),)),
        GanttRow("b", "fct_orders", "succeeded" if is_over else "running", (Attempt(at(40), at(90) if is_over else None, "running"),)),
        GanttRow("c", "dim_[/customers", "failed", (Attempt(at(40), at(52), "failed"),), note="KeyError: [type=x, v={'a[0]'}]"),
        GanttRow("d", "mart", "pending", note="waits for fct_orders"),
    ]


async def test_steps_stand_over_time_and_a_running_bar_grows_with_the_clock() -> None:
    view = GanttView()
    async with Stage(view).run_test(size=WIDE) as pilot:
        view.show(steps(), now=at(80), started_at=at(0))
        text = await shows(pilot, "stg_orders", "✓", "dim_[/customers", "✗ KeyError: [type=x, v={'a[0]'}]", "waits for fct_orders", "┃now", "40s")
        assert "▒" in text.splitlines()[2]

        view.tick(at(600))
        await shows(pilot, "9m20s")


async def test_a_clock_draws_only_what_runs_when_the_window_is_chosen() -> None:
    view = GanttView()
    async with Stage(view).run_test(size=WIDE) as pilot:
        view.focus()
        view.show(steps(), now=at(80), started_at=at(0))
        await shows(pilot, "┃now")
        await pilot.press("minus")
        await shows(pilot, "┃now")
        before = view.drawn

        view.tick(at(81))
        await shows(pilot, "41s")

        assert view.drawn - before == 1


async def test_bars_that_are_over_are_not_drawn_again_while_the_run_goes_on() -> None:
    view = GanttView()
    async with Stage(view).run_test(size=WIDE) as pilot:
        view.show(steps(), now=at(80), started_at=at(0))
        await shows(pilot, "40s")
        drawn = []
        for second in range(81, 121):
            before = view.drawn
            view.tick(at(second))
            await shows(pilot, f"{second - 40}s" if second < 100 else f"1m{second - 100:02}s")
            drawn.append(view.drawn - before)

        assert drawn.count(2) > 30, "the axis and the bar that grows"


async def test_steps_are_walked_and_opened_and_the_cursor_stays_on_its_step() -> None:
    view = GanttView()
    async with Stage(view).run_test(size=NARROW) as pilot:
        view.focus()
        view.show(steps(), now=at(80))
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: told(pilot.app, GanttView.StepSelected))
        assert [message.step_id for message in told(pilot.app, GanttView.StepHighlighted)] == ["a", "b", "c"]
        assert told(pilot.app, GanttView.StepSelected)[0].step_id == "c"

        view.show([GanttRow("z", "first", "pending"), *steps(is_over=True)], now=at(100), is_live=False)
        await until(pilot, lambda: view.cursor_id == "c" and screen_lines(pilot.app)[4].startswith("▌dim_"))
        assert "now" not in screen_text(pilot.app)


async def test_zoom_and_pan_change_the_axis_and_zero_shows_all_again() -> None:
    view = GanttView()
    async with Stage(view).run_test(size=WIDE) as pilot:
        view.focus()
        view.show(steps(is_over=True), now=at(90), started_at=at(0), is_live=False)
        whole = (await shows(pilot, "0s")).splitlines()[0]

        await pilot.press("plus", "plus", "l")
        await until(pilot, lambda: " 0s" not in screen_lines(pilot.app)[0])
        await pilot.press("0")
        await until(pilot, lambda: screen_lines(pilot.app)[0].rstrip() == whole)


async def test_a_critical_path_stands_out_and_no_steps_are_said() -> None:
    view = GanttView(empty="No steps yet.")
    async with Stage(view).run_test(size=NARROW) as pilot:
        await shows(pilot, "No steps yet.")
        view.show(steps(), now=at(80))
        await shows(pilot, "stg_orders")
        before = view.drawn
        view.critical = frozenset({"a"})
        await until(pilot, lambda: view.drawn == before + 1)


def a_grid() -> PartitionGrid:
    grid = PartitionGrid(empty="No partitions.")
    grid.show(DAYS, ["failed" if day.endswith("-09") else "materialized" for day in DAYS])
    return grid


async def test_days_are_a_calendar_to_walk_over() -> None:
    grid = a_grid()
    async with Stage(grid).run_test(size=NARROW) as pilot:
        grid.focus()
        text = await shows(pilot, "2026  Jan", "Mon", "✗")
        assert text.count("✗") == 2
        assert line_text(grid.counts()) == "■ materialized 58  ✗ failed 2"

        await pilot.press("g", "l", "j", "enter")
        await until(pilot, lambda: told(pilot.app, PartitionGrid.CellSelected))
        assert [message.key for message in told(pilot.app, PartitionGrid.CellHighlighted)] == ["2026-03-01", "2026-01-01", "2026-01-08", "2026-01-09"]
        selected = told(pilot.app, PartitionGrid.CellSelected)[0]
        assert (selected.key, selected.status) == ("2026-01-09", "failed")

        await pilot.press("n")
        await until(pilot, lambda: grid.cursor_key == "2026-02-09")
        await pilot.press("N", "N")
        await until(pilot, lambda: grid.cursor_key == "2026-01-09")


async def test_a_range_goes_from_where_it_began_to_the_cursor() -> None:
    grid = a_grid()
    async with Stage(grid).run_test(size=NARROW) as pilot:
        grid.focus()
        assert grid.check_action("end_range", ()) is False
        await pilot.press("g", "V", "l", "k")

        await until(pilot, lambda: grid.selected == tuple(DAYS[:7]))
        assert told(pilot.app, PartitionGrid.RangeChanged)[-1].keys == tuple(DAYS[:7])

        await pilot.press("escape")
        await until(pilot, lambda: not grid.selected)


async def test_a_range_is_drawn_with_the_mouse() -> None:
    grid = a_grid()
    async with Stage(grid).run_test(size=NARROW) as pilot:
        await shows(pilot, "Mon")
        await pilot.mouse_down(grid, offset=(6, 4))
        await pilot.hover(grid, offset=(7, 4))
        await pilot.mouse_up(grid, offset=(7, 4))

        await until(pilot, lambda: grid.selected == tuple(DAYS[:8]))


async def test_states_change_without_moving_the_cursor_and_only_their_rows_are_drawn() -> None:
    grid = a_grid()
    async with Stage(grid).run_test(size=NARROW) as pilot:
        assert grid.move_to("2026-01-20")
        await shows(pilot, "Mon")
        before = grid.drawn

        grid.show(DAYS, ["running" if day == "2026-01-21" else "materialized" for day in DAYS])

        await shows(pilot, "▓")
        assert grid.cursor_key == "2026-01-20"
        assert grid.drawn - before == 3, "a Friday and a Monday are failed no more, a Wednesday is running"


async def test_other_keys_run_on_and_are_laid_out_for_the_width() -> None:
    grid = PartitionGrid()
    grid.show([f"[/{number:04}" for number in range(1_000)], ["missing"] * 1_000)
    async with Stage(grid).run_test(size=NARROW) as pilot:
        await shows(pilot, "[/0770")
        await pilot.resize_terminal(*WIDE)
        await shows(pilot, "[/0880")


async def test_no_partitions_are_said() -> None:
    grid = PartitionGrid(empty="No partitions [/ yet.")
    async with Stage(grid).run_test(size=NARROW) as pilot:
        await shows(pilot, "No partitions [/ yet.")
        grid.focus()
        await pilot.press("j", "V", "n", "G", "enter", "pagedown")
        assert not told(pilot.app, PartitionGrid.CellSelected)


def a_matrix() -> PartitionMatrix:
    matrix = PartitionMatrix()
    days = [str(date(2026, 1, 1) + timedelta(days=number)) for number in range(200)]
    matrix.show([("stg[/", ["succeeded"] * 200), ("fct", ["failed" if number == 101 else "waiting" for number in range(200)])], days)
    return matrix


async def test_a_cell_of_several_partitions_shows_the_failure_and_leads_to_it() -> None:
    matrix = a_matrix()
    async with Stage(matrix).run_test(size=NARROW) as pilot:
        matrix.focus()
        text = await shows(pilot, "stg[/", "✗", "Jan", "Apr")
        assert matrix.per_cell == 3
        assert text.splitlines()[2].count("✗") == 1

        await pilot.press("n", "enter")
        await until(pilot, lambda: told(pilot.app, PartitionMatrix.CellSelected))
        selected = told(pilot.app, PartitionMatrix.CellSelected)[0]
        assert (selected.row, selected.key, selected.status) == ("fct", "2026-04-12", "failed")


async def test_zoom_changes_what_a_cell_stands_for_and_keeps_the_cursor_in_sight() -> None:
    matrix = a_matrix()
    async with Stage(matrix).run_test(size=NARROW) as pilot:
        matrix.focus()
        await pilot.press("G", "plus", "plus", "plus")

        await until(pilot, lambda: matrix.per_cell == 1)
        await until(pilot, lambda: matrix.scroll_x > 100)
        assert matrix.under_cursor() == ("stg[/", "2026-07-18", "succeeded")

        await pilot.press("minus", "minus", "j", "h")
        await until(pilot, lambda: matrix.per_cell == 4 and (matrix.under_cursor() or ("",))[0] == "fct")


def ticks(number: int) -> list[TickCell]:
    return [TickCell(f"t{one}", "failed" if one == 2 else "skipped", at(30 * one), f"no [/ keys {one}") for one in range(number)]


async def test_ticks_are_cells_with_times_above_and_words_below() -> None:
    strip = TickStrip(empty="No ticks yet.")
    async with Stage(strip).run_test(size=NARROW) as pilot:
        await shows(pilot, "No ticks yet.")
        strip.focus()
        strip.show(ticks(10), at(300))
        await shows(pilot, "14:00", "· · ✗ ·", "▸ 14:04:30 (30s ago)  · skipped  no [/ keys 9")

        await pilot.press("h", "enter")
        await until(pilot, lambda: told(pilot.app, TickStrip.TickSelected))
        assert [message.tick_id for message in told(pilot.app, TickStrip.TickHighlighted)] == ["t9", "t8"]

        strip.show(ticks(12), at(360))
        await shows(pilot, "no [/ keys 8")


async def test_the_last_tick_is_followed_until_the_cursor_leaves_it() -> None:
    strip = TickStrip()
    async with Stage(strip).run_test(size=NARROW) as pilot:
        strip.show(ticks(100), at(3_000))
        strip.show(ticks(101), at(3_030))
        assert strip.cursor_id == "t100"
        await shows(pilot, "keys 100")

        await pilot.click(strip, offset=(1, 1))
        await until(pilot, lambda: strip.cursor_id == "t62")
        strip.show(ticks(102), at(3_060))
        assert strip.cursor_id == "t62"
