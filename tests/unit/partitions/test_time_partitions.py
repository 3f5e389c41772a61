"""Windows of time: where they begin, what they are called, when they exist."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from partita.definitions.partitions import (
    DailyPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    TimePartitions,
    WeeklyPartitions,
    partitions_of,
)

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def bounds(partitions: TimePartitions, key: str) -> tuple[str, str]:
    start, end = partitions.window(key)
    return start.isoformat(), end.isoformat()


@pytest.mark.parametrize("start", ["2013-01-01", date(2013, 1, 1), datetime(2013, 1, 1), "2013-01-01T00:00:00"])  # noqa: DTZ001
def test_a_start_can_be_written_in_several_ways(start: str | date) -> None:
    assert DailyPartitions(start, timezone="America/New_York") == DailyPartitions("2013-01-01", timezone="America/New_York")


def test_an_aware_start_is_taken_to_the_zone_of_the_partitions() -> None:
    partitions = DailyPartitions(datetime(2013, 1, 1, 4, 0, tzinfo=UTC), timezone="America/New_York")

    assert partitions.first(now=NOW) == "2013-01-01"
    assert DailyPartitions(datetime(2013, 1, 1, 6, 0, tzinfo=UTC), timezone="America/New_York").first(now=NOW) == "2013-01-02"


def test_a_start_within_a_window_means_the_next_one() -> None:
    assert DailyPartitions("2013-01-01T10:00").first(now=NOW) == "2013-01-02"
    assert HourlyPartitions("2013-01-01-10:20", minute_offset=15).first(now=NOW) == "2013-01-01-11:15"
    assert MonthlyPartitions("2013-01-02").first(now=NOW) == "2013-02-01"


def test_midnight_that_comes_twice_begins_a_day_the_second_time() -> None:
    assert bounds(DailyPartitions("2023-01-01", timezone="America/Havana"), "2023-11-05") == (
        "2023-11-05T00:00:00-05:00",
        "2023-11-06T00:00:00-05:00",
    )
    assert bounds(DailyPartitions("2023-01-01", timezone="America/Havana"), "2023-11-04") == (
        "2023-11-04T00:00:00-04:00",
        "2023-11-05T00:00:00-05:00",
    )


def test_a_time_of_day_that_comes_twice_begins_a_week_the_second_time() -> None:
    weeks = WeeklyPartitions("2024-10-01", timezone="US/Pacific", hour_offset=1, minute_offset=30)

    assert bounds(weeks, "2024-11-03") == ("2024-11-03T01:30:00-08:00", "2024-11-10T01:30:00-08:00")


def test_a_time_of_day_that_never_comes_begins_a_day_at_the_end_of_the_gap() -> None:
    days = DailyPartitions("2023-03-01", timezone="Europe/Berlin", hour_offset=2, minute_offset=30)

    assert bounds(days, "2023-03-26") == ("2023-03-26T03:00:00+02:00", "2023-03-27T02:30:00+02:00")


def test_a_day_that_a_zone_skipped_is_no_partition() -> None:
    days = DailyPartitions("2011-12-01", end="2012-02-15", timezone="Pacific/Apia")

    assert list(days.range("2011-12-28", "2012-01-01", now=NOW)) == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]
    assert "2011-12-30" not in days.keys(now=NOW)
    assert days.keys(now=NOW).ranges() == [("2011-12-01", "2012-02-14")]
    assert days.count(now=NOW) == 75
    assert bounds(days, "2011-12-29")[1] == bounds(days, "2011-12-31")[0] == "2011-12-31T00:00:00+14:00"


def test_a_skipped_day_leaves_shorter_windows_where_they_begin_within_it() -> None:
    days = DailyPartitions("2011-12-01", timezone="Pacific/Apia", hour_offset=10)

    assert bounds(days, "2011-12-29") == ("2011-12-29T10:00:00-10:00", "2011-12-31T00:00:00+14:00")
    assert bounds(days, "2011-12-30") == ("2011-12-31T00:00:00+14:00", "2011-12-31T10:00:00+14:00")


def test_a_month_without_the_day_begins_no_window() -> None:
    months = MonthlyPartitions("2023-01-01", day_offset=31)

    assert list(months.keys(now=NOW)) == ["2023-01-31", "2023-03-31", "2023-05-31", "2023-07-31", "2023-08-31", "2023-10-31"]
    assert bounds(months, "2023-01-31") == ("2023-01-31T00:00:00+00:00", "2023-03-31T00:00:00+00:00")
    assert months.key_at(datetime(2023, 2, 28, tzinfo=UTC)) == "2023-01-31"
    assert months.keys(now=NOW).ranges() == [("2023-01-31", "2023-10-31")]


def test_leap_days_are_days_of_the_month_too() -> None:
    assert "2024-02-29" in MonthlyPartitions("2023-01-01", day_offset=29, end_offset=3).keys(now=NOW)
    assert "2023-02-29" not in MonthlyPartitions("2023-01-01", day_offset=29, end_offset=3).keys(now=NOW)


def test_an_hour_that_is_repeated_in_part_is_told_apart_by_its_offset() -> None:
    hours = HourlyPartitions("2024-04-07-00:45", timezone="Australia/Lord_Howe", minute_offset=45)

    assert list(hours.keys(now=NOW.replace(month=4, day=6, hour=18))) == [
        "2024-04-07-00:45",
        "2024-04-07-01:45",
        "2024-04-07-01:45+1030",
        "2024-04-07-02:45",
    ]
    assert bounds(hours, "2024-04-07-01:45") == ("2024-04-07T01:45:00+11:00", "2024-04-07T01:45:00+10:30")


def test_hours_run_on_where_minutes_of_the_offset_changed_before_1970() -> None:
    hours = HourlyPartitions("1963-12-31-22:00", end="1964-01-01-02:00", timezone="Asia/Jakarta")
    keys = list(hours.keys(now=NOW))
    ordinals = [hours.ordinal(key) for key in keys]

    assert keys == ["1963-12-31-22:00", "1963-12-31-23:00", "1964-01-01-00:00", "1964-01-01-01:00"]
    assert ordinals == list(range(ordinals[0], ordinals[0] + 4))
    assert bounds(hours, "1963-12-31-23:00") == ("1963-12-31T23:00:00+07:30", "1964-01-01T00:00:00+07:00")


def test_a_start_in_the_second_of_two_hours_is_remembered() -> None:
    hours = HourlyPartitions("2023-11-05-01:00-0800", timezone="America/Los_Angeles")

    assert list(hours.keys(now=NOW)[:2]) == ["2023-11-05-01:00-0800", "2023-11-05-02:00"]
    assert partitions_of(hours.spec).first(now=NOW) == "2023-11-05-01:00-0800"


def test_keys_are_exact() -> None:
    days, hours = DailyPartitions("2013-01-01"), HourlyPartitions("2013-01-01-00:00", timezone="America/New_York")

    for text in ("2013-1-2", "20130102", "2013-01-02 ", "2013-01-02T00:00", "2013-W01-3", "٢٠١٣-٠١-٠٢", ""):
        assert text not in days.keys(now=NOW), text
    for text in ("2013-01-02-00:00:00", "2013-01-02 00:00", "2013-01-02-00:00-0500", "2013-03-10-02:00", "2013-01-02-00:30", "2013-01-02"):
        assert text not in hours.keys(now=NOW), text


def test_a_text_that_is_no_key_means_the_next_window() -> None:
    assert bounds(WeeklyPartitions("2021-05-01"), "2021-05-05")[0] == "2021-05-09T00:00:00+00:00"
    assert bounds(DailyPartitions("2021-05-01", exclude=["2021-05-03"]), "2021-05-03")[0] == "2021-05-04T00:00:00+00:00"


def test_a_format_of_ones_own_is_written_and_read() -> None:
    months = MonthlyPartitions("2023-01", end="2023-04", fmt="%Y-%m", day_offset=12)

    assert list(months.keys(now=NOW)) == ["2023-01", "2023-02"]
    assert bounds(months, "2023-02") == ("2023-02-12T00:00:00+00:00", "2023-03-12T00:00:00+00:00")
    assert DailyPartitions("01/02/2023", fmt="%d/%m/%Y").first(now=NOW) == "01/02/2023"


def test_a_format_with_an_offset_needs_no_suffix() -> None:
    hours = HourlyPartitions("2023-11-05T00:00-0700", end="2023-11-05T03:00-0800", timezone="America/Los_Angeles", fmt="%Y-%m-%dT%H:%M%z")

    assert list(hours.keys(now=NOW)) == ["2023-11-05T00:00-0700", "2023-11-05T01:00-0700", "2023-11-05T01:00-0800", "2023-11-05T02:00-0800"]
    assert bounds(hours, "2023-11-05T01:00-0800")[0] == "2023-11-05T01:00:00-08:00"


def test_a_repeated_hour_gets_its_suffix_in_a_format_of_ones_own() -> None:
    hours = HourlyPartitions("2023-11-05", end="2023-11-05-02:00", timezone="America/Los_Angeles", fmt="%Y%m%d %H%M")

    assert list(hours.keys(now=NOW)) == ["20231105 0000", "20231105 0100", "20231105 0100-0800"]


def test_dates_and_times_and_keys_can_be_excluded() -> None:
    days = DailyPartitions("2023-01-01", end="2023-01-08", exclude=["2023-01-02", date(2023, 1, 4), datetime(2023, 1, 6)])  # noqa: DTZ001
    hours = HourlyPartitions("2023-01-01", end="2023-01-03", exclude=[date(2023, 1, 1), "2023-01-02-05:00"])

    assert list(days.keys(now=NOW)) == ["2023-01-01", "2023-01-03", "2023-01-05", "2023-01-07"]
    assert days.spec.exclude == ("2023-01-02", "2023-01-04", "2023-01-06")
    assert days.keys(now=NOW).ranges() == [("2023-01-01", "2023-01-07")]
    assert hours.count(now=NOW) == 23
    assert days.key_at(datetime(2023, 1, 2, 12, tzinfo=UTC)) is None


def test_an_end_offset_counts_partitions_that_are_not_excluded() -> None:
    one_less = DailyPartitions("2023-01-01", exclude=["2023-01-06", "2023-01-07"], end_offset=-1)
    one_more = DailyPartitions("2023-01-01", exclude=["2023-01-06", "2023-01-07"], end_offset=1)

    assert [one_less.last(now=datetime(2023, 1, day, tzinfo=UTC)) for day in (6, 7, 8, 9)] == ["2023-01-04"] * 3 + ["2023-01-05"]
    assert [one_more.last(now=datetime(2023, 1, day, tzinfo=UTC)) for day in (5, 6, 7, 8)] == ["2023-01-05"] + ["2023-01-08"] * 3


def test_nothing_exists_before_the_first_window_has_ended() -> None:
    days = DailyPartitions("2023-01-01")

    assert days.count(now=datetime(2023, 1, 1, 23, 59, 59, tzinfo=UTC)) == 0
    assert days.first(now=datetime(2022, 1, 1, tzinfo=UTC)) is None
    assert days.last(now=datetime(1, 1, 1, tzinfo=UTC)) is None
    assert list(days.keys(now=datetime(2023, 1, 2, tzinfo=UTC))) == ["2023-01-01"]


def test_now_without_a_zone_is_wall_time_of_the_partitions() -> None:
    days = DailyPartitions("2023-01-01", timezone="Asia/Kolkata")

    assert days.last(now=datetime(2023, 1, 3)) == "2023-01-02"  # noqa: DTZ001
    assert days.key_at(datetime(2023, 1, 3)) == "2023-01-03"  # noqa: DTZ001
    assert days.last(now=datetime(2023, 1, 3, tzinfo=timezone(timedelta(hours=6)))) == "2023-01-01"


def test_the_end_of_the_calendar_can_be_named() -> None:
    assert DailyPartitions("2023-01-01", end="9999-12-31").last(now=NOW) == "2023-12-31"
    assert MonthlyPartitions("2023-01-01").count(now=datetime.max.replace(tzinfo=UTC)) == (9998 - 2023) * 12 + 11


def test_an_instant_outside_has_no_key() -> None:
    days = DailyPartitions("2023-01-02", end="2023-01-04")

    assert [days.key_at(datetime(2023, 1, day, tzinfo=UTC)) for day in (1, 2, 3, 4)] == [None, "2023-01-02", "2023-01-03", None]


def test_partitions_are_known_by_their_spec() -> None:
    days = DailyPartitions("2023-01-01", timezone="Europe/Berlin")

    assert partitions_of(days.spec) == days
    assert partitions_of(days.spec) is partitions_of(DailyPartitions("2023-01-01", timezone="Europe/Berlin").spec)
    assert len({days, partitions_of(days.spec), DailyPartitions("2023-01-01")}) == 2
    assert days != WeeklyPartitions("2023-01-01", timezone="Europe/Berlin")


def test_partitions_describe_themselves() -> None:
    assert DailyPartitions("2013-01-01", timezone="America/New_York").describe() == "daily from 2013-01-01 (America/New_York)"
    assert WeeklyPartitions("2013-01-01", end="2014-01-01").describe() == "weekly from 2013-01-06 until 2014-01-01 (UTC)"


def test_sets_of_a_changed_start_zone_or_format_keep_their_ordinals() -> None:
    days = DailyPartitions("2013-01-01")
    moved = DailyPartitions("2012-06-01", timezone="Asia/Tokyo", fmt="%Y/%m/%d")

    assert moved.key_of(days.ordinal("2013-05-01")) == "2013/05/01"
    assert HourlyPartitions("2000-01-01", timezone="Asia/Tokyo").ordinal("1970-01-01-09:00") == 0


def test_long_lists_cost_what_they_return() -> None:
    hours = HourlyPartitions("2013-01-01", timezone="America/New_York")
    fourteen_years = hours.keys(now=datetime(2027, 1, 1, tzinfo=UTC))

    assert len(fourteen_years) == 122_707 == hours.count(now=datetime(2027, 1, 1, tzinfo=UTC))
    assert len(fourteen_years.spans) == 1
    listed = list(fourteen_years)
    assert len(set(listed)) == 122_707
    assert [listed[place] for place in (0, 1_633, 60_000, -1)] == [fourteen_years[place] for place in (0, 1_633, 60_000, -1)]
