from __future__ import annotations

import pytest

from partita.definitions.keys import AssetKey
from partita.definitions.metadata import to_entries
from partita.errors import RequestError
from partita.records.assets import Materialization
from partita.records.events import (
    Event,
    ProcessStarted,
    Severity,
    StepCanceled,
    StepFailed,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    StepUpstreamFailed,
)
from partita.records.filters import HistoryFilter
from partita.records.pages import PageRequest
from partita.records.runs import RunStatus, RunStep, StepStatus
from partita.storage.store import Store
from support.stores import BOOM, NOON, Writer, at, begin, checked, claim, launch, materialized, plan, status

ORDERS = AssetKey("orders")


def step(store: Store, writer: Writer, key: str) -> RunStep:
    return next(found for found in store.runs.steps([writer.run_id])[writer.run_id] if found.key == key)


def test_a_run_takes_its_times_and_error_from_its_events(store: Store) -> None:
    writer = begin(store, "orders")

    writer.send(status(RunStatus.FAILED, 9, error=BOOM))

    run = store.runs.get(writer.run_id)
    assert (run.status, run.started_at, run.ended_at, run.error) == (RunStatus.FAILED, NOON, at(9), BOOM)


def test_a_run_starts_when_its_plan_is_made(store: Store) -> None:
    launch(store, "orders")
    [claimed] = claim(store)

    Writer(store, claimed).send(plan("orders"))

    assert store.runs.get(claimed.run.id).started_at == NOON


def test_steps_stand_in_plan_order_with_those_taken_over_as_succeeded(store: Store) -> None:
    launch(store, "orders")
    [claimed] = claim(store)

    Writer(store, claimed).send(plan("b", "a", reused=["z"]))

    found = store.runs.steps([claimed.run.id, "run_gone"])
    assert [(each.key, each.status, each.attempt) for each in found[claimed.run.id]] == [
        ("z", StepStatus.SUCCEEDED, 0),
        ("b", StepStatus.PENDING, 0),
        ("a", StepStatus.PENDING, 0),
    ]
    assert [each.position for each in found[claimed.run.id]] == [0, 1, 2]
    assert found["run_gone"] == []


def test_a_second_plan_replaces_the_first(store: Store) -> None:
    launch(store, "orders")
    [claimed] = claim(store)
    writer = Writer(store, claimed)

    writer.send(plan("old", "kept"))
    writer.send(plan("kept", "new"))

    assert [each.key for each in store.runs.steps([writer.run_id])[writer.run_id]] == ["kept", "new"]


STARTED = StepStarted(at=at(1), step="s")
TRIED = StepFailed(at=at(2), step="s", error=BOOM, duration=1, retry_after=5.0)
AGAIN = StepStarted(at=at(7), step="s", attempt=2)
DONE = StepSucceeded(at=at(8), step="s", attempt=2, duration=1)
LOST = StepFailed(at=at(8), step="s", attempt=2, error=BOOM, duration=1)


