"""Cron against an oracle that looks at every minute of the clock."""

from __future__ import annotations

import itertools
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

import partita as pt

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Africa/Casablanca", "Pacific/Apia"]
DAYS = 4
MINUTE = timedelta(minutes=1)


@st.composite
def fields(draw: st.DrawFn) -> tuple[str, frozenset[int], frozenset[int], bool]:
    """An expression, its minutes, its hours, and whether it names every hour."""
    minutes = draw(st.frozensets(st.sampled_from([0, 1, 15, 29, 30, 31, 45, 59]), min_size=1, max_size=3))
    is_every = draw(st.booleans())
    hours = frozenset(range(24)) if is_every else draw(st.frozensets(st.integers(0, 23), min_size=1, max_size=3))
    text = f"{','.join(map(str, sorted(minutes)))} {'*' if is_every else ','.join(map(str, sorted(hours)))} * * *"
    return text, minutes, hours, is_every


@st.composite
def moments(draw: st.DrawFn) -> tuple[datetime, str]:
    """An instant near a change of the clock or anywhere, and a zone."""
    zone = draw(st.sampled_from(ZONES))
    month, day = draw(st.sampled_from([(3, 9), (3, 25), (3, 30), (4, 1), (4, 6), (9, 28), (10, 4), (10, 26), (10, 29), (11, 2), (6, 15), (12, 30)]))
    start = datetime(draw(st.integers(1995, 2037)), month, day, tzinfo=UTC)
    return start + timedelta(minutes=draw(st.integers(0, 2 * 24 * 60))), zone


def is_frequent(minutes: frozenset[int], hours: frozenset[int]) -> bool:
    times = sorted(60 * hour + minute for hour in hours for minute in minutes)
    return min(later - earlier for earlier, later in zip(times, [*times[1:], times[0] + 1440], strict=True)) <= 60


def walls(start: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Every minute from a day before `start`, with the wall clock before and at it."""
    at = start.replace(second=0, microsecond=0) - timedelta(days=1)
    for _ in range((DAYS + 2) * 24 * 60):
        yield at, at.astimezone(zone).replace(tzinfo=None)
        at += MINUTE


def expected(start: datetime, name: str, minutes: frozenset[int], hours: frozenset[int], *, is_every: bool) -> list[datetime]:
    """Due minutes within `DAYS` of `start`: read off the clock minute by minute."""
    zone = ZoneInfo(name)
    shown = list(walls(start, zone))
    wanted = {wall for _, wall in shown if wall.minute in minutes and wall.hour in hours}
    times: dict[datetime, list[datetime]] = {}
    for at, wall in shown:
        times.setdefault(wall, []).append(at)
    found = {at for wall in wanted for at in (times[wall] if is_frequent(minutes, hours) else times[wall][-1:])}
    if not is_every:
        for (_, before), (at, wall) in itertools.pairwise(shown):
            skipped = before + MINUTE
            while skipped < wall:  # the clock leapt over these
                if skipped.minute in minutes and skipped.hour in hours:
                    found.add(at)
                skipped += MINUTE
    return sorted(at for at in found if start <= at <= start + timedelta(days=DAYS))


@given(fields(), moments())
@settings(max_examples=80)
def test_ticks_are_those_that_the_clock_shows(made: tuple[str, frozenset[int], frozenset[int], bool], moment: tuple[datetime, str]) -> None:
    text, minutes, hours, is_every = made
    start, zone = moment
    cron = pt.Cron(text, timezone=zone)

    ticks = list(cron.ticks(start, start + timedelta(days=DAYS)))

    assert ticks == expected(start, zone, minutes, hours, is_every=is_every)


@given(fields(), moments(), st.sampled_from([[], ["7 3 * * 1-5"], ["0 0 28 * *", "*/20 1 * * *"]]), st.sampled_from([0, 1, 999_999, 59_000_001]))
@settings(max_examples=120)
def test_next_and_previous_lead_along_the_same_ticks(
    made: tuple[str, frozenset[int], frozenset[int], bool], moment: tuple[datetime, str], others: list[str], aside: int
) -> None:
    start, zone = moment
    cron = pt.Cron([made[0], *others], timezone=zone)
    ticks = list(cron.ticks(start, start + timedelta(days=DAYS)))
    between = timedelta(microseconds=aside)

    for earlier, later in itertools.pairwise(ticks):
        assert cron.next(earlier + between) == later
        assert cron.previous(later - between) == earlier
        assert cron.is_due(later)
        assert not cron.is_due(later + timedelta(seconds=1))


@given(st.integers(2000, 2040), st.integers(1, 12))
def test_the_last_day_of_the_month(year: int, month: int) -> None:
    start = datetime(year, month, 1, tzinfo=UTC)

    assert pt.Cron("0 0 L * *").next(start - timedelta(seconds=1)).day == monthrange(year, month)[1]
