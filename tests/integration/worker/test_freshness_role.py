"""The daemon's job of freshness: on time, once, and whatever dies in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from partita.automation.freshness import IDLE, FreshnessRole
from partita.definitions.keys import AssetKey
from partita.definitions.policies import Freshness
from partita.definitions.specs import AssetSpec, RepositorySpec
from partita.records.assets import ReportedMaterialization
from partita.records.changes import ChangeKind
from partita.records.locations import LocationCatalog
from partita.storage.freshness import ToldFreshness
from partita.storage.store import Store
from support.automations import Clock
from support.stores import NOON

ORDERS, OTHER = AssetKey("orders"), AssetKey("other")
HOURLY = Freshness(within=timedelta(hours=1))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path}/partita.db") as opened:
        yield opened


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def publish(store: Store, *, location: str = "here", **policies: Freshness | None) -> None:
    assets = tuple(AssetSpec(name, freshness=policy) for name, policy in policies.items())
    store.locations.declare([(location, {"file": "x.py"})])
    catalog = LocationCatalog(location=location, repositories=(RepositorySpec(name="main", assets=assets),))
    store.locations.publish(location, catalog, python_version="3", library_version="0", start="fork")


def write(store: Store, key: AssetKey = ORDERS) -> None:
    store.reports.add(ReportedMaterialization(asset=key))


def changes(store: Store, since: str) -> list[str]:
    return [change.subject for change in store.changes.after(since, kinds=[ChangeKind.ASSET]).changes]


def test_an_asset_is_too_old_at_the_very_moment_and_fresh_again_when_it_is_written(store: Store, clock: Clock) -> None:
    publish(store, orders=HOURLY, other=None)
    role = FreshnessRole(store)
    write(store)
    assert role() == IDLE
    assert store.freshness.read() == {ORDERS: ToldFreshness(True, None)}

    clock.move(minutes=59, seconds=50)
    assert role() == pytest.approx(10, abs=0.1), "it knows when to look again"
    clock.move(seconds=10)
    since = store.changes.latest()
    role()
    assert store.freshness.read() == {ORDERS: ToldFreshness(False, NOON + timedelta(hours=1))}
    assert changes(store, since) == ["orders"], "whoever follows the asset hears of it"

    since = store.changes.latest()
    role()
    assert changes(store, since) == [], "and once"
    write(store)
    role()
    assert store.freshness.read() == {ORDERS: ToldFreshness(True, None)}


def test_what_was_never_written_is_not_fresh_since_no_time(store: Store, clock: Clock) -> None:
    publish(store, orders=HOURLY)

    assert FreshnessRole(store)() == IDLE

    assert store.freshness.read() == {ORDERS: ToldFreshness(False, None)}


def test_another_daemon_goes_on_and_tells_nothing_twice(store: Store, clock: Clock) -> None:
    publish(store, orders=HOURLY)
    write(store)
    FreshnessRole(store)()
    clock.move(hours=2)
    FreshnessRole(store)()
    since = store.changes.latest()

    FreshnessRole(store)()

    assert changes(store, since) == []


def test_what_was_heard_is_not_lost_when_it_could_not_be_noted(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, orders=HOURLY)
    role = FreshnessRole(store)
    role()
    write(store)
    with monkeypatch.context() as broken:
        broken.setattr(store.freshness, "tell", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            role()

    role()

    assert store.freshness.read() == {ORDERS: ToldFreshness(True, None)}


def test_a_policy_that_is_gone_or_changed_counts_at_once(store: Store, clock: Clock) -> None:
    publish(store, orders=HOURLY, other=HOURLY)
    write(store)
    write(store, OTHER)
    role = FreshnessRole(store)
    role()

    clock.move(minutes=30)
    publish(store, orders=Freshness(within=timedelta(minutes=20)))
    role()

    assert store.freshness.read() == {ORDERS: ToldFreshness(False, NOON + timedelta(minutes=20))}


def test_a_role_that_comes_back_knows_that_another_has_told_since(store: Store, clock: Clock) -> None:
    publish(store, orders=HOURLY)
    write(store)
    first = FreshnessRole(store)
    first()
    clock.move(hours=2)
    FreshnessRole(store)()
    write(store)

    first.begin()
    first()

    assert store.freshness.read() == {ORDERS: ToldFreshness(True, None)}


def test_many_that_were_written_at_once_are_all_heard_of(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"asset{number}" for number in range(30)]
    publish(store, **dict.fromkeys(names, HOURLY))
    role = FreshnessRole(store)
    role()
    after = store.changes.after
    monkeypatch.setattr(store.changes, "after", lambda cursor, **where: after(cursor, **{**where, "limit": 7}))
    for name in names:
        write(store, AssetKey(name))

    role()

    assert all(told.is_fresh for told in store.freshness.read().values())
