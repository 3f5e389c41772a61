"""Mappings between several dimensions: what plain reasoning key by key says, in both directions."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import partita as pt
from partita.definitions.mappings import default_mapping, mapping_of
from partita.records.codec import decode, encode

NOW = datetime(2024, 2, 20, tzinfo=UTC)
DAYS, WEEKS = pt.DailyPartitions("2024-01-07"), pt.WeeklyPartitions("2024-01-07")
REGIONS = pt.StaticPartitions(["eu", "us"])
DAY_REGION = pt.MultiPartitions({"day": DAYS, "region": REGIONS})
WEEK_REGION = pt.MultiPartitions({"week": WEEKS, "region": REGIONS, "model": pt.StaticPartitions(["a", "b"])})
ONTO_WEEKS = pt.MultiMapping({"region": "region", "day": ("week", pt.TimeWindowMapping())})


def some(partitions: pt.Partitions) -> st.SearchStrategy[pt.PartitionSet]:
    keys = list(partitions.keys(now=NOW))
    return st.lists(st.sampled_from(keys), max_size=8).map(partitions.set_of)


EDGES = [
    (DAY_REGION, DAYS, pt.DimensionMapping("day"), lambda up, down: up.split("|")[0] == down),
    (DAYS, DAY_REGION, pt.DimensionMapping(), lambda up, down: up == down.split("|")[0]),
    (DAY_REGION, WEEKS, pt.DimensionMapping("day"), lambda up, down: up.split("|")[0] in week(down)),
    (REGIONS, WEEK_REGION, pt.DimensionMapping("region"), lambda up, down: up == down.split("|")[1]),
    (DAY_REGION, WEEK_REGION, ONTO_WEEKS, lambda up, down: up.split("|")[0] in week(down.split("|")[2]) and up.split("|")[1] == down.split("|")[1]),
]
"""Upstream, downstream, how, and whether an upstream key is needed by a downstream one."""


@cache
def week(key: str) -> list[str]:
    window = WEEKS.window(key)
    return [day for day in DAYS.keys(now=NOW) if window.start <= DAYS.window(day).start < window.end]


@pytest.mark.parametrize("edge", EDGES, ids=[f"{number}" for number in range(len(EDGES))])
@settings(max_examples=25)
@given(data=st.data())
def test_both_directions_agree_with_what_each_key_needs(data: st.DataObject, edge: tuple[pt.Partitions, pt.Partitions, pt.Mapping, object]) -> None:
    above, below, mapping, needs = edge
    assert callable(needs)
    down, up = data.draw(some(below)), data.draw(some(above))

    needed = mapping.upstream(down, upstream=above, downstream=below, now=NOW)
    needing = mapping.downstream(up, upstream=above, downstream=below, now=NOW)

    assert set(needed.keys) == {key for key in above.keys(now=NOW) if any(needs(key, each) for each in down)}
    assert needed.missing == []
    assert set(needing.keys) == {key for key in below.keys(now=NOW) if any(needs(each, key) for each in up)}


def test_what_an_edge_means_that_says_nothing() -> None:
    def default(above: pt.Partitions, below: pt.Partitions) -> object:
        return default_mapping(upstream=above, downstream=below)

    assert default(DAY_REGION, DAY_REGION) == pt.IdentityMapping()
    assert default(DAY_REGION, DAYS) == pt.DimensionMapping("day")
    assert default(WEEKS, DAY_REGION) == pt.DimensionMapping("day")
    assert default(REGIONS, WEEK_REGION) == pt.DimensionMapping("region")
    assert default(DAY_REGION, WEEK_REGION) == pt.MultiMapping({"region": "region"})
    assert default(pt.StaticPartitions(["x"]), DAY_REGION) == pt.AllMapping()


def test_what_does_not_exist_upstream_is_missing() -> None:
    later = pt.DailyPartitions("2024-01-10")

    mapped = pt.DimensionMapping("day").upstream(["2024-01-08|eu", "2024-01-10|us"], upstream=later, downstream=DAY_REGION, now=NOW)

    assert (list(mapped.keys), mapped.missing) == (["2024-01-10"], ["2024-01-08"])


@pytest.mark.parametrize("mapping", [pt.DimensionMapping(), pt.DimensionMapping("day", pt.TimeWindowMapping(-1, 0)), ONTO_WEEKS])
def test_a_mapping_comes_back(mapping: pt.Mapping) -> None:
    assert mapping_of(mapping.spec) == mapping
    assert decode(encode(mapping.spec), type(mapping.spec)) == mapping.spec


@pytest.mark.parametrize(
    ("mapping", "above", "below", "problem"),
    [
        (pt.DimensionMapping("dya"), DAY_REGION, DAYS, "There is no dimension 'dya' in .* Did you mean 'day'"),
        (pt.DimensionMapping("day"), DAYS, WEEKS, "neither has several"),
        (pt.DimensionMapping("day"), DAY_REGION, DAY_REGION, "both have several. Use MultiMapping"),
        (pt.DimensionMapping(), pt.StaticPartitions(["x"]), DAY_REGION, "cannot be told. Name one of day, region"),
        (pt.DimensionMapping("region", pt.TimeWindowMapping()), REGIONS, DAY_REGION, "TimeWindowMapping needs windows of time"),
        (pt.MultiMapping({"day": "wek"}), DAY_REGION, WEEK_REGION, "There is no dimension 'wek' in .* Did you mean 'week'"),
        (ONTO_WEEKS, DAYS, WEEK_REGION, "MultiMapping needs several dimensions on both sides, and upstream is"),
    ],
)
def test_what_does_not_fit_is_refused_when_declared(mapping: pt.Mapping, above: pt.Partitions, below: pt.Partitions, problem: str) -> None:
    with pytest.raises(pt.DefinitionError, match=problem):
        mapping.check(upstream=above, downstream=below)


def test_what_is_no_mapping_is_refused() -> None:
    for wrong in (3, {"a": 3}, {"a": ("b", 3)}):
        with pytest.raises(pt.DefinitionError):
            pt.MultiMapping(wrong)  # type: ignore[arg-type]
    with pytest.raises(pt.DefinitionError, match="takes the name of a dimension"):
        pt.DimensionMapping(3)  # type: ignore[arg-type]
    with pytest.raises(pt.DefinitionError, match="is no mapping of one dimension"):
        pt.DimensionMapping("a", ONTO_WEEKS)
