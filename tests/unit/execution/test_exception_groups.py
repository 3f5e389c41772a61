"""What is recorded of an exception group: its members, as far as a screen can bear them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import partita as pt
from partita.records.events import StepFailed
from partita.records.failures import PythonError, render_error


def failure(function: Callable[..., Any]) -> PythonError:
    """What is recorded of an asset that fails."""
    result = pt.materialize([pt.asset(key="many")(function)], raise_on_error=False)
    [event] = [event for event in result.events if isinstance(event, StepFailed)]
    return event.error


def lookup() -> None:
    raise KeyError("b")


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def test_the_members_of_a_group_are_named_in_its_message() -> None:
    def many() -> None:
        raise ExceptionGroup("many", [ValueError("a"), KeyError("b")])

    assert failure(many).message == "many (2 sub-exceptions): ValueError: a; KeyError: 'b'"


def test_each_member_is_told_with_the_frames_of_its_author() -> None:
    async def many() -> None:
        async def second() -> None:
            lookup()

        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))
            group.create_task(second())

    text = "".join(failure(many).stack)

    assert "  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n" in text
    assert "    |     lookup()\n" in text
    assert text.endswith("    | KeyError: 'b'\n    +------------------------------------\n")
    assert "/partita/execution/" not in text


def test_groups_inside_a_group_and_causes_of_members_are_told_too() -> None:
    def many() -> None:
        told = ValueError("told")
        told.__cause__ = OSError("behind it")
        raise ExceptionGroup("outer", [ExceptionGroup("inner", [told, KeyError("b")]), TypeError("c")])

    error = failure(many)

    text = render_error(error)
    assert error.message == "outer (2 sub-exceptions): ExceptionGroup: inner (2 sub-exceptions); TypeError: c"
    assert "    |   +-+---------------- 1 ----------------\n    |     | OSError: behind it\n" in text
    assert "    |     | ValueError: told\n" in text
    assert "    | TypeError: c\n" in text


def test_an_exception_is_not_told_as_a_member_and_as_what_came_before() -> None:
    def many() -> None:
        try:
            lookup()
        except KeyError as error:
            raise ExceptionGroup("one", [error])  # noqa: B904 (what is raised while another is handled is what this is about)

    assert failure(many).cause is None


def test_of_many_or_long_members_some_are_left_out_and_it_is_said() -> None:
    def many() -> None:
        raise ExceptionGroup("many", [ValueError("x" * 1_000_000), *(KeyError(n) for n in range(99))])

    error = failure(many)

    text = "".join(error.stack)
    assert error.message.endswith("; KeyError: 0; KeyError: 1; ...")
    assert "    +---------------- 90 more members left out ----------------\n" in text
    assert len(text) < 20_000


def test_groups_of_groups_of_groups_stay_small() -> None:
    def many() -> None:
        error: Exception = ValueError("x")
        for _ in range(200):
            error = raised(ExceptionGroup("more", [error] * 10))
        raise error

    assert len(render_error(failure(many))) < 200_000
