"""What is particular to PostgreSQL: servers that restart, are away or wrong, writers that take turns, the bell. Skipped without binaries.

All other tests of the store run on it too, among the long ones.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from partita.definitions.keys import AssetKey
from partita.errors import StorageUnavailableError
from partita.records.assets import PartitionStatus
from partita.records.changes import ChangeKind
from partita.records.events import LogWritten
from partita.records.runs import RunStatus
from partita.storage import schema
from partita.storage.store import Store
from partita.storage.tables import metadata
from support.sites import a_site, kill, processes_of
from support.stores import Writer, begin, claim, launch, log, materialized, plan, request, status
from support.waiting import eventually

TESTS = Path(__file__).parents[2]


@pytest.fixture
def url(postgres: Any) -> Iterator[str]:
    made = postgres.database()
    yield made
    postgres.drop(made)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(StorageUnavailableError) as caught:
        act()
    return str(caught.value)


def answers(store: Store) -> bool:
    try:
        store.now()
    except StorageUnavailableError:
        return False
    return True


def processes(role: str, url: str, count: int, *arguments: str) -> list[list[str]]:
    """What several processes that use the database at once have said."""
    command = [sys.executable, "-m", "support.store_processes", role, url]
    started = [subprocess.Popen([*command, f"w{number}", *arguments], stdout=subprocess.PIPE, text=True, cwd=TESTS) for number in range(count)]
    said = [process.communicate(timeout=100)[0].splitlines() for process in started]
    assert [process.returncode for process in started] == [0] * count
    return said


def test_a_database_that_is_not_there_is_named_with_what_to_do(postgres: Any) -> None:
    assert "createdb gone" in refusal(lambda: Store(postgres.url("gone")))


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    said = refusal(lambda: Store("postgresql+psycopg://someone:secret@127.0.0.1:1/partita"))

    assert "127.0.0.1:1/partita" in said
    assert "secret" not in said


def test_a_fresh_database_gets_its_tables_once(postgres: Any) -> None:
    postgres.execute("CREATE DATABASE fresh")
    url = postgres.url("fresh")
    try:
        threads = [threading.Thread(target=lambda: Store(url).close()) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with Store(url, migrate=False) as store:
            assert store.check_schema().is_current
    finally:
        postgres.drop(url)


def test_an_older_database_is_upgraded(url: str) -> None:
    with Store(url) as store:
        begin(store, "orders", partition_keys=("mon",)).send(materialized("orders", "mon"))
        counts = store.assets.partition_counts([AssetKey("orders")])
        triggers = ("added", "moved", "removed")
        undo = [f"DROP FUNCTION count_partition_{name} CASCADE" for name in triggers]
        undo += [
            f"DROP TABLE {name}"
            for name in ("partition_counts", "condition_states", "condition_evaluations", "asset_freshness", "alerts", "paused_conditions")
        ]
        undo += ["ALTER TABLE heartbeats DROP COLUMN lateness", "ALTER TABLE heartbeats DROP COLUMN past"]
        for statement in (*undo, "UPDATE alembic_version SET version_num = '0003'"):
            store._database.write(lambda connection, sql: connection.exec_driver_sql(sql), statement)

    assert schema.upgrade(url).found == "0003"

    with Store(url, migrate=False) as store:
        assert store.assets.partition_counts([AssetKey("orders")]) == counts
        assert store._database.read(lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)) == []
        begin(store, "orders", partition_keys=("tue",)).send(materialized("orders", "tue"))
        assert store.assets.partition_counts([AssetKey("orders")]) == {"orders": {PartitionStatus.MATERIALIZED: 2}}


def test_work_goes_on_when_the_server_restarts(postgres: Any, url: str) -> None:
    with Store(url) as store, store.bell() as bell:
        writer = begin(store, "orders")
        bell.poll()
        postgres.stop()
        restart = threading.Timer(1.0, postgres.start)
        restart.start()

        writer.send(log("told while it was away"), status(RunStatus.SUCCEEDED, 5))
        restart.join()

        assert store.runs.get(writer.run_id).status is RunStatus.SUCCEEDED
        eventually(bell.poll, what="the bell to ring again")
        launch(store, "orders")
        eventually(bell.poll, what="the bell to ring")


@pytest.mark.faults
def test_a_writer_that_is_gone_in_the_middle_does_not_keep_the_others_from_writing(url: str) -> None:
    begun, over = threading.Event(), threading.Event()
    said: list[str] = []

    def stay(_: Any) -> None:
        begun.set()
        over.wait(60)

    with Store(url) as silent, Store(url) as store:
        holder = threading.Thread(target=lambda: said.append(refusal(lambda: silent._database.write(stay))), daemon=True)
        holder.start()
        assert begun.wait(10)

        run = launch(store, "orders")

        assert not over.is_set()
        over.set()
        holder.join(30)
        assert len(said) == 1
        assert store.runs.get(run.id).status is RunStatus.QUEUED
        eventually(lambda: answers(silent), what="the other to go on once it is back")
        assert launch(silent, "orders").status is RunStatus.QUEUED


def test_a_call_fails_when_the_server_hangs_and_the_next_one_works_once_it_answers(postgres: Any, url: str) -> None:
    with Store(url, deadline=1.0) as store:
        run = launch(store, "orders")
        with postgres.frozen():
            said = refusal(lambda: store.runs.get(run.id))
            refusal(lambda: launch(store, "orders"))

        assert "Look whether it runs" in said
        eventually(lambda: answers(store), what="the server to answer again")
        launch(store, "orders")
        assert store.runs.get(run.id) == run


def test_the_bell_rings_for_commits_of_others_and_not_for_reading(url: str) -> None:
    with Store(url) as store, Store(url) as other, store.bell() as bell:
        assert not bell.poll()
        other.runs.list()
        assert not bell.poll()
        launch(other, "orders")
        assert bell.wait(5)
        assert not bell.poll()


def test_a_cursor_of_the_changes_misses_nothing_while_many_write(url: str) -> None:
    with Store(url) as store:
        cursor, seen = store.changes.latest(), Counter[str]()
        command = [sys.executable, "-m", "support.store_processes", "work", url]
        writers = [subprocess.Popen([*command, f"w{number}", "15"], stdout=subprocess.PIPE, text=True, cwd=TESTS) for number in range(3)]
        while True:
            are_done = all(writer.poll() is not None for writer in writers)
            batch = store.changes.after(cursor)
            cursor = batch.cursor
            seen.update(change.subject for change in batch.changes if change.kind is ChangeKind.RUN)
            if are_done and not batch.changes:
                break
            time.sleep(0.005)
        for writer in writers:
            writer.communicate()

        assert set(seen) == {run.id for run in store.runs.list().items} or len(seen) == store.runs.count() == 45
        for run in store.runs.list().items:
            events = store.events.after(run.id, seq=0)
            assert [event.seq for event in events] == list(range(1, run.last_seq + 1))


def test_no_run_is_claimed_twice(url: str) -> None:
    with Store(url) as store:
        launched = [run.id for _ in range(3) for run in store.runs.launch([request("orders") for _ in range(100)]).runs]

    claimed = Counter(line.split()[0] for lines in processes("grab", url, 4, "10") for line in lines)

    assert set(claimed) == set(launched)
    assert set(claimed.values()) == {1}


def test_a_writer_that_is_killed_holds_nobody_up(url: str) -> None:
    command = [sys.executable, "-m", "support.store_processes", "tell", url, "killed"]
    with Store(url) as store:
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=TESTS)
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(20)]
        writer.kill()
        writer.communicate()

        run_id, seq = lines[-1].split()
        assert store.runs.get(run_id).last_seq >= int(seq)
        launch(store, "orders")
        [claimed] = claim(store)
        Writer(store, claimed).send(plan("a"), status(RunStatus.RUNNING), status(RunStatus.SUCCEEDED))


def test_a_worker_and_a_daemon_on_it(url: str, tmp_path: Path) -> None:
    source = """
