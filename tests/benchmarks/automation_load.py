"""Many schedules and sensors at once, and what they cost while nothing comes of them, of real processes."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.figures import Figure
from partita.records.automations import automation_id
from support.sites import Site, a_site, alive

COUNT = 200
MINUTE = 60
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


def nothing_new(number: int, name: str, **interval: float) -> pt.Sensor:
    @pt.sensor(name=f"{name}_{number}", target=trivial_job, **interval)
    def idle(context: pt.SensorContext) -> object:
        return pt.Skip("nothing new")

    return idle


def after_report(number: int) -> pt.Sensor:
    @pt.asset_sensor(name=f"watching_{number}", asset="report", target=trivial_job)
    def watching(context: pt.AssetSensorContext) -> object:
        return pt.RunRequest()

    return watching


definitions = pt.Repository(
    "main",
    assets=[report],
    jobs=[trivial_job],
    schedules=[pt.Schedule(f"minutely_{number}", cron="* * * * *", target=trivial_job) for number in range(200)],
    sensors=[
        *(nothing_new(number, "idle", interval=30.0) for number in range(200)),
        *(nothing_new(number, "often") for number in range(200)),
        *map(after_report, range(200)),
    ],
)
"""


def measure_automation_load(minutes: int = 3) -> Iterator[Figure]:
    """A worker and a daemon as they are, with hundreds of schedules and sensors."""
    with tempfile.TemporaryDirectory() as folder, a_site(Path(folder), main=SOURCE) as site:
        daemon, worker = site.start("daemon"), site.work()
        yield Figure(what="a daemon with nothing to do", incumbent="", reach="< 2 %", values=shares(site, daemon.pid), unit="% of a core")
        yield Figure(what="an idle worker and its zygote", incumbent="", reach="", values=shares(site, worker.pid), unit="% of a core")
        kinds = (
            ("idle", "< 10 %", "with a function that are evaluated every 30 s"),
            ("often", "", "with a function at the interval of 5 s that they have unless told"),
            ("watching", "< 10 %", "that watch an asset"),
        )
        for kind, reach, what in kinds:
            switch(site, kind, is_on=True)
            values = shares(site, daemon.pid, worker.pid, seconds=MINUTE, times=minutes)
            yield Figure(what=f"{COUNT} idle sensors {what}", incumbent="", reach=reach, values=values, unit="% of a core")
            switch(site, kind, is_on=False)
        switch(site, "minutely", is_on=True)
        each = [lateness_of_all(site) for _ in range(minutes)]
        what = f"{COUNT} schedules due at the same minute: due to run row"
        yield Figure(what=what, incumbent="", reach="< 100 ms", values=[value for values in each for value in values])
        yield Figure(what="the last of a hundred of them (p99)", incumbent="", reach="< 1000 ms", values=[sorted(values)[-3] for values in each])


def switch(site: Site, kind: str, *, is_on: bool) -> None:
    """Switch all of a kind."""
    site.store.automations.set_on([automation_id("main", "main", f"{kind}_{number}") for number in range(COUNT)], is_on=is_on)


def lateness_of_all(site: Site) -> list[float]:
    """Milliseconds from the next whole minute until each of the runs of that minute was seen in the database."""
    due = (time.time() // MINUTE + 1) * MINUTE
    with closing(sqlite3.connect(f"file:{site.store.database_path}?mode=ro", uri=True)) as database:
        time.sleep(due - time.time())
        seen: list[float] = []
        version = None
        while len(seen) < COUNT:
            if version != (version := database.execute("PRAGMA data_version").fetchone()):
                [(count,)] = database.execute("SELECT count(*) FROM runs WHERE created_at >= ?", (due * 1e6,))
                seen += [(time.time() - due) * 1000] * (count - len(seen))
            time.sleep(0.002)
    return seen


def shares(site: Site, *services: int, seconds: float = 20, times: int = 3) -> list[float]:
    """How much of a core services and all that they start have used, in percent, several times over."""
    time.sleep(5)  # what has just been switched or started is not idle yet
    found = []
    for _ in range(times):
        before, began = cpu_seconds(site, services), time.monotonic()
        time.sleep(seconds)
        found.append(100 * (cpu_seconds(site, services) - before) / (time.monotonic() - began))
    return found


def cpu_seconds(site: Site, services: tuple[int, ...]) -> float:
    """What services, what they have started, and what of that has ended have used of the processor."""
    tokens = {service.token for service in site.services if service.pid in services}
    ticks = 0
    for pid in {*services, *(process.pid for process in alive(tokens))}:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")
