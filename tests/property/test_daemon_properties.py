"""Whatever dies when, however the clock is set: each due instant has one tick, each thing that a sensor saw one run, and cursors never go back.

Real roles of three daemons and a real database, in one process; they die in front of a commit, or right after it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import partita as pt
from partita.automation.schedules import Schedules
from partita.automation.sensors import Sensors
from partita.definitions.automation_specs import ScheduleSpec
from partita.definitions.cron import Cron
from partita.errors import LeaseLostError
from partita.records.automations import automation_id
from partita.records.filters import RunFilter, TickFilter
from partita.records.pages import PageRequest
from partita.records.ticks import Tick, TickStatus
from partita.storage.columns import to_micros
from partita.storage.engine import Database
from partita.storage.store import Store
from partita.storage.tick_rows import Outcome
from partita.workspace.loader import describe
from support.automations import ask
from support.stores import LOCATION, url_of

ALL = PageRequest(first=1000)
BEFORE_A_CHANGE = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
"""A few hours before clocks in Berlin are set forward."""


@pt.op
def load() -> None:
    """Do nothing."""


@pt.job
def load_job() -> None:
    load()


@pt.sensor(target=load_job, interval=30.0, default_on=True)
def files(context: pt.SensorContext) -> object:
    raise AssertionError("what it would answer is said by the test")


REPOSITORY = pt.Repository(
    "main",
    jobs=[load_job],
    schedules=[
        pt.Schedule("hourly", cron="0 * * * *", target=load_job, catch_up=1000, default_on=True),
        pt.Schedule("berlin", cron="*/30 1-3 * * *", timezone="Europe/Berlin", target=load_job, catch_up=1000, default_on=True),
        pt.Schedule("lazy", cron="*/10 * * * *", target=load_job, catch_up=2, default_on=True),
    ],
    sensors=[files],
)
SPECS = REPOSITORY.spec.schedules
SENSOR = automation_id(LOCATION, "main", "files")
LEASE = timedelta(seconds=30)
DAEMONS = 3


class Died(BaseException):
    """The process was killed."""


class Automation(RuleBasedStateMachine):
    """Three daemons and a worker; any of them may die at any commit."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="partita-daemons-"))
        shutil.copy(self.template, self.directory)
        self.now = BEFORE_A_CHANGE
        self.highest = self.now
        """The latest that the clock ever said."""
        self.files = 0
        self.cursors: list[int] = []
        self.death: tuple[int, bool] | None = None
        """How many commits from now, and whether it is before the commit."""
        write = Database.write

        def mortal(database: Database, work: Callable[..., Any], *args: Any, **rest: Any) -> Any:
            if self.death is None:
                return write(database, work, *args, **rest)
            left, is_before = self.death
            self.death = (left - 1, is_before)
            if left == 0 and is_before:
                raise Died
            answer = write(database, work, *args, **rest)
            if left == 0:
                raise Died
            return answer

        self.patches = [patch.object(Database, "clock", lambda *_: to_micros(self.now)), patch.object(Database, "write", mortal)]
        for each in self.patches:
            each.start()
        self.store = Store(url_of(self.directory))
        self.daemons = [(Schedules(self.store), Sensors(self.store)) for _ in range(DAEMONS)]

    def teardown(self) -> None:
        self.death = None
        self.settle()
        self.store.close()
        for each in self.patches:
            each.stop()
        shutil.rmtree(self.directory)

    @initialize()
    def begin(self) -> None:
        self.store.locations.declare([(LOCATION, {"file": "x.py"})])
        self.store.locations.publish(LOCATION, describe(LOCATION, [REPOSITORY]), python_version="3", library_version="0", start="fork")

    # What may happen.

    @rule(seconds=st.integers(0, 9000) | st.integers(-5000, 0))
    def set_the_clock(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.highest = max(self.highest, self.now)

    @rule(count=st.integers(1, 3))
    def drop_files(self, count: int) -> None:
        self.files += count

    @rule(daemon=st.integers(0, DAEMONS - 1))
    def look(self, daemon: int) -> None:
        for role in self.daemons[daemon]:
            role()

    @rule(daemon=st.integers(0, DAEMONS - 1), commits=st.integers(0, 4), is_before=st.booleans())
    def die_while_looking(self, daemon: int, commits: int, is_before: bool) -> None:
        self.death = (commits, is_before)
        try:
            for role in self.daemons[daemon]:
                role()
        except Died:
            self.daemons[daemon] = (Schedules(self.store), Sensors(self.store))
        finally:
            self.death = None

    @rule()
    def evaluate(self) -> None:
        for claim in self.store.ticks.claim(owner="worker", location=LOCATION, limit=10, lease=LEASE):
            seen = int(claim.given or 0)
            asks = tuple(ask(tags={"file": str(number)}) for number in range(seen, self.files))
            skip = None if asks else "nothing new"
            with suppress(LeaseLostError):  # the clock was set while it worked
                self.store.ticks.finish(claim, Outcome(asks=asks, cursor=str(self.files), sets_cursor=True, skip_reason=skip))

    @rule(commits=st.integers(0, 1), is_before=st.booleans())
    def die_while_evaluating(self, commits: int, is_before: bool) -> None:
        """The worker dies with what it holds; its successor gets that when the lease is over."""
        self.death = (commits, is_before)
        try:
            self.evaluate()
        except Died:
            self.set_the_clock(int(LEASE.total_seconds()) + 1)
        finally:
            self.death = None

    # What holds at any time.

    @invariant()
    def each_instant_has_one_tick_and_each_tick_its_run(self) -> None:
        for spec in SPECS:
            due, ticks = self.due(spec), self.ticks(spec.name)
            assert len({tick.due_at for tick in ticks}) == len(ticks), "no instant twice"
            assert {tick.due_at for tick in ticks} <= set(due), "none that was not due"
            runs = Counter(run.request.tick_id for tick in ticks for run in self.store.runs.list(RunFilter(tick_id=tick.id), page=ALL).items)
            assert runs == {tick.id: 1 for tick in ticks}

    @invariant()
    def each_file_has_one_run_at_most_and_the_cursor_never_goes_back(self) -> None:
        assert max(self.launched().values(), default=0) <= 1
        found = self.store.automations.find([SENSOR])
        cursor = int(found[SENSOR].cursor or 0) if SENSOR in found else 0
        self.cursors.append(cursor)
        assert self.cursors == sorted(self.cursors)
        assert len(self.launched()) == cursor, "what the cursor has passed has its run, and nothing else has"

    def settle(self) -> None:
        """Nothing dies any more: all is made up for."""
        self.now = self.highest
        self.set_the_clock(300)
        for _ in range(4):
            self.look(0)
            self.evaluate()
            self.set_the_clock(int(LEASE.total_seconds()) + 1)
        self.look(0)
        self.each_instant_has_one_tick_and_each_tick_its_run()
        for spec in SPECS:
            ticks = {tick.due_at for tick in self.ticks(spec.name)}
            due = self.due(spec)
            if spec.catch_up == 1000:
                assert ticks == set(due), "none is missing"
            elif due:
                assert due[-1] in ticks, "the newest is made up for"
        assert self.launched() == Counter(str(number) for number in range(self.files))
        open_ones = [tick for tick in self.ticks("files") if tick.status is TickStatus.STARTED]
        assert len(open_ones) <= 1, "the one that was just asked for"

    # What is known.

    def due(self, spec: ScheduleSpec) -> list[datetime]:
        cron = Cron(spec.cron, timezone=spec.timezone)
        return [at for at in cron.ticks(BEFORE_A_CHANGE, self.highest + timedelta(microseconds=1)) if at > BEFORE_A_CHANGE]

    def ticks(self, name: str) -> list[Tick]:
        return self.store.ticks.list(TickFilter(automation_ids=(automation_id(LOCATION, "main", name),)), page=ALL).items

    def launched(self) -> Counter[str]:
        ids = [tick.id for tick in self.ticks("files")]
        runs = [run for tick_id in ids for run in self.store.runs.list(RunFilter(tick_id=tick_id), page=ALL).items]
        return Counter(run.request.tags["file"] for run in runs)


Automation.TestCase.settings = settings(max_examples=60, stateful_step_count=30, database=None)


@pytest.fixture(scope="module", autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An empty database, copied for every example."""
    with Store(url_of(tmp_path_factory.mktemp("template"))) as made:
        Automation.template = made.database_path


TestAutomation = Automation.TestCase
