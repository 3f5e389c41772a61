from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita_client.tui.render.grid import Grid, counts_line, lay_out, paint, tally
from partita_client.tui.render.matrix import buckets, cell_state, fitting, paint_row, titles
from partita_client.tui.render.text import line_text


def days(start: date, number: int, step: int = 1) -> list[str]:
    return [str(start + timedelta(days=step * at)) for at in range(number)]


def picture(keys: list[str], statuses: list[str] | None = None, width: int = 80) -> list[str]:
    grid = lay_out(keys, width)
    return [
        line_text(paint(grid, row, statuses or ["materialized"] * len(keys), "partition", lambda _: "")).rstrip() for row in range(len(grid.rows))
    ]


KINDS_OF_KEYS = st.one_of(
    st.builds(days, st.dates(date(1990, 1, 1), date(2030, 1, 1)), st.integers(1, 900)),
    st.builds(days, st.dates(date(1990, 1, 1), date(2030, 1, 1)), st.integers(1, 200), st.just(7)),
    st.integers(1, 60).map(lambda number: [f"{2019 + at // 12}-{at % 12 + 1:02}-01" for at in range(number)]),
    st.integers(1, 300).map(lambda number: [f"{date(2026, 1, 1) + timedelta(days=at // 24)}-{at % 24:02}:00" for at in range(number)]),
    st.integers(1, 300).map(lambda number: [f"K{at}" for at in range(number)]),
)


@given(KINDS_OF_KEYS, st.integers(10, 120))
def test_every_partition_has_one_cell_and_the_cell_leads_back_to_it(keys: list[str], width: int) -> None:
    grid = lay_out(keys, width)

    assert len(set(grid.places)) == len(keys)
    assert all(grid.at(row, grid.indent + column * grid.pitch) == index for index, (row, column) in enumerate(grid.places))


@given(KINDS_OF_KEYS)
def test_steps_along_the_keys_lead_over_all_of_them_and_back(keys: list[str]) -> None:
    grid = lay_out(keys, 80)
    forward, back = ("down", "up") if grid.runs_down else ("right", "left")

    assert [grid.beside(at, forward) for at in range(len(keys))] == [*range(1, len(keys)), len(keys) - 1]
    assert [grid.beside(at, back) for at in range(len(keys))] == [0, *range(len(keys) - 1)]


def test_days_make_a_calendar_with_weeks_as_columns_and_months_apart() -> None:
    statuses = ["materialized"] * 57 + ["failed", "running", "stale", "missing"]

    assert picture(days(date(2026, 1, 1), 61), statuses) == [
        "2026  Jan   Feb  Mar",
        "Mon    ■■■■ ■■■■ □",
        "Tue    ■■■■ ■■■■",
        "Wed    ■■■■ ■■■■",
        "Thu   ■■■■■ ■■■■",
        "Fri   ■■■■■ ■■■✗",
        "Sat   ■■■■■ ■■■▓",
        "Sun   ■■■■■ ■■■◷",
    ]


def test_a_week_is_a_column_and_the_next_is_beside_it() -> None:
    keys = days(date(2026, 1, 1), 61)
    grid = lay_out(keys, 80)

    assert keys[grid.beside(keys.index("2026-01-07"), "right")] == "2026-01-14"
    assert keys[grid.beside(keys.index("2026-01-28"), "right")] == "2026-02-04"
    assert keys[grid.beside(keys.index("2026-01-14"), "left")] == "2026-01-07"
    assert grid.beside(0, "left") == 0


def test_years_follow_each_other() -> None:
    keys = days(date(2025, 12, 29), 10)
    grid = lay_out(keys, 80)

    assert [row.label for row in grid.rows if row.text] == ["2025", "2026"]
    assert keys[grid.beside(keys.index("2025-12-31"), "right")] == "2026-01-07"


def test_months_and_weeks_make_a_row_for_each_year() -> None:
    months = [f"{2019 + at // 12}-{at % 12 + 1:02}-01" for at in range(14)]

    assert picture(months) == ["      Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", "2019  " + "■   " * 11 + "■", "2020  ■   ■"]
    assert [line[:6].strip() for line in picture(days(date(2025, 12, 1), 8, step=7))] == ["", "2025", "2026"]


def test_hours_make_a_row_for_each_day_also_when_clocks_change() -> None:
    keys = [f"2026-10-25-{hour:02}:00" for hour in range(24)]
    repeated = [*keys[:2], "2026-10-25-01:00-0100", *keys[2:]]

    assert picture(keys)[1] == "2026-10-25  ■■■■■■ ■■■■■■ ■■■■■■ ■■■■■■"
    assert picture(repeated)[1] == "2026-10-25  ■■■■■■ ■■■■■■ ■■■■■■ ■■■■■■ ■"


def test_other_keys_run_on_from_row_to_row() -> None:
    lines = picture([f"K{at}" for at in range(25)], width=16)

    assert lines == ["K0   ■■■■■■■■■■", "K10  ■■■■■■■■■■", "K20  ■■■■■"]


def test_keys_that_only_look_like_days_run_on() -> None:
    assert picture(["2026-02-30", "2026-02-31"])[0].startswith("2026-02-30")
    assert picture(["2026-01-02", "2026-01-01"])[0].startswith("2026-01-02")


def test_nothing_is_drawn_of_no_partitions() -> None:
    assert picture([]) == []


def test_a_hundred_thousand_partitions_are_laid_out_once_and_drawn_by_row() -> None:
    keys = days(date(1800, 1, 1), 100_000)
    grid = lay_out(keys, 80)

    assert len(grid.places) == 100_000
    assert line_text(paint(grid, 1_001, ["materialized"] * len(keys), "partition", lambda _: "")).count("■") in range(45, 54)


def test_what_is_chosen_has_its_style_with_that_of_the_state() -> None:
    grid: Grid = lay_out(["a", "b", "c"], 80)

    line = paint(grid, 0, ["materialized", "failed", "missing"], "partition", lambda index: "cell" if index == 1 else "")

    assert line[1:] == (("■", "ok"), ("✗", "failed cell"), ("□", "missing"))


def test_counts_name_the_states_that_occur() -> None:
    counts = tally(["materialized"] * 1_319 + ["failed"] * 3 + ["hiber[/nating"])

    assert line_text(counts_line(counts, "partition")) == "■ materialized 1 319  ✗ failed 3  ? hiber[/nating 1"


@given(st.integers(1, 2_000), st.integers(1, 200))
def test_cells_stand_for_all_partitions_in_order_and_have_room(size: int, room: int) -> None:
    cells = buckets(size, fitting(size, room))

    assert [at for cell in cells for at in cell] == list(range(size))
    assert len(cells) <= room
    assert all(a.stop == b.start for a, b in pairwise(cells))


def test_a_cell_shows_the_worst_of_its_partitions() -> None:
    statuses = ["succeeded", "failed", "succeeded", "waiting", "succeeded", "succeeded"]
    cells = buckets(6, 2)

    assert [cell_state(statuses, cell) for cell in cells] == ["failed", "waiting", "succeeded"]
    assert line_text(paint_row("a[/", statuses, cells, kind="item", indent=6, chosen=lambda _: "")) == "a[/   ✗░■"


@pytest.mark.parametrize(
    ("keys", "shown"),
    [(days(date(2026, 1, 20), 40, 2), "     Jan   Feb           Mar             Apr"), (["K0", "K1", "K2", "K3"], "     K0 K3")],
)
def test_titles_name_months_or_keys_where_there_is_room(keys: list[str], shown: str) -> None:
    assert titles(keys, buckets(len(keys), 1), 5) == shown
