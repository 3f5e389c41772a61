"""Whatever is done to runs, in whatever order, the store agrees with a model of twenty lines that has no database."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from partita.errors import AlreadyFinishedError, ConflictError, LeaseLostError
from partita.records.events import Event, LogWritten, RunStatusChanged, StepStarted
from partita.records.filters import RunFilter
from partita.records.pages import PageRequest
from partita.records.runs import ACTIVE, ALLOWED, FINISHED, RunStatus
from partita.storage.claims import LAST_EPOCH
from partita.storage.store import Store
from support.stores import BOOM, LEASE, NOON, OVER, claim, launch, log, plan, status, url_of

FAR = NOON.replace(year=2100)


@dataclass
class Known:
    """What the model knows of a run."""

    order: int
    priority: int
    status: RunStatus = RunStatus.QUEUED
    epoch: int = 0
    is_lease_over: bool = True
    is_cancel_wanted: bool = False
    is_cancel_forced: bool = False
    sent: int = 0
    """Events of the present epoch's writer."""
    total: int = 1
    """Events ever."""
    has_running_step: bool = False
    is_pruned: bool = False

    def become(self, to: RunStatus) -> None:
        self.status = to
        self.total += 1

    def lose(self) -> None:
        """The holder is fenced off."""
        self.epoch += 1
        self.sent = 0


places = st.integers(0, 5)
"""Which of the runs that come into question: counted round and round."""


