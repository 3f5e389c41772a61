"""Partitions and mappings behave as the committed cases say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from partita.definitions.mappings import (
    AllMapping,
    DimensionMapping,
    IdentityMapping,
    LastMapping,
    Mapping,
    MultiMapping,
    SpecificMapping,
    StaticMapping,
    TimeWindowMapping,
)
from partita.definitions.partitions import (
    CronPartitions,
    DailyPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    Partitions,
    PartitionSet,
    StaticPartitions,
    TimePartitions,
    WeeklyPartitions,
)
from partita.errors import DefinitionError
from support.cases import Case, all_cases, each_case

CADENCES: dict[str, Callable[..., Partitions]] = {
    "hourly": HourlyPartitions,
    "daily": DailyPartitions,
    "weekly": WeeklyPartitions,
    "monthly": MonthlyPartitions,
}
WITHOUT_COUNTERPART_YET = ("dynamic",)
LATE = datetime(2100, 1, 1, tzinfo=UTC)


def is_built(case: Case) -> bool:
    """True unless the case speaks of a kind of partitions that does not exist yet."""
    return not any(f"'type': '{kind}'" in str(case.input) for kind in WITHOUT_COUNTERPART_YET)


def to_partitions(given: dict[str, Any]) -> Partitions:
    rest = dict(given)
    kind = rest.pop("type")
    if kind == "static":
        return StaticPartitions(rest["keys"])
    if kind == "multi":
        dims = {name: {"type": "static", "keys": each} if isinstance(each, list) else each for name, each in rest["dims"].items()}
        return MultiPartitions({name: to_partitions(each) for name, each in dims.items()})
    if kind == "cron":
        return CronPartitions(rest.pop("cron_schedule"), rest.pop("start"), **rest)
    start, end = rest.pop("start_date", "2021-01-01"), rest.pop("end_date", None)
    return CADENCES[kind](start, end=end, **rest)


def to_time_partitions(given: dict[str, Any]) -> TimePartitions:
    made = to_partitions(given)
    assert isinstance(made, TimePartitions)
    return made


def to_mapping(given: dict[str, Any]) -> Mapping:
    match given["type"]:
        case "TimeWindow":
            return TimeWindowMapping(
                start_offset=given.get("start_offset", 0),
                end_offset=given.get("end_offset", 0),
                allow_missing=given.get("allow_nonexistent_upstream_partitions", False),
            )
        case "Identity":
            return IdentityMapping()
        case "All":
            return AllMapping()
        case "Last":
            return LastMapping()
        case "SpecificPartitions":
            return SpecificMapping(given["keys"])
        case "Static":
            return StaticMapping(given["keys"])
        case "MultiToSingle":
            return DimensionMapping(given.get("partition_dimension_name"))
        case "Multi":
            return MultiMapping({above: (below, to_mapping({"type": how})) for above, (below, how) in given["dims"].items()})
        case other:
            raise LookupError(f"no mapping for {other}")


def to_now(case: Case) -> datetime:
    now = datetime.fromisoformat(case.input["now"])
    return now if now.tzinfo else now.replace(tzinfo=UTC)


def to_keys(given: list[str] | dict[str, str], partitions: Partitions, now: datetime) -> PartitionSet:
    return partitions.range(given["start"], given["end"], now=now) if isinstance(given, dict) else partitions.set_of(given)


def assert_keys(found: PartitionSet, expected: list[str] | dict[str, Any]) -> None:
    if isinstance(expected, dict):
        assert {"count": len(found), "first": found.first, "last": found.last} == expected
    else:
        assert list(found) == expected


@each_case("partition_keys", where=is_built)
def test_the_keys_at_a_point_in_time(case: Case) -> None:
    partitions = to_partitions(case.input["partitions_def"])

    keys = partitions.keys(now=to_now(case))

    assert list(keys) == case.expected
    assert partitions.count(now=to_now(case)) == len(case.expected)
    assert [partitions.first(now=to_now(case)), partitions.last(now=to_now(case))] == [case.expected[0], case.expected[-1]]


@each_case("incumbent_defect", where=lambda case: "now" in case.input and "partitions_def" in case.input)
def test_the_keys_where_the_clock_moves_by_half_an_hour(case: Case) -> None:
    assert list(to_partitions(case.input["partitions_def"]).keys(now=to_now(case))) == case.expected


@each_case("partition_key_for_timestamp", where=is_built)
def test_the_key_at_an_instant(case: Case) -> None:
    partitions = to_time_partitions(case.input["partitions_def"])

    assert partitions.key_at(datetime.fromisoformat(case.input["timestamp"])) == case.expected


@each_case("partition_time_window", where=is_built)
def test_the_window_of_a_key(case: Case) -> None:
    start, end = to_time_partitions(case.input["partitions_def"]).window(case.input["partition_key"])

    assert {"start": start.isoformat(), "end": end.isoformat()} == {name: case.expected[name] for name in ("start", "end")}
    assert (end.timestamp() - start.timestamp()) / 3600 == case.expected["hours"]


@each_case("partition_key_range", where=lambda case: "daily_start" in case.input)
def test_a_range_of_keys_includes_both_ends(case: Case) -> None:
    first, last = case.input["range"]

    assert list(DailyPartitions(case.input["daily_start"]).range(first, last, now=LATE)) == case.expected


@each_case("partitions_def_cron", where=is_built)
def test_the_cron_expression_of_a_cadence(case: Case) -> None:
    assert to_time_partitions(case.input["partitions_def"]).cron == case.expected


@each_case("partitions_def_validation", where=lambda case: case.input["type"] not in WITHOUT_COUNTERPART_YET)
def test_a_wrong_definition_is_refused(case: Case) -> None:
    with pytest.raises(DefinitionError):
        to_partitions(case.input)


@each_case("incumbent_defect", where=lambda case: "start_date" in case.input)
def test_a_wrong_date_is_refused_by_the_name_of_its_field(case: Case) -> None:
    with pytest.raises(DefinitionError, match=rf"^start '{case.input['start_date']}'"):
        to_partitions(case.input)


@each_case("partition_subset_ranges")
def test_neighbours_are_kept_as_one_range(case: Case) -> None:
    days = DailyPartitions(case.input["daily_start"]).keys(now=LATE)

    chosen = days.partitions.set_of(days[position] for position, sign in enumerate(case.input["present_pattern"]) if sign == "+")

    assert {"num_keys": len(chosen), "num_ranges": len(chosen.ranges())} == case.expected


@each_case("partition_mapping", "time_window_partition_mapping", where=lambda case: is_built(case) and case.input["direction"] == "upstream_of")
def test_what_is_needed_upstream(case: Case) -> None:
    upstream, downstream, now = to_partitions(case.input["upstream"]), to_partitions(case.input["downstream"]), to_now(case)
    keys = to_keys(case.input["downstream_keys"], downstream, now)

    mapped = to_mapping(case.input["mapping"]).upstream(keys, downstream=downstream, upstream=upstream, now=now)

    assert_keys(mapped.keys, case.expected["upstream_keys"])
    assert mapped.missing == case.expected.get("required_but_nonexistent", [])


@each_case("partition_mapping", "time_window_partition_mapping", where=lambda case: is_built(case) and case.input["direction"] == "downstream_of")
def test_what_needs_it_downstream(case: Case) -> None:
    upstream, downstream, now = to_partitions(case.input["upstream"]), to_partitions(case.input["downstream"]), to_now(case)
    keys = to_keys(case.input["upstream_keys"], upstream, now)

    mapped = to_mapping(case.input["mapping"]).downstream(keys, upstream=upstream, downstream=downstream, now=now)

    assert_keys(mapped.keys, case.expected["downstream_keys"])


def test_no_case_about_partitions_is_left_out() -> None:
    assert all(is_built(case) for case in all_cases() if case.area.startswith(("partition_", "time_window_partition_mapping")))


@each_case("multi_partition_key_format", "multi_partition_key_parse", "multi_partition_keys")
def test_a_key_joins_those_of_its_dimensions_in_order_of_their_names(case: Case) -> None:
    given = case.input.get("keys_by_dimension") or {}
    dims = case.input.get("dims") or {name: [key] for name, key in given.items()}
    partitions = MultiPartitions({name: StaticPartitions(keys) for name, keys in dims.items()})

    found = partitions.key(given) if given else partitions.values(case.input["key"]) if "key" in case.input else list(partitions.keys(now=LATE))
    assert found == case.expected


@each_case("incumbent_defect", where=lambda case: case.input.get("type") == "multi")
def test_there_may_be_any_number_of_dimensions(case: Case) -> None:
    partitions = to_partitions(case.input)

    assert list(partitions.keys(now=LATE)) == case.expected["partition_keys"]


@each_case("incumbent_defect", where=lambda case: case.input.get("mapping", {}).get("type") == "MultiToSingle")
def test_the_named_dimension_is_mapped(case: Case) -> None:
    above, below = to_partitions(case.input["upstream"]), to_partitions(case.input["downstream"])

    mapped = to_mapping(case.input["mapping"]).upstream(case.input["downstream_keys"], upstream=above, downstream=below, now=LATE)

    assert list(mapped.keys) == case.expected["upstream_keys"]
