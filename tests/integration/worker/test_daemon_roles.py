"""A daemon's roles: one holder at a time, a heartbeat for each, and a mistake in one harms no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from partita.automation import retention, roles
from partita.automation.retention import Retention
from partita.automation.roles import Role, RoleThreads
from partita.automation.tenancy import Seat, Tenancy
from partita.automation.timing import Timing
from partita.errors import StorageUnavailableError
from partita.records.changes import ChangeKind
from partita.records.runs import RunStatus
from partita.storage.store import Store
from support.automations import evaluated, publish, sensor
from support.sites import Site, a_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main="") as made:
        yield made


class FakeClock:
    """What `roles` takes for the module `time`."""

    def __init__(self) -> None:
        self.now = time.monotonic()  # leases are judged by the real one

    def monotonic(self) -> float:
        return self.now


def a_role(store: Store, job: Callable[[], float], *, owner: str = "me", name: str = "job") -> Role:
    return Role(name, job, store=store, owner=owner, timing=Timing())


def test_a_role_is_done_by_one_daemon_at_a_time(site: Site) -> None:
    done: list[str] = []
    first = a_role(site.store, lambda: done.append("first") or 0.0, owner="first")  # type: ignore[func-returns-value]
    second = a_role(site.store, lambda: done.append("second") or 0.0, owner="second")  # type: ignore[func-returns-value]

    first.act()
    second.act()
    first.end()
    third = a_role(site.store, lambda: done.append("third") or 0.0, owner="third")  # type: ignore[func-returns-value]
    third.act()

    assert done == ["first", "third"]


def test_a_mistake_in_a_role_is_shown_and_the_role_is_tried_again(site: Site) -> None:
    def stumble() -> float:
        raise ZeroDivisionError("no luck")

    a_role(site.store, stumble).act()
    a_role(site.store, lambda: 1.0, name="other").act()

    broken, healthy = site.store.leases.daemons()
    assert broken.error is not None
    assert (broken.role, broken.error.summary, broken.is_healthy) == ("job", "ZeroDivisionError: no luck", False)
    assert (healthy.role, healthy.error, healthy.is_healthy) == ("other", None, True)


def test_a_role_that_listens_works_when_something_was_committed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    deaf = a_role(site.store, lambda: done.append("deaf") or 60.0, name="deaf")  # type: ignore[func-returns-value]
    keen = Role("keen", lambda: done.append("keen") or 60.0, store=site.store, owner="me", timing=Timing(), rest=0.0)  # type: ignore[func-returns-value]

    for has_rung in (True, False, True):
        for role in (deaf, keen):
            if has_rung:
                role.ring()
            role.wait(0)
            role.act()

    assert done == ["deaf", "keen", "keen"]


def test_a_role_that_is_rung_for_without_end_rests_in_between(site: Site) -> None:
    done: list[int] = []
    role = Role("keen", lambda: done.append(1) or 60.0, store=site.store, owner="me", timing=Timing(), rest=roles.REST)  # type: ignore[func-returns-value]

    waits = []
    for _ in range(3):
        role.ring()
        role.wait(0)
        waits.append(role.act())

    assert len(done) == 1
    assert 0 < waits[-1] <= roles.REST


def test_a_role_says_when_it_wants_to_work_again(site: Site) -> None:
    assert a_role(site.store, lambda: 0.25).act() == pytest.approx(0.25, abs=0.2)
    assert a_role(site.store, lambda: 0.0, name="at once").act() == 0.0


def test_a_broken_role_is_not_woken_by_its_own_complaint(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def stumble() -> float:
        tried.append(1)
        raise ZeroDivisionError("no luck")

    role = Role("keen", stumble, store=site.store, owner="me", timing=Timing(), rest=0.0)
    for _ in range(3):
        role.ring()
        role.wait(0)
        role.act()

    assert len(tried) == 1


def test_a_role_whose_database_does_not_answer_waits(site: Site) -> None:
    def no_answer() -> float:
        raise StorageUnavailableError("no answer")

    a_role(site.store, no_answer).act()

    assert site.store.leases.daemons() == []


def test_a_role_tells_how_late_it_was_and_what_went_wrong_lately(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roles, "HEARTBEAT", 0.0)
    answers = iter([ValueError("first"), KeyError("second"), ValueError("first"), None, None])

    def stumble() -> float:
        error = next(answers)
        if error is not None:
            raise error
        return 0.0

    role = a_role(site.store, stumble)
    for _ in range(5):
        role.act()

    [told] = site.store.leases.daemons()
    assert (told.is_healthy, told.error, told.host) == (True, None, "me")
    assert [each.error.summary for each in told.past] == ["ValueError: first", "KeyError: 'second'"]
    assert told.lateness is not None
    assert timedelta(0) <= told.lateness < timedelta(seconds=20)


def test_a_role_that_is_kept_from_its_work_says_by_how_much(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr(roles, "time", clock)
    role = a_role(site.store, lambda: 5.0)

    role.act()  # is due at once
    clock.now += 5.0 + 8.0  # it is frozen for 8 seconds, which its lease outlives
    role.act()

    [told] = site.store.leases.daemons()
    assert told.lateness == timedelta(seconds=8)


def test_a_role_that_computes_for_long_keeps_no_other_waiting(site: Site) -> None:
    computes, others = threading.Event(), threading.Event()

    def compute() -> float:
        computes.set()
        assert others.wait(20)  # for ever, if the other had to wait for this one
        return 60.0

    def other() -> float:
        if computes.wait(20):
            others.set()
        return 60.0

    both = [a_role(site.store, compute, name="computes"), a_role(site.store, other, name="other")]
    with site.store.bell() as bell:
        RoleThreads(both).work(bell, stop=others.is_set)

    assert others.is_set()
    assert site.store.leases.acquire("daemon:computes", owner="you", ttl=timedelta(seconds=1)) is not None


def test_a_role_that_cannot_go_on_ends_the_daemon_which_can_be_started_anew(site: Site) -> None:
    class Broken(Role):
        def act(self) -> float:
            raise MemoryError("no more")

    both = [Broken("broken", lambda: 1.0, store=site.store, owner="me", timing=Timing()), a_role(site.store, lambda: 60.0)]

    with site.store.bell() as bell, pytest.raises(MemoryError):
        RoleThreads(both).work(bell, stop=lambda: False)

    assert site.store.leases.acquire("daemon:job", owner="you", ttl=timedelta(seconds=1)) is not None


def test_old_records_are_removed_and_no_answer_changes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHANGES_KEPT", timedelta(0))
    monkeypatch.setattr(retention, "PORTION", 2)
    run = site.launch("anything")
    site.store.runs.request_cancel(run.id)
    settings = replace(site.settings, retention=replace(site.settings.retention, events=timedelta(0)))
    job = Retention(site.store, settings, timing=Timing())

    waits = [job() for _ in range(4)]

    assert waits[0] == retention.PAUSE
    assert waits[-1] == Timing().prune
    assert site.store.events.count(run.id) == 0
    assert site.store.runs.get(run.id).status is RunStatus.CANCELED
    assert len(site.store.changes.after(None, kinds=[ChangeKind.RUN]).changes) <= 1


def test_old_ticks_are_removed_as_the_workspace_wants_it(site: Site) -> None:
    publish(site.store, sensor())
    evaluated(site.store, skip_reason="nothing")
    kept = replace(site.settings.retention, ticks={"skipped": timedelta(hours=1)})

    Retention(site.store, replace(site.settings, retention=kept), timing=Timing())()
    assert site.store.ticks.count() == 1
    kept = replace(kept, ticks={"skipped": timedelta(0)})
    Retention(site.store, replace(site.settings, retention=kept), timing=Timing())()

    assert site.store.ticks.count() == 0
    assert not [line for line in replace(site.settings, retention=kept).warnings if "ticks" in line]


def test_a_lease_is_kept_until_it_ends(site: Site) -> None:
    mine = Tenancy(site.store, "place", owner="me", ttl=timedelta(seconds=30))
    yours = Tenancy(site.store, "place", owner="you", ttl=timedelta(seconds=30))

    assert (mine.keep(1000.0), yours.keep(1000.0)) == (True, False)
    assert mine.keep(1011.0)
    mine.end()

    assert not mine.is_held
    assert yours.keep(1012.0)
    assert not mine.keep(1013.0)


def test_a_seat_has_one_holder_and_a_name_that_its_successor_shares(tmp_path: Path) -> None:
    seat = Seat(tmp_path / "seats", "main")
    seat.take()
    owner = seat.owner
    seat.leave()
    successor, other = Seat(tmp_path / "seats", "main"), Seat(tmp_path / "seats", "other")

    successor.take()
    other.take()

    assert successor.owner == owner
    assert other.owner != owner
    successor.leave()
    other.leave()
