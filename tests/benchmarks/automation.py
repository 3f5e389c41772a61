"""From what a schedule or sensor waits for to the row of its run, and backfills from the request to their end."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figures import Figure, timed, wait_until_loaded
from partita.definitions.keys import AssetKey
from partita.records.assets import ReportedMaterialization
from partita.records.automations import automation_id
from partita.records.filters import RunFilter, TickFilter
from support.dev import running_dev
from support.projects import make_project
from support.sites import Site, a_site
from support.waiting import eventually

SOURCE = """
@pt.asset
def report() -> int:
    return 1


@pt.asset(deps=["raw"], automation=pt.Condition.eager())
def eager() -> int:
    return 1


@pt.op
def trivial() -> int:
    return 1


@pt.job
def trivial_job() -> None:
    trivial()


@pt.sensor(target=trivial_job, interval=1.0)
def files(context: pt.SensorContext) -> object:
    names = sorted(path.name for path in (SCRATCH / "drop").glob("*") if path.name > (context.cursor or ""))
    requests = [pt.RunRequest(run_key=name, tags={"file": name}) for name in names]
    return pt.SensorResult(requests=requests, cursor=names[-1]) if names else pt.Skip("no new file")


@pt.asset_sensor(asset="report", target=trivial_job, interval=1.0)
def after_report(context: pt.AssetSensorContext) -> object:
    return pt.RunRequest(run_key=context.materialization.id, tags={"of": context.materialization.run_id})


definitions = pt.Repository(
    "main",
    assets=[report, eager, pt.AssetSpec("raw")],
    jobs=[trivial_job],
    schedules=[pt.Schedule("secondly", cron="* * * * *", target=trivial_job)],
    sensors=[files, after_report],
)
"""


BACKFILLED = """
import partita as pt

DAYS = pt.DailyPartitions(start="2024-01-01", end="2024-04-10")


@pt.asset(partitions=DAYS)
def trivial() -> int:
    return 1


@pt.asset(partitions=DAYS, backfill=pt.Backfill.single_run())
def at_once(context: pt.AssetContext) -> None:
    context.log.info("all days in one run")


definitions = pt.Repository("main", assets=[trivial, at_once])
"""


def measure_automation(times: int = 20) -> Iterator[Figure]:
    """From what a schedule or sensor waits for until the row of its run is there, with a worker and a daemon as they are."""
    with tempfile.TemporaryDirectory() as folder, a_site(Path(folder), main=SOURCE) as site:
        (site.scratch / "drop").mkdir()
        site.start("daemon", fault="every second")
        site.work()
        values = with_switch(site, "secondly", lambda: schedule(site, times))
        yield Figure(what="schedule due to run row", incumbent="0.12 s", reach="< 50 ms", values=values)
        values = with_switch(site, "files", lambda: [sensor(site, number) for number in range(times)])
        yield Figure(what="sensor at 1 s: new file to run row", incumbent="2.9 s", reach="< 1200 ms", values=values)
        values = with_switch(site, "after_report", lambda: [asset_sensor(site) for _ in range(times)])
        yield Figure(what="asset sensor at 1 s: asset written to run row", incumbent="", reach="< 1200 ms", values=values)
        values = [eager(site) for _ in range(times + 1)][1:]
        yield Figure(what="asset written to the run row of what depends on it, eager", incumbent="", reach="< 250 ms", values=values)


def measure_backfill(times: int = 5) -> Iterator[Figure]:
    """100 daily partitions through the API, 8 runs at a time, from the request until a subscriber sees the end."""
    with tempfile.TemporaryDirectory() as scratch:
        project = make_project(Path(scratch) / "project", ordinary=BACKFILLED)
        with (project / "partita.toml").open("a") as file:
            file.write("\n[runs]\nmax_concurrent = 8\n")
        with running_dev(project) as dev, dev.client() as client:
            wait_until_loaded(dev)

            def backfill(asset: str) -> None:
                client.backfill(asset, partitions=("2024-01-01", "2024-04-09")).wait(raise_on_failure=True)

            for asset, what, incumbent, reach in (
                ("trivial", "backfill of 100 daily partitions, a run each, 8 at a time", "369 s", "< 15 s"),
                ("at_once", "the same as a single run", "28.7 s", "< 1.5 s"),
            ):
                values = [timed(lambda asset=asset: backfill(asset)) / 1000 for _ in range(times + 1)][1:]
                yield Figure(what=what, incumbent=incumbent, reach=reach, values=values, unit="s")


def with_switch(site: Site, name: str, measure: Callable[[], list[float]]) -> list[float]:
    """What is measured while the schedule or sensor is on."""
    ids = [automation_id("main", "main", name)]
    site.store.automations.set_on(ids, is_on=True)
    found = measure()
    site.store.automations.set_on(ids, is_on=False)
    return found


def schedule(site: Site, times: int) -> list[float]:
    """Milliseconds from each due time until its run was seen in the database; the first ticks are to warm up."""
    where = TickFilter(automation_ids=(automation_id("main", "main", "secondly"),))
    seen: dict[str, float] = {}
    with site.store.bell() as bell:
        while len(seen) < times + 2:
            bell.wait(0.5)
            now = time.time()
            for tick in site.store.ticks.list(where).items:
                if tick.run_count:
                    seen.setdefault(tick.id, (now - tick.due_at.timestamp()) * 1000)
    return [seen[tick_id] for tick_id in sorted(seen)][2:]


def sensor(site: Site, number: int) -> float:
    """Milliseconds from a new file, at any moment of the interval, until its run was seen."""
    time.sleep(random.random())
    name = f"{number:06}"
    (site.scratch / "drop" / name).touch()
    return until_run(site, RunFilter(tags=(("file", name),)))


def asset_sensor(site: Site) -> float:
    """Milliseconds from the end of a run that wrote the asset until the run was seen that it brought about."""
    run = site.launch("report")
    site.finished(run)
    took = until_run(site, RunFilter(tags=(("of", run.id),)))
    time.sleep(1.1)
    return took


def eager(site: Site) -> float:
    """Milliseconds from a report that the asset was written until the run was seen that its condition asked for."""
    where = RunFilter(assets=(AssetKey("eager"),))
    before = site.store.runs.count(where)
    began = time.monotonic()
    site.store.reports.add(ReportedMaterialization(asset=AssetKey("raw")))
    eventually(lambda: site.store.runs.count(where) > before, seconds=20)
    took = (time.monotonic() - began) * 1000
    site.finished(site.store.runs.list(where).items[0])
    time.sleep(0.5)
    return took


def until_run(site: Site, where: RunFilter) -> float:
    began = time.monotonic()
    eventually(lambda: site.store.runs.count(where), seconds=20)
    return (time.monotonic() - began) * 1000
