"""`pt.Cron`: the instants that cron expressions mean in a time zone."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo

from partita.definitions.cron_fields import Fields, parse_fields
from partita.definitions.zones import find_zone, instant_of, is_skipped, to_seconds
from partita.errors import DefinitionError

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_FIRST, _LAST = date(1900, 1, 1), date(2999, 12, 31)
"""Ticks outside of these dates are of no use to anybody."""
_EARLIEST, _LATEST = (to_seconds(datetime(year, month, day, tzinfo=UTC)) for year, month, day in ((1899, 12, 30), (3000, 1, 2)))


class Cron:
    """Cron expressions in a time zone: what schedules and cron partitions stand on.

    Standard five fields, names, steps, lists, `L` for the last day of the month, 7 as Sunday, `@hourly` and the like. Day of month and
    day of week both given mean either. A wall time that does not exist fires at the first instant after the gap; one that happens twice
    fires once, at the second occurrence, where ticks lie more than an hour apart, and both times where they do not. Expressions for every
    hour leave out what the clock leaves out.

    Args:
        expressions: one expression, or several whose ticks are taken together.
        timezone: where wall times count, such as `"Europe/Berlin"`.

    Example:
        `next(pt.Cron("0 2 * * *", timezone="Europe/Berlin").ticks(datetime.now(UTC)))`

    Raises:
        DefinitionError: an expression or zone that cannot be used; names it and says why.
    """

    def __init__(self, expressions: str | Sequence[str], *, timezone: str = "UTC") -> None:
        self.expressions: tuple[str, ...] = _listed(expressions)
        self.timezone = timezone
        self._zone = find_zone(timezone)
        self._fields = tuple(_parsed(each) if isinstance(each, str) else parse_fields(each) for each in self.expressions)

    def __repr__(self) -> str:
        shown = self.expressions[0] if len(self.expressions) == 1 else list(self.expressions)
        return f"Cron({shown!r}, timezone={self.timezone!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cron) and (self.expressions, self.timezone) == (other.expressions, other.timezone)

    def __hash__(self) -> int:
        return hash((self.expressions, self.timezone))

    @staticmethod
    def is_valid(text: str) -> bool:
        """Whether `text` is an expression that ever happens."""
        try:
            _parsed(text)
        except (DefinitionError, TypeError):  # a list cannot be remembered, and is no expression either
            return False
        return True

    def ticks(self, start: datetime, end: datetime | None = None) -> Iterator[datetime]:
        """Due instants from `start`, inclusive, up to `end`, inclusive; for ever when that is left out. Aware, in UTC."""
        first = _up(start)
        last = None if end is None else to_seconds(_aware(end))
        each = [self._of(fields, self._date(first), step=1) for fields in self._fields]
        for instant, _ in groupby(heapq.merge(*each)):
            if last is not None and instant > last:
                return
            if instant >= first:
                yield datetime.fromtimestamp(instant, UTC)

    def next(self, instant: datetime) -> datetime:
        """The first due instant after `instant`.

        Raises:
            DefinitionError: there is none before the year 3000.
        """
        near = [tick for fields in self._fields if (tick := self._later(fields, to_seconds(_aware(instant)))) is not None]
        if near:
            return datetime.fromtimestamp(min(near), UTC)
        found = next((tick for tick in self.ticks(instant) if tick > instant), None)
        if found is None:
            raise DefinitionError(f"{self!r} has no tick after {instant.isoformat()}.")
        return found

    def previous(self, instant: datetime) -> datetime:
        """The last due instant before `instant`.

        Raises:
            DefinitionError: there is none after the year 1900.
        """
        before = _up(instant)
        near = [tick for fields in self._fields if (tick := self._earlier(fields, before)) is not None]
        if near:
            return datetime.fromtimestamp(max(near), UTC)
        found = [next((tick for tick in self._of(fields, self._date(before), step=-1) if tick < before), None) for fields in self._fields]
        known = [each for each in found if each is not None]
        if not known:
            raise DefinitionError(f"{self!r} has no tick before {instant.isoformat()}.")
        return datetime.fromtimestamp(max(known), UTC)

    def is_due(self, instant: datetime) -> bool:
        """Whether it fires at exactly this instant."""
        return next(self.ticks(instant, instant), None) is not None

    def on(self, day: date) -> list[int]:
        """Due seconds since 1970 on one date of the wall clock, in order."""
        due = [instant for fields in self._fields if _has(fields, day) for instant in self._day(fields, day)]
        return due if len(self._fields) == 1 else sorted(set(due))

    def times_on(self, day: date) -> Sequence[int]:
        """Minutes of the wall clock at which it is due on a date, in order, whether or not the clock shows them."""
        return _joined(tuple(fields.times for fields in self._fields if _has(fields, day)))

    def _later(self, fields: Fields, after: int) -> int | None:
        """The first due second after `after` on the same date; None where there is none, or the clock changes then.

        Schedules ask for nothing else, all of them at the same moment, and listing the minutes of days takes a millisecond.
        """
        begin = self._begin(fields, after)
        if begin is None:
            return None
        place = bisect_right(fields.times, (after - begin) // 60)
        return begin + 60 * fields.times[place] if place < len(fields.times) else None

    def _earlier(self, fields: Fields, before: int) -> int | None:
        """The last due second before `before` on the same date; None where there is none, or the clock changes then."""
        begin = self._begin(fields, before)
        if begin is None:
            return None
        place = bisect_left(fields.times, -((begin - before) // 60))
        return begin + 60 * fields.times[place - 1] if place else None

    def _begin(self, fields: Fields, seconds: int) -> int | None:
        """Midnight before an instant, if the clock does not change on that date and the expression has ticks then."""
        day = self._date(seconds)
        return _even_midnight(day, self._zone) if _FIRST <= day <= _LAST and _has(fields, day) else None

    def _date(self, seconds: int) -> date:
        """The date of an instant, or of the first or last one that counts."""
        return datetime.fromtimestamp(min(max(seconds, _EARLIEST), _LATEST), self._zone).date()

    def _of(self, fields: Fields, around: date, *, step: int) -> Iterator[int]:
        """Due seconds of one expression in order of time, forwards or backwards, from a day before or after `around` on."""
        held: list[int] = []
        for day in _days(fields, around - step * _DAY, step=step):
            due = self._day(fields, day)
            if not held and _even_midnight(day, self._zone) is not None:
                yield from due[::step]
                continue
            # Where the clock changes at midnight, ticks of one date may come before and after those of the next, or at the same instant.
            known = sorted({*held, *due}, reverse=step < 0)
            edge = self._edge(day, step)
            held = [instant for instant in known if (instant - edge) * step >= 0]
            yield from known[: len(known) - len(held)]
        yield from held

    def _edge(self, day: date, step: int) -> int:
        """From here on there may be ticks of dates beyond `day`."""
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (wall time has no zone)
        if step > 0:
            return instant_of(midnight + _DAY, self._zone, fold=0)
        return instant_of(midnight, self._zone, fold=1) - 1

    def _day(self, fields: Fields, day: date) -> list[int]:
        """Due seconds of one expression on one date of the wall clock, in order."""
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (wall time has no zone)
        begin, end = instant_of(midnight, self._zone, fold=0), instant_of(midnight + _DAY, self._zone, fold=1)
        if end - begin == _DAY // _SECOND:  # the clock does not change
            return [begin + 60 * minutes for minutes in fields.times]
        found: set[int] = set()
        for minutes in fields.times:
            wall = midnight + timedelta(minutes=minutes)
            if fields.is_every_hour and is_skipped(wall, self._zone):
                continue
            found.add(instant_of(wall, self._zone, fold=1))
            if fields.is_frequent:
                found.add(instant_of(wall, self._zone, fold=0))
        return sorted(found)


def _has(fields: Fields, day: date) -> bool:
    return day.month in fields.months and fields.has_day(day)


@lru_cache(maxsize=4096)
def _even_midnight(day: date, zone: ZoneInfo) -> int | None:
    """The instant of a date's midnight; None where the clock changes on the date, or at its ends."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (wall time has no zone)
    ends = [instant_of(midnight + number * _DAY, zone, fold=fold) for number in (0, 1) for fold in (0, 1)]
    return ends[0] if ends[0] == ends[1] and ends[2] == ends[3] and ends[2] - ends[0] == _DAY // _SECOND else None


