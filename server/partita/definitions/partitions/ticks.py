"""Windows that begin at the ticks of a cron expression, numbered without holes.

The ordinal of a window is the number of ticks since the year 1970 of the wall clock began. To find it no tick is looked at: days are
counted, a year at a time, and only those on which the clock changes are looked into.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from hashlib import sha256
from itertools import accumulate
from zoneinfo import ZoneInfo

from partita.definitions.cron import Cron
from partita.definitions.partitions.spans import Span
from partita.definitions.zones import instant_of, is_skipped, local_time, shifts_between, start_of_year
from partita.errors import DefinitionError

_DAY = timedelta(days=1)
_ORIGIN, _FIRST, _LAST = 1970, 1900, 2999
"""Cron expressions have no ticks in other years."""


@dataclass(frozen=True)
class Ticks:
    """A cadence of one window from each tick to the next."""

    zone: ZoneInfo
    expressions: tuple[str, ...]

    @cached_property
    def system(self) -> str:
        """What its ordinals count: ticks of these expressions in this zone."""
        return f"c{sha256(' | '.join((self.zone.key, *self.expressions)).encode()).hexdigest()[:8]}"

    @property
    def limits(self) -> Span:
        """Ordinals to calculate with: no expression has more ticks than minutes."""
        year = 366 * 24 * 60
        return (_FIRST - _ORIGIN) * year, (_LAST - _ORIGIN) * year

    @property
    def cron(self) -> str:
        """When windows begin."""
        return " | ".join(self.expressions)

    @property
    def is_daily_at_most(self) -> bool:
        """Whether a date is enough to tell windows apart."""
        return all(len(self._calendar.cron.times_on(date(2024, 1, 1) + timedelta(days=day))) <= 1 for day in range(366))

    def floor(self, seconds: int) -> int:
        """The ordinal of the window that an instant lies in."""
        seconds = min(max(seconds, start_of_year(_FIRST)), start_of_year(_LAST + 1) - 1)
        day = local_time(seconds, self.zone).date()
        ordinal = self._calendar.first_of(day) + bisect_right(self._calendar.due_on(day), seconds) - 1
        # Where the clock is put back across midnight, an evening comes after its night has begun.
        while self.start(ordinal) > seconds:
            ordinal -= 1
        while self.start(ordinal + 1) <= seconds:
            ordinal += 1
        return ordinal

    def start(self, ordinal: int) -> int:
        """The instant at which a window begins, the one before it ends."""
        return self._calendar.find(ordinal)[1]

    def at_or_after(self, wall: datetime) -> int:
        """The first window that begins at or after a wall time, whose `fold` tells the occurrences of a repeated hour apart."""
        ordinal = self.floor(instant_of(wall.replace(fold=0), self.zone, fold=wall.fold) - 1) + 1
        # A tick whose wall time the clock left out is due after the gap, and before what lies there by the wall.
        while is_skipped(begin := self.wall(ordinal), self.zone) and begin < wall:
            ordinal += 1
        return ordinal

    def wall(self, ordinal: int) -> datetime:
        """The wall time at which a window begins by its expression, whether or not the clock ever showed it.

        `fold` is 1 where another window has begun at that wall time before."""
        day, instant = self._calendar.find(ordinal)
        wall = local_time(instant, self.zone).replace(tzinfo=None)
        if wall.date() != day or wall.hour * 60 + wall.minute not in self._calendar.cron.times_on(day):
            return self._calendar.skipped(day, instant)
        if wall.fold and instant_of(wall, self.zone, fold=0) not in self._calendar.due_on(day):
            return wall.replace(fold=0)
        return wall

    def gaps(self, span: Span) -> list[int]:
        """The ordinals of a range that are no windows: never any."""
        del span
        return []

    @property
    def _calendar(self) -> _Calendar:
        return _calendar(self.zone, self.expressions)


class _Calendar:
    """The ticks of expressions by date."""

    def __init__(self, zone: ZoneInfo, expressions: tuple[str, ...]) -> None:
        self.cron = Cron(expressions, timezone=zone.key)
        self._zone = zone
        self._years: dict[int, list[int]] = {}
        """Ticks up to the end of each day of a year, from its beginning."""
        self._before: dict[int, int] = {_ORIGIN: 0}
        """Ticks from the origin to the beginning of a year; negative before it."""
        self._due: dict[date, list[int]] = {}
        if not any(self._year(year)[-1] for year in range(2000, 2029)):
            raise DefinitionError(f"cron {' | '.join(expressions)!r} has no ticks within 28 years.")

    def due_on(self, day: date) -> list[int]:
        """Due seconds on a date."""
        found = self._due.get(day)
        if found is None:
            if len(self._due) > 4096:
                self._due.clear()
            found = self._due[day] = self._unique_on(day)
        return found

    def first_of(self, day: date) -> int:
        """The ordinal of the first tick on a date or after it."""
        if not _FIRST <= day.year <= _LAST:
            return self._base(_FIRST if day.year < _FIRST else _LAST + 1)
        number = day.timetuple().tm_yday - 1
        return self._base(day.year) + (self._year(day.year)[number - 1] if number else 0)

    def find(self, ordinal: int) -> tuple[date, int]:
        """Date and instant of a tick; of one before or after all, the beginning or end of the years that have ticks."""
        year = self._year_of(ordinal)
        if year is None:
            year = _FIRST if ordinal < 0 else _LAST + 1
            return date(year, 1, 1), start_of_year(year)
        counts, rest = self._year(year), ordinal - self._base(year)
        number = bisect_right(counts, rest)
        day = date(year, 1, 1) + number * _DAY
        return day, self.due_on(day)[rest - (counts[number - 1] if number else 0)]

    def skipped(self, day: date, instant: int) -> datetime:
        """The first wall time of a date that the clock left out and that is due at an instant instead."""
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (wall time has no zone)
        walls = (midnight + timedelta(minutes=minutes) for minutes in self.cron.times_on(day))
        return next(wall for wall in walls if instant_of(wall, self._zone, fold=0) == instant)

    def _year_of(self, ordinal: int) -> int | None:
        year = _ORIGIN
        while ordinal < self._base(year):
            year -= 1
            if year < _FIRST:
                return None
        while ordinal >= self._base(year + 1):
            year += 1
            if year > _LAST:
                return None
        return year

    def _base(self, year: int) -> int:
        if year not in self._before:
            known = max(self._before) if year > _ORIGIN else min(self._before)
            for each in range(known, year, 1 if year > known else -1):
                if year > known:
                    self._before[each + 1] = self._before[each] + self._year(each)[-1]
                else:
                    self._before[each - 1] = self._before[each] - self._year(each - 1)[-1]
        return self._before[year]

    def _year(self, year: int) -> list[int]:
        if year not in self._years:
            self._years[year] = list(accumulate(self._counts(year)))
        return self._years[year]

    def _counts(self, year: int) -> Iterator[int]:
        begin = start_of_year(year)
        changes = shifts_between(begin - 3 * 86_400, begin + 369 * 86_400, self._zone)
        special = {local_time(change.at, self._zone).date() + step * _DAY for change in changes for step in (-1, 0, 1)}
        day = date(year, 1, 1)
        while day.year == year:
            yield len(self.due_on(day) if day in special else self.cron.times_on(day))
            day += _DAY

    def _unique_on(self, day: date) -> list[int]:
        """Ticks of a date without those that a gap of the clock has led to the same instant as one of the day before."""
        due = self.cron.on(day)
        before = self.cron.on(day - _DAY)
        return [instant for instant in due if not before or instant > before[-1]] if before and due and due[0] <= before[-1] else due


@lru_cache(maxsize=256)
def _calendar(zone: ZoneInfo, expressions: tuple[str, ...]) -> _Calendar:
    return _Calendar(zone, expressions)
