"""Whatever daemons, workers and people do to a backfill, in whatever order: paused it rests, nothing is written twice, it ends truthfully."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import partita as pt
from partita.automation import backfills
from partita.automation.backfills import Backfills
from partita.definitions.keys import AssetKey
from partita.definitions.specs import RepositorySpec
from partita.records.backfills import UNWRITTEN, BackfillItem, BackfillItemStatus, BackfillRequest, BackfillStatus
from partita.records.events import StepFailed, StepSucceeded
from partita.records.filters import RunFilter
from partita.records.locations import LocationCatalog
from partita.records.pages import PageRequest
from partita.records.runs import FINISHED, Run, RunStatus, StepStatus
from partita.storage.claims import Claim
from partita.storage.store import Store
from support.backfills import WEEK
from support.stores import BOOM, LOCATION, NOON, Writer, claim, plan, status, url_of

RAW = pt.AssetSpec("raw", partitions=WEEK, is_external=False)
CLEAN = pt.AssetSpec("clean", deps=["raw"], partitions=WEEK, is_external=False)
TOTAL = pt.AssetSpec("total", deps=["clean"], is_external=False)
DAYS = [f"2024-01-0{day}" for day in range(1, 8)]
ITEMS = [BackfillItem(asset=AssetKey(key), partition=day) for day in DAYS for key in ("raw", "clean")] + [BackfillItem(asset=AssetKey("total"))]
PAUSED, CANCELING = BackfillStatus.PAUSED, BackfillStatus.CANCELING
daemons = st.integers(0, 1)


class BackfillUnderHands(RuleBasedStateMachine):
    """Two daemons that take turns or are replaced, a worker, and people who pause, resume, cancel, retry and prefer."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="partita-backfill-"))
        shutil.copy(self.template, self.directory)
        self.store = Store(url_of(self.directory))
        request = BackfillRequest(assets=tuple(map(AssetKey, ("raw", "clean", "total"))))
        self.id = self.store.backfills.create(request, ITEMS).backfill.id
        self.daemons = [Backfills(self.store), Backfills(self.store)]
        self.begun: list[Claim] = []
        self.resting: set[str] | None = None
        """While it is paused: the runs that had been launched by then."""
        self.is_canceled = False
        self.has_failed = False

    def teardown(self) -> None:
        self.drain()
        self.store.close()
        shutil.rmtree(self.directory)

    @property
    def status(self) -> BackfillStatus:
        return self.store.backfills.get(self.id).status

    def runs(self) -> list[Run]:
        return list(self.store.runs.list(RunFilter(backfill_id=self.id), page=PageRequest(first=500)).items)

    def counts(self) -> dict[BackfillItemStatus, int]:
        return self.store.backfill_items.counts([self.id])[self.id]

    def finish(self, begun: Claim, *, is_failed: bool) -> None:
        """A run ends; where it fails, its last step does."""
        run = self.store.runs.get(begun.run.id)
        writer, steps = Writer(self.store, begun), [str(key) for key in run.request.assets]
        self.has_failed |= is_failed
        if run.status is RunStatus.CANCELING:
            writer.send(status(RunStatus.CANCELED))
            return
        *first, last = steps
        ends = [StepSucceeded(at=NOON, step=each, duration=1) for each in first]
        end = StepFailed(at=NOON, step=last, error=BOOM, duration=1) if is_failed else StepSucceeded(at=NOON, step=last, duration=1)
        writer.send(plan(*steps), status(RunStatus.RUNNING), *ends, end, status(RunStatus.FAILED if is_failed else RunStatus.SUCCEEDED))

    def drain(self) -> None:
        """In the end it is resumed, everything succeeds, and it ends."""
        if self.status is PAUSED:
            self.store.backfills.resume(self.id)
        self.resting = None
        for _ in range(60):
            self.daemons[0]()
            if self.status.is_finished:
                break
            for each in [*self.begun, *claim(self.store, limit=50)]:
                self.finish(each, is_failed=False)
            self.begun = []
        counts, ended = {each: count for each, count in self.counts().items() if count}, self.status
        assert ended.is_finished
        assert set(counts) <= {BackfillItemStatus.SUCCEEDED, *UNWRITTEN}
        is_all_written = set(counts) == {BackfillItemStatus.SUCCEEDED}
        assert (ended is BackfillStatus.SUCCEEDED) <= is_all_written
        # One that was cancelled when its last runs were about to succeed is cancelled all the same.
        assert is_all_written <= (ended is BackfillStatus.SUCCEEDED or self.is_canceled)
        assert (ended is BackfillStatus.CANCELED) <= self.is_canceled
        assert ended is BackfillStatus.SUCCEEDED or self.has_failed or self.is_canceled
        self.nothing_is_written_twice()
        assert self.store.maintenance.problems() == []

    # What happens.

    @rule(which=daemons)
    def look(self, which: int) -> None:
        self.daemons[which]()

    @rule(which=daemons)
    def replace_a_daemon(self, which: int) -> None:
        self.daemons[which] = Backfills(self.store)

    @rule(limit=st.integers(1, 3))
    def take(self, limit: int) -> None:
        claimed = claim(self.store, limit=limit)
        assert self.status is not PAUSED or not claimed
        self.begun += claimed

    @rule(limit=st.integers(1, 3), is_failed=st.booleans(), which=daemons)
    def work(self, limit: int, is_failed: bool, which: int) -> None:
        """A daemon looks, and what it finds to launch is done at once."""
        self.daemons[which]()
        claimed = claim(self.store, limit=limit)
        assert self.status is not PAUSED or not claimed
        for each in claimed:
            self.finish(each, is_failed=is_failed)

    @precondition(lambda self: self.begun)
    @rule(place=st.integers(0, 5), is_failed=st.booleans())
    def end_a_run(self, place: int, is_failed: bool) -> None:
        self.finish(self.begun.pop(place % len(self.begun)), is_failed=is_failed)

    @precondition(lambda self: not self.status.is_finished and self.status is not CANCELING)
    @rule(which=daemons, count=st.integers(0, 3))
    def pause(self, which: int, count: int) -> None:
        """Nothing more begins, though some of what has begun ends and a daemon sees it."""
        self.store.backfills.pause(self.id)
        if self.resting is None:
            self.resting = {run.id for run in self.runs()}
        for _ in range(min(count, len(self.begun))):
            self.finish(self.begun.pop(), is_failed=False)
        self.daemons[which]()
        self.what_is_paused_rests()
        assert claim(self.store, limit=5) == []

    @precondition(lambda self: not self.status.is_finished and self.status is not CANCELING)
    @rule()
    def resume(self) -> None:
        self.store.backfills.resume(self.id)
        self.resting = None

    @precondition(lambda self: not self.status.is_finished and len(self.runs()) > 6)  # else little else would ever happen
    @rule()
    def cancel(self) -> None:
        self.store.backfills.request_cancel(self.id)
        self.is_canceled = True

    @precondition(lambda self: self.status in {BackfillStatus.FAILED, BackfillStatus.CANCELED})
    @rule(statuses=st.sets(st.sampled_from(UNWRITTEN), min_size=1))
    def retry(self, statuses: set[BackfillItemStatus]) -> None:
        counts = self.counts()
        if any(counts[each] for each in statuses):
            self.store.backfills.retry(self.id, statuses=statuses)
            self.resting, self.is_canceled = None, False

    @precondition(lambda self: not self.status.is_finished)
    @rule(priority=st.integers(-1, 1))
    def prefer(self, priority: int) -> None:
        self.store.backfills.set_priority(self.id, priority)
        queued = [run for run in self.runs() if run.status is RunStatus.QUEUED]
        assert {run.request.priority for run in queued} <= {priority}

    # What holds whatever happens.

    @invariant()
    def what_is_paused_rests(self) -> None:
        if self.resting is not None:
            assert {run.id for run in self.runs()} == self.resting

    @invariant()
    def nothing_is_written_twice(self) -> None:
        runs = self.runs()
        steps = self.store.runs.steps([run.id for run in runs])
        written = Counter(
            (step.key, key)
            for run in runs
            for step in steps[run.id]
            if step.status is StepStatus.SUCCEEDED
            for key in run.request.partition_keys or (None,)
        )
        under_way = Counter(
            (str(asset), key)
            for run in runs
            if run.status not in FINISHED
            for asset in run.request.assets
            for key in run.request.partition_keys or (None,)
        )
        assert set(written.values()) | set(under_way.values()) <= {1}

    @invariant()
    def it_has_ended_when_nothing_is_left(self) -> None:
        counts = self.counts()
        is_left = counts[BackfillItemStatus.WAITING] + counts[BackfillItemStatus.RUNNING] > 0
        assert self.status.is_finished is not is_left
        assert sum(counts.values()) == len(ITEMS)


BackfillUnderHands.TestCase.settings = settings(max_examples=40, stateful_step_count=40, database=None)


@pytest.fixture(scope="module", autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A database with the workspace, copied for every example; few runs of a backfill are under way at once."""
    with Store(url_of(tmp_path_factory.mktemp("template"))) as made:
        made.locations.declare([(LOCATION, {"file": "x.py"})])
        catalog = LocationCatalog(location=LOCATION, repositories=(RepositorySpec(name="main", assets=(RAW, CLEAN, TOTAL)),))
        made.locations.publish(LOCATION, catalog, python_version="3", library_version="0", start="fork")
        BackfillUnderHands.template = made.database_path
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backfills, "ROOM", 3)
        yield


TestBackfillUnderHands = BackfillUnderHands.TestCase
