"""How long it takes from what a schedule or sensor waits for to the row of its run: `python tests/benchmarks/automation_latency.py [times]`."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles

sys.path.insert(0, str(Path(__file__).parents[1]))

from partita.records.automations import automation_id
from partita.records.filters import RunFilter, TickFilter
from support.sites import Site, a_site
from support.waiting import eventually

SOURCE = """
@pt.asset
def report() -> int:
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
    assets=[report],
    jobs=[trivial_job],
    schedules=[pt.Schedule("secondly", cron="* * * * *", target=trivial_job)],
    sensors=[files, after_report],
)
"""


def main(times: int) -> None:
    """Measure one after another, with a worker and a daemon as they are, and print how long it took."""
    with tempfile.TemporaryDirectory() as folder, a_site(Path(folder), main=SOURCE) as site:
        (site.scratch / "drop").mkdir()
        site.start("daemon", fault="every second")
        site.work()
        show("schedule due to run row", with_switch(site, "secondly", lambda: schedule(site, times)))
        show("sensor at 1 s: change to run row", with_switch(site, "files", lambda: [sensor(site, number) for number in range(times)]))
        show("asset sensor: run succeeded to run row", with_switch(site, "after_report", lambda: [asset_sensor(site) for _ in range(times)]))


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


def until_run(site: Site, where: RunFilter) -> float:
    began = time.monotonic()
    eventually(lambda: site.store.runs.count(where), seconds=20)
    return (time.monotonic() - began) * 1000


def show(what: str, values: list[float]) -> None:
    """One line of percentiles."""
    cuts = quantiles(values, n=20)
    print(f"{what:40} p50 {cuts[9]:7.1f} ms   p95 {cuts[18]:7.1f} ms   max {max(values):7.1f} ms")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
