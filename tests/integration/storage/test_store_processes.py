"""Several processes at once on one SQLite file, some of them killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from partita.definitions.keys import AssetKey
from partita.records.events import AssetMaterialized, LogWritten, RunStatusChanged
from partita.records.filters import RunFilter
from partita.records.pages import PageRequest
from partita.records.runs import FINISHED, Run, RunStatus
from partita.storage.store import Store
from support.stores import url_of

TESTS = Path(__file__).parents[2]


def start(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "support.store_processes", *command],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> list[str]:
    """The lines of a process that ended well."""
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    return out.splitlines()


def kill_after_some_lines(writer: subprocess.Popen[str]) -> tuple[str, int]:
    """Kill a writer while it writes. Answers the run and the newest `seq` that it told of."""
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(40)]
    writer.kill()
    lines += [line for line in writer.stdout if line.endswith("\n")]
    writer.communicate()
    run_id, seq = lines[-1].split()
    return run_id, int(seq)


def every_run(store: Store) -> list[Run]:
    return store.runs.list(page=PageRequest(first=100_000)).items


def check_history(store: Store) -> None:
    """What must hold of every run, whatever happened: no gap in its log, one end at most, and summaries that agree with the log."""
    counted: Counter[str] = Counter()
    for run in every_run(store):
        events = store.events.after(run.id, seq=0, limit=1_000_000)
        assert [each.seq for each in events] == list(range(1, run.last_seq + 1))
        statuses = [each.event.status for each in events if isinstance(each.event, RunStatusChanged)]
        assert statuses[-1] is run.status
        assert all(status not in FINISHED for status in statuses[:-1])
        assert not run.status.is_finished or isinstance(events[-1].event, RunStatusChanged)
        written = [each.event.asset for each in events if isinstance(each.event, AssetMaterialized)]
        assert store.runs.stats([run.id])[run.id].materializations == len(written)
        counted.update(written)
    states = store.assets.states([AssetKey(key) for key in counted])
    assert {str(key): state.materialization_count for key, state in states.items()} == dict(counted)
    assert store.maintenance.problems() == []


def test_processes_that_write_at_once_never_meet_a_lock(tmp_path: Path) -> None:
    with Store(url_of(tmp_path)) as store:
        workers = [start("work", store.url, f"w{number}", "30") for number in range(3)]
        readers = [start("read", store.url, "r", "150")]

        acknowledged = dict(line.split() for worker in workers for line in finish(worker))
        for reader in readers:
            finish(reader)

        assert store.runs.count() == 90
        runs = {run.id: run for run in every_run(store)}
        assert {run_id: str(runs[run_id].last_seq) for run_id in acknowledged} == acknowledged
        assert len(acknowledged) == store.runs.count(RunFilter(statuses=(RunStatus.SUCCEEDED,)))
        check_history(store)


def test_a_killed_writer_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with Store(url_of(tmp_path)) as store:
        acknowledged = dict(map(kill_after_some_lines, [start("tell", store.url, f"w{number}") for number in range(2)]))

        for run_id, seq in acknowledged.items():
            assert store.runs.get(run_id).last_seq >= seq
            lines = [each.event.message for each in store.events.after(run_id, seq=0, limit=100_000) if isinstance(each.event, LogWritten)]
            assert lines == [str(number) for number in range(len(lines))]
            assert len(lines) % 3 == 0, "a batch is there whole or not at all"
        check_history(store)


@pytest.mark.parametrize("processes", [3])
def test_a_run_that_was_taken_away_is_never_written_by_its_former_holder(tmp_path: Path, processes: int) -> None:
    with Store(url_of(tmp_path)) as store:
        refused = [int(line) for each in [start("lose", store.url, f"w{n}", "25") for n in range(processes)] for line in finish(each)]

        assert sum(refused) > 0
        ends = Counter(run.status for run in every_run(store))
        assert ends[RunStatus.FAILED] >= sum(refused)
        check_history(store)
