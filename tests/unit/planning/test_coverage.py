"""How partitions stand, as sets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

import partita as pt
from partita.planning.coverage import cover
from partita.records.assets import PartitionStatus

NOW = datetime(2026, 1, 11, tzinfo=UTC)
DAYS = pt.DailyPartitions("2026-01-01")
KEYS = list(DAYS.keys(now=NOW))
STRANGERS = ["2025-12-31", "2026-01-20"]
"""Before the first partition, and after now."""


@given(st.dictionaries(st.sampled_from([*KEYS, *STRANGERS]), st.sampled_from(PartitionStatus)), st.sets(st.sampled_from(PartitionStatus)))
def test_every_partition_stands_in_exactly_one_way(states: dict[str, PartitionStatus], wanted: set[PartitionStatus]) -> None:
    found = cover(DAYS, states, now=NOW)

    assert list(found.existing) == KEYS
    assert list(found.standing(wanted)) == [key for key in KEYS if states.get(key, PartitionStatus.MISSING) in wanted]
    assert sum(found.counts.values()) == len(KEYS)


@pytest.mark.parametrize("partitions", [pt.StaticPartitions(["a", "b"]), DAYS])
def test_without_states_all_is_missing(partitions: pt.Partitions) -> None:
    found = cover(partitions, {}, now=NOW)

    assert found.by_status[PartitionStatus.MISSING] == found.existing
    assert not found.standing([PartitionStatus.FAILED])
