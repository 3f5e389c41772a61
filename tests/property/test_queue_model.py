"""Whatever happens to runs that hold slots, in whatever order: no limit is exceeded, no slot leaks, and the queue drains."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from partita.records.filters import RunFilter
from partita.records.locations import LocationCatalog
from partita.records.pages import PageRequest
from partita.records.queue import Limits, TagLimit, WaitKind
from partita.records.runs import ACTIVE, Run, RunRequest, RunStatus
from partita.storage.leases import location_lease
from partita.storage.store import Store
from support.stores import BOOM, LEASE, LOCATION, OVER, claim, launch, status, url_of

POOLS, TAGS = {"dbt": 2, "gpu": 1}, (TagLimit(key="team", value="etl", limit=1),)
LIMITS = Limits(max_concurrent=3, tags=TAGS, pools=POOLS)


def needs(wanted: RunRequest) -> Mapping[str, int]:
    return {pool: int(wanted.tags[pool]) for pool in POOLS if pool in wanted.tags}


tags_of_runs = st.fixed_dictionaries({}, optional={"dbt": st.sampled_from("123"), "gpu": st.just("1"), "team": st.just("etl")})
places = st.integers(0, 5)


class QueueUnderLimits(RuleBasedStateMachine):
    """Launches, claims with leases that hold or not, ends, cancellations, releases, and leases that run out."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="partita-queue-"))
        shutil.copy(self.template, self.directory)
        self.store = Store(url_of(self.directory))
        self.store.locations.declare([(LOCATION, {})])
        self.store.leases.acquire(location_lease(LOCATION), owner="worker", ttl=LEASE)
        catalog = LocationCatalog(location=LOCATION, repositories=())
        self.store.locations.publish(LOCATION, catalog, python_version="3.12", library_version="0.1", start="fork")
        self.held: dict[str, int] = {}
        self.launched = 0

    def teardown(self) -> None:
        self.drain()
        self.store.close()
        shutil.rmtree(self.directory)

    def runs(self, *statuses: RunStatus) -> list[Run]:
        return self.store.runs.list(RunFilter(statuses=statuses), page=PageRequest(first=500)).items

    def take(self, limit: int, *, is_over: bool = False) -> list[str]:
        claims = claim(self.store, limit=limit, limits=LIMITS, pools_of=needs, lease=OVER if is_over else LEASE)
        self.held.update((each.run.id, each.epoch) for each in claims)
        return [each.run.id for each in claims]

    def end(self, run: Run) -> None:
        """The holder of a run ends it."""
        begun = [status(RunStatus.RUNNING)] if run.status is RunStatus.STARTING else []
        to = RunStatus.CANCELED if run.status is RunStatus.CANCELING else RunStatus.SUCCEEDED
        epoch = self.held[run.id]
        self.store.events.append(run.id, epoch=epoch, writer=f"w{epoch}", first=0, events=[*begun, status(to)], lease=LEASE)

    def drain(self) -> None:
        """In the end everything that was ever queued runs."""
        for _ in range(self.launched * 2 + 5):
            for run in self.runs(*ACTIVE):
                self.end(run)
            self.take(10)
        assert self.runs(RunStatus.QUEUED, *ACTIVE) == []
        state = self.store.queue.state(LIMITS, needs)
        assert [pool.used for pool in state.pools] == [0, 0]
        assert state.running == 0

    @precondition(lambda self: self.launched < 10)
    @rule(tags=tags_of_runs, priority=st.integers(0, 1))
    def launch(self, tags: dict[str, str], priority: int) -> None:
        launch(self.store, "orders", tags=tags, priority=priority)
        self.launched += 1

    @rule(limit=st.integers(1, 4), is_over=st.booleans())
    def claim(self, limit: int, is_over: bool) -> None:
        queued = sorted(self.runs(RunStatus.QUEUED), key=lambda run: (-run.request.priority, run.id))
        reasons = self.store.queue.waiting([run.id for run in queued], LIMITS, needs)
        expected = [run.id for run in queued if reasons[run.id].kind is WaitKind.NEXT]

        assert self.take(limit, is_over=is_over) == expected[:limit], "what can start does, best first"

    @precondition(lambda self: self.runs(*ACTIVE))
    @rule(place=places)
    def finish(self, place: int) -> None:
        active = self.runs(*ACTIVE)
        self.end(active[place % len(active)])

    @precondition(lambda self: self.runs(RunStatus.QUEUED, *ACTIVE))
    @rule(place=places)
    def cancel(self, place: int) -> None:
        found = self.runs(RunStatus.QUEUED, *ACTIVE)
        self.store.runs.request_cancel(found[place % len(found)].id)

    @precondition(lambda self: self.runs(RunStatus.STARTING))
    @rule(place=places)
    def release(self, place: int) -> None:
        found = self.runs(RunStatus.STARTING)
        run = found[place % len(found)]
        self.store.runs.release(run.id, self.held[run.id])

    @rule()
    def lose(self) -> None:
        """Runs whose lease is over are ended by the monitor."""
        for run in self.store.runs.expired():
            self.store.runs.fail_expired(run.id, BOOM)

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        active = [run.request for run in self.runs(*ACTIVE)]
        assert len(active) <= 3
        assert sum("team" in request.tags for request in active) <= 1
        used = {pool: sum(min(needs(request).get(pool, 0), slots) for request in active) for pool, slots in POOLS.items()}
        assert all(used[pool] <= slots for pool, slots in POOLS.items())

        state = self.store.queue.state(LIMITS, needs)
        assert {pool.name: pool.used for pool in state.pools} == used
        assert state.running == len(active)


QueueUnderLimits.TestCase.settings = settings(max_examples=30, stateful_step_count=25, database=None)


@pytest.fixture(scope="module", autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An empty database, copied for every example."""
    with Store(url_of(tmp_path_factory.mktemp("template"))) as made:
        QueueUnderLimits.template = made.database_path


TestQueueUnderLimits = QueueUnderLimits.TestCase
