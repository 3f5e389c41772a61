"""Three daemons, one of them killed every second for a minute: the ledger of ticks and runs is perfect all the same."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest

from partita.records.automations import automation_id
from partita.records.filters import TickFilter
from partita.records.pages import Page, PageRequest
from partita.records.runs import Run, RunStatus
from partita.records.ticks import Tick, TickStatus
from support.sites import Service, Site, a_site, alive, is_alive
from support.waiting import eventually

pytestmark = pytest.mark.faults

SOURCE = """
@pt.op
def load() -> None: ...


@pt.job
def load_job() -> None:
    load()


def dropped() -> list[str]:
    return sorted(path.name for path in (SCRATCH / "drop").iterdir())


@pt.sensor(target=load_job, interval=1.0)
def with_keys(context: pt.SensorContext) -> object:
    names = dropped()
    seen = int(context.cursor or 0)
    if seen == len(names):
        return pt.Skip("no new file")
    # those before the cursor are asked for once more: their run keys have launched
    requests = [pt.RunRequest(run_key=name, tags={"with_keys": name}) for name in names[max(0, seen - 2):]]
    return pt.SensorResult(requests=requests, cursor=f"{len(names):06}")


@pt.sensor(target=load_job, interval=1.0)
def without_keys(context: pt.SensorContext) -> object:
    names = [name for name in dropped() if name > (context.cursor or "")]
    if not names:
        return pt.Skip("no new file")
    return pt.SensorResult(requests=[pt.RunRequest(tags={"without_keys": name}) for name in names], cursor=names[-1])


