"""Partition sets behave like sets of keys that remember their order."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.definitions.partitions import (
    CronPartitions,
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    Partitions,
    PartitionSet,
    PartitionsSpec,
    StaticPartitions,
    TimePartitions,
    partitions_of,
)
from support.partitions import after, time_partitions

NOW = datetime(2013, 3, 1, tzinfo=UTC)
UNIVERSES: tuple[Partitions, ...] = (
    StaticPartitions(list("abcdefghijklmnopqrst")),
    DynamicPartitions("letters").bound(list("tsrqponmlkjihgfedcba")),
    DailyPartitions("2013-01-01", exclude=["2013-01-05", "2013-01-06"]),
    MonthlyPartitions("2009-01-01", day_offset=31),
    HourlyPartitions("2013-02-27", timezone="America/New_York", exclude=["2013-02-27-03:00"]),
    CronPartitions(["0 9 * * 1-5", "30 0 * * 0,6"], "2013-01-01", timezone="Europe/Dublin", exclude=["2013-01-05-00:30"]),
)
universes = st.sampled_from(UNIVERSES)
places = st.sets(st.integers(0, 19))


def choose(partitions: Partitions, chosen: set[int]) -> PartitionSet:
    every = list(partitions.keys(now=NOW))
    return partitions.select((every[place] for place in chosen), now=NOW)


@given(universes, places, places)
def test_the_algebra_is_that_of_sets(partitions: Partitions, ours: set[int], theirs: set[int]) -> None:
    left, right = choose(partitions, ours), choose(partitions, theirs)

    assert left | right == choose(partitions, ours | theirs)
    assert left & right == choose(partitions, ours & theirs)
    assert left - right == choose(partitions, ours - theirs)
    assert (left == right) is (ours == theirs)
    assert bool(left) is bool(ours)


@given(universes, places)
def test_a_set_lists_its_keys_once_and_in_definition_order(partitions: Partitions, chosen: set[int]) -> None:
    every = list(partitions.keys(now=NOW))
    made = choose(partitions, chosen)

    assert list(made) == [every[place] for place in sorted(chosen)]
    assert len(made) == len(chosen)
    assert [key in made for key in every[:20]] == [place in chosen for place in range(20)]
    assert (made.first, made.last) == ((every[min(chosen)], every[max(chosen)]) if chosen else (None, None))
    assert len({made, choose(partitions, chosen)}) == 1


@given(universes, places, st.slices(20))
def test_slices_are_those_of_the_list_of_keys(partitions: Partitions, chosen: set[int], part: slice) -> None:
    made = choose(partitions, chosen)
    forward = slice(part.start, part.stop, abs(part.step) if part.step else None)

    assert list(made[forward]) == list(made)[forward]


@given(universes, places)
def test_every_position_holds_the_key_that_iteration_gives(partitions: Partitions, chosen: set[int]) -> None:
    made = choose(partitions, chosen)

    assert [made[index] for index in range(len(made))] == list(made)
    assert [made[-1 - index] for index in range(len(made))] == list(made)[::-1]


@given(universes, places)
def test_ranges_of_keys_hold_exactly_the_set(partitions: Partitions, chosen: set[int]) -> None:
    made = choose(partitions, chosen)

    spanned = partitions.none()
    for first, last in made.ranges():
        spanned |= partitions.range(first, last, now=NOW)

    assert spanned == made
    assert len(made.ranges()) == sum(place - 1 not in chosen for place in chosen)


@given(universes, places)
def test_a_set_survives_being_written_as_text(partitions: Partitions, chosen: set[int]) -> None:
    made = choose(partitions, chosen)

    assert PartitionSet.decode(made.encode(), partitions) == made


@given(time_partitions(), st.integers(0, 30))
@settings(max_examples=60)
def test_windows_are_the_same_after_their_spec_was_written_down(partitions: TimePartitions, windows: int) -> None:
    now = after(partitions, windows=windows)
    read = partitions_of(msgspec.json.decode(msgspec.json.encode(partitions.spec), type=PartitionsSpec))
    keys = partitions.keys(now=now)

    assert read == partitions
    assert list(read.keys(now=now)) == list(keys)
    assert PartitionSet.decode(keys[::2].encode(), read) == keys[::2]
