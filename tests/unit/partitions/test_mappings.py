"""Mappings: which upstream partitions a downstream one needs, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from partita.definitions.mappings import (
    AllMapping,
    IdentityMapping,
    LastMapping,
    Mapping,
    MappingSpec,
    SpecificMapping,
    StaticMapping,
    TimeWindowMapping,
    default_mapping,
    mapping_of,
)
from partita.definitions.partitions import DailyPartitions, HourlyPartitions, MonthlyPartitions, StaticPartitions, WeeklyPartitions
from partita.errors import DefinitionError, PartitionsError, UnknownPartitionError

NOW = datetime(2013, 3, 1, tzinfo=UTC)
DAYS = DailyPartitions("2013-01-01")
MONTHS = MonthlyPartitions("2013-01-01")
COUNTRIES = StaticPartitions(["de", "fr", "us"])
REGIONS = StaticPartitions(["eu", "us", "all"])
TABLE = StaticMapping({"de": "eu", "fr": ["eu"], "us": ["us", "all"]})


@pytest.mark.parametrize("mapping", [IdentityMapping(), TimeWindowMapping(), StaticMapping({}), AllMapping(), LastMapping(), SpecificMapping([])])
@pytest.mark.parametrize("keys", ["2013-02-01", 5, None])
def test_keys_are_given_as_a_list_not_as_one_text(mapping: Mapping, keys: Any) -> None:
    with pytest.raises(PartitionsError, match=r"is no list of partition keys\. Give one, such as \['2"):
        mapping.downstream(keys, upstream=DAYS, downstream=DAYS, now=NOW)
    with pytest.raises(PartitionsError, match=r"is no list of partition keys"):
        IdentityMapping().upstream(keys, downstream=DAYS, upstream=DAYS, now=NOW)


def test_a_month_needs_its_days() -> None:
    needed = TimeWindowMapping().upstream(["2013-02-01"], downstream=MONTHS, upstream=DAYS, now=NOW)

    assert needed.keys == DAYS.range("2013-02-01", "2013-02-28", now=NOW)
    assert needed.missing == []


def test_windows_of_different_zones_need_each_other_where_they_share_time() -> None:
    tokyo = DailyPartitions("2013-01-01", timezone="Asia/Tokyo")

    needed = TimeWindowMapping().upstream(["2013-02-10"], downstream=tokyo, upstream=DAYS, now=NOW)

    assert list(needed.keys) == ["2013-02-09", "2013-02-10"]


def test_offsets_count_downstream_windows() -> None:
    weeks, week = WeeklyPartitions("2013-01-06"), "2013-02-03"

    the_week_before = TimeWindowMapping(start_offset=-1, end_offset=-1).upstream([week], downstream=weeks, upstream=DAYS, now=NOW)
    both_weeks = TimeWindowMapping(start_offset=-1).upstream([week], downstream=weeks, upstream=DAYS, now=NOW)

    assert the_week_before.keys == DAYS.range("2013-01-27", "2013-02-02", now=NOW)
    assert both_weeks.keys == DAYS.range("2013-01-27", "2013-02-09", now=NOW)


def test_what_an_offset_reaches_for_before_the_first_partition_is_not_needed() -> None:
    rolling = TimeWindowMapping(start_offset=-6)

    needed = rolling.upstream(["2013-01-03"], downstream=DAYS, upstream=DAYS, now=NOW)

    assert (list(needed.keys), needed.missing) == (["2013-01-01", "2013-01-02", "2013-01-03"], [])


def test_offsets_do_not_count_excluded_windows() -> None:
    working_days = DailyPartitions("2013-01-01", exclude=["2013-01-05", "2013-01-06"])
    before = TimeWindowMapping(start_offset=-1, end_offset=-1)

    assert list(before.upstream(["2013-01-07"], downstream=working_days, upstream=DAYS, now=NOW).keys) == ["2013-01-04"]
    assert list(before.downstream(["2013-01-04"], downstream=working_days, upstream=DAYS, now=NOW).keys) == ["2013-01-07"]


def test_neighbours_moved_past_an_excluded_window_do_not_need_it() -> None:
    working_days = DailyPartitions("2013-01-01", exclude=["2013-01-05", "2013-01-06"])
    after = TimeWindowMapping(start_offset=1, end_offset=1)

    needed = after.upstream(["2013-01-03", "2013-01-04"], downstream=working_days, upstream=DAYS, now=NOW)

    assert list(needed.keys) == ["2013-01-04", "2013-01-07"]


def test_an_excluded_upstream_window_is_not_missing() -> None:
    working_days = DailyPartitions("2013-01-01", exclude=["2013-01-05", "2013-01-06"])

    needed = TimeWindowMapping().upstream(["2013-01-06"], downstream=WeeklyPartitions("2012-12-30"), upstream=working_days, now=NOW)

    assert (needed.keys.first, len(needed.keys), needed.missing) == ("2013-01-07", 6, [])


def test_windows_that_do_not_exist_upstream_are_missing_unless_allowed() -> None:
    late = DailyPartitions("2013-01-30")

    strict = TimeWindowMapping().upstream(["2013-01-01"], downstream=MONTHS, upstream=late, now=NOW)
    lenient = TimeWindowMapping(allow_missing=True).upstream(["2013-01-01"], downstream=MONTHS, upstream=late, now=NOW)

    assert list(strict.keys) == list(lenient.keys) == ["2013-01-30", "2013-01-31"]
    assert (strict.missing[0], strict.missing[-1], len(strict.missing), lenient.missing) == ("2013-01-01", "2013-01-29", 29, [])


def test_without_any_upstream_partition_all_that_is_needed_is_missing() -> None:
    needed = TimeWindowMapping(start_offset=-1).upstream(["2013-02-02"], downstream=DAYS, upstream=DailyPartitions("2014-01-01"), now=NOW)

    assert (list(needed.keys), needed.missing) == ([], ["2013-02-01", "2013-02-02"])


def test_an_hour_may_need_a_day_that_has_not_ended() -> None:
    hours, noon = HourlyPartitions("2013-01-01"), datetime(2013, 3, 1, 12, tzinfo=UTC)

    needed = TimeWindowMapping().upstream(["2013-03-01-00:00", "2013-03-01-01:00"], downstream=hours, upstream=DAYS, now=noon)

    assert (list(needed.keys), needed.missing) == ([], ["2013-03-01"])


def test_every_partition_needs_all_of_them() -> None:
    assert AllMapping().upstream(["eu"], downstream=REGIONS, upstream=DAYS, now=NOW).keys == DAYS.keys(now=NOW)
    assert AllMapping().downstream(["2013-01-01"], downstream=REGIONS, upstream=DAYS, now=NOW).keys == REGIONS.keys(now=NOW)
    assert not AllMapping().downstream([], downstream=REGIONS, upstream=DAYS, now=NOW).keys


def test_an_asset_without_partitions_can_need_all_the_last_or_certain_ones() -> None:
    assert len(AllMapping().upstream((), downstream=None, upstream=DAYS, now=NOW).keys) == 59
    assert list(LastMapping().upstream((), downstream=None, upstream=DAYS, now=NOW).keys) == ["2013-02-28"]
    assert list(SpecificMapping(["2013-01-07"]).upstream((), downstream=None, upstream=DAYS, now=NOW).keys) == ["2013-01-07"]
    assert not LastMapping().upstream((), downstream=None, upstream=DAYS, now=datetime(2012, 1, 1, tzinfo=UTC)).keys


def test_certain_partitions_are_missing_until_they_exist() -> None:
    needed = SpecificMapping(["2013-02-28", "2013-03-01"]).upstream(["eu"], downstream=REGIONS, upstream=DAYS, now=NOW)

    assert (list(needed.keys), needed.missing) == (["2013-02-28"], ["2013-03-01"])


def test_certain_partitions_are_needed_by_all() -> None:
    mapping = SpecificMapping(["2013-01-07"])

    assert mapping.downstream(["2013-01-07"], downstream=REGIONS, upstream=DAYS, now=NOW).keys == REGIONS.keys(now=NOW)
    assert not mapping.downstream(["2013-01-08"], downstream=REGIONS, upstream=DAYS, now=NOW).keys


def test_a_table_is_read_in_both_directions() -> None:
    assert list(TABLE.upstream(["all", "eu"], downstream=REGIONS, upstream=COUNTRIES, now=NOW).keys) == ["de", "fr", "us"]
    assert list(TABLE.downstream(["us"], downstream=REGIONS, upstream=COUNTRIES, now=NOW).keys) == ["us", "all"]
    assert TABLE.upstream(["eu"], downstream=REGIONS, upstream=StaticPartitions(["de"]), now=NOW).missing == ["fr"]


def test_the_same_keys_are_found_between_windows_of_time_too() -> None:
    shorter = DailyPartitions("2013-02-01")

    needed = IdentityMapping().upstream(DAYS.range("2013-01-31", "2013-02-02", now=NOW), downstream=DAYS, upstream=shorter, now=NOW)

    assert (list(needed.keys), needed.missing) == (["2013-02-01", "2013-02-02"], ["2013-01-31"])


def test_a_text_that_is_no_key_is_refused() -> None:
    with pytest.raises(UnknownPartitionError, match="'asia'"):
        IdentityMapping().upstream(["asia"], downstream=REGIONS, upstream=REGIONS, now=NOW)


def test_the_default_follows_the_partitions() -> None:
    assert default_mapping(upstream=DAYS, downstream=MONTHS) == TimeWindowMapping()
    assert default_mapping(upstream=DAYS, downstream=DAYS) == TimeWindowMapping()
    assert default_mapping(upstream=REGIONS, downstream=StaticPartitions(["eu", "us", "all"])) == IdentityMapping()
    assert default_mapping(upstream=REGIONS, downstream=COUNTRIES) == AllMapping()
    assert default_mapping(upstream=DAYS, downstream=REGIONS) == AllMapping()
    assert default_mapping(upstream=DAYS, downstream=None) == AllMapping()


@pytest.mark.parametrize(
    "mapping", [IdentityMapping(), TimeWindowMapping(-2, 1, True), AllMapping(), LastMapping(), TABLE, SpecificMapping(["b", "a", "b"])], ids=repr
)
def test_a_mapping_survives_being_encoded(mapping: Mapping) -> None:
    spec = msgspec.json.decode(msgspec.json.encode(mapping.spec), type=MappingSpec)

    assert mapping_of(spec) == mapping
    assert hash(mapping_of(spec)) == hash(mapping)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TimeWindowMapping(start_offset=1), r"start_offset=1, end_offset=0\) needs nothing"),
        (lambda: TimeWindowMapping(start_offset="-1"), r"^start_offset '-1' of a TimeWindowMapping is not a whole number"),
        (lambda: SpecificMapping("2013-01-01"), r"^SpecificMapping takes a list of keys"),
        (lambda: TimeWindowMapping().check(upstream=REGIONS, downstream=DAYS), r"windows of time on both sides, and upstream is 'eu, us, all'"),
        (lambda: TimeWindowMapping().check(upstream=DAYS, downstream=None), r"and downstream is not partitioned"),
        (lambda: TimeWindowMapping().upstream((), upstream=DAYS, downstream=None, now=NOW), r"and downstream is not partitioned"),
        (lambda: TABLE.check(upstream=DAYS, downstream=REGIONS), r"DynamicPartitions on both sides, and upstream is 'daily from"),
        (lambda: TABLE.check(upstream=COUNTRIES, downstream=None), r"and downstream is not partitioned"),
        (lambda: TABLE.check(upstream=StaticPartitions(["de", "fr"]), downstream=REGIONS), r"names the upstream key 'us', which does not exist"),
        (lambda: TABLE.check(upstream=COUNTRIES, downstream=StaticPartitions(["eu", "us", "al"])), r"downstream key 'all', .* Did you mean 'al'\?"),
        (
            lambda: SpecificMapping(["x"]).check(upstream=DAYS, downstream=None),
            r"the upstream key 'x', which 'daily from 2013-01-01 \(UTC\)' never has",
        ),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        make()


def test_a_mapping_that_fits_is_accepted() -> None:
    for mapping in (TimeWindowMapping(), IdentityMapping(), AllMapping(), LastMapping(), SpecificMapping(["2013-01-01"])):
        mapping.check(upstream=DAYS, downstream=MONTHS)
    TABLE.check(upstream=COUNTRIES, downstream=REGIONS)