@pytest.mark.parametrize("is_one_batch", [True, False], ids=["one batch", "a batch each"])
@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], {}),
        ([STARTED], {"status": StepStatus.RUNNING, "attempt": 1, "started_at": at(1)}),
        ([STARTED, TRIED], {"status": StepStatus.WAITING_RETRY, "attempt": 1, "started_at": at(1), "error": BOOM}),
        ([STARTED, TRIED, AGAIN], {"status": StepStatus.RUNNING, "attempt": 2, "started_at": at(1)}),
        ([STARTED, TRIED, AGAIN, DONE], {"status": StepStatus.SUCCEEDED, "attempt": 2, "started_at": at(1), "ended_at": at(8)}),
        ([STARTED, TRIED, AGAIN, LOST], {"status": StepStatus.FAILED, "attempt": 2, "started_at": at(1), "ended_at": at(8), "error": BOOM}),
        ([StepFailed(at=at(2), step="s", error=BOOM, duration=0)], {"status": StepStatus.FAILED, "attempt": 1, "ended_at": at(2), "error": BOOM}),
        ([StepSkipped(at=at(2), step="s", reason="why")], {"status": StepStatus.SKIPPED, "ended_at": at(2)}),
        ([StepUpstreamFailed(at=at(2), step="s", causes=("x",))], {"status": StepStatus.UPSTREAM_FAILED, "ended_at": at(2)}),
        ([STARTED, StepCanceled(at=at(2), step="s")], {"status": StepStatus.CANCELED, "attempt": 1, "started_at": at(1), "ended_at": at(2)}),
        ([StepCanceled(at=at(2), step="s")], {"status": StepStatus.CANCELED, "ended_at": at(2)}),
    ],
    ids=lambda value: "-".join(type(each).__name__ for each in value) if isinstance(value, list) else "",
)
def test_a_step_stands_where_its_events_have_brought_it(store: Store, events: list[Event], expected: dict[str, object], is_one_batch: bool) -> None:
    writer = begin(store, "orders", steps=["s"])

    for batch in [events] if is_one_batch else [[event] for event in events]:
        writer.send(*batch)

    assert step(store, writer, "s") == RunStep(run_id=writer.run_id, key="s", position=0, **expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("is_one_batch", [True, False], ids=["one batch", "two batches"])
def test_the_first_outcome_of_a_step_stays(store: Store, is_one_batch: bool) -> None:
    writer = begin(store, "orders", steps=["s"])
    late = StepFailed(at=at(9), step="s", error=BOOM, duration=1)

    batches: list[list[Event]] = [[DONE, late]] if is_one_batch else [[DONE], [late]]
    for batch in batches:
        writer.send(*batch)

    assert step(store, writer, "s").status is StepStatus.SUCCEEDED
    assert step(store, writer, "s").error is None


def test_a_step_knows_the_process_it_runs_in(store: Store) -> None:
    writer = begin(store, "orders", steps=["own", "shared", "done"])
    writer.send(StepSucceeded(at=NOON, step="done", duration=1))

    writer.send(ProcessStarted(at=NOON, step=None, pid=1, host="box", how="fork", startup=0.1))
    writer.send(ProcessStarted(at=NOON, step="own", pid=2, host="box", how="spawn: threads", startup=0.1))

    processes = {each.key: each.process for each in store.runs.steps([writer.run_id])[writer.run_id]}
    assert processes == {"own": "box 2 (spawn: threads)", "shared": "box 1 (fork)", "done": None}


def test_stats_count_steps_and_what_was_recorded(store: Store) -> None:
    writer = begin(store, "a", "b", "c")

    writer.send(StepSucceeded(at=NOON, step="a", duration=1), materialized("a"), checked("a", "one", passed=True))
    writer.send(materialized("b"), checked("a", "two", passed=False, severity=Severity.WARN), checked("a", "three", passed=False))

    stats = store.runs.stats([writer.run_id, "run_gone"])
    assert set(stats) == {writer.run_id}
    assert stats[writer.run_id].steps == {StepStatus.SUCCEEDED: 1, StepStatus.PENDING: 2}
    assert (stats[writer.run_id].materializations, stats[writer.run_id].checks_passed, stats[writer.run_id].checks_failed) == (2, 1, 2)


def test_an_asset_shows_its_latest_materialization(store: Store) -> None:
    writer = begin(store, "orders")
    writer.send(materialized("orders", data_version="v1"))

    seq = writer.send(materialized("orders", seconds=5, data_version="v2", code_version="c", metadata=to_entries({"rows": 3})))

    state = store.assets.states([ORDERS])[ORDERS]
    assert state.latest == Materialization(
        id=f"mat_{writer.run_id.removeprefix('run_')}_{seq}",
        asset=ORDERS,
        at=at(5),
        run_id=writer.run_id,
        step="orders",
        data_version="v2",
        code_version="c",
        metadata=to_entries({"rows": 3}),
        version="v2",
        changed_at=at(5),
        inputs=(),
    )
    assert (state.materialization_count, state.latest_run_id) == (2, writer.run_id)
    assert store.assets.materialization(state.latest.id) == state.latest


def test_nothing_is_known_of_an_asset_that_nothing_happened_to(store: Store) -> None:
    state = store.assets.states([ORDERS])[ORDERS]

    assert (state.latest, state.materialization_count, state.latest_run_id) == (None, 0, None)
    assert store.assets.materialization("mat_gone_1") is None
    assert store.assets.known_keys() == []


def test_known_assets_are_those_launched_or_recorded(store: Store) -> None:
    writer = begin(store, "orders")

    writer.send(materialized("by_the_way"), checked("seen", "c", passed=True))

    assert store.assets.known_keys() == ["by_the_way", "orders", "seen"]


def test_the_history_of_an_asset_is_paged_from_the_newest(store: Store) -> None:
    writer = begin(store, "orders")
    for number in range(7):
        writer.send(materialized("orders", f"p{number % 2}", seconds=number), materialized("other"))
    where = HistoryFilter(asset=ORDERS)

    first = store.assets.materializations(where, page=PageRequest(first=3))
    rest = store.assets.materializations(where, page=PageRequest(first=10, after=first.cursors[-1]))
    oldest = store.assets.materializations(where, page=PageRequest(last=2))

    assert [found.at for found in first.items + rest.items] == [at(number) for number in range(6, -1, -1)]
    assert (first.has_next, rest.has_next) == (True, False)
    assert [found.at for found in oldest.items] == [at(1), at(0)]
    assert store.assets.count_materializations(where) == 7


def test_the_history_of_single_partitions(store: Store) -> None:
    writer = begin(store, "orders")
    writer.send(*(materialized("orders", f"p{number % 3}", seconds=number) for number in range(6)))
    where = HistoryFilter(asset=ORDERS, partition_keys=("p0", "p2", "never"))

    assert [found.partition for found in store.assets.materializations(where).items] == ["p2", "p0", "p2", "p0"]
    assert store.assets.count_materializations(where) == 4
    assert store.assets.materializations(HistoryFilter(asset=ORDERS, partition_keys=())).items == []
    assert store.assets.materializations(HistoryFilter(asset=AssetKey("gone"))).items == []


def test_a_check_shows_its_latest_result(store: Store) -> None:
    writer = begin(store, "orders")
    writer.send(checked("orders", "fresh", passed=True), checked("orders", "whole", passed=True))

    seq = writer.send(checked("orders", "fresh", passed=False, seconds=3, severity=Severity.WARN, is_blocking=True, description="old"))

    results = store.assets.check_results([(ORDERS, "fresh"), (ORDERS, "whole"), (ORDERS, "gone"), (AssetKey("gone"), "fresh")])
    assert set(results) == {(ORDERS, "fresh"), (ORDERS, "whole")}
    latest = results[ORDERS, "fresh"]
    assert (latest.passed, latest.severity, latest.is_blocking, latest.description, latest.at) == (False, Severity.WARN, True, "old", at(3))
    assert (latest.run_id, latest.id) == (writer.run_id, f"chk_{writer.run_id.removeprefix('run_')}_{seq}")
    assert store.assets.check_results([]) == {}


def test_the_history_of_a_check_is_paged_and_filtered_by_partition(store: Store) -> None:
    writer = begin(store, "orders")
    writer.send(*(checked("orders", "fresh", passed=True, partition=f"p{number % 2}", seconds=number) for number in range(5)))
    writer.send(checked("orders", "whole", passed=True))

    newest = store.assets.check_history(ORDERS, "fresh", page=PageRequest(first=2))
    rest = store.assets.check_history(ORDERS, "fresh", page=PageRequest(first=9, after=newest.cursors[-1]))
    one = store.assets.check_history(ORDERS, "fresh", partition_key="p1")

    assert [found.at for found in newest.items + rest.items] == [at(number) for number in (4, 3, 2, 1, 0)]
    assert [found.partition for found in one.items] == ["p1", "p1"]
    assert store.assets.check_history(ORDERS, "fresh", partition_key="never").items == []
    assert store.assets.count_check_history(ORDERS, "fresh") == 5
    assert store.assets.count_check_history(ORDERS, "fresh", partition_key="p0") == 3


def test_a_cursor_of_another_list_is_refused(store: Store) -> None:
    writer = begin(store, "orders")
    writer.send(materialized("orders"))
    cursor = store.assets.materializations(HistoryFilter(asset=ORDERS)).cursors[0]

    with pytest.raises(RequestError, match="belongs to a list sorted by materializations"):
        store.assets.check_history(ORDERS, "fresh", page=PageRequest(after=cursor))
