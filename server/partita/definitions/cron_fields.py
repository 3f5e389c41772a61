"""The five fields of a cron expression, read from text."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from partita.errors import DefinitionError, did_you_mean

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
LAST_DAY = "L"
LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days that each month has at most."""
DAY = 24 * 60


@dataclass(frozen=True)
class Field:
    """One place of a cron expression: what it is called, its numbers and their names."""

    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()

    def parse(self, text: str, whole: str) -> frozenset[int]:
        """The numbers that a field means.

        Raises:
            DefinitionError: it means none.
        """
        return frozenset(number for part in text.split(",") for number in self._part(part, whole))

    def _part(self, part: str, whole: str) -> range:
        span, slash, stride = part.partition("/")
        if slash and not (stride.isdecimal() and int(stride) > 0):
            raise _wrong(whole, f"{part!r} in the {self.name} has no step above zero after the '/'")
        step = int(stride) if slash else 1
        if span == "*":
            return range(self.first, self.last + 1, step)
        low, dash, high = span.partition("-")
        start = self._number(low, whole)
        end = self._number(high, whole) if dash else (self.last if slash else start)
        if dash and self is WEEKDAY and end < start and high.upper() == WEEKDAYS[0]:
            end = self.last  # Sunday ends the week too: FRI-SUN
        if end < start:
            raise _wrong(whole, f"{span!r} in the {self.name} ends before it starts")
        return range(start, end + 1, step)

    def _number(self, text: str, whole: str) -> int:
        name = text.upper()
        if name in self.names:
            return self.names.index(name) + self.first
        if not (text.isascii() and text.isdecimal()):
            raise _wrong(whole, f"{text!r} is no {self.name}.{did_you_mean(name, self.names)}")
        if not self.first <= int(text) <= self.last:
            raise _wrong(whole, f"the {self.name} {text} is not between {self.first} and {self.last}")
        return int(text)


MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY_OF_MONTH = Field("day of month", 1, 31)
MONTH = Field("month", 1, 12, MONTHS)
WEEKDAY = Field("day of week", 0, 7, WEEKDAYS)


@dataclass(frozen=True)
class Fields:
    """A cron expression that has been read."""

    times: tuple[int, ...]
    """Minutes of the day, in order."""
    is_every_hour: bool
    days: frozenset[int]
    has_last_day: bool
    """The last day of the month is meant too, whichever it is."""
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    is_either: bool
    """Day of month and day of week are both given: one of them is enough."""

    @property
    def is_frequent(self) -> bool:
        """Two ticks of one day lie an hour or less apart: an hourly schedule or a finer one."""
        gaps = [later - earlier for earlier, later in zip(self.times, (*self.times[1:], self.times[0] + DAY), strict=True)]
        return min(gaps) <= 60

    def has_day(self, day: date) -> bool:
        """Whether there are ticks on a date whose month is one of `months`."""
        in_month = day.day in self.days or (self.has_last_day and day.day == monthrange(day.year, day.month)[1])
        in_week = day.isoweekday() % 7 in self.weekdays
        return in_month or in_week if self.is_either else in_month and in_week


def parse_fields(text: str) -> Fields:
    """The fields of a cron expression.

    Raises:
        DefinitionError: it cannot be read, or names only dates that never happen.
    """
    if not isinstance(text, str) or not text.strip():
        raise DefinitionError(f"cron {text!r} is not a cron expression. Write five fields, such as '0 2 * * *'.")
    written = text.strip()
    if written.startswith("@") and written.lower() not in MACROS:
        raise _wrong(text, f"there is no such abbreviation.{did_you_mean(written.lower(), MACROS)}")
    parts = MACROS.get(written.lower(), written).split()
    if len(parts) != 5:
        raise _wrong(text, f"it has {len(parts)} fields, not five: minute, hour, day of month, month, day of week")
    minutes, hours = MINUTE.parse(parts[0], text), HOUR.parse(parts[1], text)
    days, has_last_day = _days(parts[2], text)
    found = Fields(
        times=tuple(sorted(hour * 60 + minute for hour in hours for minute in minutes)),
        is_every_hour=len(hours) == 24,
        days=days,
        has_last_day=has_last_day,
        months=MONTH.parse(parts[3], text),
        weekdays=frozenset(number % 7 for number in WEEKDAY.parse(parts[4], text)),
        is_either=parts[2] != "*" and parts[4] != "*",
    )
    if not (found.is_either or has_last_day or any(min(days) <= LONGEST[month - 1] for month in found.months)):
        raise _wrong(text, f"no month it names has a day {min(days)}, so it never happens")
    return found


def _days(text: str, whole: str) -> tuple[frozenset[int], bool]:
    parts = text.split(",")
    others = [part for part in parts if part.upper() != LAST_DAY]
    return DAY_OF_MONTH.parse(",".join(others), whole) if others else frozenset(), len(others) < len(parts)


def _wrong(text: str, why: str) -> DefinitionError:
    return DefinitionError(f"cron {text!r} cannot be used: {why}{'' if why.endswith(('.', '?')) else '.'}")
