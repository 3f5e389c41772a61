from __future__ import annotations

import pytest
from textual.theme import BUILTIN_THEMES

from partita_client.tui.render.states import mark_line, words
from partita_client.tui.widgets.line_text import LineText
from partita_client.tui.widgets.line_view import LineView
from partita_client.tui.widgets.styles import STYLES
from support.screens import NARROW, Stage, screen_text, shows, until

pytestmark = pytest.mark.anyio
STATES = [mark_line("run", word) for word in words("run")]


def colours(view: LineView) -> dict[str, object]:
    return {name: view.brush.style(name).color for name in STYLES}


async def test_every_theme_colours_every_state_and_a_change_is_seen_at_once() -> None:
    text = LineText(STATES)
    stage = Stage(text)
    seen: set[object] = set()
    async with stage.run_test(size=NARROW) as pilot:
        for name in BUILTIN_THEMES:
            stage.theme = name
            await pilot.pause()
            found = colours(text)
            assert found["ok"] != found["failed"] != found["running"], name
            seen.add(str(found))
            await shows(pilot, "✗ failed")
    assert len(seen) > len(BUILTIN_THEMES) / 2


async def test_states_are_told_without_any_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = LineText(STATES)
    async with Stage(text).run_test(size=NARROW) as pilot:
        await shows(pilot, "✓ succeeded", "✗ failed", "◌ queued", "▓ running", "⏹ canceled")


async def test_the_focus_changes_how_the_cursor_is_shown() -> None:
    first, second = LineText("one"), LineText("two")
    stage = Stage(first, second)
    async with stage.run_test(size=NARROW) as pilot:
        first.focus()
        await until(pilot, lambda: first.has_focus)
        await pilot.pause()
        assert first.brush.style("cursor").bgcolor != second.brush.style("cursor").bgcolor


async def test_a_style_that_does_not_exist_is_a_mistake_of_ours() -> None:
    text = LineText("one")
    async with Stage(text).run_test(size=NARROW) as pilot:
        await shows(pilot, "one")
        with pytest.raises(AssertionError, match="vivid"):
            text.brush.style("ok vivid")
        assert "one" in screen_text(pilot.app)
