"""Changes of the clock are found where each zone has them."""

from __future__ import annotations

from itertools import pairwise
from zoneinfo import ZoneInfo, _zoneinfo, available_timezones

import pytest

from partita.definitions import zones
from partita.definitions.zones import minute_shifts, shifts, start_of_year
from support.partitions import ZONES

DAY = 86_400


def transitions(name: str, *, unit: int) -> list[tuple[int, int]]:
    """Instants since 1945 at which the zone's offset, modulo `unit`, changes, with the new one: read from the zone's own table."""
    zone = _zoneinfo.ZoneInfo.no_cache(name)  # the Python twin of ZoneInfo shows its table
    table = [(at, round(each.utcoff.total_seconds())) for at, each in zip(zone._trans_utc, zone._ttinfos, strict=True)]
    changed = [(at, after % unit) for (_, before), (at, after) in pairwise(table) if before % unit != after % unit]
    return [(at, offset) for at, offset in changed if at > start_of_year(1945)]


@pytest.mark.parametrize("name", [*ZONES, "America/Santo_Domingo", "Asia/Gaza", "Pacific/Kwajalein"])
def test_every_change_of_the_clock_is_found(name: str) -> None:
    known = [(at, offset) for at, offset in transitions(name, unit=10 * DAY) if start_of_year(1960) <= at < start_of_year(2030)]

    found = [shift for year in range(1960, 2030) for shift in shifts(ZoneInfo(name), year)]

    assert [shift.at for shift in found] == [at for at, _ in known]
    assert [shift.after % (10 * DAY) for shift in found] == [offset for _, offset in known]


def test_changes_by_less_than_an_hour_are_found_alone() -> None:
    found = minute_shifts(ZoneInfo("America/Santo_Domingo"), first_year=1960, last_year=1980)

    assert [shift.at for shift in found] == [at for at, _ in transitions("America/Santo_Domingo", unit=3600) if at < start_of_year(1981)][
        -len(found) :
    ]
    assert len(found) > 5


def test_no_zone_changes_its_clock_more_often_than_it_is_looked_at() -> None:
    names = sorted(available_timezones())
    every = [(later - earlier) / DAY for name in names for (earlier, _), (later, _) in pairwise(transitions(name, unit=10 * DAY))]
    by_minutes = [(later - earlier) / DAY for name in names for (earlier, _), (later, _) in pairwise(transitions(name, unit=3600))]

    assert min(every) > zones._CLOCK_PROBE / DAY
    assert min(by_minutes) > zones._MINUTES_PROBE / DAY
