from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita_client.tui.render.text import line_text, line_width
from partita_client.tui.widgets.table_columns import GAP, LEAD, Column, Columns
from partita_client.tui.widgets.table_marks import Marks
from partita_client.tui.widgets.table_rows import KeyedSource, Row, rows_source

COLUMNS = (
    Column("name", "name", width=6, is_flexible=True),
    Column("status", "status", width=8),
    Column("by", "by", width=5, drop=1),
    Column("tag", "tag", drop=2),
)


def keys(columns: Columns, width: int) -> list[str]:
    return [columns.all[place].key for place, _ in columns.lay_out(width)]


@given(st.lists(st.text(max_size=70), min_size=4, max_size=4), st.integers(25, 160))
def test_a_line_has_room_wherever_its_columns_can_be_cut_or_dropped(cells: list[str], width: int) -> None:
    columns = Columns(COLUMNS)
    columns.measure(cells)

    assert line_width(columns.line(cells, width)) <= width - LEAD


@pytest.mark.parametrize(("width", "left_out"), [(80, set()), (33, set()), (32, {"tag"}), (27, {"tag"}), (26, {"tag", "by"}), (5, {"tag", "by"})])
def test_the_least_important_columns_are_left_out_first(width: int, left_out: set[str]) -> None:
    assert keys(Columns(COLUMNS), width) == [column.key for column in COLUMNS if column.key not in left_out]


def test_a_flexible_column_takes_what_is_left_and_gives_way_first() -> None:
    columns = Columns(COLUMNS)
    columns.measure(["n" * 50, "succeeded", "alice", "core"])

    assert dict(columns.lay_out(60)) == {0: 60 - LEAD - 1 - 9 - 5 - 4 - 3 * GAP, 1: 9, 2: 5, 3: 4}
    assert line_text(columns.line(["n" * 50, "ok", "alice", "core"], 60)).startswith("n" * 31 + "…  ok")


def test_columns_only_grow_and_never_over_their_most() -> None:
    columns = Columns([Column("a", "a", max_width=10), Column("b", "b")])

    assert columns.measure(["x" * 99, "b"])
    assert not columns.measure(["x", "b"])
    assert columns.lay_out(80) == ((0, 10), (1, 4))


def test_a_column_is_found_by_its_cells() -> None:
    columns = Columns(COLUMNS)
    status = line_text(columns.line([column.title for column in COLUMNS], 80)).index("status") + LEAD

    assert [found and found.key for found in (columns.at(status, 80), columns.at(0, 80), columns.at(500, 80))] == ["status", None, None]


def test_rows_are_found_by_place_and_by_id_and_a_double_is_one_row() -> None:
    source = rows_source([Row("a", ("1",)), Row("b", ("2",)), Row("a", ("3",))])

    assert (len(source), source.id_at(0), source.index_of("b"), source.index_of("x")) == (2, "a", 1, None)
    assert source.row(0) == Row("a", ("3",))
    assert source.row(5) is None


def test_rows_that_are_not_here_are_counted_only() -> None:
    source = KeyedSource(["a"], lambda row_id: Row(row_id, ()), total=10)

    assert (len(source), source.is_loaded(0), source.is_loaded(1), source.row(1), source.id_at(1)) == (10, True, False, None, None)


def test_a_range_is_marked_for_good_only_when_it_ends() -> None:
    marks = Marks()
    marks.toggle("x")
    marks.begin("a")
    marks.stretch(frozenset("abc"))
    marks.stretch(frozenset("ab"))
    assert marks.ids == {"x", "a", "b"}

    marks.keep()
    assert (marks.ids, marks.anchor) == ({"x", "a", "b"}, None)
    assert marks.clear()
    assert not marks.clear()
