"""Partitions that are windows of time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from itertools import chain

from msgspec.structs import replace

from partita.definitions.partitions.hours import Hours
from partita.definitions.partitions.partitions import Partitions, PartitionSet, TimeWindow
from partita.definitions.partitions.spans import Span
from partita.definitions.partitions.specs import TimePartitionsSpec
from partita.definitions.partitions.windows import cadence_of, check_format, format_of, read_excluded, read_moment, write_wall
from partita.definitions.zones import find_zone, instant_of, is_in_calendar, local_time, to_instant
from partita.errors import DefinitionError, UnknownPartitionError


class TimePartitions(Partitions):
    """One partition per window of a cadence; its key is the wall time at which the window begins.

    A window is a partition once it has fully elapsed, unless `end_offset` says otherwise. Made from a spec; authors use
    `HourlyPartitions`, `DailyPartitions`, `WeeklyPartitions` and `MonthlyPartitions`.

    Raises:
        DefinitionError: a zone, date, offset or format that is none; names field and value.
    """

    def __init__(self, spec: TimePartitionsSpec) -> None:
        self._zone = find_zone(spec.timezone)
        self._cadence = cadence_of(spec, zone=self._zone)
        self._format = format_of(spec, zone=self._zone, cadence=self._cadence)
        start = read_moment(spec.start, field="start", keys=self._format)
        self._first = self._cadence.at_or_after(start)
        check_format(self._format, self._cadence, first=self._first)
        end = None if spec.end is None else read_moment(spec.end, field="end", keys=self._format)
        if end is not None and end < start:
            raise DefinitionError(f"end {spec.end!r} is before start {spec.start!r}. Give a later end, or none.")
        self._end = None if end is None else instant_of(end.replace(fold=0), self._zone, fold=end.fold)
        self._until = None if end is None else self._format.render(end)
        excluded = {ordinal for text in spec.exclude for ordinal in read_excluded(text, keys=self._format, cadence=self._cadence)}
        self._excluded = tuple(sorted(excluded))
        self._spec = replace(
            spec,
            start=write_wall(self._cadence.wall(self._first), self._zone),
            end=None if end is None else write_wall(end, self._zone),
            exclude=tuple(self.key_of(ordinal) for ordinal in self._excluded),
        )

    @property
    def spec(self) -> TimePartitionsSpec:
        """The frozen value that says the same."""
        return self._spec

    @property
    def timezone(self) -> str:
        """The name of the zone whose wall clock cuts the windows."""
        return self._spec.timezone

    @property
    def cron(self) -> str:
        """When a new partition begins."""
        return self._cadence.cron

    @property
    def fmt(self) -> str:
        """How keys are written, as for `strftime`."""
        return self._format.fmt

    @property
    def ordinal_system(self) -> str:
        """The cadence: ordinals count from a fixed point of the calendar, whatever start, end, zone or format."""
        return self._cadence.system

    @property
    def ordinal_limits(self) -> Span:
        """The years 1000 to 9998."""
        return self._cadence.limits

    def keys(self, *, now: datetime) -> PartitionSet:
        """All partitions that exist at `now`, in order of time."""
        last = self._last(to_instant(now, self._zone))
        return PartitionSet(self, self.without_gaps(((self._first, last),))) if last >= self._first else self.none()

    def window(self, key: str) -> TimeWindow:
        """The window of a key, whether or not it exists yet.

        A text in the format of the keys that is no key itself means the first window that begins at or after that time.

        Raises:
            UnknownPartitionError: the text is not in the format of the keys.
        """
        wall = self._format.parse(key)
        if wall is None or not is_in_calendar(wall):
            raise UnknownPartitionError(key, self._owner, self._example)
        return self.window_of(self.shifted(self._cadence.at_or_after(wall) - 1, 1))

    def window_of(self, ordinal: int) -> TimeWindow:
        """The window with this ordinal."""
        return TimeWindow(local_time(self._cadence.start(ordinal), self._zone), local_time(self._cadence.start(ordinal + 1), self._zone))

    def key_at(self, instant: datetime) -> str | None:
        """The key of the window that an instant lies in, whether or not it has ended; None before start, after end or when excluded."""
        ordinal = self._cadence.floor(to_instant(instant, self._zone))
        if ordinal < self._first or ordinal > self._last_before_end(ordinal) or self._is_gap(ordinal):
            return None
        return self.key_of(ordinal)

    def start_of(self, ordinal: int) -> int:
        """The instant at which a window begins and the one before it ends, in seconds since 1970; of a gap, that of the next window."""
        return self._cadence.start(ordinal)

    def overlapping(self, start: int, end: int) -> Span:
        """The ordinals of the windows that share time with a stretch, ignoring start, end and exclusions; the first exceeds the last if none."""
        if end <= start:
            return 0, -1
        return self._cadence.floor(start), self._cadence.floor(end - 1)

    def shifted(self, ordinal: int, by: int) -> int:
        """The ordinal of the partition that many partitions later or, if negative, earlier; excluded windows are not counted."""
        target = ordinal + by
        while True:
            passed = len(self.gaps((ordinal + 1, target))) if by > 0 else -len(self.gaps((target, ordinal - 1)))
            if target == ordinal + by + passed:
                return target
            target = ordinal + by + passed

    def find_ordinal(self, key: str) -> int | None:
        """The ordinal of exactly this key, or None."""
        wall = self._format.parse(key)
        if wall is None or not is_in_calendar(wall):
            return None
        ordinal = self._cadence.at_or_after(wall)
        return ordinal if self.key_of(ordinal) == key and ordinal not in self._excluded_set else None

    def key_of(self, ordinal: int) -> str:
        """The key of the window with this ordinal."""
        return self._format.render(self._cadence.wall(ordinal))

    def keys_between(self, span: Span) -> Iterator[str]:
        """Keys of a range of ordinals that holds no gaps."""
        if isinstance(self._cadence, Hours):
            return chain.from_iterable(self._format.render_hours(first, count) for first, count in self._cadence.runs(span))
        return map(self._format.render, map(self._cadence.wall, range(span[0], span[1] + 1)))

    def gaps(self, span: Span) -> list[int]:
        """The ordinals of a range that are excluded or were never on the calendar."""
        missing = self._cadence.gaps(span)
        excluded = self._excluded[bisect_left(self._excluded, span[0]) : bisect_right(self._excluded, span[1])]
        return sorted({*missing, *excluded}) if missing and excluded else missing or list(excluded)

    def hint(self, key: str, *, now: datetime) -> str:
        """What the key should look like, or from when to when partitions exist."""
        existing = self.keys(now=now)
        wall = self._format.parse(key)
        if wall is None or not is_in_calendar(wall):
            return self._example
        ordinal = self._cadence.at_or_after(wall)
        if ordinal in self._excluded_set:
            return "It is excluded."
        if existing.has_ordinal(ordinal) and self.key_of(ordinal) != key:
            return f"Did you mean {self.key_of(ordinal)!r}?"
        return f"It has {existing.first} to {existing.last}." if existing else "None of its windows has ended yet."

    def describe(self) -> str:
        """`daily from 2013-01-01 (America/New_York)`, with `until` before the zone where there is an end."""
        until = f" until {self._until}" if self._until else ""
        cadence = f"by cron {self.cron!r}" if self._spec.cron else self._spec.cadence
        return f"{cadence} from {self.key_of(self._first)}{until} ({self.timezone})"

    @cached_property
    def _excluded_set(self) -> frozenset[int]:
        return frozenset(self._excluded)

    @property
    def _owner(self) -> str:
        return f"The partitioning {self.describe()!r}"

    @property
    def _example(self) -> str:
        return f"Its keys look like {self.key_of(self._first)!r}."

    def _is_gap(self, ordinal: int) -> bool:
        return bool(self.gaps((ordinal, ordinal)))

    def _last_before_end(self, default: int) -> int:
        return default if self._end is None else min(default, self._cadence.floor(self._end) - 1)

    def _last(self, now: int) -> int:
        running = self._cadence.floor(now)
        offset = self._spec.end_offset
        last = running - 1 if offset == 0 else self.shifted(running - 1, offset) if offset > 0 else self.shifted(running, offset - 1)
        return self._last_before_end(last)