class StoreAgainstModel(RuleBasedStateMachine):
    """Launches, claims, appends, cancels, releases, expiries and pruning."""

    make: Callable[[], str]
    """Makes an empty database with its tables."""
    drop: Callable[[str], None]

    def __init__(self) -> None:
        super().__init__()
        self.url = type(self).make()
        self.store = Store(self.url)
        self.known: dict[str, Known] = {}

    def teardown(self) -> None:
        problems = self.store.maintenance.problems()
        self.store.close()
        type(self).drop(self.url)
        assert problems == []

    def pick(self, place: int, statuses: Iterable[RunStatus]) -> tuple[str, Known]:
        """A run with one of these statuses."""
        found = self.among(statuses)
        return found[place % len(found)]

    def among(self, statuses: Iterable[RunStatus]) -> list[tuple[str, Known]]:
        wanted = set(statuses)
        return [(run_id, known) for run_id, known in self.known.items() if known.status in wanted]

    def send(self, run_id: str, *events: Event, epoch: int | None = None, first: int | None = None, lease: timedelta = LEASE) -> int:
        """Append events under the run's epoch, after those sent under it before, or as told."""
        known = self.known[run_id]
        epoch, first = known.epoch if epoch is None else epoch, known.sent if first is None else first
        return self.store.events.append(run_id, epoch=epoch, writer=f"w{epoch}", first=first, events=events, lease=lease)

    @initialize(over=st.lists(st.booleans(), min_size=1, max_size=3))
    def begin(self, over: list[bool]) -> None:
        """Some claimed runs: what can happen to them is what is of interest."""
        for is_over in over:
            self.launch(0)
            self.claim(1, None, is_over)

    @precondition(lambda self: len(self.known) < 6)
    @rule(priority=st.integers(-1, 1))
    def launch(self, priority: int) -> None:
        run = launch(self.store, "orders", priority=priority)
        self.known[run.id] = Known(order=len(self.known), priority=priority)

    @rule(limit=st.integers(0, 3), most=st.none() | st.integers(0, 4), is_over=st.booleans())
    def claim(self, limit: int, most: int | None, is_over: bool) -> None:
        active = len(self.among(ACTIVE))
        room = limit if most is None else max(0, min(limit, most - active))
        queued = sorted((-known.priority, known.order, run_id) for run_id, known in self.among({RunStatus.QUEUED}))
        expected = [run_id for *_, run_id in queued[:room]]

        claimed = claim(self.store, limit=limit, max_concurrent=most, lease=OVER if is_over else LEASE)

        assert [each.run.id for each in claimed] == expected
        for each in claimed:
            known = self.known[each.run.id]
            known.become(RunStatus.STARTING)
            known.lose()
            known.is_lease_over = is_over
            assert each.epoch == known.epoch

    @precondition(lambda self: self.among(ACTIVE))
    @rule(place=places, count=st.integers(0, 3), again=st.integers(0, 3), is_over=st.booleans())
    def tell(self, place: int, count: int, again: int, is_over: bool) -> None:
        """Some events that were sent before, and some new ones."""
        run_id, known = self.pick(place, ACTIVE)
        first = known.sent - min(again, known.sent)
        batch = [log(f"{known.epoch} {number}") for number in range(first, known.sent + count)]

        known.total += count
        assert self.send(run_id, *batch, first=first, lease=OVER if is_over else LEASE) == known.total
        known.sent += count
        known.is_lease_over = is_over

    @precondition(lambda self: any(known.epoch for known in self.known.values()))
    @rule(place=places, back=st.integers(0, 2))
    def tell_without_right(self, place: int, back: int) -> None:
        """Under an epoch of the past, or after the end, or while nobody holds the run."""
        run_id, known = self.pick(place, RunStatus)
        epoch = known.epoch - (back or known.status in ACTIVE)
        with pytest.raises((LeaseLostError, AlreadyFinishedError)):
            self.send(run_id, log("never"), epoch=epoch, first=1000)

    @precondition(lambda self: self.among(ACTIVE))
    @rule(place=places, to=st.sampled_from([status for status in RunStatus if status is not RunStatus.QUEUED]))
    def advance(self, place: int, to: RunStatus) -> None:
        run_id, known = self.pick(place, ACTIVE)
        batch = [plan("a", "b"), StepStarted(at=NOON, step="a"), status(to)] if to is RunStatus.RUNNING else [status(to)]
        if to not in ALLOWED[known.status]:
            with pytest.raises(ConflictError):
                self.send(run_id, *batch)
            return
        self.send(run_id, *batch)
        known.has_running_step |= to is RunStatus.RUNNING
        known.status, known.is_lease_over = to, False
        known.sent += len(batch)
        known.total += len(batch)

    @precondition(lambda self: self.known)
    @rule(place=places, force=st.booleans())
    def cancel(self, place: int, force: bool) -> None:
        run_id, known = self.pick(place, RunStatus)
        if known.status.is_finished:
            with pytest.raises(AlreadyFinishedError):
                self.store.runs.request_cancel(run_id, force=force)
            return
        self.store.runs.request_cancel(run_id, force=force)
        known.is_cancel_wanted = True
        known.is_cancel_forced |= force
        if known.status is not RunStatus.CANCELING:
            known.become(RunStatus.CANCELED if known.status is RunStatus.QUEUED else RunStatus.CANCELING)

    @precondition(lambda self: self.among(ACTIVE))
    @rule(place=places, is_right=st.booleans())
    def release(self, place: int, is_right: bool) -> None:
        run_id, known = self.pick(place, ACTIVE)
        if not is_right or known.status is not RunStatus.STARTING:
            with pytest.raises((LeaseLostError, ConflictError)):
                self.store.runs.release(run_id, known.epoch - (not is_right))
            return
        self.store.runs.release(run_id, known.epoch)
        known.become(RunStatus.QUEUED)
        known.lose()

    @precondition(lambda self: self.known)
    @rule(place=places)
    def sweep(self, place: int) -> None:
        run_id, known = self.pick(place, RunStatus)
        ended = self.store.runs.fail_expired(run_id, BOOM)

        is_lost = known.status in ACTIVE and known.is_lease_over
        assert (ended is not None) == is_lost
        if is_lost:
            known.total += 2 if known.has_running_step else 0  # the ends of steps a and b
            known.become(RunStatus.CANCELED if known.is_cancel_wanted else RunStatus.FAILED)
            known.lose()

    @precondition(lambda self: self.known)
    @rule(place=places)
    def take_back(self, place: int) -> None:
        run_id, known = self.pick(place, RunStatus)
        again = self.store.runs.requeue_expired(run_id)

        may_be = known.status is RunStatus.STARTING and known.is_lease_over and known.epoch <= LAST_EPOCH
        assert (again is not None) == may_be
        if may_be:
            known.become(RunStatus.QUEUED)
            known.lose()

    @precondition(lambda self: self.known)
    @rule(place=places, is_right=st.booleans())
    def renew(self, place: int, is_right: bool) -> None:
        run_id, known = self.pick(place, RunStatus)
        renewed = self.store.runs.renew([(run_id, known.epoch if is_right else known.epoch - 1)], lease=LEASE)

        holds = is_right and known.status in ACTIVE
        assert renewed == ({run_id} if holds else set())
        known.is_lease_over &= not holds

    @precondition(lambda self: self.among(FINISHED))
    @rule()
    def prune(self) -> None:
        self.store.retention.prune(events_before=FAR, changes_before=NOON, idempotency_before=NOON)
        for known in self.known.values():
            known.is_pruned |= known.status.is_finished

    @invariant()
    def runs_stand_where_the_model_says(self) -> None:
        page = self.store.runs.list(page=PageRequest(first=1000))
        shown = {run.id: (run.status, run.last_seq, run.cancel_requested_at is not None, run.is_cancel_forced) for run in page.items}
        assert shown == {run_id: (known.status, known.total, known.is_cancel_wanted, known.is_cancel_forced) for run_id, known in self.known.items()}
        assert {run.id for run in self.store.runs.expired(limit=1000)} == {
            run_id for run_id, known in self.known.items() if known.status in ACTIVE and known.is_lease_over
        }
        assert self.store.runs.count(RunFilter(statuses=tuple(ACTIVE))) == sum(known.status in ACTIVE for known in self.known.values())

    @invariant()
    def logs_are_whole(self) -> None:
        for run_id, known in self.known.items():
            events = self.store.events.after(run_id, seq=0)
            assert [each.seq for each in events] == ([] if known.is_pruned else list(range(1, known.total + 1)))
            told = [each.event.message for each in events if isinstance(each.event, LogWritten)]
            assert len(told) == len(set(told)), "nothing is told twice"
            statuses = [each.event.status for each in events if isinstance(each.event, RunStatusChanged)]
            assert all(after in ALLOWED[before] for before, after in pairwise(statuses))
            steps = self.store.runs.steps([run_id])[run_id]
            assert known.status is not RunStatus.QUEUED or steps == []


