"""The durations that an operator may choose."""

from __future__ import annotations

from datetime import timedelta

import pytest

from partita.automation.timing import Timing
from partita.errors import SettingsError


def test_leases_last_half_a_minute_unless_told_otherwise() -> None:
    timing = Timing.of({})

    assert (timing.lease, timing.renewal, timing.surrender) == (timedelta(seconds=30), 5, 20)


def test_a_lost_run_is_ended_within_forty_seconds() -> None:
    timing = Timing()

    assert timing.lease.total_seconds() + timing.sweep <= 40


def test_an_operator_can_choose_the_lease() -> None:
    timing = Timing.of({"PARTITA_LEASE_SECONDS": "3"})

    assert (timing.lease, timing.sweep) == (timedelta(seconds=3), 1)


@pytest.mark.parametrize("given", ["soon", "0", "-3", "nan", "1e9"])
def test_a_lease_that_cannot_work_is_refused_by_name(given: str) -> None:
    with pytest.raises(SettingsError, match=f"PARTITA_LEASE_SECONDS='{given}'"):
        Timing.of({"PARTITA_LEASE_SECONDS": given})