@lru_cache(maxsize=256)
def _joined(of_each: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    return of_each[0] if len(of_each) == 1 else tuple(sorted(set[int]().union(*of_each)))


def _listed(expressions: object) -> tuple[str, ...]:
    if isinstance(expressions, str):
        return (expressions,)
    if not isinstance(expressions, Iterable) or isinstance(expressions, (bytes, Mapping)):
        raise DefinitionError(f"cron={expressions!r} is not a cron expression. Give text of five fields, such as '0 2 * * *', or a list of them.")
    if not (listed := tuple(expressions)):
        raise DefinitionError("cron=[] holds no expression. Give at least one, such as '0 2 * * *'.")
    return listed


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Fields:
    return parse_fields(text)


def _days(fields: Fields, start: date, *, step: int) -> Iterator[date]:
    """Dates on which an expression has ticks, from `start` on, forwards or backwards."""
    day = min(max(start, _FIRST), _LAST)
    while _FIRST <= day <= _LAST:
        if day.month not in fields.months:
            first = day.replace(day=1)
            day = (first + timedelta(days=32)).replace(day=1) if step > 0 else first - _DAY
            continue
        if fields.has_day(day):
            yield day
        day += step * _DAY


def _aware(moment: datetime) -> datetime:
    if not isinstance(moment, datetime):
        raise DefinitionError(f"{moment!r} is not a datetime. Give an aware one, such as datetime.now(UTC).")
    if moment.tzinfo is None:
        raise DefinitionError(f"{moment.isoformat()} has no time zone. Give an aware datetime, such as datetime.now(UTC).")
    return moment


def _up(moment: datetime) -> int:
    """The first whole second at or after a moment."""
    seconds = to_seconds(_aware(moment))
    return seconds + 1 if moment.microsecond else seconds
