from __future__ import annotations

from typing import ClassVar

import pytest
from textual import on

from partita_client.tui.render.states import mark_line
from partita_client.tui.widgets.virtual_table import Column, KeyedSource, Row, VirtualTable
from support.screens import NARROW, WIDE, Stage, screen_lines, screen_text, shows, told, until

pytestmark = pytest.mark.anyio
COLUMNS = (
    Column("run", "run", width=8),
    Column("job", "job", width=8, is_flexible=True),
    Column("status", "status", width=9),
    Column("part", "part.", drop=2),
    Column("dur", "dur", align="right", is_sortable=True),
    Column("by", "by", width=20, drop=3),
    Column("steps", "steps", width=24, drop=4),
)


def a_row(number: int, *, job: str = "nightly_marts", status: str = "succeeded", version: int | None = None) -> Row:
    return Row(
        f"r{number}",
        (f"run{number:05}", job, mark_line("run", status), "2026-11-22", "1m13s", "schedule", "4/9"),
        version=hash(version) if version else None,
    )


def a_table(*rows: Row) -> VirtualTable:
    table = VirtualTable(*COLUMNS, empty="No runs match.", id="runs")
    table.set_rows(rows)
    return table


def rows(*numbers: int) -> list[Row]:
    return [a_row(number) for number in numbers]


async def test_rows_stand_under_their_titles_and_columns_that_have_no_room_are_left_out() -> None:
    table = a_table(*rows(*range(3)))
    async with Stage(table).run_test(size=WIDE) as pilot:
        text = await shows(pilot, "run00002", "✓ succeeded")
        assert text.splitlines()[0].split() == ["run", "job", "status", "part.", "dur", "by", "steps"]

        await pilot.resize_terminal(*NARROW)

        await until(pilot, lambda: "steps" not in screen_text(pilot.app))
        assert screen_lines(pilot.app)[0].split() == ["run", "job", "status", "part.", "dur", "by"]
        assert all(len(line) == NARROW[0] for line in screen_lines(pilot.app))


async def test_text_of_the_server_is_shown_as_it_is() -> None:
    nasty = ["[/", "[type=x, v={'a[0]'}]", "a[b]c[/red]", "\x1b[31mred\x1b[0m"]
    async with Stage(a_table(*(a_row(number, job=job) for number, job in enumerate(nasty)))).run_test(size=WIDE) as pilot:
        await shows(pilot, "[/ ", "[type=x, v={'a[0]'}]", "a[b]c[/red]", " red ")


async def test_an_empty_table_says_why() -> None:
    table = a_table()
    async with Stage(table).run_test(size=NARROW) as pilot:
        await shows(pilot, "No runs match.")

        table.set_empty("Nothing since [/ yesterday.")

        await shows(pilot, "Nothing since [/ yesterday.")


async def test_the_cursor_moves_by_vim_keys_and_is_told() -> None:
    table = a_table(*rows(*range(100)))
    async with Stage(table).run_test(size=NARROW) as pilot:
        table.focus()
        await pilot.press("j", "j", "k", "ctrl+d", "enter")

        await until(pilot, lambda: told(pilot.app, VirtualTable.RowSelected))
        assert (table.cursor_id, table.cursor_index) == ("r13", 13)
        assert [message.row_id for message in told(pilot.app, VirtualTable.RowHighlighted)] == ["r0", "r1", "r2", "r1", "r13"]
        selected = told(pilot.app, VirtualTable.RowSelected)[0]
        assert (selected.row_id, selected.index, selected.control) == ("r13", 13, table)

        await pilot.press("G")
        await shows(pilot, "▌  run00099")
        await pilot.press("g")
        await shows(pilot, "▌  run00000")


async def test_rows_that_come_above_never_move_the_cursor() -> None:
    table = a_table(*rows(*range(100)))
    async with Stage(table).run_test(size=NARROW) as pilot:
        table.focus()
        await pilot.press(*["j"] * 30)
        await shows(pilot, "▌  run00030")
        place = next(at for at, line in enumerate(screen_lines(pilot.app)) if line.startswith("▌"))

        table.set_rows(rows(*range(-12, 100)))

        await shows(pilot, "12 new ▲", "▌  run00030")
        assert screen_lines(pilot.app)[place].startswith("▌  run00030")
        assert (table.cursor_id, table.cursor_index) == ("r30", 42)
        await until(pilot, lambda: told(pilot.app, VirtualTable.RowHighlighted)[-1].index == 42)
        assert told(pilot.app, VirtualTable.RowHighlighted)[-1].row_id == "r30"

        await pilot.press("g")
        await until(pilot, lambda: "new ▲" not in screen_text(pilot.app))


