"""Sets of partitions in several dimensions obey the laws of sets, checked against enumeration, and keep what they were given."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import partita as pt
from partita.definitions.partitions import partitions_of

NOW = datetime(2024, 1, 9, tzinfo=UTC)
KINDS: list[pt.Partitions] = [
    pt.StaticPartitions(["eu", "us", "asia"]),
    pt.DailyPartitions("2024-01-01", exclude=["2024-01-04"]),
    pt.StaticPartitions(["a", "b"]),
    pt.CronPartitions("0 0 * * 1-5", "2024-01-01"),
    pt.DynamicPartitions("customers").bound(["acme", "bolt", "core"]),
]
CUTS = st.lists(st.sampled_from(KINDS), min_size=1, max_size=3).map(lambda parts: pt.MultiPartitions(dict(zip("cab", parts, strict=False))))


def subsets(partitions: pt.MultiPartitions) -> st.SearchStrategy[pt.PartitionSet]:
    """Unions of a few products and single keys."""
    keys = list(partitions.keys(now=NOW))
    boxes = st.tuples(st.sampled_from(keys), st.sampled_from(keys)).map(lambda pair: _box(partitions, *pair))
    singles = st.lists(st.sampled_from(keys), max_size=6).map(partitions.set_of)
    return st.lists(st.one_of(boxes, singles), max_size=3).map(lambda sets: _joined(partitions, sets))


def _box(partitions: pt.MultiPartitions, one: str, other: str) -> pt.PartitionSet:
    order = {name: list(part.keys(now=NOW)) for name, part in partitions.dimensions.items()}
    first, last = partitions.values(one), partitions.values(other)
    ends = {name: sorted((first[name], last[name]), key=order[name].index) for name in order}
    return partitions.range(*(partitions.key({name: pair[end] for name, pair in ends.items()}) for end in (0, 1)), now=NOW)


def _joined(partitions: pt.MultiPartitions, sets: list[pt.PartitionSet]) -> pt.PartitionSet:
    found: pt.PartitionSet = partitions.none()
    for each in sets:
        found = found | each
    return found


@settings(max_examples=200)
@given(data=st.data(), partitions=CUTS)
def test_sets_are_what_enumeration_says(data: st.DataObject, partitions: pt.MultiPartitions) -> None:
    everything = list(partitions.keys(now=NOW))
    ours, theirs = data.draw(subsets(partitions)), data.draw(subsets(partitions))
    a, b = set(ours), set(theirs)

    for found, expected in ((ours | theirs, a | b), (ours & theirs, a & b), (ours - theirs, a - b)):
        ordered = [key for key in everything if key in expected]
        assert list(found) == ordered
        assert len(found) == len(ordered)
        assert bool(found) is bool(ordered)
        assert (found.first, found.last) == ((ordered[0], ordered[-1]) if ordered else (None, None))
        assert [key in found for key in everything] == [key in expected for key in everything]
        assert found == partitions.set_of(ordered), "equal sets are equal, however they came about"
        assert hash(found) == hash(partitions.set_of(ordered))
        assert pt.PartitionSet.decode(found.encode(), partitions) == found
        assert [found[place] for place in range(len(found))] == ordered
        start, stop = data.draw(st.integers(-3, 30)), data.draw(st.integers(-3, 30))
        assert list(found[start:stop]) == ordered[start:stop]
        assert list(found[::2]) == ordered[::2]


@settings(max_examples=100)
@given(CUTS)
def test_keys_are_every_combination_in_order_and_numbers_lead_back(partitions: pt.MultiPartitions) -> None:
    parts = [list(part.keys(now=NOW)) for part in partitions.dimensions.values()]
    keys = list(partitions.keys(now=NOW))

    assert list(partitions.dimensions) == sorted(partitions.dimensions)
    assert keys == ["|".join(each) for each in product(*parts)]
    assert partitions.count(now=NOW) == len(keys)
    ordinals = [partitions.ordinal(key) for key in keys]
    assert ordinals == sorted(set(ordinals))
    assert [partitions.key_of(ordinal) for ordinal in ordinals] == keys
    assert all(partitions.key(partitions.values(key)) == key for key in keys)


def test_what_is_said_is_kept_and_comes_back() -> None:
    partitions = pt.MultiPartitions({"region": KINDS[0], "date": KINDS[1], "customer": pt.DynamicPartitions("customers")})

    assert partitions_of(partitions.spec, {"customers": ["acme"]}).first(now=NOW) == "acme|2024-01-01|eu"
    assert partitions_of(partitions.spec, {}).count(now=NOW) == 0
    assert partitions.describe() == "customer (dynamic (customers)) x date (daily from 2024-01-01 (UTC)) x region (eu, us, asia)"
    assert partitions_of(partitions.spec, {"customers": ["acme"]}) == partitions


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("2024-01-02", "Its keys join date|region, such as '2024-01-01|eu'"),
        ("2024-01-02|asi", "There is no 'asi' in dimension 'region'. Did you mean 'asia'"),
        ("2024-01-04|eu", "There is no '2024-01-04' in dimension 'date'. It is excluded"),
        ("2025-01-04|eu", "It has 2024-01-01 to 2024-01-08"),
    ],
)
def test_a_key_that_does_not_exist_is_told_by_dimension(key: str, problem: str) -> None:
    partitions = pt.MultiPartitions({"region": KINDS[0], "date": KINDS[1]})

    with pytest.raises(pt.UnknownPartitionError) as raised:
        partitions.select([key], now=NOW)
    assert problem in str(raised.value)


@pytest.mark.parametrize("dimensions", [{}, None, {"a": "daily"}, {"a b": KINDS[0]}, {"a": pt.MultiPartitions({"b": KINDS[0]})}])
def test_what_are_no_dimensions_is_refused(dimensions: object) -> None:
    with pytest.raises(pt.DefinitionError):
        pt.MultiPartitions(dimensions)  # type: ignore[arg-type]


def test_a_product_of_millions_is_counted_without_enumerating() -> None:
    shops = pt.StaticPartitions([f"shop{number}" for number in range(100)])
    hours = pt.StaticPartitions([str(hour) for hour in range(24)])
    partitions = pt.MultiPartitions({"shop": shops, "day": pt.DailyPartitions("2012-01-01"), "hour": hours})
    keys = partitions.keys(now=datetime(2024, 1, 1, tzinfo=UTC))

    assert len(keys) == 4383 * 24 * 100
    day = partitions.range("2020-02-29|0|shop0", "2020-02-29|23|shop99", now=NOW)
    assert len(day) == 2400
    assert len(keys - day) == len(keys) - 2400
    assert [keys[5_000_000]] == list(keys[5_000_000:5_000_001])
    assert len(keys.encode()) < 60
