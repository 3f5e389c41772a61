"""Calendars drawn with characters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from partita.cli.calendars import SHADES, draw_calendar
from partita.planning.simulation_summary import Cell, Cells, Scale

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def cells(**given: int) -> Cells:
    """Days of January by number, such as `d5=3`."""
    return {f"2026-01-{int(name[1:]):02}": Cell(run_count=count, failed_count=0) for name, count in given.items()}


def drawn(counted: Cells, last: datetime, *, scale: Scale = "day", width: int = 80) -> list[str]:
    return [line.plain for line in draw_calendar(counted, FIRST, last, scale=scale, width=width)]


def test_shades_go_from_the_least_to_the_most() -> None:
    lines = drawn(cells(d1=100, d2=103, d3=105, d4=107, d5=101), datetime(2026, 1, 20, tzinfo=UTC))

    assert lines == [
        "    Jan",
        "Mon   ░ · ·",
        "Tue   · ·",
        "Wed   · ·",
        "Thu ░ · ·",
        "Fri ▒ · ·",
        "Sat ▓ · ·",
        "Sun █ · ·",
        "· none  ░ 100-101  ▒ 102-103  ▓ 104-105  █ 106-107 a day",
    ]


def test_nothing_at_all_is_an_empty_calendar() -> None:
    assert drawn({}, FIRST + timedelta(days=2)) == ["    Jan", "Mon", "Tue", "Wed", "Thu ·", "Fri ·", "Sat", "Sun", "· none"]


def test_where_all_failed_and_how_many_is_said_without_colour() -> None:
    counted = {"2026-01-01": Cell(run_count=2, failed_count=2), "2026-01-02": Cell(run_count=3, failed_count=1)}

    lines = drawn(counted, FIRST + timedelta(days=2))

    assert (lines[4], lines[5]) == ("Thu ×", "Fri █")
    assert lines[-1] == "× all failed; 3 failed in 2 of 2 days with runs; most at 2026-01-01: 2"


def test_a_narrow_terminal_gets_narrow_weeks_in_blocks() -> None:
    lines = drawn({}, datetime(2027, 3, 1, tzinfo=UTC), width=40)

    assert [line for line in lines if line[:3].strip() == "" and line] == [
        "    Jan Feb Mar  Apr May  Jun Jul Aug",
        "    Sep    Nov  Dec Jan 2027",
    ]
    assert max(map(len, lines)) == 40
    assert lines.count("") == 1


@given(counts=st.lists(st.integers(0, 2000), min_size=1, max_size=31))
def test_the_legend_says_of_every_day_what_its_shade_means(counts: list[int]) -> None:
    counted = cells(**{f"d{number}": count for number, count in enumerate(counts, start=1) if count})

    *rows, legend = drawn(counted, datetime(2026, 2, 1, tzinfo=UTC))[1:]

    words = legend.replace(",", "").removesuffix(" a day").split()
    meant = {shade: [int(number) for number in words[words.index(shade) + 1].split("-")] for shade in SHADES if shade in words}
    for number, count in enumerate(counts, start=1):
        day = datetime(2026, 1, number, tzinfo=UTC)
        shade = rows[day.weekday()].ljust(80)[4 + 2 * ((number + 2) // 7)]
        assert shade == "·" if count == 0 else meant[shade][0] <= count <= meant[shade][-1]
