"""Windows that begin whenever the wall clock shows a given minute, numbered without holes.

In almost every zone that is every 3,600 seconds, whatever the clock does, and the ordinal is the number of whole hours since 1970 in
UTC. Where the clock moves by half an hour (Lord Howe Island) a window next to the change lasts longer or shorter, and the numbers
run on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from partita.definitions.partitions.spans import Span
from partita.definitions.zones import (
    EARLIEST,
    LATEST,
    instant_of,
    local_time,
    minute_shifts,
    offset_at,
    shifts_between,
    start_of_year,
    to_wall_seconds,
    wall_of,
)

_YEAR_SECONDS = 31_556_952
_TABLE_YEARS = 64


class Regime(NamedTuple):
    """A stretch of time in which windows begin `phase` seconds past the UTC hour; ordinals are UTC hours plus `skew`."""

    since: int
    phase: int
    skew: int

    def floor(self, seconds: int) -> int:
        """The ordinal of the last window that begins at or before an instant, as this regime counts."""
        return (seconds - self.phase) // 3600 + self.skew

    @property
    def first(self) -> int:
        """The ordinal of the first window that begins in it."""
        return self.floor(self.since - 1) + 1


@dataclass(frozen=True)
class Hours:
    """A cadence of one window per hour of the wall clock."""

    zone: ZoneInfo
    minute: int

    is_daily_at_most = False

    @property
    def system(self) -> str:
        """What its ordinals count."""
        return "h"

    @property
    def limits(self) -> Span:
        """The first and the last ordinal to calculate with."""
        return to_wall_seconds(EARLIEST) // 3600, to_wall_seconds(LATEST) // 3600

    @property
    def cron(self) -> str:
        """When windows begin."""
        return f"{self.minute} * * * *"

    def floor(self, seconds: int) -> int:
        """The ordinal of the window that an instant lies in."""
        regimes = self._regimes(seconds)
        return regimes[bisect_right(regimes, seconds, key=lambda regime: regime.since) - 1].floor(seconds)

    def start(self, ordinal: int) -> int:
        """The instant at which a window begins, the one before it ends."""
        regimes = self._regimes(ordinal * 3600)
        regime = regimes[max(bisect_right(regimes, ordinal, key=lambda each: each.first) - 1, 0)]
        return (ordinal - regime.skew) * 3600 + regime.phase

    def at_or_after(self, wall: datetime) -> int:
        """The first window that begins at or after a wall time, whose `fold` tells the occurrences of a repeated hour apart."""
        return self.floor(instant_of(wall.replace(fold=0), self.zone, fold=wall.fold) - 1) + 1

    def wall(self, ordinal: int) -> datetime:
        """What the wall clock shows when a window begins; `fold` is 1 in the second occurrence of a repeated hour."""
        return local_time(self.start(ordinal), self.zone).replace(tzinfo=None)

    def runs(self, span: Span) -> Iterator[tuple[datetime, int]]:
        """`wall` of every window of a range: a first one and how many follow hour by hour, itself included."""
        first, last = self.start(span[0]), self.start(span[1])
        ordinal, offset = span[0], offset_at(first, self.zone)
        if self.wall(ordinal).fold:
            yield self.wall(ordinal), 1
            ordinal += 1
        for change in shifts_between(first, last, self.zone):
            following = self.floor(change.at - 1) + 1
            yield from self._steady(ordinal, following, offset=offset)
            ordinal, offset = following, change.after
            while ordinal <= span[1] and self.start(ordinal) < change.at + change.before - change.after:
                yield self.wall(ordinal), 1
                ordinal += 1
        yield from self._steady(ordinal, span[1] + 1, offset=offset)

    def gaps(self, span: Span) -> list[int]:
        """The ordinals of a range that are no windows: never any."""
        del span
        return []

    def _steady(self, ordinal: int, following: int, *, offset: int) -> Iterator[tuple[datetime, int]]:
        if ordinal < following:
            yield wall_of(self.start(ordinal) + offset), following - ordinal

    def _regimes(self, seconds: int) -> tuple[Regime, ...]:
        block = seconds // _YEAR_SECONDS // _TABLE_YEARS
        return _regimes(self.zone, self.minute, 1970 + min(block, 0) * _TABLE_YEARS, 1970 + (max(block, 0) + 1) * _TABLE_YEARS)


@lru_cache(maxsize=256)
def _regimes(zone: ZoneInfo, minute: int, first_year: int, last_year: int) -> tuple[Regime, ...]:
    """Every regime of these years; the one of 1970 has no skew, the others run on from it in both directions."""
    changes = minute_shifts(zone, first_year=first_year - 1, last_year=last_year + 1)
    beginnings = [start_of_year(first_year - 1), *(change.at for change in changes)]
    phases = [(minute * 60 - offset_at(since, zone)) % 3600 for since in beginnings]
    origin = bisect_right(beginnings, 0) - 1
    skews = {origin: 0}
    for i in range(origin + 1, len(beginnings)):
        last = Regime(0, phases[i - 1], skews[i - 1]).floor(beginnings[i] - 1)
        skews[i] = last - Regime(0, phases[i], 0).floor(beginnings[i] - 1)
    for i in range(origin - 1, -1, -1):
        last = Regime(0, phases[i + 1], skews[i + 1]).floor(beginnings[i + 1] - 1)
        skews[i] = last - Regime(0, phases[i], 0).floor(beginnings[i + 1] - 1)
    return tuple(Regime(beginnings[i], phases[i], skews[i]) for i in range(len(beginnings)))
