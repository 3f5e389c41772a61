from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from partita.errors import OperationError, SchemaVersionError, SettingsError, StorageUnavailableError
from partita.records.runs import RunStatus
from partita.storage import engine, schema, sqlite
from partita.storage.store import Store
from support.stores import begin, launch, log, url_of


def refusal(act: Callable[[], object]) -> str:
    """The one sentence or two with which the database's absence is told."""
    with pytest.raises(StorageUnavailableError) as caught:
        act()
    message = str(caught.value)
    assert "sqlalche" not in message
    assert "\n" not in message
    return message


def test_what_was_written_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    with Store(url_of(tmp_path)) as first:
        writer = begin(first, "orders")
        writer.send(log("kept"))

    with Store(url_of(tmp_path)) as second:
        assert second.runs.get(writer.run_id).status is RunStatus.RUNNING
        assert second.events.count(writer.run_id) == 5


def test_a_store_knows_where_it_is(tmp_path: Path) -> None:
    with Store.open(url_of(tmp_path)) as store:
        assert store.database_path == tmp_path / "partita.db"
        assert store.url == url_of(tmp_path)


def test_many_that_open_a_new_database_at_once_make_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as threads:
        stores = list(threads.map(lambda _: Store(url_of(tmp_path)), range(6)))

    for store in stores:
        launch(store, "orders")
    assert [store.runs.count() for store in stores] == [6] * 6
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("mysql://localhost/x", "does not work with mysql"),
        ("partita.db", "is not a database URL"),
        ("", "is not a database URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        Store(url)


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    assert f"the directory {tmp_path / 'gone'} does not exist" in refusal(lambda: Store(url_of(tmp_path / "gone")))


def test_a_directory_is_not_a_database(tmp_path: Path) -> None:
    (tmp_path / "partita.db").mkdir()

    assert "it is a directory" in refusal(lambda: Store(url_of(tmp_path)))


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "partita.db").write_text("dear diary, " * 500)

    assert "is not a database" in refusal(lambda: Store(url_of(tmp_path)))
    assert (tmp_path / "partita.db").read_text().startswith("dear diary")


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with sqlite.driver().connect(tmp_path / "partita.db") as other:
        other.execute("CREATE TABLE songs (title)")

    with pytest.raises(SchemaVersionError, match="another program, such as 'songs'"):
        Store(url_of(tmp_path))


def test_without_migrate_a_database_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    assert "There is no database" in refusal(lambda: Store(url_of(tmp_path), migrate=False))
    assert list(tmp_path.iterdir()) == []


def test_without_migrate_an_empty_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "partita.db").touch()

    with pytest.raises(SchemaVersionError, match=r"is empty\. Create its tables with `partita db upgrade`"):
        Store(url_of(tmp_path), migrate=False)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    Store(url_of(tmp_path)).close()
    set_version(tmp_path, "9999")

    for migrate in (True, False):
        with pytest.raises(SchemaVersionError, match="has schema 9999, made by a newer Partita"):
            Store(url_of(tmp_path), migrate=migrate)


def test_an_older_schema_is_refused_without_migrate(tmp_path: Path) -> None:
    Store(url_of(tmp_path)).close()
    set_version(tmp_path, "0000")

    with pytest.raises(SchemaVersionError, match=f"has schema 0000; this Partita needs {schema.HEAD}. Run `partita db upgrade`"):
        Store(url_of(tmp_path), migrate=False)


def test_a_schema_that_changes_under_an_open_store_is_noticed(tmp_path: Path) -> None:
    with Store(url_of(tmp_path)) as store:
        assert store.check_schema().is_current
        set_version(tmp_path, "9999")

        with pytest.raises(SchemaVersionError, match="Restart it"):
            store.check_schema()


def set_version(directory: Path, version: str) -> None:
    # One SQLite library per process: two do not see each other's locks.
    with sqlite.driver().connect(directory / "partita.db") as database:
        database.execute("UPDATE alembic_version SET version_num = ?", [version])


@pytest.mark.parametrize("is_replaced", [False, True], ids=["deleted", "replaced"])
def test_a_database_that_disappears_while_in_use_is_not_written(tmp_path: Path, is_replaced: bool) -> None:
    with Store(url_of(tmp_path)) as store:
        run = launch(store, "orders")
        bell = store.bell()
        store.database_path.rename(tmp_path / "elsewhere.db")
        if is_replaced:
            Store(url_of(tmp_path)).close()

        for act in (lambda: launch(store, "orders"), lambda: store.runs.get(run.id), bell.poll, store.bell):
            assert "was deleted or replaced while it was in use" in refusal(act)
        bell.close()
    assert store.database_path.exists() == is_replaced


