"""Pages of lists in memory: keyset cursors in both directions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.api.errors import ApiError
from partita.api.pages import MAX_PAGE, page_backwards, page_of, page_request
from partita.records.pages import Page

LETTERS = list("abcdefghij")


def key(letter: str) -> tuple[Any, ...]:
    return (letter,)


def ask(items: list[str], **asked: Any) -> Page[str]:
    return page_of(items, page_request(**{"first": None, "after": None, **asked}), key=key)


@given(size=st.integers(1, 12))
def test_pages_from_the_start_hold_every_item_once(size: int) -> None:
    seen: list[str] = []
    after = None
    while True:
        page = ask(LETTERS, first=size, after=after)
        seen += page.items
        if not page.has_next:
            break
        after = page.cursors[-1]

    assert seen == LETTERS


@given(size=st.integers(1, 12))
def test_pages_from_the_end_hold_every_item_once(size: int) -> None:
    seen: list[str] = []
    before = None
    while True:
        page = ask(LETTERS, last=size, before=before)
        seen = page.items + seen
        if not page.has_previous:
            break
        before = page.cursors[0]

    assert seen == LETTERS


def test_a_cursor_stays_where_it_is_when_items_come_and_go() -> None:
    page = ask(LETTERS, first=3)

    assert ask(["a", "b", "bb", "cc", "d"], first=2, after=page.cursors[-1]).items == ["cc", "d"]


def test_a_list_can_be_read_from_its_end() -> None:
    first = page_backwards(LETTERS, page_request(first=3, after=None), key=key)
    second = page_backwards(LETTERS, page_request(first=3, after=first.cursors[-1]), key=key)

    assert [first.items, second.items] == [["j", "i", "h"], ["g", "f", "e"]]
    assert (first.has_previous, first.has_next) == (False, True)
    assert (second.has_previous, second.has_next) == (True, True)


def test_a_page_of_nothing_says_that_there_is_more() -> None:
    page = ask(LETTERS, first=0)

    assert page.items == []
    assert page.has_next


@pytest.mark.parametrize(
    "asked",
    [
        {"first": -1},
        {"first": MAX_PAGE + 1},
        {"last": -3},
        {"first": 1, "last": 1},
        {"first": 1, "before": "x"},
        {"last": 1, "after": "x"},
        {"after": "x" * 501},
    ],
)
def test_a_page_that_makes_no_sense_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        ask(LETTERS, **asked)


@pytest.mark.parametrize("cursor", ["", "Ó", "!!!", "WzFd", "WyJhIiwgImIiXQ", "bnVsbA", "e30"])
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(ApiError, match="cursor"):
        ask(LETTERS, first=1, after=cursor)


def test_a_page_may_follow_a_cursor_of_an_empty_list() -> None:
    cursor = ask(LETTERS, first=1).cursors[0]

    assert ask([], first=1, after=cursor).items == []
