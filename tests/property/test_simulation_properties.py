"""Whatever is simulated, each due instant has one tick, however the time is cut; no partition is lost or doubled; a seed says it all."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

import partita as pt
from partita.definitions.partitions import partitions_of
from partita.planning.due import due_ticks
from partita.planning.outcomes import ANY, DrawnOutcomes
from partita.planning.simulate import Simulation
from partita.records.verdicts import Verdict

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo"])
SECONDS = [int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2018, 2027)]
# Ticks fall on whole minutes, so that is where time is to be cut, too.
STEPS = st.sampled_from([1, 60, 600, 3600])
STARTS = st.builds(lambda seconds, step: datetime.fromtimestamp(seconds // step * step, UTC), st.integers(*SECONDS), STEPS)
SPANS = st.one_of(st.integers(1, 120).map(lambda hours: timedelta(hours=hours)), st.timedeltas(timedelta(minutes=1), timedelta(days=5)))
SEEDS = st.integers(0, 2**32)
MINUTE = timedelta(minutes=1)


@st.composite
def crons(draw: st.DrawFn) -> str:
    """Frequent enough for a few days: minute, hour, day of week."""
    minute = draw(st.sampled_from(["0", "30", "17", "*/20", "5,50"]))
    hour = draw(st.sampled_from(["*", "*/6", "2", "3,14", "0-4"]))
    return f"{minute} {hour} * * {draw(st.sampled_from(['*', '*', '1-5', '0,3']))}"


def fields_of(text: str, low: int, high: int) -> set[int]:
    """What one field of these expressions means."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, last = (low, high) if span == "*" else (int(span.split("-")[0]), int(span.split("-")[-1]))
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def due_by_hand(cron: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """Due instants, minute by minute, where the clock does not change within three days."""
    minutes, hours, days = (fields_of(cron.split()[place], *limits) for place, limits in ((0, (0, 59)), (1, (0, 23)), (4, (0, 6))))
    first = start if start.second == 0 else start.replace(second=0) + MINUTE
    found = []
    for number in range((end - first) // MINUTE + 1):
        instant = first + number * MINUTE
        wall = instant.astimezone(ZoneInfo(zone))
        if instant < end and wall.minute in minutes and wall.hour in hours and wall.isoweekday() % 7 in days:
            found.append(instant)
    return found


def has_even_clock(zone: str, start: datetime, end: datetime) -> bool:
    around = timedelta(days=3)
    days = range((end - start + 2 * around).days + 1)
    return len({(start - around + timedelta(days=day)).astimezone(ZoneInfo(zone)).utcoffset() for day in days}) == 1


@pt.asset
def table() -> int:
    return 1


def repository_of(schedules: list[Any], assets: tuple[Any, ...] = ()) -> pt.Repository:
    return pt.Repository("main", assets=[table, *assets], schedules=schedules)


@st.composite
def plain(draw: st.DrawFn) -> list[pt.Schedule]:
    many = draw(st.lists(st.tuples(crons(), ZONES, st.integers(0, 9)), min_size=1, max_size=4))
    return [
        pt.Schedule(f"s{place}", cron=cron, timezone=zone, target="table", catch_up=catch_up) for place, (cron, zone, catch_up) in enumerate(many)
    ]


def simulated(repository: pt.Repository, start: datetime, *ends: datetime, seed: int = 0, chance: float = 0.0) -> Simulation:
    simulation = Simulation(
        repository.spec, start=start, outcome=DrawnOutcomes({ANY: chance}, seed=seed), answer=lambda spec, due_at: Verdict(skip="no"), dynamic={}
    )
    for end in ends:
        simulation.run_until(end)
    return simulation


@settings(max_examples=60, deadline=None)
@given(schedules=plain(), start=STARTS, span=SPANS)
def test_each_due_instant_has_exactly_one_tick(schedules: list[pt.Schedule], start: datetime, span: timedelta) -> None:
    report = pt.simulate(repository_of(schedules), start=start, end=start + span)

    assert [tick.due_at for tick in report.ticks] == sorted(tick.due_at for tick in report.ticks)
    for schedule in schedules:
        spec = schedule.spec
        ticks = [tick.due_at for tick in report.ticks if tick.name == spec.name]
        assert len(set(ticks)) == len(ticks)
        if has_even_clock(spec.timezone, start, start + span):
            assert ticks == due_by_hand(spec.cron[0], spec.timezone, start, start + span)
        assert [run.due_at for run in report.runs if run.launched_by == spec.name] == ticks


@settings(max_examples=60, deadline=None)
@given(schedules=plain(), start=STARTS, span=SPANS)
def test_ticks_are_those_of_a_daemon_that_looks_whenever_one_is_due(schedules: list[pt.Schedule], start: datetime, span: timedelta) -> None:
    report = pt.simulate(repository_of(schedules), start=start, end=start + span)

    for schedule in schedules:
        spec = schedule.spec
        planned = pt.Cron(spec.cron, timezone=spec.timezone).next(start - timedelta(seconds=1))
        for tick in [tick for tick in report.ticks if tick.name == spec.name]:
            found = due_ticks(spec, planned=planned, now=tick.due_at)
            assert found.ticks == (tick.due_at,)
            planned = found.next
        assert planned >= start + span


FIRST = "2018-01-01"
CUTS = st.builds(
    lambda make, zone: make(zone),
    st.sampled_from(
        [
            lambda zone: pt.DailyPartitions(FIRST, timezone=zone, end="2018-03-01"),  # its newest stays the newest
            lambda zone: pt.DailyPartitions(FIRST, timezone=zone),
            lambda zone: pt.DailyPartitions(FIRST, timezone=zone, hour_offset=4),
            lambda zone: pt.HourlyPartitions(f"{FIRST}-00:00", timezone=zone),
        ]
    ),
    ZONES,
)
CONDITIONS = st.sampled_from(
    [pt.Condition.eager(), pt.Condition.on_missing(), pt.Condition.eager().without(pt.Condition.in_latest_window()), pt.Condition.on_cron("@daily")]
)


@st.composite
def automated(draw: st.DrawFn) -> pt.Repository:
    """A schedule of partitions, assets with conditions below what it writes, and a schedule beside it."""
    cut = draw(CUTS)

    @pt.asset(partitions=cut)
    def source() -> int:
        return 1

    @pt.asset(partitions=cut, deps=["source"], automation=draw(CONDITIONS))
    def below() -> int:
        return 1

    @pt.asset(partitions=cut, deps=["below", "source"], automation=draw(CONDITIONS))
    def lowest() -> int:
        return 1

    minute = draw(st.sampled_from([0, 20]))
    return repository_of([pt.partition_schedule("source", minute=minute, name="nightly"), *draw(plain())], (source, below, lowest))


@settings(max_examples=50, deadline=None)
@given(
    repository=automated(), start=STARTS, span=SPANS, cuts=st.lists(st.integers(0, 12), max_size=3), chance=st.sampled_from([0.0, 0.3]), seed=SEEDS
)
def test_time_can_be_cut_anywhere(repository: pt.Repository, start: datetime, span: timedelta, cuts: list[int], chance: float, seed: int) -> None:
    end = start + span

    whole = simulated(repository, start, end, seed=seed, chance=chance)
    cut = simulated(repository, start, *sorted(start + part * span / 12 for part in cuts), end, seed=seed, chance=chance)

    assert cut.runs == whole.runs
    assert cut.ticks == whole.ticks
    assert [tick.due_at for tick in whole.ticks] == sorted(tick.due_at for tick in whole.ticks)


@settings(max_examples=30, deadline=None)
@given(repository=automated(), start=STARTS, span=SPANS, chance=st.sampled_from([0.0, 0.3]), seed=SEEDS)
def test_what_conditions_have_seen_never_goes_back(repository: pt.Repository, start: datetime, span: timedelta, chance: float, seed: int) -> None:
    simulation = simulated(repository, start, seed=seed, chance=chance)
    before: dict[pt.AssetKey, tuple[int, datetime]] = {}
    for part in range(1, 13):
        simulation.run_until(start + part * span / 12)
        seen = {key: (state.cursor, state.evaluated_at) for key, state in simulation._states.items()}
        assert set(before) <= set(seen)
        assert all(seen[key][0] >= cursor and seen[key][1] >= at for key, (cursor, at) in before.items())
        assert all(cursor <= simulation.facts.cursor for cursor, _ in seen.values())
        before = seen


@settings(max_examples=30, deadline=None)
@given(repository=automated(), start=STARTS, span=SPANS, chance=st.sampled_from([0.0, 0.5, 1.0]), seed=SEEDS)
def test_a_seed_says_it_all(repository: pt.Repository, start: datetime, span: timedelta, chance: float, seed: int) -> None:
    first, second = (pt.simulate(repository, start=start, end=start + span, outcomes=chance, seed=seed) for _ in range(2))

    assert first == second
    assert chance == 0.5 or {run.outcome for run in first.runs} <= {"failed" if chance else "succeeded"}


@settings(max_examples=50, deadline=None)
@given(repository=automated(), start=STARTS, span=SPANS, chance=st.sampled_from([0.0, 0.3]), seed=SEEDS)
def test_a_schedule_of_partitions_loses_and_doubles_none(
    repository: pt.Repository, start: datetime, span: timedelta, chance: float, seed: int
) -> None:
    cut = repository.asset("source").spec.partitions
    assert cut is not None
    partitions = partitions_of(cut)
    simulation = simulated(repository, start, start + span, seed=seed, chance=chance)

    ticks = [tick for tick in simulation.ticks if tick.name == "nightly"]
    launched = [run.partition for run in simulation.runs if run.launched_by == "nightly"]
    expected = [partitions.last(now=tick.due_at) for tick in ticks]
    assert Counter(launched) == Counter(set(expected) - {None})
    assert launched == sorted(launched, key=lambda key: partitions.ordinal(str(key)))
    if launched:  # from the first tick to the last, without a gap
        between = partitions.range(str(launched[0]), str(launched[-1]), now=start + span)
        assert list(between) == launched


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(2, 9),
    day=st.dates(date(2019, 1, 1), date(2026, 1, 1)),
    zone=ZONES,
    condition=st.sampled_from(["eager", "on_missing"]),
    chance=st.sampled_from([0.0, 0.4]),
    seed=SEEDS,
)
def test_conditions_lose_and_double_no_partition(count: int, day: date, zone: str, condition: str, chance: float, seed: int) -> None:
    cut = pt.DailyPartitions("2018-01-01", timezone=zone)

    @pt.asset(partitions=cut, automation=pt.Condition.on_missing())
    def above() -> int:
        return 1

    @pt.asset(partitions=cut, deps=["above"], automation=getattr(pt.Condition, condition)())
    def below() -> int:
        return 1

    noons = [datetime(each.year, each.month, each.day, 12, tzinfo=ZoneInfo(zone)) for each in (day, day + timedelta(days=count))]
    start, end = (noon.astimezone(UTC) for noon in noons)
    report = pt.simulate(pt.Repository("main", assets=[above, below]), start=start, end=end, outcomes=chance, seed=seed)

    new = list(cut.keys(now=end) - cut.keys(now=start))
    asked = {name: [run.partition for run in report.runs if name in run.assets] for name in ("above", "below")}
    assert asked["above"] == new  # each once as it comes to exist; one that has failed is not newly missing
    written = {key: [run.partition for run in report.runs if key in run.assets and run.outcome == "succeeded"] for key in ("above", "below")}
    assert set(written["below"]) <= set(written["above"])
    assert all(number == 1 for number in Counter(written["below"]).values())
    if chance == 0:
        assert asked["below"] == new
