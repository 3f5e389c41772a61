"""Looking after a database: whether it is sound, how large it is, copies of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from partita.errors import OperationError, StorageUnavailableError
from partita.records.backfills import BackfillItem, BackfillRequest
from partita.records.events import StepFailed, StepStarted, StepSucceeded
from partita.records.runs import RunStatus
from partita.storage.store import Store
from support.stores import BOOM, NOON, at, begin, checked, claim, launch, log, materialized, status, url_of


def fill(store: Store) -> str:
    """Something of everything. Answers the run that has ended."""
    writer = begin(store, "orders", "sales", partition_keys=("mon", "tue"))
    writer.send(StepStarted(at=NOON, step="orders"), log("x"), materialized("orders", "mon"), checked("orders", "fresh", passed=True))
    writer.send(StepFailed(at=NOON, step="orders", error=BOOM, duration=1, retry_after=1), StepStarted(at=NOON, step="orders", attempt=2))
    writer.send(StepSucceeded(at=NOON, step="orders", attempt=2, duration=1))
    writer.send(StepFailed(at=at(1), step="sales", error=BOOM, duration=1), status(RunStatus.FAILED, 2, error=BOOM))
    begin(store, "orders", partition_keys=("wed",))
    launch(store, "orders", location="elsewhere")
    items = [BackfillItem(partition=day) for day in ("mon", "tue")]
    store.backfills.create(BackfillRequest(), items)
    return writer.run_id


def test_a_sound_database_has_no_problem(store: Store) -> None:
    fill(store)

    assert store.maintenance.problems() == []


WRONG = {
    "DELETE FROM run_events WHERE run_id = :run AND seq = 3": "Run {run} has 12 events from 1 to 13; its last should be 13.",
    "UPDATE runs SET last_seq = 99 WHERE id = :run": "Run {run} has 13 events from 1 to 13; its last should be 99.",
    "DELETE FROM run_events WHERE run_id = :run": "Run {run} has no events, and should have 13.",
    "UPDATE runs SET status = 'succeeded' WHERE id = :run": "Run {run} is succeeded; its log says that it ended as failed.",
    "UPDATE runs SET materializations = 3 WHERE id = :run": "Run {run} says that it has written 3 times; its log says 1.",
    "UPDATE run_events SET kind = 'step_failed', payload = (SELECT payload FROM run_events WHERE run_id = :run AND seq = 8) "
    "WHERE run_id = :run AND seq = 10": "Attempt 1 at step 'orders' of run {run} has ended twice.",
    "UPDATE run_events SET kind = 'status', payload = (SELECT payload FROM run_events WHERE run_id = :run AND seq = 13) "
    "WHERE run_id = :run AND seq = 12": "Run {run} has become failed after it had ended as failed.",
    "UPDATE assets SET materialization_count = 7 WHERE key = 'orders'": "Asset 'orders' says that it was written 7 times; its history holds 1.",
    "UPDATE asset_partitions SET run_id = :run WHERE status = 'running'": "Partition 'wed' of asset 'orders' is being written by run {run}, "
    "which is not active.",
    "UPDATE partition_counts SET count = 5 WHERE status = 'materialized'": "5 partitions of asset 'orders' are counted as materialized; 1 are.",
    "DELETE FROM backfill_items WHERE position = 0": "has 1 items, and should have 2.",
}


@pytest.mark.parametrize(("statement", "said"), WRONG.items())
def test_a_record_that_contradicts_others_is_named(store: Store, statement: str, said: str) -> None:
    run = fill(store)
    store._database.write(lambda connection: connection.execute(text(statement), {"run": run} if ":run" in statement else {}))

    assert any(said.format(run=run) in problem for problem in store.maintenance.problems()), store.maintenance.problems()


def test_the_size_of_a_database(store: Store) -> None:
    fill(store)

    found = store.maintenance.size()

    assert (found.rows["runs"], found.rows["backfill_items"], found.rows["checks"]) == (3, 2, 1)
    assert found.bytes > 100_000
    assert found.oldest_event is not None


def test_a_copy_holds_everything_while_a_writer_goes_on(tmp_path: Path) -> None:
    with Store(url_of(tmp_path)) as store, Store(url_of(tmp_path)) as other:
        run = fill(store)
        store.maintenance.backup(tmp_path / "copy.db")
        launch(other)

        with Store(f"sqlite:///{tmp_path / 'copy.db'}", migrate=False) as copy:
            assert copy.runs.get(run) == store.runs.get(run)
            assert copy.runs.count() == store.runs.count() - 1
            assert copy.maintenance.problems() == []
            claim(copy)


def test_a_copy_that_cannot_be_written_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    with Store(url_of(tmp_path)) as store:
        with pytest.raises(OperationError):
            store.maintenance.backup(tmp_path / "missing" / "copy.db")

        assert sorted(path.name for path in tmp_path.iterdir() if "copy" in path.name) == []
        launch(store)


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    with Store(url_of(tmp_path)) as store:
        begin(store, "orders").send(*(log("line of the log") for _ in range(100)))
        store.maintenance.backup(tmp_path / "copy.db")
    raw = bytearray((tmp_path / "copy.db").read_bytes())
    page = raw.rindex(b"line of the log") // 4096 * 4096
    raw[page : page + 12] = b"\xff" * 12
    (tmp_path / "copy.db").write_bytes(raw)

    with Store(f"sqlite:///{tmp_path / 'copy.db'}", migrate=False) as copy, pytest.raises(StorageUnavailableError, match="restore it from a backup"):
        copy.maintenance.problems()
