"""The figures of the command line, the server, runs and `materialize()`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, timed, wait_until_loaded, warm_dev
from support.dev import COMMAND, ENVIRON, Dev, running_dev
from support.projects import make_project

CHAIN = """
import sys, time
import partita as pt
from partita import materialize

def chain(length):
    def link(number):
        if number == 0:
            def first() -> int:
                return 0
            return pt.asset(key="a0")(first)
        def following(before: int) -> int:
            return before + 1
        return pt.asset(key=f"a{number}", ins={"before": pt.In(key=f"a{number - 1}")})(following)
    return [link(number) for number in range(length)]

assets = chain(100)
url = sys.argv[1] if len(sys.argv) > 1 else None
if url:
    with pt.Store(url) as store:
        began = time.perf_counter()
        result = materialize(assets, store=store)
        took = time.perf_counter() - began
else:
    began = time.perf_counter()
    result = materialize(assets)
    took = time.perf_counter() - began
assert result.success and result.value("a99") == 99
print(took)
"""


def measure_help() -> Iterator[Figure]:
    """`partita --help` as a whole process."""
    values = [timed(lambda: subprocess.run([*COMMAND, "--help"], check=True, capture_output=True, env=ENVIRON)) for _ in range(11)][1:]
    yield Figure(what="`partita --help`", incumbent="1.45 s (`--version`)", reach="< 250 ms", values=values)


def measure_dev() -> Iterator[Figure]:
    """`partita dev` on an existing home: spawn to the first answered query, then what it weighs when idle."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_project(Path(scratch) / "project")
        values, memory = [], []
        for number in range(11):
            began = time.perf_counter()
            with running_dev(folder) as dev:
                took = (time.perf_counter() - began) * 1000
                if number:  # the first makes the home
                    values.append(took)
                if number == 10:
                    wait_until_loaded(dev)
                    time.sleep(10)  # idle
                    memory.append(proportional_megabytes(dev))
        yield Figure(what="`partita dev` spawn to first answer, existing home", incumbent="6.6 s", reach="< 1.5 s", values=values)
        yield Figure(what="idle memory of all its processes (PSS), one location", incumbent="496 MB", reach="< 250 MB", values=memory, unit="MB")


def measure_launch() -> Iterator[Figure]:
    """The launch mutation until a subscriber sees SUCCEEDED: one trivial op on a warm location."""
    with warm_dev() as dev, dev.client() as client:
        values = [timed(lambda: client.launch("trivial_job").wait(raise_on_failure=True)) for _ in range(40)][5:]
        yield Figure(what="launch to SUCCEEDED seen by a subscriber, one trivial op, warm", incumbent="6.9 s", reach="< 300 ms", values=values)


def measure_partitions() -> Iterator[Figure]:
    """31 daily partitions of one small asset, launched at once, until the last has ended."""
    with warm_dev() as dev, dev.client() as client:

        def all_days() -> None:
            for run in client.materialize_all("day", partition=("2013-01-01", "2013-01-31")):
                run.wait(raise_on_failure=True)

        values = [timed(all_days) / 1000 for _ in range(4)][1:]
        yield Figure(
            what="31 daily partitions launched at once, until all done", incumbent="0.5 to 7 s each", reach="< 10 s in all", values=values, unit="s"
        )


def measure_materialize() -> Iterator[Figure]:
    """100 trivial chained assets in one process, each time a fresh one."""
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch) / "chain.py"
        script.write_text(CHAIN)

        def run(*args: str) -> float:
            done = subprocess.run([sys.executable, str(script), *args], check=True, capture_output=True, text=True, cwd=scratch, env=ENVIRON)
            return float(done.stdout) * 1000

        yield Figure(what="`materialize()` of 100 chained assets", incumbent="2.2 s", reach="< 100 ms", values=[run() for _ in range(11)][1:])
        values = [run(f"sqlite:///{scratch}/runs{number}.db") for number in range(11)][1:]
        yield Figure(what="the same remembered in SQLite", incumbent="8.4 s", reach="< 400 ms", values=values)


def proportional_megabytes(dev: Dev) -> float:
    """The proportional set sizes of all its processes, in MB (1000 kB)."""
    total = 0
    for pid in dev.processes():
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1000
