from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from partita_client.tui.render.gantt import Attempt, GanttRow, Window, axis, bar, head, whole
from partita_client.tui.render.text import line_text, line_width

START = datetime(2026, 11, 22, 14, tzinfo=UTC)
HUNDRED = Window(START, START, 100.0, 100)
"""A hundred seconds in as many cells."""


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def a_row(*attempts: Attempt, status: str = "succeeded", note: str = "") -> GanttRow:
    return GanttRow("step", "step", status, attempts, note=note)


def drawn(row: GanttRow, window: Window = HUNDRED, now: float = 100) -> str:
    line = bar(row, window, at(now))
    assert line_width(line) == window.width
    return line_text(line).rstrip()


def test_a_bar_shows_what_was_waited_and_what_was_run() -> None:
    assert drawn(a_row(Attempt(at(10), at(20), "succeeded", queued_at=at(5)))) == " " * 5 + "░" * 5 + "█" * 10


@pytest.mark.parametrize(("end", "last"), [(10.125, "▏"), (10.5, "▌"), (10.875, "▉"), (11, "█")])
def test_a_bar_ends_on_an_eighth_of_a_cell(end: float, last: str) -> None:
    assert drawn(a_row(Attempt(at(0), at(end), "succeeded"))) == "█" * 10 + last


def test_a_bar_of_no_length_is_still_seen() -> None:
    assert drawn(a_row(Attempt(at(3), at(3), "succeeded"))) == "   ▏"


def test_a_running_bar_grows_with_now() -> None:
    row = a_row(Attempt(at(10), None, "running"), status="running")

    assert drawn(row, now=20) == " " * 10 + "█" * 9 + "▒"
    assert drawn(row, now=30) == " " * 10 + "█" * 19 + "▒"


def test_a_failure_is_told_by_a_sign_and_each_attempt_stands_by_itself() -> None:
    row = a_row(Attempt(at(0), at(10), "failed"), Attempt(at(20), at(30), "succeeded"))

    assert drawn(row) == "█" * 10 + "✗" + " " * 9 + "█" * 10 + " ↻ attempt 2"


def test_a_note_stands_beside_its_bar_and_is_never_markup() -> None:
    assert drawn(a_row(Attempt(at(0), at(5), "failed"), status="failed", note="KeyError: [/ \x1b[31m'x'")) == "█" * 5 + "✗ KeyError: [/ 'x'"
    assert drawn(a_row(status="pending", note="waits for raw")) == " waits for raw"


def test_a_note_without_room_is_left_out() -> None:
    assert drawn(a_row(Attempt(at(0), at(98), "failed"), status="failed", note="KeyError")) == "█" * 98 + "✗"


def test_what_is_outside_the_window_is_not_drawn() -> None:
    window = Window(START, at(50), 100.0, 100)

    assert drawn(a_row(Attempt(at(10), at(20), "succeeded")), window) == ""
    assert drawn(a_row(Attempt(at(40), at(60), "succeeded")), window) == "█" * 10
    assert drawn(a_row(Attempt(at(140), at(400), "succeeded")), window) == " " * 90 + "█" * 10


def test_the_whole_run_has_room_and_a_little_more() -> None:
    rows = [a_row(Attempt(at(5), at(80), "succeeded", queued_at=at(1))), a_row(Attempt(at(60), None, "running"), status="running")]

    window = whole(rows, 100, now=at(200), started_at=at(0))

    assert window.start == at(0)
    assert 200 < window.seconds < 240


def test_zooming_keeps_its_point_and_panning_stops_at_the_start() -> None:
    window = HUNDRED.zoomed(2, 0.5)

    assert (window.start, window.seconds) == (at(25), 50.0)
    assert window.panned(-10).start == START
    assert HUNDRED.zoomed(1_000_000).seconds == 1.0


def test_the_axis_counts_from_the_start_and_says_where_now_is() -> None:
    text = line_text(axis(HUNDRED, at(73), is_live=True))

    assert text.startswith("0s        10s       20s")
    assert text[73:77] == "┃now"
    assert "┃" not in line_text(axis(HUNDRED, at(73), is_live=False))


@pytest.mark.parametrize("seconds", [1, 7, 60, 600, 5_000, 90_000, 3_000_000])
@pytest.mark.parametrize("width", [1, 9, 60, 200])
def test_an_axis_takes_exactly_its_cells(seconds: float, width: int) -> None:
    assert line_width(axis(Window(START, at(seconds / 3), seconds, width), at(seconds / 2), is_live=True)) == width


def test_the_head_says_name_state_and_how_long() -> None:
    assert line_text(head(a_row(Attempt(at(0), at(62), "succeeded")), 30, at(100))).split() == ["step", "✓", "1m02s"]
    assert line_text(head(a_row(status="pending"), 40, at(100))).split() == ["step", "◌", "pending"]
    assert all(line_width(head(a_row(), width, at(1))) == width for width in (20, 33, 50))
