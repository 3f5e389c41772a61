"""Wall time and instants of a time zone, in whole seconds since 1970.

The standard library maps one wall time at a time and keeps a zone's clock changes to itself; partitions need those changes too, so
they are found by probing and remembered per zone and year.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from partita.errors import DefinitionError, did_you_mean

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WALL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (wall time has no zone)
_SECOND = timedelta(seconds=1)

# Since 1945 no zone has changed its clock twice within 6 days, nor the minutes of its offset twice within 80.
_CLOCK_PROBE = 5 * 86_400
_MINUTES_PROBE = 60 * 86_400

# Wall times further out would leave what `datetime` can hold when a zone or a window's end is added.
EARLIEST = datetime(1000, 1, 2)  # noqa: DTZ001
LATEST = datetime(9998, 12, 30)  # noqa: DTZ001


class Shift(NamedTuple):
    """A change of the clock: from instant `at` on, the wall is `after` seconds ahead of UTC instead of `before`."""

    at: int
    before: int
    after: int


def find_zone(name: str) -> ZoneInfo:
    """The zone with this name.

    Raises:
        DefinitionError: there is none.
    """
    if not isinstance(name, str):
        raise DefinitionError(f"timezone {name!r} is not the name of a time zone. Use one like 'Europe/Berlin'.")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = did_you_mean(name, sorted(available_timezones())) or " Use one like 'Europe/Berlin' or 'UTC'."
        raise DefinitionError(f"timezone {name!r} is not a known time zone.{hint}") from None


def is_in_calendar(wall: datetime) -> bool:
    """True for wall times that can be calculated with."""
    return EARLIEST <= wall.replace(fold=0) <= LATEST


def to_instant(moment: datetime, zone: ZoneInfo) -> int:
    """The last whole second at or before a moment; without a zone it is wall time. Moments far away become the furthest possible.

    Raises:
        DefinitionError: it is something else than a datetime.
    """
    if not isinstance(moment, datetime):
        raise DefinitionError(f"{moment!r} is not a datetime. Give an aware one, such as datetime.now(UTC).")
    seconds = to_seconds(moment) if moment.tzinfo is not None else instant_of(moment.replace(fold=0), zone, fold=moment.fold)
    return min(max(seconds, to_wall_seconds(EARLIEST)), to_wall_seconds(LATEST))


def to_seconds(instant: datetime) -> int:
    """The last whole second at or before an aware instant."""
    return (instant - EPOCH) // _SECOND


def to_wall_seconds(wall: datetime) -> int:
    """A naive wall time as if it were UTC."""
    return (wall - _WALL_EPOCH) // _SECOND


def wall_of(wall_seconds: int) -> datetime:
    """The naive wall time that `to_wall_seconds` turns into this number."""
    return _WALL_EPOCH + timedelta(seconds=wall_seconds)


def local_time(seconds: int, zone: tzinfo) -> datetime:
    """An instant as aware local time; `fold` is 1 in the second occurrence of a repeated hour."""
    return datetime.fromtimestamp(seconds, zone)


def offset_at(seconds: int, zone: ZoneInfo) -> int:
    """How far the wall is ahead of UTC at an instant."""
    return _seconds_of(local_time(seconds, zone).utcoffset())


def instant_of(wall: datetime, zone: ZoneInfo, *, fold: int) -> int:
    """The instant of a naive wall time.

    A wall time that does not exist means the first instant after the gap; of one that happens twice, `fold` chooses.
    """
    before = _seconds_of(zone.utcoffset(wall.replace(fold=0)))
    after = _seconds_of(zone.utcoffset(wall.replace(fold=1)))
    seconds = to_wall_seconds(wall)
    if before >= after:
        return seconds - (after if fold else before)
    return _first_change(seconds - after, seconds - before, value=lambda at: offset_at(at, zone))


def is_skipped(wall: datetime, zone: ZoneInfo) -> bool:
    """True for a wall time that the clock never showed."""
    return _seconds_of(zone.utcoffset(wall.replace(fold=0))) < _seconds_of(zone.utcoffset(wall.replace(fold=1)))


@lru_cache(maxsize=8192)
def shifts(zone: ZoneInfo, year: int) -> tuple[Shift, ...]:
    """The clock changes of a zone within a UTC year, in order."""
    start, end = start_of_year(year), start_of_year(year + 1)
    return tuple(_changes(start - 1, end - 1, step=_CLOCK_PROBE, value=lambda at: offset_at(at, zone)))


def shifts_between(start: int, end: int, zone: ZoneInfo) -> list[Shift]:
    """The clock changes after instant `start` and up to instant `end`, in order."""
    first, last = (local_time(each, UTC).year for each in (start, end))
    return [shift for year in range(first, last + 1) for shift in shifts(zone, year) if start < shift.at <= end]


def minute_shifts(zone: ZoneInfo, *, first_year: int, last_year: int) -> list[Shift]:
    """The clock changes by something else than whole hours, with `before` and `after` less than an hour.

    Nearly every zone has had none since 1970, so looking for these alone is a tenth of the work of looking for all."""
    start, end = start_of_year(first_year), start_of_year(last_year + 1)
    return _changes(start - 1, end - 1, step=_MINUTES_PROBE, value=lambda at: offset_at(at, zone) % 3600)


def start_of_year(year: int) -> int:
    """The instant at which a UTC year begins."""
    return to_seconds(datetime(year, 1, 1, tzinfo=UTC))


def _changes(start: int, end: int, *, step: int, value: Callable[[int], int]) -> list[Shift]:
    found: list[Shift] = []
    low, before = start, value(start)
    while low < end:
        high = min(low + step, end)
        after = value(high)
        if after != before:
            found.append(Shift(_first_change(low, high, value=value), before, after))
        low, before = high, after
    return found


def _first_change(low: int, high: int, *, value: Callable[[int], int]) -> int:
    """The first instant after `low`, and up to `high`, at which `value` has changed; it must have by `high`."""
    before = value(low)
    while high - low > 1:
        middle = (low + high) // 2
        if value(middle) == before:
            low = middle
        else:
            high = middle
    return high


def _seconds_of(offset: timedelta | None) -> int:
    assert offset is not None, "a zone always knows its offset"
    return offset // _SECOND
