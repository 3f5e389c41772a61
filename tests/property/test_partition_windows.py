"""Windows of time have neither gaps nor overlaps, and keys and ordinals lead to each other, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from partita.definitions.partitions import TimePartitions
from support.partitions import after, time_partitions

WINDOWS = 40


def some_keys(partitions: TimePartitions) -> list[str]:
    return list(partitions.keys(now=after(partitions, windows=WINDOWS)))


@given(time_partitions())
@settings(max_examples=60)
def test_keys_and_ordinals_lead_to_each_other_in_order(partitions: TimePartitions) -> None:
    keys = some_keys(partitions)
    ordinals = [partitions.ordinal(key) for key in keys]

    assert [partitions.key_of(ordinal) for ordinal in ordinals] == keys
    assert ordinals == sorted(set(ordinals))
    assert partitions.set_of(keys) == partitions.keys(now=after(partitions, windows=WINDOWS))
    assert len(set(keys)) == len(keys) == partitions.count(now=after(partitions, windows=WINDOWS))


@given(time_partitions(may_exclude=False))
@settings(max_examples=60)
def test_each_window_begins_when_the_one_before_ends(partitions: TimePartitions) -> None:
    windows = [partitions.window(key) for key in some_keys(partitions)]

    assert all(one.end.timestamp() == next_one.start.timestamp() for one, next_one in pairwise(windows))
    assert all(start.timestamp() < end.timestamp() for start, end in windows)


@given(time_partitions(), st.floats(0, 0.999))
@settings(max_examples=60)
def test_every_instant_of_a_window_has_its_key(partitions: TimePartitions, share: float) -> None:
    for key in some_keys(partitions):
        start, end = (moment.timestamp() for moment in partitions.window(key))
        within = datetime.fromtimestamp(start + int((end - start) * share), UTC)

        assert partitions.key_at(within) == key


@given(time_partitions(), st.integers(-5, 40), st.floats(0, 1))
@settings(max_examples=60)
def test_a_window_is_a_partition_once_it_has_ended(partitions: TimePartitions, windows: int, share: float) -> None:
    now = after(partitions, windows=windows) + timedelta(hours=int(share * 24))
    plain = TimePartitions(replace(partitions.spec, end_offset=0))

    all_of_them = list(plain.keys(now=after(partitions, windows=120)))
    ended = [key for key in all_of_them if plain.window(key).end.timestamp() <= now.timestamp()]

    assert list(plain.keys(now=now)) == ended
    if ended:
        moved = len(ended) + partitions.spec.end_offset
        assert list(partitions.keys(now=now)) == all_of_them[: max(moved, 0)]


@given(time_partitions(may_exclude=False), st.integers(0, WINDOWS))
@settings(max_examples=60)
def test_an_end_leaves_out_the_windows_that_end_after_it(partitions: TimePartitions, windows: int) -> None:
    end = after(partitions, windows=windows)
    ended = TimePartitions(replace(partitions.spec, end=end.isoformat(), end_offset=0))

    kept = list(ended.keys(now=after(partitions, windows=WINDOWS + 60)))

    assert kept == list(TimePartitions(replace(partitions.spec, end_offset=0)).keys(now=end))


@given(time_partitions())
@settings(max_examples=60)
def test_a_spec_makes_the_same_partitions_again(partitions: TimePartitions) -> None:
    again = TimePartitions(partitions.spec)

    assert again.spec == partitions.spec
    assert some_keys(again) == some_keys(partitions)
