from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from partita.records.changes import ChangeKind
from partita.storage import leases
from partita.storage.store import Store
from support.stores import BOOM, LEASE, OVER


def test_a_free_lease_is_acquired_once(store: Store) -> None:
    assert store.leases.acquire("daemon", owner="a", ttl=LEASE) == 1
    assert store.leases.acquire("daemon", owner="b", ttl=LEASE) is None
    assert store.leases.acquire("another", owner="b", ttl=LEASE) == 1


def test_of_many_that_want_a_lease_one_gets_it(store: Store) -> None:
    with ThreadPoolExecutor(8) as threads:
        epochs = list(threads.map(lambda owner: store.leases.acquire("daemon", owner=str(owner), ttl=LEASE), range(16)))

    assert [epoch for epoch in epochs if epoch is not None] == [1]


def test_an_ended_lease_passes_to_another_under_a_new_epoch(store: Store) -> None:
    store.leases.acquire("daemon", owner="a", ttl=OVER)

    assert store.leases.acquire("daemon", owner="b", ttl=LEASE) == 2
    assert not store.leases.renew("daemon", owner="a", epoch=1, ttl=LEASE)
    assert store.leases.renew("daemon", owner="b", epoch=2, ttl=LEASE)


def test_the_same_owner_takes_its_lease_over_under_a_new_epoch(store: Store) -> None:
    store.leases.acquire("daemon", owner="a", ttl=LEASE)

    assert store.leases.acquire("daemon", owner="a", ttl=LEASE) == 2
    assert not store.leases.renew("daemon", owner="a", epoch=1, ttl=LEASE)


def test_a_renewed_lease_stays(store: Store) -> None:
    store.leases.acquire("daemon", owner="a", ttl=OVER)

    assert store.leases.renew("daemon", owner="a", epoch=1, ttl=LEASE)
    assert store.leases.acquire("daemon", owner="b", ttl=LEASE) is None


def test_a_released_lease_is_free_at_once(store: Store) -> None:
    store.leases.acquire("daemon", owner="a", ttl=LEASE)

    store.leases.release("daemon", owner="a", epoch=1)

    assert store.leases.acquire("daemon", owner="b", ttl=LEASE) == 2


def test_a_stale_owner_releases_nothing(store: Store) -> None:
    store.leases.acquire("daemon", owner="a", ttl=OVER)
    store.leases.acquire("daemon", owner="b", ttl=LEASE)

    store.leases.release("daemon", owner="a", epoch=1)
    store.leases.release("never", owner="a", epoch=1)

    assert store.leases.acquire("daemon", owner="c", ttl=LEASE) is None


def test_a_role_that_beats_is_healthy(store: Store) -> None:
    store.leases.heartbeat("monitor", owner="a")
    store.leases.heartbeat("retention", owner="b", error=BOOM)

    monitor, retention = store.leases.daemons()
    assert (monitor.role, monitor.owner, monitor.is_healthy, monitor.error) == ("monitor", "a", True, None)
    assert monitor.heartbeat_at is not None
    assert (retention.role, retention.is_healthy, retention.error) == ("retention", False, BOOM)


def test_a_role_that_fell_silent_is_not_healthy(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.leases.heartbeat("monitor", owner="a")

    monkeypatch.setattr(leases, "HEALTHY_FOR", timedelta(seconds=-1))

    assert [daemon.is_healthy for daemon in store.leases.daemons()] == [False]


def test_a_role_is_told_when_its_health_changes_and_not_at_every_beat(store: Store) -> None:
    cursor = store.changes.latest()

    for error in (None, None, BOOM, BOOM, None, None):
        store.leases.heartbeat("monitor", owner="a", error=error)

    told = store.changes.after(cursor).changes
    assert [(change.kind, change.subject) for change in told] == [(ChangeKind.DAEMON, "monitor")] * 3