def test_a_full_disk_is_told_and_nothing_acknowledged_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite.connect

    def with_little_space(*args: object, **rest: object) -> object:
        connection = connect(*args, **rest)  # type: ignore[arg-type]
        connection.execute("PRAGMA max_page_count = 200")
        return connection

    monkeypatch.setattr(sqlite, "connect", with_little_space)
    with Store(url_of(tmp_path)) as store:
        writer = begin(store, "orders")
        assert "is full. Free some space" in refusal(lambda: [writer.send(log("x" * 5000)) for _ in range(500)])

        assert store.events.count(writer.run_id) == 4 + (writer.sent - 2)
        assert store.runs.get(writer.run_id).last_seq == 4 + (writer.sent - 2)


def test_a_database_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(url_of(tmp_path)) as store:
        launch(store, "orders")
    connect = sqlite.connect

    def read_only(path: Path, intent: sqlite.Intent, *, synchronous: sqlite.Synchronous) -> object:
        del intent
        return connect(path, "read", synchronous=synchronous)

    monkeypatch.setattr(sqlite, "connect", read_only)
    with Store(url_of(tmp_path)) as store:
        assert store.runs.count() == 1
        assert "Give this user write permission" in refusal(lambda: launch(store, "orders"))


def test_a_lock_that_is_held_for_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.02)
    monkeypatch.setattr(engine, "DEADLINE", 0.1)
    with Store(url_of(tmp_path)) as store:
        run = launch(store, "orders")
        holder = sqlite.driver().connect(store.database_path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")

        assert "is locked by another process" in refusal(lambda: launch(store, "orders"))
        assert store.runs.get(run.id) == run

        holder.execute("COMMIT")
        holder.close()
        assert launch(store, "orders").id


def test_a_lock_that_is_let_go_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.01)  # so that waiting means trying again
    with Store(url_of(tmp_path)) as store:
        holder = sqlite.driver().connect(store.database_path, isolation_level=None, check_same_thread=False)
        holder.execute("BEGIN IMMEDIATE")
        letting_go = threading.Timer(0.2, lambda: holder.execute("COMMIT"))
        letting_go.start()

        assert launch(store, "orders").status is RunStatus.QUEUED
        letting_go.join()
        holder.close()


def test_a_forked_child_cannot_use_its_parents_store(tmp_path: Path) -> None:
    script = """
        import os, sys
        from partita.errors import OperationError
        from partita.storage.store import Store
        from support.stores import launch

        store = Store(sys.argv[1])
        bell = store.bell()
        child = os.fork()
        if child == 0:
            refused = 0
            for act in (store.runs.count, lambda: launch(store), bell.poll, store.bell):
                try:
                    act()
                except OperationError as error:
                    refused += "a forked process must open its own" in str(error)
            store.close()
            with Store(sys.argv[1]) as own:
                launch(own)
            os._exit(refused)
        _, status = os.waitpid(child, 0)
        launch(store)
        print(os.waitstatus_to_exitcode(status), store.runs.count(), bell.poll())
    """
    assert run_python(script, url_of(tmp_path)) == "4 2 True"


def test_a_closed_store_refuses_to_work(tmp_path: Path) -> None:
    store = Store(url_of(tmp_path))
    store.close()

    for act in (store.runs.count, lambda: launch(store), store.bell):
        with pytest.raises(OperationError, match=r"store of .*partita\.db is closed"):
            act()
    store.close()


def test_a_closed_store_leaves_no_file_open(tmp_path: Path) -> None:
    script = """
        import os, sys
        from concurrent.futures import ThreadPoolExecutor
        from partita.storage.store import Store
        from support.stores import launch

        store = Store(sys.argv[1])
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: (launch(store), store.runs.list()), range(20)))
        store.bell().close()
        store.close()
        fds = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]
        print([name for name in fds if "partita.db" in name])
    """
    assert run_python(script, url_of(tmp_path)) == "[]"
    assert [path.name for path in tmp_path.iterdir()] == ["partita.db"]


def run_python(script: str, *args: str) -> str:
    """What a script of its own process prints."""
    tests = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", dedent(script), *args], env={**os.environ, "PYTHONPATH": str(tests)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_error_of_the_database_does_not_tell_what_was_stored(store: Store) -> None:
    with pytest.raises(DBAPIError) as caught:
        store._database.read(lambda connection: connection.execute(text("SELECT :value FROM nowhere"), {"value": "s3cret"}))

    assert "nowhere" in str(caught.value)
    assert "s3cret" not in str(caught.value)
