"""What a year on the virtual clock costs: schedules by the hour, schedules of partitions, and conditions below them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import partita as pt
from benchmarks.figures import Figure, timed

SCHEDULES = 100
START = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")


def measure_simulation() -> Iterator[Figure]:
    """100 schedules, each of a job of its own, over a year; one run each, as the machine warms up in the first seconds."""
    yield _figure(f"`simulate` of {SCHEDULES} hourly schedules over a year", by_the_hour(SCHEDULES), reach="< 20 s")
    yield _figure(f"`simulate` of {SCHEDULES} daily schedules of partitions over a year", of_partitions(SCHEDULES), reach="< 20 s")
    below = of_partitions(SCHEDULES // 10, below=lambda: pt.Condition.eager())
    yield _figure(f"`simulate` of {SCHEDULES // 10} of them and as many eager assets below", below, reach="")


def _figure(what: str, repository: pt.Repository, *, reach: str) -> Figure:
    reports: list[pt.SimulationReport] = []
    gc.collect()
    seconds = timed(lambda: reports.append(pt.simulate(repository, start=START, end=START + YEAR))) / 1000
    return Figure(what=f"{what}: {len(reports[0].runs):,} runs", incumbent="", reach=reach, values=[seconds], unit="s")


def by_the_hour(count: int) -> pt.Repository:
    """Schedules of assets without partitions, at any minute."""
    assets = [_asset(f"a{number}") for number in range(count)]
    jobs = [pt.asset_job(f"j{number}", selection=f"a{number}") for number in range(count)]
    schedules = [
        pt.Schedule(f"s{number}", cron=f"{number % 60} * * * *", target=job, timezone=ZONES[number % len(ZONES)]) for number, job in enumerate(jobs)
    ]
    return pt.Repository("scale", assets=assets, jobs=jobs, schedules=schedules)


def of_partitions(count: int, *, below: Callable[[], pt.Condition] | None = None) -> pt.Repository:
    """Schedules of the newest day, at any hour; below each asset one with a condition."""
    cuts = [pt.DailyPartitions("2025-01-01", timezone=ZONES[number % len(ZONES)]) for number in range(count)]
    assets = [_asset(f"a{number}", partitions=cut) for number, cut in enumerate(cuts)]
    if below is not None:
        assets += [_asset(f"b{number}", partitions=cut, deps=[f"a{number}"], automation=below()) for number, cut in enumerate(cuts)]
    jobs = [pt.asset_job(f"j{number}", selection=f"a{number}") for number in range(count)]
    schedules = [pt.partition_schedule(job, hour=number % 24, minute=number % 60) for number, job in enumerate(jobs)]
    return pt.Repository("scale", assets=assets, jobs=jobs, schedules=schedules)


def _asset(key: str, **given: Any) -> Any:
    @pt.asset(key=key, **given)
    def made() -> int:
        """A number."""
        return 1

    return made