@pt.asset
def numbers() -> list[int]:
    return [1, 2, 3]

@pt.asset
def total(numbers: list[int]) -> int:
    print("adding", numbers)
    return sum(numbers)

@pt.asset
def patient() -> None:
    note("patient")
    wait_for("go")
"""
    with a_site(tmp_path, storage=url, main=source) as site:
        site.start("daemon", lease=2.0, sweep=0.2)
        worker = site.work(lease=2.0)
        run = site.finished(site.launch("numbers", "total"))
        assert run.status is RunStatus.SUCCEEDED
        assert site.store.assets.latest(run.request.assets[1]) is not None
        waiting = site.launch("patient")
        site.noted("patient")
        kill(worker.pid)

        ended = site.finished(waiting)
        assert ended.status is RunStatus.FAILED
        assert processes_of(waiting) == []


@pytest.mark.faults
def test_a_server_that_is_killed_under_load_loses_and_doubles_nothing(postgres: Any, url: str) -> None:
    command = [sys.executable, "-m", "support.store_processes", "insist", url]
    writers = [subprocess.Popen([*command, f"w{number}", "400"], stdout=subprocess.PIPE, text=True, cwd=TESTS) for number in range(4)]
    said = [[writer.stdout.readline() for _ in range(10)] for writer in writers if writer.stdout is not None]
    for _ in range(3):
        postgres.crash()
        postgres.start()
        [lines.append(writer.stdout.readline()) for writer, lines in zip(writers, said, strict=True) if writer.stdout is not None]

    with Store(url) as store:
        for writer, lines in zip(writers, said, strict=True):
            lines += writer.communicate(timeout=100)[0].splitlines()
            run_id, last = lines[-1].split()
            assert writer.returncode == 0
            told = [each.event.message for each in store.events.after(run_id, seq=0, limit=10_000) if isinstance(each.event, LogWritten)]
            assert told == [str(number) for number in range(1200)]
            assert store.runs.get(run_id).last_seq == int(last)


@pytest.mark.faults
def test_a_worker_ends_what_it_runs_while_the_server_hangs_for_longer_than_a_lease(postgres: Any, url: str, tmp_path: Path) -> None:
    source = """
@pt.asset
def patient() -> None:
    note("patient")
    wait_for("never")

@pt.asset
def quick() -> None: ...
"""
    with a_site(tmp_path, storage=url, main=source) as site:
        site.start("daemon", lease=10.0, sweep=0.2)
        site.work(lease=10.0)
        run = site.launch("patient")
        site.noted("patient")

        with postgres.frozen():
            eventually(lambda: processes_of(run) == [], seconds=10, what="the step to be ended before the lease is over")

        assert site.finished(run).status is RunStatus.FAILED
        assert site.finished(site.launch("quick")).status is RunStatus.SUCCEEDED
