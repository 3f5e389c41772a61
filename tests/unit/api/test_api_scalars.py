"""Scalars take what they say they take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from partita.api.scalars import MAX_DEPTH, parse_duration, parse_instant, parse_json, parse_long, render_instant


def test_an_instant_is_shown_in_utc() -> None:
    at = datetime(2026, 11, 22, 9, 0, 0, 123000, tzinfo=timezone(timedelta(hours=1)))

    assert render_instant(at) == "2026-11-22T08:00:00.123000Z"


@given(at=st.datetimes(timezones=st.just(UTC)))
def test_an_instant_survives_the_way_there_and_back(at: datetime) -> None:
    assert parse_instant(render_instant(at)) == at


@pytest.mark.parametrize(
    "value", ["", "yesterday", "2026-11-22", "2026-11-22T08:00:00", "2026-13-01T00:00:00Z", 5, None, "0001-01-01T00:00:00+01:00", "9" * 100]
)
def test_what_is_no_instant_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError):
        parse_instant(value)


@pytest.mark.parametrize("value", [0, -1, 2**63 - 1, -(2**63), 5.0])
def test_a_long_has_64_bits(value: Any) -> None:
    assert parse_long(value) == value


@pytest.mark.parametrize("value", [2**63, 1.5, True, "1", None, float("nan"), float("inf")])
def test_what_is_no_long_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError):
        parse_long(value)


def nested(levels: int) -> Any:
    """Lists in lists."""
    return [nested(levels - 1)] if levels > 1 else []


@pytest.mark.parametrize("value", [None, True, 2**63 - 1, -1.5, "text", {"a": [1, {"b": None}]}, nested(MAX_DEPTH)])
def test_json_is_taken_as_it_is(value: Any) -> None:
    assert parse_json(value) == value


@pytest.mark.parametrize("value", [2**63, {"a": [-(2**64)]}, float("inf"), [float("nan")], 1 << 20_000, nested(MAX_DEPTH + 1)], ids=range(6))
def test_json_that_could_not_be_shown_again_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError):
        parse_json(value)


@pytest.mark.parametrize("value", [True, "1", float("inf"), float("nan"), None])
def test_what_is_no_length_of_time_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError):
        parse_duration(value)
