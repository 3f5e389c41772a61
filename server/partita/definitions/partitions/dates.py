"""Windows that begin at one time of day on certain dates: every day, one day of the week, one day of the month.

Ordinals are calendar arithmetic: days since 1970-01-01, weeks since the first such weekday of 1970, months since January 1970. A
number can be a gap: a month without that day, or a day that a zone skipped altogether (Samoa had no 2011-12-30).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from partita.definitions.partitions.spans import Span
from partita.definitions.zones import EARLIEST, LATEST, instant_of, is_skipped, local_time, shifts_between

_EPOCH_DAY = date(1970, 1, 1).toordinal()
# 1970-01-04 was a Sunday.
_EPOCH_SUNDAY = _EPOCH_DAY + 3
_DAY_SECONDS = 86_400
# Up to so many days are asked one by one; of more, only those next to changes of the clock.
_FEW_DAYS = 40


@dataclass(frozen=True)
class Days:
    """Every date."""

    system = "d"
    cron = "* * *"

    def date_of(self, ordinal: int) -> date:
        """The date with this number."""
        return date.fromordinal(_EPOCH_DAY + ordinal)

    def floor(self, day: date) -> int:
        """The number of the last date at or before `day`."""
        return day.toordinal() - _EPOCH_DAY


@dataclass(frozen=True)
class Weeks:
    """One weekday of every week, 0 being Sunday."""

    weekday: int

    @property
    def system(self) -> str:
        """What its ordinals count."""
        return f"w{self.weekday}"

    @property
    def cron(self) -> str:
        """The date fields of its cron expression."""
        return f"* * {self.weekday}"

    def date_of(self, ordinal: int) -> date:
        """The date with this number."""
        return date.fromordinal(_EPOCH_SUNDAY + self.weekday + 7 * ordinal)

    def floor(self, day: date) -> int:
        """The number of the last date at or before `day`."""
        return (day.toordinal() - _EPOCH_SUNDAY - self.weekday) // 7


@dataclass(frozen=True)
class Months:
    """One day of every month that has it."""

    day: int

    system = "m"

    @property
    def cron(self) -> str:
        """The date fields of its cron expression."""
        return f"{self.day} * *"

    def date_of(self, ordinal: int) -> date | None:
        """The date with this number; None when the month is too short."""
        year, month = divmod(ordinal, 12)
        if self.day > 28 and self.day > _length(year + 1970, month + 1):
            return None
        return date(year + 1970, month + 1, self.day)

    def floor(self, day: date) -> int:
        """The number of the last month whose day is at or before `day`, even if it has no such day."""
        return (day.year - 1970) * 12 + day.month - 1 - (day.day < self.day)


def _length(year: int, month: int) -> int:
    return (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day


@dataclass(frozen=True)
class Dates:
    """A cadence of one window per date of a calendar, beginning at a time of day."""

    zone: ZoneInfo
    calendar: Days | Weeks | Months
    hour: int
    minute: int

    is_daily_at_most = True

    @property
    def system(self) -> str:
        """What its ordinals count."""
        return self.calendar.system

    @property
    def limits(self) -> Span:
        """The first and the last ordinal to calculate with."""
        return self.calendar.floor(EARLIEST.date()), self.calendar.floor(LATEST.date())

    @property
    def cron(self) -> str:
        """When windows begin."""
        return f"{self.minute} {self.hour} {self.calendar.cron}"

    def floor(self, seconds: int) -> int:
        """The ordinal of the window that an instant lies in."""
        wall = local_time(seconds, self.zone).replace(tzinfo=None, fold=0)
        ordinal = self._existing(self.calendar.floor((wall - self._since_midnight).date()), step=-1)
        # The clock may have changed between midnight and the start of the window.
        while self.start(ordinal) > seconds:
            ordinal = self._existing(ordinal - 1, step=-1)
        while self.start(following := self._existing(ordinal + 1, step=1)) <= seconds:
            ordinal = following
        return ordinal

    def start(self, ordinal: int) -> int:
        """The instant at which a window begins, the one before it ends; for a gap, that of the next window.

        At a time of day that does not exist it is the first instant after the gap, at one that comes twice the second."""
        return instant_of(self.wall(self._existing(ordinal, step=1)), self.zone, fold=1)

    def at_or_after(self, wall: datetime) -> int:
        """The first window that begins at or after a wall time."""
        ordinal = self.calendar.floor((wall - self._since_midnight).date())
        while self._is_missing(ordinal) or self.wall(ordinal) < wall:
            ordinal += 1
        return ordinal

    def wall(self, ordinal: int) -> datetime:
        """The wall time at which a window begins by the calendar, whether or not the clock ever showed it."""
        day = self.calendar.date_of(ordinal)
        assert day is not None, "a gap has no start"
        return datetime(day.year, day.month, day.day, self.hour, self.minute)  # noqa: DTZ001 (wall time has no zone)

    def gaps(self, span: Span) -> list[int]:
        """The ordinals of a range that are no windows, ascending."""
        low, high = span
        if isinstance(self.calendar, Months):
            return [ordinal for ordinal in range(low, high + 1) if self._is_missing(ordinal)] if self.calendar.day > 28 else []
        if isinstance(self.calendar, Weeks):
            return []
        if high - low < _FEW_DAYS:
            return [ordinal for ordinal in range(low, high + 1) if self._is_missing(ordinal)]
        leaps = [shift for shift in shifts_between(self.start(low) - 1, self.start(high), self.zone) if shift.after - shift.before >= _DAY_SECONDS]
        near = (self.floor(leap.at) + step for leap in leaps for step in (-1, 0))
        return sorted({ordinal for ordinal in near if low <= ordinal <= high and self._is_missing(ordinal)})

    @property
    def _since_midnight(self) -> timedelta:
        return timedelta(hours=self.hour, minutes=self.minute)

    def _existing(self, ordinal: int, *, step: int) -> int:
        while self.calendar.date_of(ordinal) is None:
            ordinal += step
        return ordinal

    def _is_missing(self, ordinal: int) -> bool:
        if self.calendar.date_of(ordinal) is None:
            return True
        if isinstance(self.calendar, Months):
            return False
        return is_skipped(self.wall(ordinal), self.zone) and self.start(ordinal) == self.start(ordinal + 1)
