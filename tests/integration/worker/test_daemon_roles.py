"""A daemon's roles: one holder at a time, a heartbeat for each, and a mistake in one harms no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from partita.automation import retention
from partita.automation.daemon import Role
from partita.automation.retention import Retention
from partita.automation.tenancy import Seat, Tenancy
from partita.automation.timing import Timing
from partita.errors import StorageUnavailableError
from partita.records.changes import ChangeKind
from partita.records.runs import RunStatus
from partita.storage.store import Store
from support.sites import Site, a_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main="") as made:
        yield made


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


def test_a_role_whose_database_does_not_answer_waits(site: Site) -> None:
    def no_answer() -> float:
        raise StorageUnavailableError("no answer")

    a_role(site.store, no_answer).act()

    assert site.store.leases.daemons() == []


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
