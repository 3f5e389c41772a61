"""What the algebra of partitions costs over fourteen years of hours: sets, the last keys and mappings, none of it per key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import partita as pt
from benchmarks.figures import Figure, timed
from partita.definitions.partitions import Partitions, PartitionSet

NOW = datetime(2027, 1, 1, tzinfo=UTC)
START = "2013-01-01"
LONDON = "Europe/London"
LISTED, TIMES = 50, 50
LISTING = f"list the last {LISTED}"


def measure_partition_algebra() -> Iterator[Figure]:
    """122,712 hours, and the same cut by a cron expression, with their mappings to days and back."""
    yield from _sets("hours", pt.HourlyPartitions(START), start="2015-06-01-00:00", end="2020-06-01-00:00")
    yield from _sets("hours of London", pt.HourlyPartitions(START, timezone=LONDON), start="2015-06-01-00:00", end="2020-06-01-00:00")
    yield from _sets("hours by cron", pt.CronPartitions("0 * * * *", START), start="2015-06-01-00:00", end="2020-06-01-00:00")
    shops = pt.StaticPartitions([f"shop{number}" for number in range(100)])
    hours = pt.StaticPartitions([f"{hour:02}" for hour in range(24)])
    product = pt.MultiPartitions({"shop": shops, "day": pt.DailyPartitions(START), "hour": hours})
    yield from _sets("shops x days x hours", product, start="2015-06-01|00|shop0", end="2020-06-01|23|shop99")
    yield from _mappings("hours", pt.HourlyPartitions(START), pt.DailyPartitions(START))
    yield from _mappings("hours of London", pt.HourlyPartitions(START, timezone=LONDON), pt.DailyPartitions(START, timezone=LONDON))


def _sets(what: str, partitions: Partitions, *, start: str, end: str) -> Iterator[Figure]:
    everything = partitions.keys(now=NOW)
    some = partitions.range(start, end, now=NOW)
    scattered = everything[:: max(100, len(everything) // 1000)]
    acts: dict[str, Callable[[], object]] = {
        "count": lambda: partitions.count(now=NOW),
        "contains": lambda: start in partitions.keys(now=NOW),
        "range": lambda: partitions.range(start, end, now=NOW),
        "union": lambda: some | scattered,
        "difference": lambda: everything - scattered,
        LISTING: lambda: list(partitions.keys(now=NOW)[-LISTED:]),
    }
    for name, act in acts.items():
        incumbent = "1.2 s, lists all" if name == LISTING and what == "hours" else ""
        # Of a product only the count was promised; sets of scattered keys have a range for each.
        reach = "" if isinstance(partitions, pt.MultiPartitions) and name != "count" else "< 1 ms"
        yield _figure(f"{len(everything):,} {what}: {name}", act, reach=reach, incumbent=incumbent)


def _mappings(what: str, hours: Partitions, days: Partitions) -> Iterator[Figure]:
    mapping = pt.TimeWindowMapping()
    every_hour, every_day = hours.keys(now=NOW), days.keys(now=NOW)

    def to_days_and_back() -> PartitionSet:
        there = mapping.downstream(every_hour, downstream=days, upstream=hours, now=NOW).keys
        return mapping.upstream(there, downstream=days, upstream=hours, now=NOW).keys

    if to_days_and_back() != every_hour:
        raise AssertionError(f"{len(every_hour):,} {what} do not come back from {len(every_day):,} days")
    yield _figure(f"{len(every_hour):,} {what}: to days and back", to_days_and_back, reach="< 5 ms")


def _figure(what: str, act: Callable[[], object], *, reach: str, incumbent: str = "") -> Figure:
    return Figure(what=what, incumbent=incumbent, reach=reach, values=[timed(act) for _ in range(TIMES)])