definitions = pt.Repository(
    "main",
    jobs=[load_job],
    schedules=[pt.Schedule("secondly", cron="* * * * *", target=load_job, catch_up=1000)],
    sensors=[with_keys, without_keys],
)
"""
SENSORS = ("with_keys", "without_keys")
NAMES = ("secondly", *SENSORS)
IDS = {name: automation_id("main", "main", name) for name in NAMES}
LEASE = 1.5
LASTS = 60
DAEMONS = 3
DUE_FOR = 0.04
"""Seconds in which a tick is written, about."""
SEED = 3
ALL = PageRequest(first=1000)
T = TypeVar("T")


@dataclass
class Storm:
    """Daemons that are killed and replaced, and files that are dropped meanwhile."""

    site: Site
    chance: random.Random
    daemons: list[Service] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    files: list[str] = field(default_factory=list)

    def play(self) -> None:
        """One daemon dies in every second, half of them right after ticks were due; a few files come at a time."""
        moments = [(second + self.chance.random() * self.chance.choice([1, DUE_FOR]), "kill") for second in range(LASTS)]
        moments += [(self.chance.random() * LASTS, "drop") for _ in range(LASTS // 2)]
        began = math.ceil(time.time())
        for at, what in sorted(moments):
            time.sleep(max(0.0, began + at - time.time()))
            self.kill() if what == "kill" else self.drop()

    def start(self) -> None:
        self.daemons.append(self.site.start("daemon", fault="every second", lease=LEASE, sweep=0.5))
        self.tokens.add(self.daemons[-1].token)

    def kill(self) -> None:
        self.daemons.pop(self.chance.randrange(DAEMONS)).kill()
        self.start()

    def drop(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            self.files.append(f"{len(self.files):06}")
            (self.site.scratch / "drop" / self.files[-1]).touch()


@dataclass(frozen=True)
class Ledger:
    """All that the database says of ticks and runs."""

    ticks: dict[str, list[Tick]]
    """By the schedule's or sensor's name, the oldest first."""
    runs: list[Run]

    @classmethod
    def of(cls, site: Site) -> Ledger:
        return cls({name: ticks(site, name) for name in NAMES}, runs(site))

    def files(self, sensor: str) -> Counter[str]:
        """How many runs each file has of a sensor."""
        return Counter(run.request.tags[sensor] for run in self.runs if sensor in run.request.tags)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main=SOURCE) as made:
        (made.scratch / "drop").mkdir()
        yield made


def ticks(site: Site, name: str, *statuses: TickStatus) -> list[Tick]:
    """Its ticks, the oldest first."""
    return all_of(site.store.ticks.list(TickFilter(automation_ids=(IDS[name],), statuses=statuses or None), page=ALL))[::-1]


def runs(site: Site) -> list[Run]:
    return all_of(site.store.runs.list(page=ALL))


def all_of(page: Page[T]) -> list[T]:
    assert not page.has_next
    return page.items


@pytest.mark.timeout(200)
def test_the_ledger_is_perfect_after_a_minute_of_kills(site: Site) -> None:
    worker = site.work(lease=LEASE)
    storm = Storm(site, random.Random(SEED))
    for _ in range(DAEMONS):
        storm.start()
    storm.tokens.add(worker.token)
    site.store.automations.set_on(list(IDS.values()), is_on=True)
    eventually(lambda: all(ticks(site, name) for name in NAMES), seconds=30, what=f"the first ticks: {site.said()}")

    storm.play()
    settle(site, storm)

    ledger = Ledger.of(site)
    for sensor in SENSORS:
        assert ledger.files(sensor) == Counter(storm.files), f"{sensor}: a run for each file, none lost and none twice"
        assert_cursors_only_grow(ledger.ticks[sensor])
    assert_every_second_has_its_run(ledger.ticks["secondly"])
    assert_ticks_and_runs_agree(ledger)
    assert Counter(run.status for run in ledger.runs) == {RunStatus.SUCCEEDED: len(ledger.runs)}
    assert site.store.maintenance.problems() == []
    for service in (*storm.daemons, worker):
        assert service.stop() == 0
    assert not any(is_alive(service.pid) for service in site.services)
    holders = site.store.leases.acquire("daemon:schedules", owner="the test", ttl=timedelta(seconds=1))
    assert (holders or 0) > 5, "daemons have died that did the work"
    eventually(lambda: not alive(storm.tokens), what="what the killed ones have started to be gone")


def settle(site: Site, storm: Storm) -> None:
    """Nothing is killed any more: wait until all that was dropped is done, switch off, and let what is under way end."""
    dead_for = timedelta(seconds=2 * LEASE)
    caught_up = site.store.now() + dead_for
    last = storm.files[-1]
    eventually(
        lambda: ticks(site, "secondly")[-1].due_at >= caught_up and all(last in Ledger.of(site).files(sensor) for sensor in SENSORS),
        seconds=40,
        what=f"the last file to be seen: {site.said()}",
    )
    site.store.automations.set_on(list(IDS.values()), is_on=False)
    eventually(lambda: not any(ticks(site, name, TickStatus.STARTED) for name in NAMES), seconds=20, what=f"all ticks to end: {site.said()}")
    eventually(lambda: all(run.status.is_finished for run in runs(site)), seconds=60, what=f"all runs to end: {site.said()}")


def assert_cursors_only_grow(found: list[Tick]) -> None:
    cursors = [tick.cursor or "" for tick in found]
    assert all(before <= after for before, after in pairwise(cursors)), cursors
    assert {tick.status for tick in found} <= {TickStatus.SUCCEEDED, TickStatus.SKIPPED}, found
    assert len([tick for tick in found if tick.run_count > 1]) > 3, "some ticks have asked for several runs"


def assert_every_second_has_its_run(found: list[Tick]) -> None:
    times = [tick.due_at for tick in found]
    assert times == [times[0] + number * timedelta(seconds=1) for number in range(len(times))], "every second, and each once"
    assert len(times) >= LASTS
    assert {(tick.status, tick.run_count) for tick in found} == {(TickStatus.SUCCEEDED, 1)}


def assert_ticks_and_runs_agree(ledger: Ledger) -> None:
    """Each run belongs to a tick that says so, and each tick has the runs that it says."""
    says = {
        tick.id: sorted(request.run_id or "" for request in tick.requests if not request.is_already_launched)
        for found in ledger.ticks.values()
        for tick in found
    }
    has: dict[str, list[str]] = {}
    for run in ledger.runs:
        assert run.request.tick_id is not None
        has.setdefault(run.request.tick_id, []).append(run.id)
    assert {tick: sorted(ids) for tick, ids in has.items()} == {tick: ids for tick, ids in says.items() if ids}
    counts = {tick.id: tick.run_count for found in ledger.ticks.values() for tick in found}
    assert counts == {tick: len(ids) for tick, ids in says.items()}
