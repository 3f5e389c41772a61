from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from partita_client.tui.render.glyphs import to_ascii
from partita_client.tui.render.spark import progress, sparkline, tick_cells
from partita_client.tui.render.states import mark, mark_line, words, worst
from partita_client.tui.render.text import (
    ago,
    clock,
    count,
    cut,
    duration,
    fit,
    fit_line,
    joined,
    line_of,
    line_text,
    line_width,
    plain,
    plain_lines,
    until,
    wrap,
)

NOW = datetime(2026, 11, 22, 14, 2, 11, tzinfo=UTC)
NASTY = ["[/", "[type=x, v={'a[0]'}]", "a[b]c[/red]", "\\[bold]", "{curly} %s", "日本語テキスト", "naïve ünïcode"]
lines = st.lists(st.tuples(st.text(), st.sampled_from(["", "ok", "dim"])), max_size=5).map(tuple)


@pytest.mark.parametrize("text", NASTY)
def test_what_looks_like_markup_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("\x1b]0;title\x1b\\after", "after"),
        ("\x9b31mcsi", "31mcsi"),
        ("bell\x07 null\x00 del\x7f", "bell null del"),
        ("tab\there", "tab    here"),
        ("two\nlines\r\nthree\n", "two⏎lines⏎three"),
        ("⚠\ufe0f emoji\u200d", "⚠ emoji"),
        ("right\u202eto left", "rightto left"),
        ("half \ud83d", "half "),
    ],
)
def test_what_a_terminal_would_obey_or_miscount_is_gone(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text(alphabet=st.characters()), st.integers(1, 50))
def test_plain_text_is_one_printable_line_of_bounded_length(text: str, limit: int) -> None:
    shown = plain(text, limit)

    assert len(shown) <= limit
    assert not set(shown) & {chr(code) for code in (*range(32), *range(0x7F, 0xA0))}


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert plain("x" * 100, 10) == "x" * 9 + "…"
    assert plain_lines("x" * 100 + "\nshort\n", 10) == ["x" * 9 + "…", "short"]


@given(st.text(), st.integers(0, 30), st.sampled_from(["left", "right"]))
def test_a_fitted_text_takes_exactly_its_cells(text: str, width: int, align: str) -> None:
    shown = plain(text)

    assert cell_len(fit(shown, width, "right" if align == "right" else "left")) == width
    assert cell_len(cut(shown, width)) <= width


@given(lines, st.integers(0, 40))
def test_a_fitted_line_takes_exactly_its_cells(line: tuple[tuple[str, str], ...], width: int) -> None:
    assert line_width(fit_line(line_of(line), width)) == width


@given(lines, st.integers(2, 30))
def test_a_wrapped_line_loses_nothing_and_no_row_is_too_wide(line: tuple[tuple[str, str], ...], width: int) -> None:
    cleaned = line_of(line)

    rows = wrap(cleaned, width)

    assert "".join(line_text(row) for row in rows) == line_text(cleaned)
    assert all(line_width(row) <= width for row in rows)


def test_prose_is_broken_between_words_and_a_long_word_anywhere() -> None:
    rows = wrap((("The tables of the day before. ", ""), ("aaaaaaaaaaaaaaaaaaaaaaaaa", "dim")), 20)

    assert [line_text(row) for row in rows] == ["The tables of the ", "day before. ", "aaaaaaaaaaaaaaaaaaaa", "aaaaa"]


def test_a_line_is_cut_in_the_piece_where_the_room_ends() -> None:
    assert fit_line((("abc", "ok"), ("defgh", "dim")), 6) == (("abc", "ok"), ("de…", "dim"))
    assert fit_line((("abc", "ok"), ("def", "dim")), 3) == (("ab…", "ok"),)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.04, "40ms"),
        (3.24, "3.2s"),
        (9.96, "10s"),
        (41, "41s"),
        (59.6, "1m00s"),
        (73, "1m13s"),
        (3_700, "1h01m"),
        (273_600, "3d04h"),
        (None, "–"),
        (-1, "0ms"),
    ],
)
def test_durations(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown
    assert seconds is None or duration(timedelta(seconds=seconds)) == shown


def test_instants_relative_to_now() -> None:
    assert [ago(NOW - timedelta(seconds=seconds), NOW) for seconds in (-5, 12, 240, 7_300, 260_000)] == ["0s", "12s", "4m", "2h", "3d"]
    assert [until(at, NOW) for at in (NOW + timedelta(seconds=57), NOW + timedelta(hours=23), NOW, None)] == ["in 57s", "in 23h", "due", "–"]
    assert [clock(at, NOW) for at in (NOW, NOW - timedelta(days=2), None)] == ["14:02:11", "11-20 14:02", "–"]
    assert count(1_204_331) == "1 204 331"


def test_lines_are_joined_with_room_between() -> None:
    assert line_text(joined([mark_line("run", "failed"), (("4m", "dim"),)])) == "✗ failed  4m"


def test_every_state_has_a_sign_and_a_word_and_reads_in_ascii() -> None:
    for kind in ("run", "step", "partition", "tick", "backfill", "item", "location", "check", "automation", "asset", "level"):
        marks = [mark(kind, word) for word in words(kind)]
        assert all(cell_len(one.glyph) == 1 and one.word for one in marks)
        assert all(to_ascii(one.glyph).isascii() for one in marks)


def test_a_state_of_a_newer_server_is_shown_as_it_is() -> None:
    assert mark("run", "hiber[/nating") == ("?", "hiber[/nating", "dim")


def test_the_worst_state_is_never_averaged_away() -> None:
    assert worst(["materialized", "missing", "failed", "running"]) == "failed"
    assert worst(["succeeded", "waiting"]) == "waiting"
    assert worst(["succeeded", "a new word"]) == "a new word"
    assert worst([]) == "missing"


def test_ascii_takes_as_many_cells_as_the_signs() -> None:
    text = "╭─▶✓ stg_orders ─╰│ ▁▃█ …"

    assert to_ascii(text).isascii()
    assert len(to_ascii(text)) == len(text)


def test_a_sparkline_spans_from_its_least_to_its_most() -> None:
    assert sparkline([1, 2, 3, None, 8], 10) == "▁▂▃ █"
    assert sparkline([5, 5], 10) == "▁▁"
    assert sparkline([1, 2, 3], 2) == "▁█"
    assert sparkline([], 5) == ""


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 40))
def test_a_progress_bar_takes_exactly_its_cells(done: int, failed: int, waiting: int, width: int) -> None:
    assert line_width(progress(done, done + failed + waiting, width, failed)) == width


def test_progress_shows_a_failure_however_small() -> None:
    assert progress(999, 1_000, 10, failed=1) == (("█" * 9, "ok"), ("✗", "failed"))
    assert progress(1, 16, 2) == (("▏", "ok"), ("░", "missing"))


def test_ticks_that_have_no_room_share_a_cell_and_show_what_happened() -> None:
    assert line_text(tick_cells(["skipped", "succeeded", "failed"], 10)) == "·■✗"
    assert line_text(tick_cells(["skipped", "succeeded", "skipped", "skipped", "succeeded", "failed"], 3)) == "■·✗"
