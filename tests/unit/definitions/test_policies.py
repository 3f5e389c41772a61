"""Retries, timeouts, intervals and counts: which numbers are taken, and how the others are refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import partita as pt

NO_DURATIONS: list[Any] = [math.inf, -math.inf, math.nan, -1, True, "5", 10**400, 1e12, timedelta(seconds=-1), timedelta.max]


def with_interval(given: Any) -> object:
    return pt.sensor(target="a", name="s", interval=given)(lambda context: None)


def with_sensor_timeout(given: Any) -> object:
    return pt.sensor(target="a", name="s", timeout=given)(lambda context: None)


def with_schedule_timeout(given: Any) -> object:
    return pt.schedule(cron="@daily", target="a", name="s", timeout=given)(lambda context: None)


def with_asset_timeout(given: Any) -> object:
    return pt.asset(key="a", timeout=given)(lambda: None)


@pytest.mark.parametrize("given", NO_DURATIONS, ids=lambda given: f"{type(given).__name__}-{str(given)[:9]}")
@pytest.mark.parametrize("make", [with_interval, with_sensor_timeout, with_schedule_timeout, with_asset_timeout])
def test_what_is_no_duration_is_refused_by_name_with_file_and_line(make: Callable[[Any], object], given: Any) -> None:
    with pytest.raises(pt.DefinitionError, match=r"test_policies\.py:\d+: .*(interval|timeout)="):
        make(given)


@pytest.mark.parametrize("given", [math.inf, math.nan, -1, True, "5", 10**400, None, timedelta(seconds=1)], ids=lambda given: str(given)[:9])
def test_a_retrys_delay_is_a_number_of_seconds(given: Any) -> None:
    with pytest.raises(pt.DefinitionError, match=r"Retry\(delay="):
        pt.Retry(delay=given)


@pytest.mark.parametrize("given", [math.inf, math.nan, -1, True, 1.5, "5", None, 2**31])
def test_a_number_of_retries_is_a_count(given: Any) -> None:
    with pytest.raises(pt.DefinitionError, match=r"Retry\(max_retries="):
        pt.Retry(max_retries=given)
    with pytest.raises(pt.DefinitionError, match="at least 1"):
        pt.processes(given if given is not None else 0)


@pytest.mark.parametrize("given", [math.inf, math.nan, -1, True, "5"])
def test_a_step_asks_to_be_tried_again_after_a_number_of_seconds(given: Any) -> None:
    with pytest.raises(pt.ExecutionError, match=r"RetryRequested\(delay="):
        pt.RetryRequested(delay=given)


def test_words_of_a_retry_are_checked() -> None:
    with pytest.raises(pt.DefinitionError, match=r"backoff='exponentiel'.*Did you mean 'exponential'"):
        pt.Retry(backoff="exponentiel")  # type: ignore[arg-type]
    with pytest.raises(pt.DefinitionError, match=r"jitter='half'.*'full' or 'plus_minus'"):
        pt.Retry(jitter="half")  # type: ignore[arg-type]


def test_delays_that_grow_without_end_stay_delays() -> None:
    policy = pt.Retry(max_retries=5000, delay=1.0, backoff="exponential")

    assert [policy.delay_before(attempt) for attempt in (1, 2, 3)] == [1.0, 3.0, 7.0]
    assert policy.delay_before(5000) == timedelta(days=3660).total_seconds()