async def test_at_the_top_new_rows_are_seen_and_the_cursor_stays_on_its_row() -> None:
    table = a_table(*rows(*range(100)))
    async with Stage(table).run_test(size=NARROW) as pilot:
        table.set_rows(rows(*range(-2, 100)))

        await shows(pilot, "run-0002", "▌  run00000")
        assert table.cursor_id == "r0"


async def test_a_row_that_is_gone_leaves_the_cursor_to_the_one_that_took_its_place() -> None:
    table = a_table(*rows(0, 1, 2, 3))
    async with Stage(table).run_test(size=NARROW) as pilot:
        assert table.move_to("r2")
        table.set_rows(rows(0, 1, 3))
        assert table.cursor_id == "r3"
        table.set_rows(rows(0))
        assert table.cursor_id == "r0"
        table.set_rows([])
        assert table.cursor_id is None
        await shows(pilot, "No runs match.")
        assert not table.move_to("r2")


async def test_rows_are_marked_one_by_one_and_by_range_whatever_order_they_come_to() -> None:
    table = a_table(*rows(*range(10)))
    async with Stage(table).run_test(size=NARROW) as pilot:
        table.focus()
        await pilot.press("space", "j", "V", "j", "j", "V")

        await until(pilot, lambda: table.marked == {"r0", "r2", "r3", "r4"})
        table.set_rows(rows(*reversed(range(10))))
        await shows(pilot, "●  run00002", "●  run00003", "▌● run00004", "●  run00000")
        assert told(pilot.app, VirtualTable.MarksChanged)[-1].row_ids == table.marked

        await pilot.press("escape")
        await until(pilot, lambda: not table.marked)


async def test_escape_is_left_to_the_screen_when_nothing_is_marked() -> None:
    table = a_table(*rows(0))
    async with Stage(table).run_test(size=NARROW):
        assert table.check_action("clear_marks", ()) is False
        table.action_mark()
        assert table.check_action("clear_marks", ()) is True


async def test_a_range_shrinks_when_the_cursor_comes_back() -> None:
    table = a_table(*rows(*range(10)))
    async with Stage(table).run_test(size=NARROW) as pilot:
        table.focus()
        await pilot.press("V", "j", "j", "k")

        await until(pilot, lambda: table.marked == {"r0", "r1"})


async def test_rows_that_are_not_here_are_asked_for_once_and_drawn_when_they_come() -> None:
    ids = [f"r{number}" for number in range(50)]
    table = VirtualTable(*COLUMNS)
    table.set_source(KeyedSource(ids, lambda row_id: a_row(int(row_id[1:])), total=1_000))
    async with Stage(table).run_test(size=NARROW) as pilot:
        table.focus()
        await pilot.press("pagedown", "pagedown", "j", "j", "j", "j")
        await shows(pilot, "run00048", "▒▒▒")

        asked = [(message.first, message.last) for message in told(pilot.app, VirtualTable.NeedPage)]
        assert asked[0][0] == 50
        assert len(asked) == len(set(asked))
        assert table.visible_ids()[-1] == "r49"

        more = [f"r{number}" for number in range(200)]
        table.set_source(KeyedSource(more, lambda row_id: a_row(int(row_id[1:])), total=1_000))
        await until(pilot, lambda: "▒▒▒" not in screen_text(pilot.app))
        assert (table.cursor_id, table.cursor_index) == ("r50", 50)


async def test_a_click_moves_then_opens_and_a_title_asks_for_an_order() -> None:
    table = a_table(*rows(*range(10)))
    async with Stage(table).run_test(size=NARROW) as pilot:
        await pilot.click(table, offset=(10, 4))
        await until(pilot, lambda: table.cursor_id == "r3")
        assert not told(pilot.app, VirtualTable.RowSelected)

        await pilot.click(table, offset=(10, 4))
        await until(pilot, lambda: [message.row_id for message in told(pilot.app, VirtualTable.RowSelected)] == ["r3"])

        await pilot.click(table, offset=(screen_lines(pilot.app)[0].index("dur"), 0))
        await pilot.click(table, offset=(screen_lines(pilot.app)[0].index("status"), 0))
        await until(pilot, lambda: [message.column_key for message in told(pilot.app, VirtualTable.SortRequested)] == ["dur"])
        assert table.cursor_id == "r3"

        table.set_sort("dur", is_descending=True)
        await shows(pilot, "dur ▾")


