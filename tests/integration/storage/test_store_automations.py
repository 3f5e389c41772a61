"""Schedules and sensors as their code declares them and people switch them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from partita.errors import NotFoundError
from partita.records.automations import AutomationKind
from partita.records.changes import ChangeKind
from partita.records.runs import RunStatus
from partita.storage.store import Store
from support.automations import SCHEDULE, SENSOR, Clock, asset_sensor, found, publish, requested, schedule, sensor
from support.stores import LOCATION, NOON, begin, materialized, status


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def told(store: Store, after: str) -> list[str]:
    return [change.subject for change in store.changes.after(after, kinds=[ChangeKind.AUTOMATION]).changes]


def test_a_publication_declares_what_its_code_has(store: Store) -> None:
    publish(store, schedule(), sensor(default_on=False))

    files, nightly = store.automations.list()

    assert (nightly.id, nightly.kind, nightly.is_on, nightly.is_overridden) == (SCHEDULE, AutomationKind.SCHEDULE, True, False)
    assert (files.id, files.kind, files.is_on, files.cursor) == (SENSOR, AutomationKind.SENSOR, False, None)
    assert (nightly.location, nightly.repository, nightly.name) == (LOCATION, "main", "nightly")
    assert nightly.next_due_at is None
    assert store.automations.list(location="elsewhere") == []
    assert sorted(told(store, "0")) == [SENSOR, SCHEDULE]


def test_publishing_the_same_again_changes_nothing(store: Store, clock: Clock) -> None:
    publish(store, schedule(), sensor())
    store.automations.set_next_due(found(store, SCHEDULE), clock.move(hours=1))
    before, cursor = store.automations.list(), store.changes.latest()

    publish(store, schedule(description="It says more now."), sensor())

    assert store.automations.list() == before
    assert told(store, cursor) == []


def test_other_times_are_computed_anew_and_from_then_on(store: Store, clock: Clock) -> None:
    publish(store, schedule(cron="0 2 * * *"))
    store.automations.set_next_due(found(store, SCHEDULE), NOON + timedelta(hours=14))
    clock.move(hours=1)

    publish(store, schedule(cron="30 12 * * *"))

    assert found(store, SCHEDULE).next_due_at is None
    assert found(store, SCHEDULE).changed_at == NOON + timedelta(hours=1)
    publish(store, schedule(cron="30 12 * * *", timezone="Europe/Berlin"))
    assert found(store, SCHEDULE).next_due_at is None


def test_the_default_of_the_code_counts_while_nobody_has_switched(store: Store) -> None:
    publish(store, sensor(default_on=False))
    publish(store, sensor(default_on=True))
    assert found(store).is_on
    publish(store, sensor(default_on=False))
    assert not found(store).is_on

    store.automations.set_on([SENSOR], is_on=True)
    publish(store, sensor(default_on=False))
    assert (found(store).is_on, found(store).is_overridden) == (True, True)

    [left] = store.automations.set_on([SENSOR], is_on=None)
    assert (left.is_on, left.is_overridden) == (False, False)


def test_what_is_not_declared_any_more_keeps_its_cursor_and_does_nothing(store: Store, clock: Clock) -> None:
    publish(store, schedule(), sensor())
    store.automations.set_cursor(SENSOR, "c7")
    clock.move(minutes=1)

    publish(store, schedule())

    assert [each.id for each in store.automations.list()] == [SCHEDULE]
    gone = found(store)
    assert (gone.is_declared, gone.cursor, gone.next_due_at) == (False, "c7", None)
    assert store.automations.due(AutomationKind.SENSOR, clock.move(days=1)) == []

    publish(store, schedule(), sensor())
    assert (found(store).is_declared, found(store).cursor, found(store).changed_at) == (True, "c7", clock.now)


def test_a_location_that_the_workspace_forgets_takes_its_automations_with_it(store: Store) -> None:
    publish(store, schedule())

    store.locations.forget([])

    assert store.automations.list() == []
    assert not found(store, SCHEDULE).is_declared


def test_switching_off_and_on_makes_it_act_from_then_on(store: Store, clock: Clock) -> None:
    publish(store, schedule())
    store.automations.set_next_due(found(store, SCHEDULE), NOON + timedelta(hours=14))

    [off] = store.automations.set_on([SCHEDULE], is_on=False)
    clock.move(days=3)
    [on] = store.automations.set_on([SCHEDULE], is_on=True)

    assert (off.is_on, off.next_due_at) == (False, None)
    assert (on.is_on, on.next_due_at, on.changed_at) == (True, None, clock.now)


def test_switching_on_what_is_on_changes_no_time(store: Store, clock: Clock) -> None:
    publish(store, schedule())
    store.automations.set_next_due(found(store, SCHEDULE), NOON + timedelta(hours=14))
    clock.move(hours=1)

    [on] = store.automations.set_on([SCHEDULE], is_on=True)

    assert (on.next_due_at, on.is_overridden, on.changed_at) == (NOON + timedelta(hours=14), True, NOON)


def test_all_are_switched_or_none(store: Store) -> None:
    publish(store, schedule(), sensor())

    with pytest.raises(NotFoundError, match=r"no schedule or sensor.*nightli.*nightly") as refused:
        store.automations.set_on([SENSOR, f"{LOCATION}/main/nightli"], is_on=False)

    assert "nightly" in str(refused.value)
    assert found(store).is_on
    with pytest.raises(NotFoundError):
        store.automations.set_cursor("nothing", "x")


def test_the_first_due_time_is_set_once(store: Store, clock: Clock) -> None:
    publish(store, schedule())
    fresh = found(store, SCHEDULE)

    assert store.automations.set_next_due(fresh, NOON + timedelta(hours=1))
    assert not store.automations.set_next_due(fresh, NOON + timedelta(hours=2))

    clock.move(minutes=1)
    store.automations.set_on([SCHEDULE], is_on=False)
    store.automations.set_on([SCHEDULE], is_on=True)
    assert not store.automations.set_next_due(fresh, NOON + timedelta(hours=2)), "it was computed from before the switch"


def test_what_is_due_comes_in_order_of_time(store: Store, clock: Clock) -> None:
    publish(store, *(schedule(f"s{number}") for number in range(4)), schedule("off", default_on=False), sensor())
    for number, hours in ((0, 3), (1, 2), (2, 9)):
        store.automations.set_next_due(found(store, f"{LOCATION}/main/s{number}"), NOON + timedelta(hours=hours))

    assert store.automations.next_due(AutomationKind.SCHEDULE) == NOON + timedelta(hours=2)
    assert [each.name for each in store.automations.due(AutomationKind.SCHEDULE, NOON + timedelta(hours=3))] == ["s3", "s1", "s0"]
    assert store.automations.next_due(AutomationKind.SENSOR) is None


def test_a_sensor_is_not_due_while_its_last_tick_is_under_way(store: Store, clock: Clock) -> None:
    publish(store, sensor())
    later = clock.now + timedelta(hours=1)
    assert [each.id for each in store.automations.due(AutomationKind.SENSOR, later)] == [SENSOR]

    requested(store)

    assert store.automations.due(AutomationKind.SENSOR, later) == []
    assert store.automations.next_due(AutomationKind.SENSOR) is None


def test_a_fresh_sensor_that_watches_starts_from_now(store: Store) -> None:
    begin(store, "orders").send(materialized("orders"), materialized("orders"), status(RunStatus.SUCCEEDED))
    assets, runs = store.arrivals.latest()
    assert (assets, runs) == (2, 2)

    publish(store, asset_sensor("orders"), sensor("failures", kind="run_status", run_status="failed"), sensor("plain"))

    by_name = {each.name: each.seen for each in store.automations.list()}
    assert by_name == {"files": 2, "failures": 2, "plain": None}


def test_a_sensor_that_was_off_does_not_look_at_what_came_meanwhile(store: Store) -> None:
    publish(store, asset_sensor("orders"))
    store.automations.set_on([SENSOR], is_on=False)
    begin(store, "orders").send(materialized("orders"))

    [on] = store.automations.set_on([SENSOR], is_on=True)

    assert on.seen == 1
