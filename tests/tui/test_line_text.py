from __future__ import annotations

import pytest

from partita_client.tui.widgets.line_text import CapturedOutput, LineText, PlainLine
from support.screens import NARROW, Stage, screen_lines, screen_text, shows, until

pytestmark = pytest.mark.anyio
TRACEBACK = "Traceback (most recent call last):\n  File \"x.py\", line 3, in f[/red]\nValueError: [type=x, v={'a[0]'}] \x1b[31m!\x1b[0m\n"


async def test_a_block_of_text_is_shown_from_its_beginning_as_it_is() -> None:
    text = LineText(TRACEBACK + "more\n" * 100)
    async with Stage(text).run_test(size=NARROW) as pilot:
        shown = await shows(pilot, "in f[/red]", "ValueError: [type=x, v={'a[0]'}] !")
        assert shown.startswith("Traceback")

        text.show([(("styled [/ ", "ok"), ("pieces", "dim"))])
        await until(pilot, lambda: screen_text(pilot.app).strip() == "styled [/ pieces")


async def test_a_long_line_wraps_and_scrolls_by_keys() -> None:
    text = LineText("\n".join(["x" * 100, *(f"line {number}" for number in range(60))]))
    async with Stage(text).run_test(size=NARROW) as pilot:
        text.focus()
        await until(pilot, lambda: [len(line.strip()) for line in screen_lines(pilot.app)][1] in (20, 21, 22))
        await pilot.press("j", "j")
        await until(pilot, lambda: screen_lines(pilot.app)[0].startswith("line 0"))
        await pilot.press("G")
        await shows(pilot, "line 59")
        await pilot.press("g")
        await until(pilot, lambda: screen_lines(pilot.app)[0].startswith("xxx"))


async def test_a_search_in_a_text_shows_its_place() -> None:
    text = LineText("\n".join(f"line {number}" for number in range(200)))
    async with Stage(text).run_test(size=NARROW) as pilot:
        assert text.search("LINE 15") == 11
        await shows(pilot, "line 15")
        text.focus()
        await pilot.press("n", "n")
        await shows(pilot, "line 151")
        text.scroll_to(y=155, animate=False)
        assert text.search("line 1") == 111
        await until(pilot, lambda: text.cursor_id == "155")


async def test_bytes_in_any_portions_become_lines() -> None:
    output = CapturedOutput(empty="Nothing was written.")
    async with Stage(output).run_test(size=NARROW) as pilot:
        await shows(pilot, "Nothing was written.")
        for byte in "größe 日本\r\nten %\rall \x1b[1mdone\x1b[0m\n".encode():
            output.feed(bytes([byte]))
        output.feed(b"bad \xff byte\nno end")

        await shows(pilot, "größe 日本", "all done", "bad \ufffd byte", "no end")
        output.feed(b" yet" + "ß".encode()[:1])
        await shows(pilot, "no end yet")
        assert [entry.pieces[0][0] for entry in output.entries()][-1] == "no end yet"

        output.end()
        await shows(pilot, "no end yet\ufffd")
        assert output.is_ended


async def test_output_is_followed_and_kept_to_a_limit() -> None:
    output = CapturedOutput(limit=50)
    async with Stage(output).run_test(size=NARROW) as pilot:
        output.feed(b"".join(b"line %d\n" % number for number in range(1_000)))

        await shows(pilot, "line 999")
        assert len(list(output.entries())) == 50

        output.clear()
        await until(pilot, lambda: not screen_text(pilot.app).strip() or "Nothing" in screen_text(pilot.app))


async def test_a_line_without_an_end_is_shown_when_it_is_long() -> None:
    output = CapturedOutput()
    async with Stage(output).run_test(size=NARROW) as pilot:
        output.feed(b"." * 10_000)
        await shows(pilot, "." * 70)


async def test_a_plain_line_is_drawn_as_it_is_and_only_when_it_changes() -> None:
    line = PlainLine("prod ▸ Runs [/")
    async with Stage(line).run_test(size=NARROW) as pilot:
        await shows(pilot, "prod ▸ Runs [/")

        line.show((("✗ failed", "failed"), (" \x1b[31mnow [/red]", "")))

        await shows(pilot, "✗ failed now [/red]")
        assert all(len(row) == NARROW[0] for row in screen_lines(pilot.app))
