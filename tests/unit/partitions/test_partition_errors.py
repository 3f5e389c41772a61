"""What is wrong with partitions is said by name, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from partita.definitions.mappings import SpecificMapping, StaticMapping
from partita.definitions.partitions import (
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    Partitions,
    PartitionSet,
    StaticPartitions,
    TimePartitions,
    TimePartitionsSpec,
    WeeklyPartitions,
)
from partita.errors import DefinitionError, NotByTimeError, PartitionsError, RequestError, UnknownPartitionError

NOW = datetime(2013, 3, 1, tzinfo=UTC)
DAYS = DailyPartitions("2013-01-01", exclude=["2013-01-05"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DailyPartitions("2021-13-01"), r"^start '2021-13-01' is not a date\. Write it like the keys \('%Y-%m-%d'\)"),
        (lambda: DailyPartitions("yesterday"), r"^start 'yesterday' is not a date"),
        (lambda: DailyPartitions(2013), r"^start 2013 is not a date"),
        (lambda: DailyPartitions("2013-01-01", exclude=5), r"^exclude 5 is not a date"),
        (lambda: StaticPartitions(5), r"^StaticPartitions takes a list of keys, not 5"),
        (lambda: StaticPartitions(["odd \udcff"]), r"^StaticPartitions has the key 'odd \\udcff', which holds '\\udcff'"),
        (lambda: SpecificMapping(5), r"^SpecificMapping takes a list of keys, not 5"),
        (lambda: StaticMapping(5), r"^StaticMapping takes a mapping from upstream keys"),
        (lambda: StaticMapping({"de": 5}), r"^StaticMapping takes a list of keys, not 5"),
        (lambda: DailyPartitions("0200-01-01"), r"^start '0200-01-01' is too far away\. Use a year from 1000 to 9998"),
        (lambda: DailyPartitions("2013-01-01", end="2013-02-30"), r"^end '2013-02-30' is not a date"),
        (lambda: DailyPartitions("2013-01-01", end="2012-01-01"), r"^end '2012-01-01' is before start '2013-01-01'"),
        (lambda: DailyPartitions("2013-01-01", timezone="Europe/Berlim"), r"^timezone 'Europe/Berlim' .* Did you mean 'Europe/Berlin'\?"),
        (lambda: DailyPartitions("2013-01-01", timezone="../etc/passwd"), r"^timezone '\.\./etc/passwd' is not a known time zone"),
        (lambda: DailyPartitions("2013-01-01", timezone=""), r"^timezone '' is not a known time zone"),
        (lambda: DailyPartitions("2013-01-01", timezone="Europe"), r"^timezone 'Europe' is not a known time zone"),
        (lambda: DailyPartitions("2013-01-01", timezone=5), r"^timezone 5 is not the name of a time zone"),
        (lambda: DailyPartitions("2013-01-01", hour_offset=24), r"^hour_offset 24 is out of range\. Use a number from 0 to 23"),
        (lambda: DailyPartitions("2013-01-01", minute_offset=-1), r"^minute_offset -1 is out of range"),
        (lambda: HourlyPartitions("2013-01-01", minute_offset="15"), r"^minute_offset '15' is not a whole number"),
        (lambda: HourlyPartitions("2013-01-01", end_offset=1.5), r"^end_offset 1\.5 is not a whole number"),
        (lambda: DailyPartitions("2013-01-01", end_offset=True), r"^end_offset True is not a whole number"),
        (lambda: WeeklyPartitions("2013-01-01", day_offset=7), r"^day_offset 7 is out of range\. Use a number from 0 to 6 \(0 is Sunday\)"),
        (lambda: MonthlyPartitions("2013-01-01", day_offset=0), r"^day_offset 0 is out of range\. Use a number from 1 to 31"),
        (lambda: DailyPartitions("2013-01-01", fmt="%Y-%m"), r"^fmt '%Y-%m' gives several windows the key '2013-01'"),
        (lambda: HourlyPartitions("2013-01-01", fmt="%Y-%m-%d-%I"), r"^fmt '%Y-%m-%d-%I' gives "),
        (lambda: HourlyPartitions("2013-01-01", fmt="%Y-%m-%d"), r"^fmt '%Y-%m-%d' gives several windows the key '2013-01-01'"),
        (lambda: DailyPartitions("2013-01-01", fmt="%m-%d"), r"^fmt '%m-%d' gives the key '01-01', which does not lead back"),
        (lambda: WeeklyPartitions("2013-01-01", fmt="%Y-W%W"), r"^fmt '%Y-W%W' gives the key"),
        (lambda: DailyPartitions("2013-01-01", fmt="daily"), r"^fmt 'daily' is not a format for dates"),
        (lambda: DailyPartitions("2013-01-01", fmt="%Y|%m|%d"), r"^fmt '%Y|%m|%d' makes keys with '\|'"),
        (lambda: DailyPartitions("2013-01-01", fmt="%Y-%m-%d\n"), r"^fmt .* control characters"),
        (lambda: DailyPartitions("2013-01-01", fmt="%Y-%m-%d %Q"), r"^fmt '%Y-%m-%d %Q' gives the key"),
        (lambda: DailyPartitions("2013-01-01", exclude=["2013-01-32"]), r"^exclude '2013-01-32' is not a date"),
        (lambda: WeeklyPartitions("2013-01-06", exclude=["2013-01-08"]), r"^exclude '2013-01-08' excludes nothing.*'2013-01-13'"),
        (lambda: TimePartitions(TimePartitionsSpec(cadence="yearly", start="2013-01-01")), r"^cadence 'yearly' is unknown"),  # type: ignore[arg-type]
        (lambda: StaticPartitions("abc"), r"^StaticPartitions takes a list of keys, not the text 'abc'"),
        (lambda: StaticPartitions(["a", "b", "a"]), r"^StaticPartitions has the key 'a' twice"),
        (lambda: StaticPartitions(["a", ""]), r"^StaticPartitions has an empty key"),
        (lambda: StaticPartitions(["a|b"]), r"^StaticPartitions has the key 'a\|b', which holds '\|'"),
        (lambda: StaticPartitions(["a\tb"]), r"^StaticPartitions has the key 'a\\tb', which holds '\\t'"),
        (lambda: StaticPartitions([1]), r"^StaticPartitions has the key 1, which is not text"),
    ],
)
def test_a_wrong_definition_names_field_and_value(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        make()


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("2013-03-01", "It has 2013-01-01 to 2013-02-28."),
        ("2012-12-31", "It has 2013-01-01 to 2013-02-28."),
        ("2013-01-05", "It is excluded."),
        ("20130105", "Its keys look like '2013-01-01'."),
        ("january", "Its keys look like '2013-01-01'."),
        ("9999-12-31", "Its keys look like '2013-01-01'."),
    ],
)
def test_an_unknown_day_is_refused_with_a_hint(key: str, hint: str) -> None:
    with pytest.raises(UnknownPartitionError) as caught:
        DAYS.select(["2013-01-02", key], now=NOW, owner="Asset 'flights'")

    assert str(caught.value) == f"Asset 'flights' has no partition {key!r}. {hint}"
    assert (caught.value.key, caught.value.owner) == (key, "Asset 'flights'")


def test_a_key_that_is_nearly_right_is_shown_as_it_should_be() -> None:
    weeks, hours = WeeklyPartitions("2013-01-06"), HourlyPartitions("2013-03-01", timezone="America/New_York")

    with pytest.raises(UnknownPartitionError, match=r"Did you mean '2013-01-13'\?"):
        weeks.select(["2013-01-09"], now=NOW)
    with pytest.raises(UnknownPartitionError, match=r"Did you mean '2013-03-10-03:00'\?"):
        hours.select(["2013-03-10-02:00"], now=datetime(2013, 4, 1, tzinfo=UTC))


def test_before_anything_exists_the_hint_says_so() -> None:
    with pytest.raises(UnknownPartitionError, match="None of its windows has ended yet"):
        DAYS.select(["2013-01-01"], now=datetime(2012, 1, 1, tzinfo=UTC))


def test_an_unknown_static_key_is_refused_with_the_nearest_or_all() -> None:
    regions = StaticPartitions(["europe", "asia", "africa", "america", "oceania", "antarctica"])

    with pytest.raises(UnknownPartitionError, match=r"It has no partition 'europa'\. Did you mean 'europe'\?"):
        regions.select(["europa"], now=NOW)
    with pytest.raises(UnknownPartitionError, match="It has europe, asia, africa, america, oceania and 1 more"):
        regions.select(["x"], now=NOW)
    with pytest.raises(UnknownPartitionError, match="It has no partitions"):
        StaticPartitions([]).select(["x"], now=NOW)


def test_a_window_of_no_date_is_refused() -> None:
    with pytest.raises(UnknownPartitionError, match=r"'daily from 2013-01-01 \(UTC\)' has no partition 'x'\. Its keys look like '2013-01-01'"):
        DAYS.window("x")


@pytest.mark.parametrize("partitions", [StaticPartitions(["eu", "us"]), DynamicPartitions("customers")])
@pytest.mark.parametrize(
    ("asked", "ask"), [("window", lambda some: some.window("eu")), ("key_at", lambda some: some.key_at(NOW)), ("cron", lambda some: some.cron)]
)
def test_what_is_not_cut_by_time_has_no_windows(partitions: Partitions, asked: str, ask: Callable[[Partitions], object]) -> None:
    with pytest.raises(NotByTimeError, match="is not cut by time") as caught:
        ask(partitions)

    assert str(caught.value).startswith(f"{partitions.describe()!r} is not cut by time and has no {asked!r}. Ask partitions that are")
    assert isinstance(caught.value, PartitionsError)
    assert not hasattr(partitions, "cron")


def test_several_dimensions_have_the_windows_of_the_only_one_by_time() -> None:
    regions = StaticPartitions(["eu", "us"])
    cut = MultiPartitions({"day": DAYS, "region": regions})
    twice = MultiPartitions({"day": DAYS, "hour": HourlyPartitions("2013-01-01")})

    assert cut.window("2013-01-03|eu") == DAYS.window("2013-01-03")
    assert cut.cron == DAYS.cron
    with pytest.raises(UnknownPartitionError, match=r"no partition '2013-01-03\|mars'. There is no 'mars' in dimension 'region'"):
        cut.window("2013-01-03|mars")
    with pytest.raises(UnknownPartitionError, match=r"Its keys join day\|region"):
        cut.window("2013-01-03")
    with pytest.raises(
        NotByTimeError, match=r"has several dimensions and no 'key_at' of its own\. Ask a dimension by time: \.dimensions\['day'\]\.key_at\."
    ):
        cut.key_at(NOW)
    with pytest.raises(NotByTimeError, match=r"no 'window' of its own\. Ask a dimension by time"):
        twice.window("2013-01-03|2013-01-03-00:00")
    with pytest.raises(NotByTimeError, match=r"no 'cron' of its own\. None of them is by time"):
        _ = MultiPartitions({"one": regions, "other": regions}).cron


def test_a_key_of_several_dimensions_is_made_of_texts() -> None:
    cut: Any = MultiPartitions({"day": DAYS, "region": StaticPartitions(["eu"])})

    assert cut.key({"region": "eu", "day": "2013-01-01"}) == "2013-01-01|eu"
    for values in (5, {"day": "2013-01-01"}, {"day": 5, "region": "eu"}):
        with pytest.raises(RequestError, match=r"is made of a key of each dimension \(day, region\), not of"):
            cut.key(values)
    for ask in (cut.values, lambda key: cut.set_of([key]), lambda key: cut.select([key], now=NOW)):
        with pytest.raises(UnknownPartitionError, match="has no partition 5"):
            ask(5)


def test_a_range_must_begin_and_end_at_partitions_in_order() -> None:
    with pytest.raises(UnknownPartitionError, match="'2013-03-05'"):
        DAYS.range("2013-01-01", "2013-03-05", now=NOW)
    with pytest.raises(RequestError, match="'2013-01-09' comes after '2013-01-02'"):
        DAYS.range("2013-01-09", "2013-01-02", now=NOW)


@pytest.mark.parametrize("now", [None, 5, "2013-03-01", date(2013, 3, 1)])
@pytest.mark.parametrize("look", [lambda now: DAYS.count(now=now), lambda now: DAYS.keys(now=now), DAYS.key_at])
def test_what_is_no_moment_is_refused(look: Callable[[Any], object], now: Any) -> None:
    with pytest.raises(DefinitionError, match=r"is not a datetime\. Give an aware one"):
        look(now)


@pytest.mark.parametrize("key", [None, 5, date(2013, 1, 1)])
def test_what_is_no_text_is_no_key(key: Any) -> None:
    with pytest.raises(UnknownPartitionError):
        DAYS.window(key)
    assert key not in DAYS.keys(now=NOW)


@pytest.mark.parametrize("other", [None, ["2013-01-01"]])
def test_sets_are_combined_with_sets_only(other: Any) -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        DAYS.keys(now=NOW) | other


def test_sets_of_different_partitions_are_not_combined() -> None:
    with pytest.raises(RequestError, match=r"'daily from 2013-01-01 \(UTC\)' and 'eu, us'"):
        DAYS.keys(now=NOW) | StaticPartitions(["eu", "us"]).keys(now=NOW)


def test_a_set_is_not_read_backwards() -> None:
    days = DAYS.keys(now=NOW)

    with pytest.raises(ValueError, match="positive step"):
        days[::-1]
    with pytest.raises(IndexError, match="partition 58 of 58"):
        days[58]
    with pytest.raises(IndexError):
        days[-59]


@pytest.mark.parametrize("text", ["", "d", "d:x!", "d:1+", "d:1,,2", "d:1,zz+-!", "d:+", "d:1,-5", "d:0+zzzzzzzzzz"])
def test_a_text_that_is_no_set_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="is not an encoded partition set"):
        PartitionSet.decode(text, DAYS)


def test_a_set_is_not_read_for_other_partitions() -> None:
    regions = StaticPartitions(["eu", "us"])

    for partitions in (WeeklyPartitions("2013-01-06"), HourlyPartitions("2013-01-01"), regions):
        with pytest.raises(RequestError, match="was written for other partitions"):
            PartitionSet.decode(DAYS.keys(now=NOW).encode(), partitions)
    with pytest.raises(RequestError, match="was written for other partitions"):
        PartitionSet.decode(regions.keys(now=NOW).encode(), StaticPartitions(["us", "eu"]))
