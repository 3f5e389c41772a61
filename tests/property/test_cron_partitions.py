"""Windows of cron partitions lie between the ticks of their expressions, and where another cadence says the same they are the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

import partita as pt
from partita.definitions.partitions import partitions_of
from support.partitions import CHANGES, CRON_DAYS, ZONES

EXPRESSIONS = st.sampled_from([list(each) for each in CRON_DAYS])


@given(EXPRESSIONS, st.sampled_from(ZONES), st.sampled_from(CHANGES), st.integers(0, 40))
@settings(max_examples=150)
def test_windows_lie_between_ticks(expressions: list[str], zone: str, change: datetime, days: int) -> None:
    start, now = change - timedelta(days=days % 9), change + timedelta(days=days)
    partitions = pt.CronPartitions(expressions, start, timezone=zone)

    ticks = list(pt.Cron(expressions, timezone=zone).ticks(start, now))
    windows = [partitions.window(key) for key in partitions.keys(now=now)]

    assert [(each.start.timestamp(), each.end.timestamp()) for each in windows] == [(a.timestamp(), b.timestamp()) for a, b in pairwise(ticks)]
    assert partitions.count(now=now) == len(windows)


@given(st.sampled_from(ZONES), st.sampled_from(CHANGES), st.integers(1, 60))
@settings(max_examples=60)
def test_a_cadence_said_as_cron_has_the_same_keys(zone: str, change: datetime, days: int) -> None:
    start, now = change - timedelta(days=30), change + timedelta(days=days)
    for cron, cadence in (
        ("0 2 * * *", pt.DailyPartitions(start, timezone=zone, hour_offset=2)),
        ("0 3 * * 2", pt.WeeklyPartitions(start, timezone=zone, hour_offset=3, day_offset=2)),
        ("0 4 5 * *", pt.MonthlyPartitions(start, timezone=zone, hour_offset=4, day_offset=5)),
    ):
        same = pt.CronPartitions(cron, start, timezone=zone)
        assert list(same.keys(now=now)) == list(cadence.keys(now=now))
        assert [same.window(key) for key in same.keys(now=now)] == [cadence.window(key) for key in cadence.keys(now=now)]


def test_what_is_said_is_kept_and_comes_back() -> None:
    partitions = pt.CronPartitions("0 0 * * 1-5", "2024-01-01", timezone="Europe/Berlin", exclude=["2024-01-02"])

    assert partitions_of(partitions.spec) == partitions
    assert partitions.cron == "0 0 * * 1-5"
    assert partitions.describe() == "by cron '0 0 * * 1-5' from 2024-01-01 (Europe/Berlin)"
    keys = partitions.keys(now=datetime(2024, 1, 9, tzinfo=UTC))
    assert list(keys) == ["2024-01-01", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]
    assert pt.PartitionSet.decode(keys.encode(), partitions) == keys
    assert partitions.key_at(datetime(2024, 1, 6, 12, tzinfo=UTC)) == "2024-01-05", "Friday lasts until Monday"
