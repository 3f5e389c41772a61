"""Whatever is done to a sensor and its ticks, in whatever order, each run key launches once and the cursor moves with its runs."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from partita.errors import LeaseLostError
from partita.records.filters import RunFilter, TickFilter
from partita.records.pages import PageRequest
from partita.records.ticks import TickStatus
from partita.storage.store import Store
from partita.storage.tick_rows import Outcome, TickClaim
from partita.storage.ticks import MAX_ATTEMPTS
from support.automations import SENSOR, ask, claimed, found, publish, sensor
from support.stores import BOOM, LEASE, OVER, url_of

ALL = PageRequest(first=1000)


@dataclass
class Known:
    """What the model knows of a tick."""

    given: str | None
    status: TickStatus = TickStatus.STARTED
    attempt: int = 0
    holder: TickClaim | None = None
    is_lease_over: bool = True
    stale: list[TickClaim] = field(default_factory=list)
    launched: list[str | None] = field(default_factory=list)


class TicksAgainstModel(RuleBasedStateMachine):
    """Requests, claims, ends, crashes and switches of one sensor."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="partita-ticks-"))
        shutil.copy(self.template, self.directory)
        self.store = Store(url_of(self.directory))
        publish(self.store, sensor())
        self.due = self.store.now()
        self.known: dict[str, Known] = {}
        self.cursor: str | None = None
        self.is_on = True
        self.keys: dict[str, str] = {}

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.directory)

    @property
    def waiting(self) -> list[tuple[str, Known]]:
        return [(tick_id, known) for tick_id, known in self.known.items() if known.status is TickStatus.STARTED]

    @rule()
    def request(self) -> None:
        self.due += timedelta(seconds=1)
        tick = self.store.ticks.request(found(self.store), due_at=self.due, next_due_at=self.due + timedelta(seconds=1))
        assert (tick is not None) == self.is_on
        if tick is not None:
            self.known[tick.id] = Known(given=self.cursor)

    @rule(is_over=st.booleans(), limit=st.integers(0, 3))
    def claim(self, is_over: bool, limit: int) -> None:
        free = sorted((tick_id, known) for tick_id, known in self.waiting if known.is_lease_over)[:limit]
        expected: list[str] = []
        for tick_id, known in free:
            if not self.is_on:
                known.status = TickStatus.SKIPPED
            elif known.attempt >= MAX_ATTEMPTS:
                known.status = TickStatus.FAILED
            else:
                expected.append(tick_id)

        claims = claimed(self.store, limit=limit, lease=OVER if is_over else LEASE)

        assert [claim.tick.id for claim in claims] == expected
        for claim in claims:
            known = self.known[claim.tick.id]
            known.attempt += 1
            known.stale += [known.holder] if known.holder is not None else []
            known.holder, known.is_lease_over = claim, is_over
            assert (claim.tick.attempt, claim.given) == (known.attempt, known.given)

    @precondition(lambda self: any(known.holder for _, known in self.waiting))
    @rule(
        place=st.integers(0, 3),
        keys=st.lists(st.none() | st.sampled_from("abc"), max_size=3),
        cursor=st.none() | st.text("xyz", min_size=1, max_size=2),
        fails=st.booleans(),
    )
    def finish(self, place: int, keys: list[str | None], cursor: str | None, fails: bool) -> None:
        held = [known for _, known in self.waiting if known.holder is not None]
        known = held[place % len(held)]
        assert known.holder is not None
        outcome = Outcome(asks=tuple(ask(key=key) for key in keys), cursor=cursor, sets_cursor=cursor is not None, error=BOOM if fails else None)

        tick = self.store.ticks.finish(known.holder, outcome)

        known.stale.append(known.holder)
        known.holder = None
        if not self.is_on or fails:
            known.status = TickStatus.SKIPPED if not self.is_on else TickStatus.FAILED
            assert (tick.status, tick.run_count) == (known.status, 0)
            return
        for key, told in zip(keys, tick.requests, strict=True):
            assert told.run_id is not None
            assert told.is_already_launched == (key in self.keys)
            if key is not None:
                assert self.keys.setdefault(key, told.run_id) == told.run_id
            if not told.is_already_launched:
                known.launched.append(told.run_id)
        if cursor is not None and self.cursor == known.given:
            self.cursor = cursor
        known.status = TickStatus.SUCCEEDED if known.launched else TickStatus.SKIPPED

    @precondition(lambda self: any(known.stale for known in self.known.values()))
    @rule(place=st.integers(0, 9))
    def finish_without_right(self, place: int) -> None:
        stale = [claim for known in self.known.values() for claim in known.stale]
        with pytest.raises(LeaseLostError):
            self.store.ticks.finish(stale[place % len(stale)], Outcome(asks=(ask(key="a"),), cursor="stolen", sets_cursor=True))

    @precondition(lambda self: any(known.holder for _, known in self.waiting))
    @rule(place=st.integers(0, 3))
    def release(self, place: int) -> None:
        held = [(tick_id, known) for tick_id, known in self.waiting if known.holder is not None]
        tick_id, known = held[place % len(held)]
        assert known.holder is not None
        self.store.ticks.release(tick_id, known.holder.epoch)
        known.stale.append(known.holder)
        known.holder, known.is_lease_over = None, True
        known.attempt -= 1

    @rule(is_on=st.booleans())
    def switch(self, is_on: bool) -> None:
        self.store.automations.set_on([SENSOR], is_on)
        self.is_on = is_on

    @rule(cursor=st.none() | st.sampled_from("mn"))
    def set_cursor(self, cursor: str | None) -> None:
        self.store.automations.set_cursor(SENSOR, cursor)
        self.cursor = cursor

    @invariant()
    def the_store_agrees(self) -> None:
        ticks = {tick.id: tick.status for tick in self.store.ticks.list(TickFilter(), page=ALL).items}
        assert ticks == {tick_id: known.status for tick_id, known in self.known.items()}
        assert (found(self.store).cursor, found(self.store).is_on) == (self.cursor, self.is_on)
        for tick_id, known in self.known.items():
            runs = self.store.runs.list(RunFilter(tick_id=tick_id), page=ALL).items
            assert sorted(run.id for run in runs) == sorted(map(str, known.launched))


TicksAgainstModel.TestCase.settings = settings(max_examples=30, stateful_step_count=25, database=None)


@pytest.fixture(scope="module", autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An empty database, copied for every example."""
    with Store(url_of(tmp_path_factory.mktemp("template"))) as made:
        TicksAgainstModel.template = made.database_path


TestTicksAgainstModel = TicksAgainstModel.TestCase
