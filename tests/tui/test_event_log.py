from __future__ import annotations

import pytest

from partita_client.tui.widgets.event_log import EventLog, LogLine
from partita_client.tui.widgets.log_view import LogView
from partita_client.tui.widgets.ring import Ring
from support.screens import NARROW, WIDE, Stage, screen_lines, screen_text, shows, told, until

pytestmark = pytest.mark.anyio


def an_event(number: int, text: str = "step started", *, level: str = "info", details: tuple[str, ...] = ()) -> LogLine:
    return LogLine(f"e{number}", ((f"#{number} ", "dim"), (text, "")), level, details)


def events(*numbers: int) -> list[LogLine]:
    return [an_event(number) for number in numbers]


def a_log(*lines: LogLine, limit: int = 20_000) -> EventLog:
    log = EventLog(limit=limit, id="events")
    log.extend(lines)
    return log


async def test_the_end_is_followed_and_text_is_shown_as_it_is() -> None:
    log = a_log(*events(*range(100)))
    async with Stage(log).run_test(size=NARROW) as pilot:
        await shows(pilot, "#99 step started")

        log.extend([an_event(100, "KeyError: [/ a[b]c[/red] \x1b[31mred\x1b[0m", level="error"), an_event(101, "[type=x, v={'a[0]'}]\nsecond")])

        text = await shows(pilot, "#100 KeyError: [/ a[b]c[/red] red", "#101 [type=x, v={'a[0]'}]⏎second")
        assert text.splitlines()[-1].strip().startswith("#101")


async def test_an_empty_log_says_so() -> None:
    log = EventLog(empty="Nothing happened [/ yet.")
    async with Stage(log).run_test(size=NARROW) as pilot:
        await shows(pilot, "Nothing happened [/ yet.")
        log.extend(events(1))
        await shows(pilot, "#1")
        log.clear()
        await shows(pilot, "Nothing happened")


async def test_following_stops_at_the_first_scroll_up_and_says_what_has_come() -> None:
    log = a_log(*events(*range(100)))
    async with Stage(log).run_test(size=NARROW) as pilot:
        log.focus()
        await pilot.press("k", "k", "k")
        await until(pilot, lambda: not log.is_following)
        log.scroll_to(y=40, animate=False)
        await until(pilot, lambda: screen_lines(pilot.app)[0].strip().startswith("#40"))

        log.extend(events(*range(100, 107)))

        text = await shows(pilot, "7 new ▼")
        assert text.splitlines()[0].strip().startswith("#40")

        await pilot.press("G")
        await until(pilot, lambda: log.is_following and "new ▼" not in screen_text(pilot.app))
        await shows(pilot, "#106")
        assert [message.is_following for message in told(pilot.app, LogView.FollowChanged)] == [False, True]


async def test_the_wheel_stops_following_and_takes_it_up_at_the_end() -> None:
    log = a_log(*events(*range(100)))
    async with Stage(log).run_test(size=NARROW) as pilot:
        await shows(pilot, "#99")
        log.scroll_relative(y=-3, animate=False)
        await until(pilot, lambda: not log.is_following)
        log.scroll_relative(y=3, animate=False)
        await until(pilot, lambda: log.is_following)


async def test_what_is_read_stays_in_place_when_old_lines_go() -> None:
    log = a_log(*events(*range(100)), limit=100)
    async with Stage(log).run_test(size=NARROW) as pilot:
        log.is_following = False
        log.scroll_to(y=50, animate=False)
        await until(pilot, lambda: screen_lines(pilot.app)[0].strip().startswith("#50"))

        log.extend(events(*range(100, 120)))

        await shows(pilot, "20 new ▼")
        assert screen_lines(pilot.app)[0].strip().startswith("#50")
        assert next(iter(log.entries())).id == "e20"


async def test_details_unfold_below_their_event() -> None:
    log = a_log(*events(*range(50)), an_event(50, "asset materialized", details=("rows 1 204 331", "path [/ s3")), an_event(51))
    async with Stage(log).run_test(size=NARROW) as pilot:
        log.focus()
        await pilot.press("k", "enter")

        text = await shows(pilot, "▸#50 asset materialized", "├ rows 1 204 331", "╰ path [/ s3")
        assert text.splitlines()[-1].strip().startswith(("╰", "#51"))
        assert [message.line_id for message in told(pilot.app, LogView.LineSelected)] == ["e50"]

        await pilot.press("enter")
        await until(pilot, lambda: "├ rows" not in screen_text(pilot.app))


