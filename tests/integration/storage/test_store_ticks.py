"""Ticks: each slot once, each evaluation by one worker, and all that a tick comes to in one transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from partita.definitions.keys import AssetKey
from partita.errors import LeaseLostError, NotFoundError, RequestError
from partita.planning.ticks import Asked
from partita.records.assets import PartitionStatus, ReportedMaterialization
from partita.records.changes import ChangeKind
from partita.records.filters import RunFilter, TickFilter
from partita.records.pages import PageRequest
from partita.records.runs import RunStatus
from partita.records.ticks import PartitionsAdded, RequestOutcome, TickStatus
from partita.storage.arrivals import RunWatch
from partita.storage.launches import Launches
from partita.storage.outcomes import ALL_KNOWN, NOTHING_ASKED
from partita.storage.retention import TickAges
from partita.storage.store import Store
from partita.storage.tick_rows import Outcome
from support.automations import SCHEDULE, SENSOR, Clock, ask, asset_sensor, claimed, evaluated, found, publish, requested, schedule, sensor
from support.stores import BOOM, LOCATION, NOON, OVER, begin, launch, materialized, request, status

HOUR = timedelta(hours=1)
FAR = NOON.replace(year=2100)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def nightly(store: Store) -> Store:
    """A store with a schedule that is due at noon."""
    publish(store, schedule(), sensor())
    assert store.automations.set_next_due(found(store, SCHEDULE), NOON)
    return store


def commit(store: Store, **rest: Any) -> Any:
    due = {"due_at": NOON, "next_due_at": NOON + HOUR, "asks": [ask("orders")], **rest}
    return store.ticks.commit_plain(found(store, SCHEDULE), **due)


def test_a_plain_tick_is_written_with_its_runs_and_the_next_time(nightly: Store, clock: Clock) -> None:
    cursor = nightly.changes.latest()

    tick = commit(nightly, asks=[ask("orders", tags={"a": "b"}), Asked(request(job="load", partition_keys=("mon",)))])

    assert (tick.status, tick.due_at, tick.run_count, tick.attempt) == (TickStatus.SUCCEEDED, NOON, 2, 1)
    runs = nightly.runs.list(RunFilter(tick_id=tick.id)).items
    assert {run.id for run in runs} == {outcome.run_id for outcome in tick.requests}
    assert {run.request.launched_by for run in runs} == {f"schedule:{SCHEDULE}"}
    assert [(outcome.assets, outcome.job, outcome.partition) for outcome in tick.requests] == [
        ((AssetKey("orders"),), None, None),
        ((), "load", "mon"),
    ]
    after = found(nightly, SCHEDULE)
    assert (after.next_due_at, after.last_tick_id, after.last_tick_at) == (NOON + HOUR, tick.id, NOON)
    kinds = {change.kind for change in nightly.changes.after(cursor).changes}
    assert kinds == {ChangeKind.AUTOMATION, ChangeKind.TICK, ChangeKind.RUN, ChangeKind.ASSET}
    assert nightly.ticks.get(tick.id) == tick


def test_a_due_time_has_one_tick(nightly: Store, clock: Clock) -> None:
    stale = found(nightly, SCHEDULE)
    first = commit(nightly)

    assert nightly.ticks.commit_plain(stale, due_at=NOON, next_due_at=NOON + HOUR, asks=[ask("orders")]) is None

    assert nightly.ticks.list().items == [first]
    assert nightly.runs.count() == 1


def test_a_slot_that_has_its_tick_gets_no_other_when_the_times_were_set_back(nightly: Store, clock: Clock) -> None:
    commit(nightly)
    publish(nightly, schedule(cron="1 2 * * *"))
    nightly.automations.set_next_due(found(nightly, SCHEDULE), NOON)

    assert commit(nightly) is None

    assert nightly.runs.count() == 1
    assert found(nightly, SCHEDULE).next_due_at == NOON + HOUR


@pytest.mark.parametrize("change", ["switched off", "switched off and on", "other times", "not declared"])
def test_a_daemon_that_has_slept_through_a_change_writes_no_tick(nightly: Store, clock: Clock, change: str) -> None:
    before = found(nightly, SCHEDULE)
    clock.move(seconds=1)
    match change:
        case "switched off":
            nightly.automations.set_on([SCHEDULE], is_on=False)
        case "switched off and on":
            nightly.automations.set_on([SCHEDULE], is_on=False)
            nightly.automations.set_on([SCHEDULE], is_on=True)
        case "other times":
            publish(nightly, schedule(cron="5 * * * *"))
        case _:
            publish(nightly)

    assert nightly.ticks.commit_plain(before, due_at=NOON, next_due_at=NOON + HOUR, asks=[ask("orders")]) is None
    assert (nightly.ticks.count(), nightly.runs.count()) == (0, 0)


def test_a_tick_that_could_not_be_planned_says_why_and_moves_on(nightly: Store, clock: Clock) -> None:
    failed = commit(nightly, asks=[], error=BOOM)
    skipped = commit(nightly, due_at=NOON + HOUR, next_due_at=NOON + 2 * HOUR, asks=[], skip_reason="no partition yet")

    assert (failed.status, failed.error) == (TickStatus.FAILED, BOOM)
    assert (skipped.status, skipped.skip_reason) == (TickStatus.SKIPPED, "no partition yet")
    assert found(nightly, SCHEDULE).next_due_at == NOON + 2 * HOUR


def test_a_requested_tick_is_evaluated_by_one_worker(nightly: Store, clock: Clock) -> None:
    tick = requested(nightly)
    assert tick is not None
    assert (tick.status, tick.started_at) == (TickStatus.STARTED, None)
    clock.move(seconds=2)

    [claim] = claimed(nightly)

    assert claimed(nightly, owner="other") == []
    assert nightly.ticks.claim(owner="worker", location="elsewhere", limit=5, lease=HOUR) == []
    assert (claim.tick.id, claim.tick.started_at, claim.tick.attempt) == (tick.id, NOON + timedelta(seconds=2), 1)
    assert nightly.ticks.renew([(tick.id, claim.epoch), (tick.id, claim.epoch - 1)], lease=HOUR) == {tick.id}


def test_all_that_a_tick_comes_to_is_committed_with_its_end(nightly: Store, clock: Clock) -> None:
    nightly.automations.set_cursor(SENSOR, "c1")
    requested(nightly)
    [claim] = claimed(nightly)
    assert claim.given == "c1"
    report = ReportedMaterialization(asset=AssetKey("raw/files"), partition="acme", data_version="7")
    outcome = Outcome(
        asks=(ask(key="a"), ask("sales", partition_keys=("acme",))),
        cursor="c2",
        sets_cursor=True,
        partitions=(PartitionsAdded(set_name="customers", keys=("acme", "initech")),),
        reports=(report,),
        logs="looked",
    )
    clock.move(seconds=1)

    tick = nightly.ticks.finish(claim, outcome)

    assert (tick.status, tick.run_count, tick.cursor, tick.logs, tick.ended_at) == (TickStatus.SUCCEEDED, 2, "c2", "looked", clock.now)
    assert found(nightly).cursor == "c2"
    assert nightly.partitions.keys("customers") == ("acme", "initech")
    assert tick.partitions == outcome.partitions
    state = nightly.assets.states([report.asset])[report.asset]
    assert state.latest is not None
    assert (state.latest.run_id, state.latest.partition, state.latest.data_version, state.materialization_count) == (None, "acme", "7", 1)
    [partition] = nightly.assets.partition_states([report.asset])[report.asset]
    assert (partition.status, partition.run_id) == (PartitionStatus.MATERIALIZED, None)
    assert nightly.assets.materialization(state.latest.id) == state.latest


def test_an_error_leaves_nothing_but_the_tick(nightly: Store, clock: Clock) -> None:
    nightly.automations.set_cursor(SENSOR, "c1")

    tick = evaluated(nightly, ask(key="a"), cursor="c2", sets_cursor=True, error=BOOM, partitions=(PartitionsAdded(set_name="s", keys=("k",)),))

    assert (tick.status, tick.error, tick.cursor, tick.requests) == (TickStatus.FAILED, BOOM, "c1", ())
    assert (found(nightly).cursor, nightly.runs.count(), nightly.partitions.keys("s")) == ("c1", 0, ())


def test_when_a_part_of_it_fails_nothing_is_committed(nightly: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    requested(nightly)
    [claim] = claimed(nightly)
    launches = Launches.launch

    def launch_and_die(*args: Any, **rest: Any) -> Any:
        launches(*args, **rest)
        raise KeyboardInterrupt

    monkeypatch.setattr(Launches, "launch", launch_and_die)
    outcome = Outcome(asks=(ask(key="a"),), cursor="c2", sets_cursor=True, partitions=(PartitionsAdded(set_name="s", keys=("k",)),))
    with pytest.raises(KeyboardInterrupt):
        nightly.ticks.finish(claim, outcome)
    with pytest.raises(RequestError):
        nightly.ticks.finish(claim, Outcome(cursor="c2", sets_cursor=True, partitions=(PartitionsAdded(set_name="s", keys=("k|k",)),)))

    assert (found(nightly).cursor, nightly.runs.count(), nightly.partitions.keys("s")) == (None, 0, ())
    assert nightly.ticks.get(claim.tick.id).status is TickStatus.STARTED

    monkeypatch.undo()
    tick = nightly.ticks.finish(claim, outcome)
    assert (tick.run_count, found(nightly).cursor) == (1, "c2"), "the run key was not used up"


def test_a_run_key_launches_once_for_ever(nightly: Store, clock: Clock) -> None:
    first = evaluated(nightly, ask(key="a"), ask(key="b"))
    clock.move(hours=1)

    second = evaluated(nightly, ask(key="b"), ask(key="c"), ask(key="c"), ask())

    a, b = (outcome.run_id for outcome in first.requests)
    assert a != b
    known, fresh, again, plain = second.requests
    assert known == RequestOutcome(run_key="b", assets=(AssetKey("orders"),), run_id=b, is_already_launched=True)
    assert (fresh.is_already_launched, again.is_already_launched, plain.is_already_launched) == (False, True, False)
    assert fresh.run_id == again.run_id
    assert (second.run_count, nightly.runs.count()) == (2, 4)


def test_run_keys_of_another_automation_are_others(nightly: Store, clock: Clock) -> None:
    publish(nightly, sensor(), sensor("more"))
    evaluated(nightly, ask(key="a"))

    other = evaluated(nightly, ask(key="a"), automation_id=f"{LOCATION}/main/more")

    assert [outcome.is_already_launched for outcome in other.requests] == [False]


def test_what_comes_to_nothing_is_skipped(nightly: Store, clock: Clock) -> None:
    evaluated(nightly, ask(key="a"))
    clock.move(minutes=1)
    known = evaluated(nightly, ask(key="a"))
    clock.move(minutes=1)
    nothing = evaluated(nightly)
    clock.move(minutes=1)
    said = evaluated(nightly, skip_reason="no file", cursor="c3", sets_cursor=True)

    assert [(tick.status, tick.skip_reason) for tick in (known, nothing, said)] == [
        (TickStatus.SKIPPED, ALL_KNOWN),
        (TickStatus.SKIPPED, NOTHING_ASKED),
        (TickStatus.SKIPPED, "no file"),
    ]
    assert found(nightly).cursor == "c3"


def test_a_cursor_that_somebody_sets_meanwhile_stays(nightly: Store, clock: Clock) -> None:
    requested(nightly)
    [claim] = claimed(nightly)
    nightly.automations.set_cursor(SENSOR, "mine")

    tick = nightly.ticks.finish(claim, Outcome(asks=(ask(),), cursor="its", sets_cursor=True))

    assert tick.run_count == 1
    assert found(nightly).cursor == "mine"


def test_a_cursor_can_be_cleared(nightly: Store, clock: Clock) -> None:
    nightly.automations.set_cursor(SENSOR, "c1")
    evaluated(nightly, cursor=None, sets_cursor=True)
    assert found(nightly).cursor is None


def test_nobody_ends_a_tick_that_he_does_not_hold(nightly: Store, clock: Clock) -> None:
    requested(nightly)
    [lost] = claimed(nightly, lease=OVER)
    [held] = claimed(nightly, owner="other")

    with pytest.raises(LeaseLostError):
        nightly.ticks.finish(lost, Outcome(asks=(ask(),)))
    tick = nightly.ticks.finish(held, Outcome(asks=(ask(),)))
    with pytest.raises(LeaseLostError):
        nightly.ticks.finish(held, Outcome(asks=(ask(),)))

    assert (tick.attempt, tick.run_count, nightly.runs.count()) == (2, 1, 1)


def test_an_evaluation_whose_worker_always_dies_is_given_up(nightly: Store, clock: Clock) -> None:
    tick = requested(nightly)
    assert tick is not None
    for attempt in (1, 2, 3):
        [claim] = claimed(nightly, lease=OVER)
        assert claim.tick.attempt == attempt

    assert claimed(nightly) == []

    ended = nightly.ticks.get(tick.id)
    assert ended.status is TickStatus.FAILED
    assert ended.error is not None
    assert "begun 3 times" in ended.error.message


def test_a_tick_that_is_given_back_is_not_counted_as_tried(nightly: Store, clock: Clock) -> None:
    requested(nightly)
    for _ in range(5):
        [claim] = claimed(nightly)
        assert claim.tick.attempt == 1
        nightly.ticks.release(claim.tick.id, claim.epoch)
    nightly.ticks.release(claim.tick.id, claim.epoch)

    [again] = claimed(nightly, owner="killed")
    nightly.ticks.give_back("killed")
    [at_once] = claimed(nightly, owner="killed")
    assert (again.tick.attempt, at_once.tick.attempt) == (1, 2)


def test_what_is_switched_off_launches_nothing_any_more(nightly: Store, clock: Clock) -> None:
    publish(nightly, sensor(), sensor("more"))
    requested(nightly)
    requested(nightly, f"{LOCATION}/main/more")
    [claim] = claimed(nightly, limit=1)

    nightly.automations.set_on([SENSOR, f"{LOCATION}/main/more"], is_on=False)

    assert claimed(nightly) == []
    ended = nightly.ticks.finish(claim, Outcome(asks=(ask(),), cursor="c", sets_cursor=True))
    assert {tick.skip_reason for tick in nightly.ticks.list().items} == {"The sensor was switched off before this tick was done."}
    assert (ended.status, nightly.runs.count(), found(nightly).cursor) == (TickStatus.SKIPPED, 0, None)


def test_a_dry_run_keeps_nothing_but_the_tick(nightly: Store, clock: Clock) -> None:
    nightly.automations.set_on([SENSOR], is_on=False)
    nightly.automations.set_cursor(SENSOR, "c1")
    before = found(nightly)
    first, second = nightly.ticks.request_dry_run(SENSOR), nightly.ticks.request_dry_run(SENSOR, cursor="c0")

    one, other = claimed(nightly)
    added = (PartitionsAdded(set_name="s", keys=("k",)),)
    report = ReportedMaterialization(asset=AssetKey("raw"))
    tick = nightly.ticks.finish(one, Outcome(asks=(ask(key="a"),), cursor="c9", sets_cursor=True, partitions=added, reports=(report,)))
    nightly.ticks.finish(other, Outcome(error=BOOM))

    assert (one.given, other.given) == ("c1", "c0")
    assert (tick.id, tick.is_dry_run, tick.status, tick.cursor, tick.run_count) == (first.id, True, TickStatus.SUCCEEDED, "c9", 0)
    assert tick.requests == (RequestOutcome(run_key="a", assets=(AssetKey("orders"),)),)
    assert tick.partitions == added
    assert (nightly.runs.count(), nightly.partitions.keys("s"), nightly.assets.known_keys()) == (0, (), [])
    assert found(nightly) == before
    assert nightly.ticks.get(second.id).status is TickStatus.FAILED
    assert nightly.ticks.list().items == []
    assert nightly.ticks.count(TickFilter(is_dry_run=None)) == 2


def test_a_dry_run_needs_something_to_run(nightly: Store) -> None:
    with pytest.raises(NotFoundError, match="nothing"):
        nightly.ticks.request_dry_run("here/main/nothing")
    publish(nightly, schedule())
    with pytest.raises(RequestError, match="'files' any more"):
        nightly.ticks.request_dry_run(SENSOR)


def test_what_no_worker_evaluates_can_be_ended(nightly: Store, clock: Clock) -> None:
    tick = requested(nightly)
    assert tick is not None
    clock.move(minutes=5)

    assert nightly.ticks.unclaimed(before=NOON - HOUR, limit=10) == []
    assert [each.id for each in nightly.ticks.unclaimed(before=clock.now, limit=10)] == [tick.id]
    [claim] = claimed(nightly)
    assert nightly.ticks.unclaimed(before=clock.now, limit=10) == []
    assert nightly.ticks.fail_unclaimed(tick.id, BOOM) is None
    clock.move(hours=1)
    ended = nightly.ticks.fail_unclaimed(tick.id, BOOM)

    assert ended is not None
    assert (ended.status, ended.error) == (TickStatus.FAILED, BOOM)
    with pytest.raises(LeaseLostError):
        nightly.ticks.finish(claim, Outcome(asks=(ask(),)))


def test_ticks_are_listed_the_latest_due_first(nightly: Store, clock: Clock) -> None:
    made = []
    for number in range(5):
        due = NOON + number * HOUR
        made.append(
            commit(nightly, due_at=due, next_due_at=due + HOUR, asks=[], skip_reason="no" if number % 2 else None, error=None if number % 2 else BOOM)
        )
    evaluated(nightly, ask())
    mine = TickFilter(automation_ids=(SCHEDULE,))

    first = nightly.ticks.list(mine, page=PageRequest(first=2))
    rest = nightly.ticks.list(mine, page=PageRequest(first=9, after=first.cursors[-1]))

    assert first.items + rest.items == made[::-1]
    assert nightly.ticks.count() == 6
    failed = TickFilter(automation_ids=(SCHEDULE,), statuses=(TickStatus.FAILED,), after=NOON, before=NOON + 4 * HOUR)
    assert nightly.ticks.list(failed).items == [made[2]]
    assert nightly.ticks.latest([SCHEDULE, SENSOR, "x"], limit=2) == {
        SCHEDULE: made[:2:-1],
        SENSOR: nightly.ticks.list(TickFilter(automation_ids=(SENSOR,))).items,
        "x": [],
    }


def test_a_sensor_that_watches_has_seen_what_its_tick_dealt_with(store: Store) -> None:
    publish(store, asset_sensor("orders", "sales"))
    writer = begin(store, "orders", "sales", "other")
    writer.send(materialized("orders"), materialized("other"), materialized("sales", "mon"))
    writer.send(materialized("orders"), status(RunStatus.SUCCEEDED))
    watched = [AssetKey("orders"), AssetKey("sales")]

    new = store.arrivals.materializations(watched, after=0, limit=2)
    assert [(number, each.asset, each.partition) for number, each in new] == [(1, "orders", None), (3, "sales", "mon")]
    requested(store, after=0, through=3)
    [claim] = claimed(store)
    assert (claim.after, claim.through) == (0, 3)
    assert store.arrivals.materializations(watched, after=0, through=3, limit=100) == new
    store.ticks.finish(claim, Outcome(error=BOOM))
    assert found(store).seen == 0

    requested(store, after=0, through=3)
    [claim] = claimed(store)
    store.ticks.finish(claim, Outcome())
    assert found(store).seen == 3
    assert [number for number, _ in store.arrivals.materializations(watched, after=3, limit=5)] == [4]


def test_runs_are_seen_in_the_order_in_which_they_were_committed(store: Store) -> None:
    slow, quick = begin(store, "orders"), begin(store, "sales")
    launch(store, "later")
    quick.send(status(RunStatus.FAILED, seconds=20))
    slow.send(status(RunStatus.FAILED, seconds=10))
    nightly = store.runs.launch([request(job="nightly")]).runs[0]
    store.runs.request_cancel(nightly.id)

    def seen(reached: RunStatus, **rest: Any) -> list[str]:
        watch = RunWatch(location=LOCATION, repository="main", status=reached, **rest)
        return [run.id for _, run in store.arrivals.runs(watch, after=0, limit=10)]

    assert seen(RunStatus.RUNNING) == [slow.run_id, quick.run_id]
    assert seen(RunStatus.FAILED) == [quick.run_id, slow.run_id]
    assert seen(RunStatus.CANCELED) == [nightly.id]
    assert (seen(RunStatus.CANCELED, jobs=("nightly",)), seen(RunStatus.FAILED, jobs=("nightly",))) == ([nightly.id], [])


def test_old_ticks_are_removed_by_what_became_of_them(nightly: Store, clock: Clock) -> None:
    evaluated(nightly, ask(key="a"))
    for _ in range(3):
        clock.move(minutes=1)
        evaluated(nightly)
    clock.move(minutes=1)
    evaluated(nightly, error=BOOM)
    clock.move(minutes=1)
    requested(nightly)
    late = clock.move(days=1)

    ages = TickAges(skipped=late, launched=NOON - HOUR, failed=NOON - HOUR)
    pruned = nightly.retention.prune_automation(ticks_before=ages, evaluations_before=late, run_statuses_before=late, alerts_before=late, limit=2)
    assert pruned.ticks == 2
    nightly.retention.prune_automation(ticks_before=ages, evaluations_before=late, run_statuses_before=late, alerts_before=late)
    assert {tick.status for tick in nightly.ticks.list().items} == {TickStatus.STARTED, TickStatus.FAILED, TickStatus.SUCCEEDED}

    nightly.retention.prune_automation(
        ticks_before=TickAges(skipped=late, launched=late, failed=late), evaluations_before=late, run_statuses_before=late, alerts_before=late
    )
    assert [tick.status for tick in nightly.ticks.list().items] == [TickStatus.STARTED], "what is under way stays"
    [claim] = claimed(nightly)
    again = nightly.ticks.finish(claim, Outcome(asks=(ask(key="a"),)))
    assert again.requests[0].is_already_launched


def test_starts_and_ends_of_runs_are_forgotten_but_for_the_newest(store: Store) -> None:
    for _ in range(2):
        begin(store, "orders").send(status(RunStatus.SUCCEEDED))
    before = store.arrivals.latest()
    ages = TickAges(skipped=NOON, launched=NOON, failed=NOON)

    pruned = store.retention.prune_automation(ticks_before=ages, evaluations_before=FAR, run_statuses_before=FAR, alerts_before=FAR)

    assert pruned.run_statuses == 3
    assert store.arrivals.latest() == before