async def test_messages_are_told_apart_by_the_id_of_their_table() -> None:
    class Two(Stage):
        opened: ClassVar[list[str]] = []

        @on(VirtualTable.RowSelected, "#jobs")
        def open_job(self, message: VirtualTable.RowSelected) -> None:
            self.opened.append(message.row_id)

    runs, jobs = a_table(a_row(1)), VirtualTable(*COLUMNS, id="jobs")
    jobs.set_rows([a_row(2)])
    stage = Two(runs, jobs)
    async with stage.run_test(size=WIDE) as pilot:
        for table in (runs, jobs):
            table.focus()
            await pilot.press("enter")

        await until(pilot, lambda: len(told(stage, VirtualTable.RowSelected)) == 2)
        assert stage.opened == ["r2"]


async def test_clicks_count_from_inside_the_border() -> None:
    table = a_table(*rows(*range(10)))
    table.styles.border = ("round", "white")
    async with Stage(table).run_test(size=NARROW) as pilot:
        await pilot.click(table, offset=(10, 5))
        await until(pilot, lambda: table.cursor_id == "r3")
        await pilot.click(table, offset=(10, 0))
        await pilot.click(table, offset=(screen_lines(pilot.app)[1].index("dur"), 1))
        await until(pilot, lambda: told(pilot.app, VirtualTable.SortRequested))
        assert table.cursor_id == "r3"


async def test_only_what_changed_is_drawn_again() -> None:
    table = a_table(*rows(*range(10_000)))
    async with Stage(table).run_test(size=WIDE) as pilot:
        table.focus()
        await shows(pilot, "run00034")
        assert table.drawn <= 2 * WIDE[1]

        before = table.drawn, table.painted
        await pilot.press("j")
        await until(pilot, lambda: table.cursor_index == 1 and screen_lines(pilot.app)[2].startswith("▌"))
        assert table.drawn - before[0] == 2
        assert table.painted - before[1] <= 4

        before = table.drawn, table.painted
        changed = [a_row(5, status="failed") if number == 5 else a_row(number) for number in range(10_000)]
        table.set_rows(changed)
        await shows(pilot, "run00005  nightly_marts", "✗ failed")
        assert table.drawn - before[0] <= 2


async def test_a_row_that_changed_in_place_is_drawn_alone() -> None:
    statuses = dict.fromkeys((f"r{number}" for number in range(10_000)), "running")
    table = VirtualTable(*COLUMNS)
    table.set_source(KeyedSource(tuple(statuses), lambda row_id: a_row(int(row_id[1:]), status=statuses[row_id])))
    async with Stage(table).run_test(size=WIDE) as pilot:
        await shows(pilot, "▓ running")
        before = table.drawn, table.painted

        statuses["r3"] = "failed"
        table.changed(["r3", "r9000", "unknown"])

        await shows(pilot, "✗ failed")
        assert (table.drawn - before[0], table.painted - before[1]) == (1, 1)


async def test_a_version_stands_for_the_cells() -> None:
    table = a_table(a_row(1, job="first", version=1))
    async with Stage(table).run_test(size=NARROW) as pilot:
        await shows(pilot, "first")
        before = table.drawn

        table.set_rows([a_row(1, job="first", version=1)])
        await pilot.pause()
        assert table.drawn == before

        table.set_rows([a_row(1, job="second", version=2)])
        await shows(pilot, "second")


async def test_everything_can_be_drawn_in_ascii() -> None:
    table = a_table(a_row(1, status="failed"), a_row(2, job="日本"))
    stage = Stage(table)
    async with stage.run_test(size=NARROW) as pilot:
        stage.add_class("ascii")

        await shows(pilot, ">  run00001", "x failed", "日本")


async def test_a_table_wider_than_the_widget_scrolls_sideways() -> None:
    table = VirtualTable(Column("a", "a", width=38), Column("b", "b", width=30))
    table.set_rows([Row("1", ("left", "right"))])
    async with Stage(table).run_test(size=(40, 10)) as pilot:
        table.focus()
        assert "right" not in screen_text(pilot.app)

        await pilot.press("l", "l", "l", "l")

        await shows(pilot, "right")


async def test_columns_grow_with_rows_that_are_wider_and_keep_their_width() -> None:
    table = a_table(a_row(1, job="a"))
    async with Stage(table).run_test(size=WIDE) as pilot:
        table.set_columns(Column("run", "run"), Column("job", "job"), Column("status", "status"))
        table.set_rows([a_row(1, job="short")])
        await shows(pilot, "short")
        before = screen_lines(pilot.app)[0].index("status")

        table.set_rows([a_row(1, job="a much longer name")])
        await until(pilot, lambda: screen_lines(pilot.app)[0].index("status") > before)
        after = screen_lines(pilot.app)[0].index("status")

        table.set_rows([a_row(1, job="short")])
        await shows(pilot, "short ")
        assert screen_lines(pilot.app)[0].index("status") == after