StoreAgainstModel.TestCase.settings = settings(max_examples=40, stateful_step_count=30, database=None)


@pytest.fixture(scope="module", autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An empty database, copied for every example."""
    with Store(url_of(tmp_path_factory.mktemp("template"))) as made:
        template = made.database_path

    def copy() -> str:
        directory = Path(tempfile.mkdtemp(prefix="partita-model-"))
        shutil.copy(template, directory)
        return url_of(directory)

    StoreAgainstModel.make = staticmethod(copy)
    StoreAgainstModel.drop = staticmethod(lambda url: shutil.rmtree(Path(url.removeprefix("sqlite:///")).parent))


TestStoreAgainstModel = StoreAgainstModel.TestCase


class PostgresAgainstModel(StoreAgainstModel):
    """The same on PostgreSQL."""


PostgresAgainstModel.TestCase.settings = settings(max_examples=15, stateful_step_count=30, database=None)


@pytest.mark.faults
@pytest.mark.usefixtures("on_postgres")
class TestPostgresAgainstModel(PostgresAgainstModel.TestCase):
    """On a server of the tests' own."""


@pytest.fixture
def on_postgres(postgres: Any) -> None:
    """A database of its own for every example."""
    PostgresAgainstModel.make = staticmethod(postgres.database)
    PostgresAgainstModel.drop = staticmethod(postgres.drop)
