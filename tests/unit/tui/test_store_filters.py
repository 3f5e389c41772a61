"""Filters as they are typed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from partita_client.tui.store.filters import parse_filter, span_of
from partita_client.tui.store.run_list import is_whole, matches, parse_run_filter, server_filter
from support.tui_records import NOON, a_run

FIELDS = ("status", "job", "since")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("status:failed", ["failed"]),
        ("status:failed,running", ["failed", "running"]),
        ("!status:failed", ["running", "succeeded"]),
        ("job:night*", ["failed", "running", "succeeded"]),
        ("job:night* status:running", ["running"]),
        ("job:hourly", []),
        ("0002", ["running"]),
        ("!0002", ["failed", "succeeded"]),
        ("status:", ["failed", "running", "succeeded"]),
        ("", ["failed", "running", "succeeded"]),
    ],
)
def test_all_terms_must_hold_and_of_a_term_any_value(text: str, wanted: list[str]) -> None:
    runs = [a_run(1, "FAILED"), a_run(2, "RUNNING"), a_run(3, "SUCCEEDED")]

    found = parse_run_filter(text)

    assert [run.status.value for run in runs if matches(found, run, NOON)] == wanted


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("statsu:failed", "There is no filter 'statsu'. Did you mean 'status'?"),
        ("status:faild", "No status is called 'faild'. Did you mean 'failed'?"),
        ("since:yesterday", "'yesterday' is no length of time; write it like 30m, 24h or 7d."),
        ("tag:team", "Tags are written tag:key=value."),
    ],
)
def test_what_cannot_be_read_says_what_is_meant_and_means_everything(text: str, problem: str) -> None:
    found = parse_run_filter(text)

    assert found.problem.startswith(problem)
    assert matches(found, a_run(), NOON)


def test_the_server_is_asked_what_it_can_look_up_and_the_rest_is_ours() -> None:
    found = parse_run_filter("status:failed,running job:nightly tag:team=core since:2h !asset:raw")

    assert server_filter(found, NOON) == {
        "statuses": ["FAILED", "RUNNING"],
        "jobNames": ["nightly"],
        "tags": [{"key": "team", "value": "core"}],
        "createdAfter": (NOON - timedelta(hours=2)).isoformat(),
    }
    assert not is_whole(found)
    assert is_whole(parse_run_filter("status:failed"))
    assert not is_whole(parse_run_filter("job:night*"))


def test_a_run_that_is_too_old_is_not_wanted() -> None:
    found = parse_run_filter("since:1h")

    assert matches(found, a_run(1), NOON + timedelta(minutes=59))
    assert not matches(found, a_run(1), NOON + timedelta(minutes=61))


def test_who_asked_for_a_run_is_found_by_sort_and_by_name() -> None:
    run = a_run(1, launchedBy={"__typename": "Schedule", "name": "each_night"})

    assert all(matches(parse_run_filter(text), run, NOON) for text in ("by:schedule", "by:each_night", "by:each*"))
    assert not matches(parse_run_filter("by:sensor"), run, NOON)


@pytest.mark.parametrize(("text", "span"), [("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86400), ("1w", 604800), ("1y", None), ("h", None)])
def test_lengths_of_time(text: str, span: int | None) -> None:
    assert span_of(text) == (None if span is None else timedelta(seconds=span))


def test_a_filter_remembers_its_text() -> None:
    assert parse_filter("a b", FIELDS).text == "a b"
    assert parse_filter("status:failed", FIELDS).term("status") is not None
    assert parse_filter("status:failed", FIELDS).term("job") is None
