"""The daemon's part of sensors, on a moved clock: which are asked to be evaluated, when, and with what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from partita.automation import sensors
from partita.automation.sensors import AT_ONCE, HEAL, Sensors
from partita.automation.watches import latest_materializations, latest_runs, new_materializations, new_runs
from partita.records.automations import Automation
from partita.records.filters import TickFilter
from partita.records.runs import Run, RunStatus
from partita.records.ticks import Tick, TickStatus
from partita.storage import tick_rows
from partita.storage import ticks as store_ticks
from partita.storage.store import Store
from partita.storage.tick_rows import Outcome
from partita.storage.ticks import WantedTick
from support.automations import SENSOR, Clock, ask, asset_sensor, claimed, found, publish, sensor
from support.stores import BOOM, LOCATION, NOON, begin, launch, materialized, status, url_of


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(url_of(tmp_path)) as opened:
        yield opened


def ticks(store: Store, name: str = "files") -> list[Tick]:
    """Its ticks, the oldest first."""
    return store.ticks.list(TickFilter(automation_ids=(f"{LOCATION}/main/{name}",))).items[::-1]


def evaluate(store: Store, **outcome: object) -> Tick:
    """End the one tick that waits."""
    [claim] = claimed(store)
    return store.ticks.finish(claim, Outcome(**outcome))  # type: ignore[arg-type]


def test_a_sensor_is_asked_every_interval_since_the_start_of_its_last_evaluation(store: Store, clock: Clock) -> None:
    publish(store, sensor(interval=5.0))
    daemon = Sensors(store)
    assert daemon() == HEAL
    [first] = ticks(store)
    assert (first.status, first.due_at) == (TickStatus.STARTED, NOON)
    clock.move(seconds=2)
    evaluate(store, skip_reason="nothing")

    daemon()
    clock.move(seconds=2.75)
    assert daemon() == pytest.approx(0.25)
    clock.move(seconds=0.25)
    daemon()

    assert [tick.due_at for tick in ticks(store)] == [NOON, clock.now]


@pytest.mark.parametrize("is_same", [True, False], ids=["same daemon", "next daemon"])
def test_a_sensor_does_not_wait_for_a_clock_that_was_set_back_to_catch_up(store: Store, clock: Clock, is_same: bool) -> None:
    publish(store, sensor(interval=5.0))
    daemon = Sensors(store)
    daemon()
    evaluate(store, skip_reason="nothing")
    clock.move(hours=-1)

    daemon = daemon if is_same else Sensors(store)
    daemon()
    assert {tick.due_at for tick in ticks(store)} == {NOON, clock.now}

    evaluate(store, skip_reason="nothing")
    daemon()
    assert len(ticks(store)) == 2, "it is due in five seconds"
    clock.move(seconds=5)
    daemon()
    assert len(ticks(store)) == 3


def test_a_sensor_does_not_overtake_itself_and_goes_on_as_soon_as_it_is_done(store: Store, clock: Clock) -> None:
    publish(store, sensor(interval=5.0))
    daemon = Sensors(store)
    daemon()
    clock.move(seconds=20)
    assert daemon() == HEAL
    assert len(ticks(store)) == 1

    evaluate(store, error=BOOM)
    daemon()

    assert len(ticks(store)) == 2


def test_a_sensor_that_is_off_is_not_asked(store: Store, clock: Clock) -> None:
    publish(store, sensor(default_on=False))
    daemon = Sensors(store)
    daemon()
    assert ticks(store) == []

    store.automations.set_on([SENSOR], is_on=True)
    daemon()
    assert len(ticks(store)) == 1


def test_an_asset_sensor_is_asked_when_there_is_something_new_and_writes_nothing_before(store: Store, clock: Clock) -> None:
    begin(store, "orders").send(materialized("orders"))
    publish(store, asset_sensor("orders", "sales"))
    daemon = Sensors(store)
    writer = begin(store, "orders", "sales", "other")
    writer.send(materialized("other"))
    before = store.changes.latest()
    for _ in range(3):
        clock.move(minutes=1)
        assert daemon() == HEAL
    assert (store.changes.latest(), ticks(store)) == (before, [])

    writer.send(materialized("sales"), materialized("other"), materialized("orders", "mon"))
    daemon()

    [claim] = claimed(store)
    assert claim.through is not None
    new = new_materializations(store, asset_sensor("orders", "sales"), after=claim.after or 0, through=claim.through)
    assert [(each.asset, each.partition) for _, each in new] == [("sales", None), ("orders", "mon")]
    writer.send(materialized("orders", "tue"))
    store.ticks.finish(claim, Outcome(asks=(ask(),)))
    clock.move(minutes=1)
    daemon()
    [claim] = claimed(store)
    assert claim.through is not None
    assert [each.partition for _, each in new_materializations(store, asset_sensor("orders"), after=claim.after or 0, through=claim.through)] == [
        "tue"
    ]


def test_what_an_evaluation_failed_on_is_shown_again(store: Store, clock: Clock) -> None:
    publish(store, asset_sensor("orders"))
    daemon = Sensors(store)
    begin(store, "orders").send(materialized("orders"))
    daemon()
    evaluate(store, error=BOOM)
    clock.move(minutes=1)

    daemon()

    first, second = ticks(store)
    assert (first.status, second.status) == (TickStatus.FAILED, TickStatus.STARTED)


def test_an_evaluation_looks_at_a_bounded_number_and_the_next_goes_on_from_there(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partita.automation.watches.AT_ONCE", 3)
    spec = asset_sensor("orders")
    publish(store, spec)
    daemon = Sensors(store)
    begin(store, "orders").send(*(materialized("orders", f"p{number}") for number in range(7)))
    seen: list[str | None] = []
    for _ in range(4):
        daemon()
        for claim in claimed(store):
            assert claim.through is not None
            seen += [each.partition for _, each in new_materializations(store, spec, after=claim.after or 0, through=claim.through)]
            store.ticks.finish(claim, Outcome())
        clock.move(minutes=1)

    assert seen == [f"p{number}" for number in range(7)]
    assert len(ticks(store)) == 3


def ended(store: Store, to: RunStatus, **request: object) -> Run:
    """A run that has ended so."""
    writer = begin(store, "orders", **request)
    writer.send(status(to))
    return store.runs.get(writer.run_id)


def test_a_run_status_sensor_sees_each_run_once_and_none_that_ended_before_it_was(store: Store, clock: Clock) -> None:
    ended(store, RunStatus.FAILED)
    spec = sensor(kind="run_status", run_status="failed")
    publish(store, spec)
    daemon = Sensors(store)
    daemon()
    ended(store, RunStatus.SUCCEEDED)
    daemon()
    assert ticks(store) == []
    failed = [ended(store, RunStatus.FAILED).id for _ in range(2)]
    seen: list[str] = []
    for _ in range(3):
        clock.move(minutes=1)
        daemon()
        for claim in claimed(store):
            assert claim.through is not None
            seen += [run.id for _, run in new_runs(store, found(store), spec, after=claim.after or 0, through=claim.through)]
            store.ticks.finish(claim, Outcome())

    assert seen == failed
    assert len(ticks(store)) == 1


def test_a_run_status_sensor_watches_its_jobs_and_never_its_own_runs(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partita.automation.watches.AT_ONCE", 2)
    spec = sensor(kind="run_status", run_status="started", jobs=("load",))
    publish(store, spec)
    daemon = Sensors(store)
    for _ in range(3):
        begin(store, steps=["a"], job="load", launched_by=f"sensor:{SENSOR}")
    begin(store, steps=["a"], job="other")
    daemon()
    assert ticks(store) == []

    run = begin(store, steps=["a"], job="load").run_id
    daemon()

    [claim] = claimed(store)
    assert claim.through is not None
    assert [each.id for _, each in new_runs(store, found(store), spec, after=claim.after or 0, through=claim.through)] == [run]


def test_a_dry_run_is_shown_the_newest_there_is(store: Store) -> None:
    writer = begin(store, "orders", "sales")
    writer.send(materialized("sales", seconds=5), materialized("orders", "mon", seconds=7), materialized("orders", "tue", seconds=9))
    writer.send(status(RunStatus.FAILED))
    launch(store, "orders")
    publish(store, asset_sensor("orders", "sales"))
    automation = found(store)

    assert [each.partition for each in latest_materializations(store, asset_sensor("orders", "sales"))] == [None, "tue"]
    for wanted, runs in (("failed", [writer.run_id]), ("started", [writer.run_id]), ("succeeded", [])):
        assert [run.id for run in latest_runs(store, automation, sensor(kind="run_status", run_status=wanted))] == runs


def test_a_sensor_that_stumbles_harms_no_other(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, asset_sensor("orders", name="broken"), sensor())
    begin(store, "orders").send(materialized("orders"))
    monkeypatch.setattr(sensors, "new_materializations", lambda *_, **__: 1 / 0)

    assert Sensors(store)() == HEAL

    assert len(ticks(store)) == 1


def test_sensors_that_are_due_at_once_are_asked_together(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"s{number:03}" for number in range(AT_ONCE + 20)]
    publish(store, *(sensor(name) for name in names))
    portions: list[int] = []
    request = store.ticks.request_together

    def counted(wanted: Sequence[WantedTick]) -> list[Tick | None]:
        portions.append(len(wanted))
        return request(wanted)

    monkeypatch.setattr(store.ticks, "request_together", counted)
    Sensors(store)()
    Sensors(store)()

    assert portions == [AT_ONCE, 20]
    assert {len(ticks(store, name)) for name in names} == {1}


def test_a_sensor_that_cannot_be_asked_harms_none_of_those_due_with_it(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, sensor("files"), sensor("broken"), sensor("zeal"))
    row = tick_rows.new_row

    def stumble(tick_id: str, automation: Automation, **facts: Any) -> dict[str, Any]:
        return row(tick_id, automation, **facts) if automation.name != "broken" else {}[tick_id]

    monkeypatch.setattr(store_ticks, "new_row", stumble)
    daemon = Sensors(store)
    assert daemon() == HEAL
    assert [len(ticks(store, name)) for name in ("files", "broken", "zeal")] == [1, 0, 1]

    monkeypatch.setattr(store_ticks, "new_row", row)
    daemon()
    assert len(ticks(store, "broken")) == 1
