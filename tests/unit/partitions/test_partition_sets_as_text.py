"""Specs and sets survive being written down, and stay short."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from partita.definitions.partitions import (
    DailyPartitions,
    HourlyPartitions,
    Partitions,
    PartitionSet,
    PartitionsSpec,
    StaticPartitions,
    WeeklyPartitions,
    partitions_of,
)

NOW = datetime(2013, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "partitions",
    [
        HourlyPartitions("2023-11-05-01:00-0800", timezone="America/Los_Angeles"),
        DailyPartitions("2013-01-01", end="2014-01-01", fmt="%Y/%m/%d", exclude=["2013-07-04"]),
        WeeklyPartitions("2013-01-01", day_offset=3, end_offset=1),
        StaticPartitions(["eu", "us"]),
    ],
    ids=lambda partitions: partitions.describe(),
)
def test_partitions_survive_being_encoded(partitions: Partitions) -> None:
    spec = msgspec.json.decode(msgspec.json.encode(partitions.spec), type=PartitionsSpec)

    assert partitions_of(spec) == partitions


def test_a_set_is_a_short_text() -> None:
    hours = HourlyPartitions("2013-01-01")

    text = hours.keys(now=datetime(2027, 1, 1, tzinfo=UTC)).encode()

    assert text == "h:82uo+2mon"
    assert len(PartitionSet.decode(text, hours)) == 122_712
    assert hours.none().encode() == "h:"
    assert not PartitionSet.decode("h:", hours)


def test_sets_from_before_1970_are_written_too() -> None:
    days = DailyPartitions("1950-01-01")
    chosen = days.select(["1950-01-01", "1950-01-02", "1969-12-31", "1970-01-02"], now=NOW)

    assert PartitionSet.decode(chosen.encode(), days) == chosen


def test_what_has_been_excluded_since_is_left_out() -> None:
    text = DailyPartitions("2013-01-01").range("2013-01-01", "2013-01-05", now=NOW).encode()

    kept = PartitionSet.decode(text, DailyPartitions("2013-01-01", exclude=["2013-01-03"]))

    assert list(kept) == ["2013-01-01", "2013-01-02", "2013-01-04", "2013-01-05"]


def test_a_set_shows_a_few_of_its_keys() -> None:
    days = DailyPartitions("2013-01-01")

    assert repr(days.keys(now=NOW)) == "<PartitionSet of 59: 2013-01-01...2013-02-28>"
    assert repr(days.keys(now=NOW)[::2]) == "<PartitionSet of 30: 2013-01-01, 2013-01-03, 2013-01-05, 2013-01-07, 2013-01-09, ...>"
    assert repr(days) == "<DailyPartitions daily from 2013-01-01 (UTC)>"


def test_static_partitions_keep_their_order() -> None:
    regions = StaticPartitions(["us", "eu", "asia"])
    everything = regions.keys(now=NOW)

    assert list(everything) == ["us", "eu", "asia"]
    assert list(regions.select(["asia", "us", "asia"], now=NOW)) == ["us", "asia"]
    assert everything.ranges() == [("us", "asia")]
    assert list(regions.range("eu", "asia", now=NOW)) == ["eu", "asia"]
    assert (regions.first(now=NOW), regions.last(now=NOW), regions.count(now=NOW)) == ("us", "asia", 3)
