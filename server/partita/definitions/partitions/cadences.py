"""The time partitions that authors write, one class per cadence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from partita.definitions.cron import Cron
from partita.definitions.partitions.specs import TimePartitionsSpec
from partita.definitions.partitions.time import TimePartitions
from partita.definitions.partitions.windows import Moment, write_moment


class HourlyPartitions(TimePartitions):
    """One partition per hour of the wall clock, with keys like `2013-01-31-07:00`.

    The second occurrence of an hour that the clock repeats has its UTC offset as suffix: `2023-11-05-01:00-0800`.

    Args:
        start: the first window begins at or after it; a date, a datetime, or text like the keys.
        end: no window ends after it.
        timezone: whose wall clock cuts the hours.
        minute_offset: at which minute windows begin.
        end_offset: how many partitions more (or fewer) exist than windows have ended.
        fmt: how keys are written, as for `strftime`.
        exclude: keys, datetimes, or dates whose windows are no partitions.

    Example:
        `pt.HourlyPartitions("2013-01-01-00:00", timezone="America/New_York")`

    Raises:
        DefinitionError: a zone, date, offset or format that is none; names field and value.
    """

    def __init__(
        self,
        start: Moment,
        end: Moment | None = None,
        timezone: str = "UTC",
        minute_offset: int = 0,
        end_offset: int = 0,
        fmt: str | None = None,
        exclude: Iterable[Moment] = (),
    ) -> None:
        super().__init__(
            TimePartitionsSpec(
                cadence="hourly",
                start=write_moment(start, field="start"),
                end=None if end is None else write_moment(end, field="end"),
                timezone=timezone,
                minute_offset=minute_offset,
                end_offset=end_offset,
                fmt=fmt,
                exclude=write_moments(exclude),
            )
        )


class DailyPartitions(TimePartitions):
    """One partition per day, with keys like `2013-01-31`.

    Args:
        start: the first window begins at or after it; a date, a datetime, or text like the keys.
        end: no window ends after it.
        timezone: whose wall clock cuts the days.
        hour_offset: at which hour windows begin.
        minute_offset: at which minute of that hour.
        end_offset: how many partitions more (or fewer) exist than windows have ended.
        fmt: how keys are written, as for `strftime`.
        exclude: keys, datetimes, or dates whose windows are no partitions.

    Example:
        `pt.DailyPartitions("2013-01-01", timezone="America/New_York")`

    Raises:
        DefinitionError: a zone, date, offset or format that is none; names field and value.
    """

    def __init__(
        self,
        start: Moment,
        end: Moment | None = None,
        timezone: str = "UTC",
        hour_offset: int = 0,
        minute_offset: int = 0,
        end_offset: int = 0,
        fmt: str | None = None,
        exclude: Iterable[Moment] = (),
    ) -> None:
        super().__init__(
            TimePartitionsSpec(
                cadence="daily",
                start=write_moment(start, field="start"),
                end=None if end is None else write_moment(end, field="end"),
                timezone=timezone,
                hour_offset=hour_offset,
                minute_offset=minute_offset,
                end_offset=end_offset,
                fmt=fmt,
                exclude=write_moments(exclude),
            )
        )


class WeeklyPartitions(TimePartitions):
    """One partition per week; its key is the date on which it begins.

    Args:
        start: the first window begins at or after it; a date, a datetime, or text like the keys.
        end: no window ends after it.
        timezone: whose wall clock cuts the weeks.
        hour_offset: at which hour windows begin.
        minute_offset: at which minute of that hour.
        end_offset: how many partitions more (or fewer) exist than windows have ended.
        fmt: how keys are written, as for `strftime`.
        exclude: keys, datetimes, or dates whose windows are no partitions.
        day_offset: on which weekday windows begin; 0 is Sunday.

    Example:
        `pt.WeeklyPartitions("2013-01-01", day_offset=1)`

    Raises:
        DefinitionError: a zone, date, offset or format that is none; names field and value.
    """

    def __init__(
        self,
        start: Moment,
        end: Moment | None = None,
        timezone: str = "UTC",
        hour_offset: int = 0,
        minute_offset: int = 0,
        end_offset: int = 0,
        fmt: str | None = None,
        exclude: Iterable[Moment] = (),
        day_offset: int = 0,
    ) -> None:
        super().__init__(
            TimePartitionsSpec(
                cadence="weekly",
                start=write_moment(start, field="start"),
                end=None if end is None else write_moment(end, field="end"),
                timezone=timezone,
                hour_offset=hour_offset,
                minute_offset=minute_offset,
                day_offset=day_offset,
                end_offset=end_offset,
                fmt=fmt,
                exclude=write_moments(exclude),
            )
        )


class MonthlyPartitions(TimePartitions):
    """One partition per month; its key is the date on which it begins.

    Args:
        start: the first window begins at or after it; a date, a datetime, or text like the keys.
        end: no window ends after it.
        timezone: whose wall clock cuts the months.
        hour_offset: at which hour windows begin.
        minute_offset: at which minute of that hour.
        end_offset: how many partitions more (or fewer) exist than windows have ended.
        fmt: how keys are written, as for `strftime`.
        exclude: keys, datetimes, or dates whose windows are no partitions.
        day_offset: on which day of the month windows begin; a month without that day begins none, so the window before it goes on.

    Example:
        `pt.MonthlyPartitions("2013-01-01", fmt="%Y-%m")`

    Raises:
        DefinitionError: a zone, date, offset or format that is none; names field and value.
    """

    def __init__(
        self,
        start: Moment,
        end: Moment | None = None,
        timezone: str = "UTC",
        hour_offset: int = 0,
        minute_offset: int = 0,
        end_offset: int = 0,
        fmt: str | None = None,
        exclude: Iterable[Moment] = (),
        day_offset: int = 1,
    ) -> None:
        super().__init__(
            TimePartitionsSpec(
                cadence="monthly",
                start=write_moment(start, field="start"),
                end=None if end is None else write_moment(end, field="end"),
                timezone=timezone,
                hour_offset=hour_offset,
                minute_offset=minute_offset,
                day_offset=day_offset,
                end_offset=end_offset,
                fmt=fmt,
                exclude=write_moments(exclude),
            )
        )


class CronPartitions(TimePartitions):
    """One partition from each tick of a cron expression to the next; its key is the wall time at which it begins.

    Args:
        cron: at which ticks windows begin: an expression, or several whose ticks are taken together.
        start: the first window begins at or after it; a date, a datetime, or text like the keys.
        end: no window ends after it.
        timezone: whose wall clock the expression means.
        fmt: how keys are written, as for `strftime`; left out, dates where no day has two ticks, else dates and times.
        end_offset: how many partitions more (or fewer) exist than windows have ended.
        exclude: keys, datetimes, or dates whose windows are no partitions.

    Example:
        `pt.CronPartitions("0 0 * * 1-5", "2024-01-01")`: Friday's window lasts until Monday

    Raises:
        DefinitionError: an expression, zone, date or format that is none; names field and value.
    """

    def __init__(
        self,
        cron: str | Sequence[str],
        start: Moment,
        end: Moment | None = None,
        timezone: str = "UTC",
        fmt: str | None = None,
        end_offset: int = 0,
        exclude: Iterable[Moment] = (),
    ) -> None:
        super().__init__(
            TimePartitionsSpec(
                cadence="cron",
                cron=Cron(cron, timezone=timezone).expressions,
                start=write_moment(start, field="start"),
                end=None if end is None else write_moment(end, field="end"),
                timezone=timezone,
                end_offset=end_offset,
                fmt=fmt,
                exclude=write_moments(exclude),
            )
        )


def write_moments(values: Iterable[Moment]) -> tuple[str, ...]:
    """Each of what is excluded, as text."""
    listed = values if isinstance(values, Iterable) and not isinstance(values, str) else (values,)
    return tuple(write_moment(value, field="exclude") for value in listed)
