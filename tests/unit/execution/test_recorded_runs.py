"""Runs in this process that a store remembers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any

import pytest

import partita as pt
from partita.errors import ExecutionError, OperationError, StepFailedError
from partita.records.filters import HistoryFilter
from partita.records.pages import PageRequest
from partita.records.runs import RunStatus, StepStatus
from support.running import a_chain, kinds


@pytest.fixture
def store(tmp_path: Path) -> Iterator[pt.Store]:
    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as opened:
        yield opened


@pt.asset
def raw() -> int:
    return 2


@pt.asset
def doubled(raw: int) -> int:
    return raw * 2


@pt.asset
def boom(raw: int) -> int:
    raise ValueError("bad weather")


def log_of(store: pt.Store, run_id: str) -> list[Any]:
    return [stored.event for stored in store.events.after(run_id, seq=0, limit=500)]


def test_a_run_is_remembered_with_its_events_and_steps(store: pt.Store) -> None:
    result = pt.materialize([raw, doubled], store=store, tags={"team": "x"})

    run = store.runs.get(result.run_id)
    assert (run.status, run.request.location, run.request.tags) == (RunStatus.SUCCEEDED, "in-process", {"team": "x"})
    assert run.catalog_hash is not None
    assert [(step.key, step.status) for step in store.runs.steps([run.id])[run.id]] == [
        ("raw", StepStatus.SUCCEEDED),
        ("doubled", StepStatus.SUCCEEDED),
    ]
    assert kinds(log_of(store, run.id)) == ["status", "status", *kinds(result.events)]
    page = store.assets.materializations(HistoryFilter(asset=doubled.key), page=PageRequest())
    assert [each.run_id for each in page.items] == [result.run_id]


def test_values_are_kept_beside_the_database_and_found_by_later_runs(store: pt.Store, tmp_path: Path) -> None:
    pt.materialize([raw, doubled], store=store)

    later = pt.materialize([raw, doubled], selection="doubled", store=store)

    assert later.value("doubled") == 4
    assert (tmp_path / "values/assets/doubled/value.json").read_text() == "4"


def test_a_failed_run_is_remembered_before_its_error_is_raised(store: pt.Store) -> None:
    with pytest.raises(StepFailedError):
        pt.materialize([raw, boom, doubled], store=store)

    (run,) = store.runs.list(page=PageRequest()).items
    assert run.status is RunStatus.FAILED
    assert {step.key: step.status for step in store.runs.steps([run.id])[run.id]} == {
        "raw": StepStatus.SUCCEEDED,
        "boom": StepStatus.FAILED,
        "doubled": StepStatus.SUCCEEDED,
    }


def test_an_interrupted_run_is_remembered_as_cancelled(store: pt.Store) -> None:
    @pt.asset
    def interrupted() -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pt.materialize([interrupted, raw], store=store)

    (run,) = store.runs.list(page=PageRequest()).items
    assert run.status is RunStatus.CANCELED
    assert {step.status for step in store.runs.steps([run.id])[run.id]} == {StepStatus.CANCELED}


def test_a_request_that_cannot_be_granted_leaves_no_run(store: pt.Store) -> None:
    with pytest.raises(pt.RequestError):
        pt.materialize([raw], partition="2013-01-01", store=store)

    assert store.runs.count() == 0


def test_a_resumed_run_knows_its_parent_when_the_store_does(store: pt.Store) -> None:
    state = {"fails": True}

    @pt.op
    def a() -> int:
        return 1

    @pt.op
    def b(x: int) -> int:
        if state["fails"]:
            raise ValueError
        return x + 1

    @pt.job
    def job() -> None:
        b(a())

    first: Any = job.execute(store=store, raise_on_error=False)
    state["fails"] = False
    second: Any = job.execute(store=store, resume=first)

    run = store.runs.get(second.run_id)
    assert second.value("b") == 2
    assert (run.request.parent_id, run.root_id, run.attempt) == (first.run_id, first.run_id, 2)
    assert [(step.key, step.attempt) for step in store.runs.steps([run.id])[run.id]] == [("a", 0), ("b", 1)]

    in_memory: Any = job.execute()
    assert store.runs.get(job.execute(store=store, resume=in_memory).run_id).request.parent_id is None  # type: ignore[attr-defined]


def test_a_run_can_be_cancelled_through_the_store(store: pt.Store) -> None:
    @pt.asset
    def patient(context: pt.AssetContext) -> int:
        store.runs.request_cancel(context.run_id, force=False)
        began = perf_counter()
        while not context.is_cancelled and perf_counter() - began < 20:
            pass
        return 1

    result = pt.materialize([patient, raw], store=store, raise_on_error=False)

    assert result.status is RunStatus.CANCELED
    assert result.steps == {"patient": StepStatus.SUCCEEDED, "raw": StepStatus.CANCELED}
    assert store.runs.get(result.run_id).status is RunStatus.CANCELED
    with pytest.raises(ExecutionError, match="was cancelled"):
        pt.materialize([patient, raw], store=store)


def test_runs_of_several_threads_do_not_take_each_other(store: pt.Store) -> None:
    results: list[Any] = []
    threads = [Thread(target=lambda: results.append(pt.materialize([raw, doubled], store=store))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({result.run_id for result in results}) == 6
    assert {store.runs.get(result.run_id).status for result in results} == {RunStatus.SUCCEEDED}


def test_a_run_left_in_the_queue_by_a_process_that_died_is_left_alone(store: pt.Store) -> None:
    first = pt.materialize([raw], store=store)
    (left,) = store.runs.launch([first.request]).runs

    pt.materialize([raw, doubled], store=store)

    assert store.runs.get(left.id).status is RunStatus.QUEUED


def test_a_store_that_fails_stops_the_run_and_says_so(store: pt.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any, **_options: Any) -> int:
        raise OperationError("disk full")

    monkeypatch.setattr(store.events, "append", fail)

    with pytest.raises(OperationError, match="could not be recorded to its end: disk full"):
        pt.materialize([raw, doubled], store=store)


def test_remembering_a_hundred_chained_assets_takes_a_moment(store: pt.Store) -> None:
    assets = a_chain(100)
    pt.materialize(assets, store=store)

    durations = []
    for _ in range(3):
        began = perf_counter()
        result = pt.materialize(assets, store=store)
        durations.append(perf_counter() - began)

    assert len(log_of(store, result.run_id)) == 500
    # 70 to 120 ms; replacing a file takes this file system two milliseconds more
    assert min(durations) < 1.5
