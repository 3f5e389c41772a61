"""Reading what an author wrote about windows of time: offsets, key format, dates. Every fault is a `DefinitionError` that names the field."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from partita.definitions.cron import Cron
from partita.definitions.partitions.dates import Dates, Days, Months, Weeks
from partita.definitions.partitions.hours import Hours
from partita.definitions.partitions.keys import DATE_FORMAT, HOUR_FORMAT, KeyFormat, is_control
from partita.definitions.partitions.specs import TimePartitionsSpec
from partita.definitions.partitions.ticks import Ticks
from partita.definitions.zones import LATEST, is_in_calendar
from partita.errors import DefinitionError

Moment = str | date | datetime

# Windows these many hours apart are tried on a format: hours, days, weeks, months and years further, and half a day for 12 hour clocks.
_SAMPLED_HOURS = (0, 1, 12, 24, 24 * 7, 24 * 45, 24 * 400)


Cadence = Hours | Dates | Ticks


def cadence_of(spec: TimePartitionsSpec, *, zone: ZoneInfo) -> Cadence:
    """When windows begin.

    Raises:
        DefinitionError: an offset is no integer or out of range.
    """
    minute = _offset("minute_offset", spec.minute_offset, low=0, high=59)
    hour = _offset("hour_offset", spec.hour_offset, low=0, high=23)
    _offset("end_offset", spec.end_offset, low=-1_000_000, high=1_000_000)
    match spec.cadence:
        case "cron":
            return _ticks(spec, zone)
        case "hourly":
            return Hours(zone, minute)
        case "daily":
            return Dates(zone, Days(), hour, minute)
        case "weekly":
            return Dates(zone, Weeks(_offset("day_offset", spec.day_offset or 0, low=0, high=6, meaning=" (0 is Sunday)")), hour, minute)
        case "monthly":
            day = 1 if spec.day_offset is None else spec.day_offset
            return Dates(zone, Months(_offset("day_offset", day, low=1, high=31, meaning=" (the day of the month)")), hour, minute)
    raise DefinitionError(f"cadence {spec.cadence!r} is unknown. Use 'hourly', 'daily', 'weekly', 'monthly' or 'cron'.")


def _ticks(spec: TimePartitionsSpec, zone: ZoneInfo) -> Ticks:
    Cron(spec.cron, timezone=spec.timezone)  # says what cannot be used
    ticks = Ticks(zone, spec.cron)
    ticks.start(0)
    return ticks


def _offset(field: str, value: object, *, low: int, high: int, meaning: str = "") -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise DefinitionError(f"{field} {value!r} is not a whole number. Use one from {low} to {high}{meaning}.")
    if not low <= value <= high:
        raise DefinitionError(f"{field} {value} is out of range. Use a number from {low} to {high}{meaning}.")
    return value


def format_of(spec: TimePartitionsSpec, *, zone: ZoneInfo, cadence: Cadence) -> KeyFormat:
    """How keys are written.

    Raises:
        DefinitionError: `fmt` is no text or holds what keys may not hold.
    """
    is_hourly = not cadence.is_daily_at_most
    if spec.fmt is None:
        return KeyFormat(HOUR_FORMAT if is_hourly else DATE_FORMAT, zone, is_hourly)
    if not isinstance(spec.fmt, str) or "%" not in spec.fmt:
        raise DefinitionError(f"fmt {spec.fmt!r} is not a format for dates. Use one like '%Y-%m-%d', as for strftime.")
    if "|" in spec.fmt or "..." in spec.fmt or any(map(is_control, spec.fmt)):
        raise DefinitionError(f"fmt {spec.fmt!r} makes keys with '|', '...' or control characters. Leave them out.")
    return KeyFormat(spec.fmt, zone, is_hourly)


def check_format(keys: KeyFormat, cadence: Cadence, *, first: int) -> None:
    """Refuses a format whose keys cannot be told apart or read back.

    Raises:
        DefinitionError: it names two windows that get one key, or a key that does not lead back to its window.
    """
    if keys.fmt in (DATE_FORMAT, HOUR_FORMAT) and keys.fmt == _default(keys):
        return
    seen: set[str] = set()
    for ordinal in sorted({cadence.at_or_after(cadence.wall(first) + timedelta(hours=hours)) for hours in _SAMPLED_HOURS}):
        key = _rendered(keys, cadence.wall(ordinal))
        if key in seen:
            raise DefinitionError(
                f"fmt {keys.fmt!r} gives several windows the key {key!r}. Use a format that tells them apart, like {_default(keys)!r}."
            )
        seen.add(key)
        wall = keys.parse(key)
        if wall is None or not is_in_calendar(wall) or cadence.at_or_after(wall) != ordinal:
            raise DefinitionError(f"fmt {keys.fmt!r} gives the key {key!r}, which does not lead back to its window. Use one like {_default(keys)!r}.")


def _rendered(keys: KeyFormat, wall: datetime) -> str:
    try:
        return keys.render(wall)
    except ValueError:
        raise DefinitionError(f"fmt {keys.fmt!r} is not a format for dates. Use one like {_default(keys)!r}, as for strftime.") from None


def _default(keys: KeyFormat) -> str:
    return HOUR_FORMAT if keys.is_hourly else DATE_FORMAT


def write_moment(value: Moment, *, field: str) -> str:
    """A date, a time or a text as the text that `read_moment` understands.

    Raises:
        DefinitionError: it is something else.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, date):
        return value.isoformat()
    raise DefinitionError(f"{field} {value!r} is not a date. Give a date, a datetime or text in the format of the keys.")


def read_moment(text: str, *, field: str, keys: KeyFormat) -> datetime:
    """The naive wall time of a text, written as a key or in ISO 8601; its `fold` tells occurrences of a repeated hour apart.

    Raises:
        DefinitionError: it is neither, or too far away.
    """
    wall = keys.parse(text)
    if wall is None:
        wall = _read_iso(text, keys.zone)
    if wall is None:
        raise DefinitionError(f"{field} {text!r} is not a date. Write it like the keys ({keys.fmt!r}) or in ISO 8601, as in '2013-01-31'.")
    if field == "end" and wall > LATEST:
        return LATEST
    if not is_in_calendar(wall):
        raise DefinitionError(f"{field} {text!r} is too far away. Use a year from 1000 to 9998.")
    return wall


def _read_iso(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo is None else found.astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def write_wall(wall: datetime, zone: ZoneInfo) -> str:
    """A wall time as a spec holds it: ISO 8601, with an offset only in the second occurrence of a repeated hour."""
    stated = wall.replace(tzinfo=zone) if wall.fold else wall
    return stated.isoformat() if wall.second or wall.microsecond else stated.isoformat(timespec="minutes")


def read_excluded(text: str, *, keys: KeyFormat, cadence: Cadence) -> range:
    """The ordinals that one text excludes: it is a key, a time at which a window begins, or a date on which some do.

    Raises:
        DefinitionError: no window begins then.
    """
    wall = read_moment(text, field="exclude", keys=keys)
    first = cadence.at_or_after(wall)
    is_date = _is_date(text) and keys.render(cadence.wall(first)) != text
    following = cadence.at_or_after(wall + timedelta(days=1)) if is_date else first + 1
    if first == following or (not is_date and keys.render(cadence.wall(first)) != text and cadence.wall(first) != wall):
        raise DefinitionError(f"exclude {text!r} excludes nothing: no window begins then. The next one is {keys.render(cadence.wall(first))!r}.")
    return range(first, following)
