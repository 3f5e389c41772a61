"""Upstream and downstream are the same relation read from either end."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from partita.definitions.mappings import IdentityMapping, Mapping, StaticMapping, TimeWindowMapping, default_mapping
from partita.definitions.partitions import DynamicPartitions, Partitions, StaticPartitions, TimePartitions
from support.partitions import CHANGES, ZONES, after, subsets, time_partitions

changes = st.sampled_from(CHANGES)
offsets = st.tuples(st.integers(-2, 2), st.integers(-2, 2)).map(sorted)
names = st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True)
above = names.map(StaticPartitions) | names.map(DynamicPartitions("above").bound)
below = names.map(StaticPartitions) | names.map(DynamicPartitions("below").bound)


def assert_one_relation(mapping: Mapping, *, upstream: Partitions, downstream: Partitions, now: datetime) -> None:
    needs = {
        (above, below)
        for below in downstream.keys(now=now)
        for above in mapping.upstream([below], downstream=downstream, upstream=upstream, now=now).keys
    }
    is_needed = {
        (above, below)
        for above in upstream.keys(now=now)
        for below in mapping.downstream([above], upstream=upstream, downstream=downstream, now=now).keys
    }

    assert needs == is_needed


@given(st.data(), offsets)
@settings(max_examples=30)
def test_windows_map_to_each_other(data: st.DataObject, moved: list[int]) -> None:
    zone, around = data.draw(st.sampled_from(ZONES)), data.draw(changes)
    upstream = data.draw(time_partitions(around=around, zone=zone))
    downstream = data.draw(time_partitions(around=around, zone=zone))
    now = min(after(upstream, windows=25), after(downstream, windows=25))

    assert_one_relation(TimeWindowMapping(start_offset=moved[0], end_offset=moved[1]), upstream=upstream, downstream=downstream, now=now)


@given(st.data(), offsets)
@settings(max_examples=30)
def test_many_partitions_map_to_what_each_of_them_maps_to(data: st.DataObject, moved: list[int]) -> None:
    around = data.draw(changes)
    upstream, downstream = data.draw(time_partitions(around=around)), data.draw(time_partitions(around=around))
    now = min(after(upstream, windows=25), after(downstream, windows=25))
    chosen = data.draw(subsets(downstream.keys(now=now)))
    mapping = TimeWindowMapping(start_offset=moved[0], end_offset=moved[1])

    one_by_one = [mapping.upstream([key], downstream=downstream, upstream=upstream, now=now) for key in chosen]
    together = mapping.upstream(chosen, downstream=downstream, upstream=upstream, now=now)

    assert set(together.keys) == {key for mapped in one_by_one for key in mapped.keys}
    assert set(together.missing) == {key for mapped in one_by_one for key in mapped.missing}


@given(st.data())
@settings(max_examples=30)
def test_by_default_a_window_needs_exactly_the_windows_that_share_time_with_it(data: st.DataObject) -> None:
    around = data.draw(changes)
    upstream, downstream = data.draw(time_partitions(around=around)), data.draw(time_partitions(around=around))
    now = min(after(upstream, windows=25), after(downstream, windows=25))
    mapping = default_mapping(upstream=upstream, downstream=downstream)

    for below in downstream.keys(now=now)[:10]:
        needed = mapping.upstream([below], downstream=downstream, upstream=upstream, now=now).keys
        assert set(needed) == {above for above in upstream.keys(now=now) if share_time(upstream, above, downstream, below)}


def share_time(upstream: TimePartitions, above: str, downstream: TimePartitions, below: str) -> bool:
    one, other = upstream.window(above), downstream.window(below)
    return one.start.timestamp() < other.end.timestamp() and other.start.timestamp() < one.end.timestamp()


@given(above, below, st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), unique=True)))
def test_keys_map_to_each_other(upstream: Partitions, downstream: Partitions, table: dict[str, list[str]]) -> None:
    for mapping in (IdentityMapping(), StaticMapping(table), default_mapping(upstream=upstream, downstream=downstream)):
        assert_one_relation(mapping, upstream=upstream, downstream=downstream, now=CHANGES[0])
