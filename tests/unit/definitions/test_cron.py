"""`pt.Cron`: what expressions mean at their edges, and what is no moment to look from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

import partita as pt

NIGHTLY = pt.Cron("0 2 * * *", timezone="Europe/Berlin")


@pytest.mark.parametrize(("days", "dates"), [("FRI-SUN", [27, 28, 29]), ("5-7", [27, 28, 29]), ("mon-sun", [26, 27, 28]), ("SUN-MON", [29, 30, 6])])
def test_sunday_begins_the_week_and_ends_it(days: str, dates: list[int]) -> None:
    ticks = pt.Cron(f"0 0 * * {days}").ticks(datetime(2026, 11, 26, tzinfo=UTC))

    assert [tick.day for tick in islice(ticks, 3)] == dates


def test_other_days_do_not_wrap_around() -> None:
    with pytest.raises(pt.DefinitionError, match="'SAT-MON' in the day of week ends before it starts"):
        pt.Cron("0 0 * * SAT-MON")


@pytest.mark.parametrize(
    "look",
    [lambda moment: next(NIGHTLY.ticks(moment)), NIGHTLY.previous, NIGHTLY.next, NIGHTLY.is_due, lambda moment: list(NIGHTLY.ticks(moment, moment))],
)
@pytest.mark.parametrize("moment", [None, "2026-01-01", date(2026, 1, 1), datetime(2026, 1, 1)])  # noqa: DTZ001
def test_what_is_no_moment_is_refused_in_words(look: Callable[[Any], object], moment: Any) -> None:
    with pytest.raises(pt.DefinitionError, match=r"Give an aware (one|datetime), such as datetime\.now\(UTC\)"):
        look(moment)


def test_moments_at_the_ends_of_the_calendar_do_no_harm() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

    assert next(NIGHTLY.ticks(first)).year == 1900
    assert next(NIGHTLY.ticks(last), None) is None
    assert NIGHTLY.previous(last).year == 2999
    assert not NIGHTLY.is_due(last)
    with pytest.raises(pt.DefinitionError, match="has no tick after 9999"):
        NIGHTLY.next(last)
    with pytest.raises(pt.DefinitionError, match="has no tick before 0001"):
        NIGHTLY.previous(first)


def test_a_clock_that_is_put_back_over_midnight_keeps_the_order_of_ticks() -> None:
    """In St. John's, until 2011, a minute past midnight became a minute past eleven of the day before."""
    cron = pt.Cron("0,1 * * * *", timezone="America/St_Johns")
    start = datetime(1995, 10, 29, 1, 30, tzinfo=UTC)

    ticks = [tick.strftime("%H:%M") for tick in cron.ticks(start, start + timedelta(hours=3))]

    assert ticks == ["01:30", "01:31", "02:30", "02:31", "03:30", "03:31", "04:30"]
    assert cron.previous(datetime(1995, 10, 29, 2, 31, tzinfo=UTC)) == datetime(1995, 10, 29, 2, 30, tzinfo=UTC)
