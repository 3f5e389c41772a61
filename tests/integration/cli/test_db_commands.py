"""`partita db`: size, copies, soundness, and what retention removes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.records.runs import RunStatus
from partita.storage.store import Store
from support.shell import Shell
from support.stores import begin, log, materialized, status


@pytest.fixture
def partita(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    (tmp_path / "partita.toml").write_text('[[location]]\nname = "shop"\nfile = "shop.py"\n')
    monkeypatch.chdir(tmp_path)
    return Shell(capsys, monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The workspace's, with a run that ended long ago and has left captured output."""
    home = tmp_path / ".partita"
    home.mkdir()
    with Store(f"sqlite:///{home / 'partita.db'}") as store:
        writer = begin(store, "orders")
        writer.send(log("x"), materialized("orders"), status(RunStatus.SUCCEEDED, 1))
        logs = home / "logs" / writer.run_id
        logs.mkdir(parents=True)
        (logs / "orders.1.out").write_text("printed")
        yield store


def test_stats_show_rows_and_sizes(partita: Shell, store: Store) -> None:
    assert "run_events" in partita("db", "stats").out

    found = json.loads(partita("db", "stats", "--json").out)

    assert (found["rows"]["runs"], found["logs"], found["values"]) == (1, 7, 0)
    assert found["bytes"] > 100_000


def test_a_database_that_is_not_there_is_told_and_not_made(partita: Shell, tmp_path: Path) -> None:
    for command in (["stats"], ["check"], ["prune"], ["backup", "copy.db"]):
        assert "There is no database" in partita.refusal("db", *command, code=1)
    assert not (tmp_path / ".partita").exists()
    assert not (tmp_path / "copy.db").exists()


def test_prune_removes_events_and_output_of_old_runs_and_nothing_else(partita: Shell, store: Store, tmp_path: Path) -> None:
    [run] = store.runs.list().items
    assert partita("db", "prune").out.strip() == "Removed: events 7, run statuses 1."

    assert store.events.count(run.id) == 0
    assert store.runs.list().items == [run]
    assert not (tmp_path / ".partita" / "logs" / run.id).exists()
    assert partita("db", "prune").out.strip() == "Nothing is older than what is kept."
    assert "is sound" in partita("db", "check").out


def test_prune_keeps_what_it_is_told_to_keep(partita: Shell, store: Store) -> None:
    assert json.loads(partita("db", "prune", "--events", "99999d", "--json").out)["events"] == 0
    assert "'soon' is not a duration" in partita.refusal("db", "prune", "--events", "soon")


def test_check_prints_every_problem_and_fails(partita: Shell, store: Store) -> None:
    store._database.write(lambda connection: connection.exec_driver_sql("UPDATE runs SET last_seq = 9"))
    store._database.write(lambda connection: connection.exec_driver_sql("UPDATE assets SET materialization_count = 4"))

    done = partita("db", "check")

    assert done.code == 1
    assert len(done.out.splitlines()) == 2
    assert "has 2 problems" in done.err
    assert len(json.loads(partita("db", "check", "--json").out)["problems"]) == 2


def test_a_backup_is_a_database(partita: Shell, store: Store, tmp_path: Path) -> None:
    assert "is copied into copy.db" in partita("db", "backup", "copy.db").out
    assert "is there already" in partita.refusal("db", "backup", "copy.db")
    assert "is copied" in partita("db", "backup", "copy.db", "--force").out
    assert "does not exist" in partita.refusal("db", "backup", "missing/copy.db")

    with Store(f"sqlite:///{tmp_path / 'copy.db'}", migrate=False) as copy:
        assert copy.runs.list() == store.runs.list()