async def test_long_lines_are_cut_or_wrapped_and_nothing_is_lost() -> None:
    log = a_log(an_event(1, "a " * 60 + "end"), an_event(2, "日本" * 30 + "tail"), an_event(3))
    async with Stage(log).run_test(size=NARROW) as pilot:
        log.focus()
        assert "end" not in screen_text(pilot.app)

        await pilot.press("w")
        text = await shows(pilot, "end", "tail", "#3")
        assert len(text.strip().splitlines()) == 5

        await pilot.resize_terminal(40, 24)
        await until(pilot, lambda: len(screen_text(pilot.app).strip().splitlines()) == 9)

        await pilot.press("w")
        await until(pilot, lambda: len([line for line in screen_lines(pilot.app) if "#" in line]) == 3 and "end" not in screen_text(pilot.app))


async def test_unfolded_details_stay_with_their_event_when_lines_wrap_and_old_ones_go() -> None:
    log = a_log(an_event(0), an_event(1, "x" * 100, details=("one", "two")), an_event(2), limit=3)
    async with Stage(log).run_test(size=NARROW) as pilot:
        log.focus()
        await pilot.press("k", "enter", "w")
        await until(pilot, lambda: [line.strip()[:2].strip() for line in screen_lines(pilot.app)[:6]] == ["#0", "▸#", "xx", "├", "╰", "#2"])

        log.extend([an_event(3)])
        await until(pilot, lambda: [line.strip()[:2].strip() for line in screen_lines(pilot.app)[:6]] == ["▸#", "xx", "├", "╰", "#2", "#3"])

        log.extend([an_event(4), an_event(5)])
        await until(pilot, lambda: [line.strip()[:2].strip() for line in screen_lines(pilot.app)[:4]] == ["#3", "#4", "#5", ""])


async def test_a_search_is_typed_marks_what_it_finds_and_goes_through_it() -> None:
    log = a_log(*(an_event(number, "a KeyError here" if number % 40 == 5 else "fine") for number in range(200)))
    async with Stage(log).run_test(size=NARROW) as pilot:
        log.focus()
        await pilot.press("slash", *"keyerx", "backspace")
        await shows(pilot, "/keyer▏")

        await pilot.press("enter")
        await until(pilot, lambda: log.cursor_id == "e165")
        await shows(pilot, "5 × keyer")
        await pilot.press("N")
        await until(pilot, lambda: log.cursor_id == "e125")
        await pilot.press("n")
        await until(pilot, lambda: log.cursor_id == "e165")
        assert not log.next_match()
        assert log.search("KEYERROR") == 5
        assert not log.is_following

        assert log.search("nowhere") == 0
        await shows(pilot, "0 × nowhere")
        await pilot.press("escape")
        await until(pilot, lambda: "×" not in screen_text(pilot.app))


async def test_keys_are_letters_only_while_a_search_is_typed() -> None:
    log = a_log(*events(*range(3)))
    async with Stage(log).run_test(size=NARROW) as pilot:
        log.focus()
        assert log.check_action("next_match", ()) is False
        await pilot.press("slash", "f", "escape")

        await until(pilot, lambda: "▏" not in screen_text(pilot.app))
        assert log.is_following
        await pilot.press("f")
        await until(pilot, lambda: not log.is_following)


async def test_other_events_take_the_place_of_all() -> None:
    log = a_log(*events(*range(300)))
    async with Stage(log).run_test(size=NARROW) as pilot:
        log.set_lines(events(7, 8))

        await until(pilot, lambda: [line.strip() for line in screen_lines(pilot.app)][:3] == ["#7 step started", "#8 step started", ""])


async def test_a_burst_is_one_repaint_and_old_lines_are_not_drawn_again() -> None:
    log = a_log(*events(*range(20_000)))
    async with Stage(log).run_test(size=WIDE) as pilot:
        await shows(pilot, "#19999")
        assert log.drawn <= 2 * WIDE[1]

        before = log.drawn
        log.extend(events(*range(20_000, 30_000)))
        await shows(pilot, "#29999")
        assert log.drawn - before == WIDE[1]

        before = log.drawn
        log.extend(events(30_000))
        await shows(pilot, "#30000")
        assert log.drawn - before == 1


def test_numbers_of_a_ring_count_on_when_old_entries_go() -> None:
    ring: Ring[str] = Ring(3)

    gone = [ring.extend([name], lambda name: len(name)) for name in ("a", "bb", "c", "dddd", "e", "ff", "g")]

    assert gone == [0, 0, 0, 1, 2, 1, 4]
    assert (ring.first, ring.after, len(ring), ring.lines) == (4, 7, 3, 4)
    assert [ring[number] for number in range(4, 7)] == ["e", "ff", "g"]
    assert [ring.at_line(line) for line in range(4)] == [(4, 0), (5, 0), (5, 1), (6, 0)]
    assert [ring.line_of(number) for number in range(4, 7)] == [0, 1, 3]

    ring.set_height(5, 5)
    assert (ring.lines, ring.at_line(6), ring.height_of(5)) == (7, (6, 0), 5)
    ring.measure(lambda _: 1)
    assert (ring.lines, ring.at_line(2)) == (3, (6, 0))
    ring.clear()
    assert (len(ring), ring.lines, ring.after) == (0, 0, 7)
