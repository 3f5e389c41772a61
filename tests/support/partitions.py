"""Partitions that hypothesis makes up: every cadence, awkward zones, offsets and exclusions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from msgspec.structs import replace

from partita.definitions.partitions import PartitionSet, TimePartitions, TimePartitionsSpec

ZONES = (
    "UTC",
    "America/New_York",
    "America/Sao_Paulo",  # midnight did not exist once a year until 2018
    "America/Havana",  # midnight comes twice once a year
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # the clock moves by half an hour
    "Pacific/Apia",  # had no 2011-12-30
    "Africa/Casablanca",  # changes the clock around Ramadan
    "Europe/Dublin",
)
CADENCE_DAYS = {"hourly": 1 / 24, "daily": 1.0, "weekly": 7.0, "monthly": 31.0}
CRON_DAYS = {
    ("0 0 * * 1-5",): 1.4,
    ("30 1,13 * * *",): 0.5,
    ("15 * * * *",): 1 / 24,
    ("*/30 1-3 * * *",): 1 / 6,
    ("0 2 L * *",): 31.0,
    ("0 9 * * 1-5", "30 0 * * 0,6"): 1.0,
    ("0 0 1,15 * 1", "0 12 1 * *"): 4.0,
}
"""Expressions, and about how many days their windows last."""
EARLIEST, LATEST = datetime(1965, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
FAR = datetime(2200, 1, 1, tzinfo=UTC)
CHANGES = [
    datetime.fromisoformat(day).replace(tzinfo=UTC)
    for day in (
        "1986-01-01",  # Kathmandu moves by a quarter of an hour
        "2011-12-30",  # Apia skips a day
        "2018-02-18",  # Sao Paulo, back
        "2018-11-04",  # Sao Paulo, forward; New York and Havana, back
        "2023-03-12",  # New York, St. John's and Havana, forward
        "2023-10-01",  # Lord Howe, forward
        "2023-10-29",  # Dublin, back
        "2024-03-10",  # Casablanca, back for Ramadan
        "2024-04-07",  # Lord Howe, back
    )
]


@st.composite
def time_partitions(draw: st.DrawFn, *, around: datetime | None = None, zone: str | None = None, may_exclude: bool = True) -> TimePartitions:
    """Partitions that start near `around`; without it, before a change of the clock or anywhere."""
    cron = draw(st.sampled_from((*[()] * 12, *CRON_DAYS)))
    cadence = "cron" if cron else draw(st.sampled_from(sorted(CADENCE_DAYS)))
    if around is not None or draw(st.booleans()):
        change = around or draw(st.sampled_from(CHANGES))
        start = change - timedelta(days=draw(st.integers(0, 20)) * (CRON_DAYS[cron] if cron else CADENCE_DAYS[cadence]))
    else:
        start = EARLIEST + timedelta(days=draw(st.integers(0, (LATEST - EARLIEST).days)))
    day_offset = {"weekly": st.integers(0, 6), "monthly": st.sampled_from((1, 1, 12, 28, 29, 30, 31))}.get(cadence, st.none())
    made = TimePartitions(
        TimePartitionsSpec(
            cadence=cadence,  # type: ignore[arg-type]  # drawn from the literals
            start=start.strftime("%Y-%m-%dT%H:%M"),
            timezone=zone or draw(st.sampled_from(ZONES)),
            cron=cron,
            minute_offset=0 if cron else draw(st.sampled_from((0, 0, 15, 30, 45))),
            hour_offset=0 if cadence in ("hourly", "cron") else draw(st.sampled_from((0, 0, 1, 2, 3, 23))),
            day_offset=draw(day_offset),
            end_offset=draw(st.sampled_from((0, 0, 0, 1, -1, 3))),
        )
    )
    if not may_exclude or draw(st.booleans()):
        return made
    first = made.keys(now=FAR).spans[0][0]
    places = draw(st.sets(st.integers(0, 20), max_size=4))
    return TimePartitions(replace(made.spec, exclude=tuple(made.key_of(made.shifted(first, place)) for place in places)))


def after(partitions: TimePartitions, *, windows: int) -> datetime:
    """An instant at which about so many windows have ended."""
    first = partitions.keys(now=FAR).spans[0][0]
    days = CRON_DAYS[partitions.spec.cron] if partitions.spec.cron else CADENCE_DAYS[partitions.spec.cadence]
    return partitions.window_of(first).start.astimezone(UTC) + timedelta(days=(windows + 1) * days)


@st.composite
def subsets(draw: st.DrawFn, keys: PartitionSet) -> PartitionSet:
    """Some of these keys."""
    chosen = draw(st.sets(st.integers(0, len(keys) - 1), max_size=12)) if keys else set()
    return keys.partitions.set_of(keys[place] for place in chosen)
