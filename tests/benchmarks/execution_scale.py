"""The figures of executors: steps per second in one process and in many, mapped and async steps, many runs at once."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, wait_until_loaded, warm_dev
from support.dev import ENVIRON, running_dev

IN_PROCESS = """
import asyncio, inspect, json, sys, time
import partita as pt

def plain(number):
    @pt.asset(key=f"a{number}")
    def asset() -> int:
        return number
    return asset

def waiting(number):
    @pt.asset(key=f"w{number}")
    async def asset() -> int:
        await asyncio.sleep(1)
        return number
    return asset

@pt.op(out=pt.DynamicOut())
def items():
    for number in range(5000):
        yield pt.DynamicOutput(number, mapping_key=str(number))

@pt.op
def doubled(n: int) -> int:
    return 2 * n

@pt.op
def total(ns: list[int]) -> int:
    return sum(ns)

@pt.job
def mapped():
    total(items().map(doubled).collect())

@pt.asset
def frames() -> int:
    stack = [frame.function for frame in inspect.stack()[1:]]
    return stack.index("materialize")

def seconds(act):
    began = time.perf_counter()
    assert act().success
    return time.perf_counter() - began

thousand = [plain(number) for number in range(1000)]
found = {"ephemeral": 1000 / seconds(lambda: pt.materialize(thousand))}
found["threads"] = 1000 / seconds(lambda: pt.materialize(thousand, executor=pt.threads(2)))
with pt.Store(f"sqlite:///{sys.argv[1]}") as store:
    found["stored"] = 1000 / seconds(lambda: pt.materialize(thousand, store=store))
found["mapped"] = seconds(mapped.execute)
found["async"] = seconds(lambda: pt.materialize([waiting(number) for number in range(200)]))
found["frames"] = pt.materialize(frames).value("frames")
print(json.dumps(found))
"""
PROJECT = """
import partita as pt

@pt.op
def nothing() -> int:
    return 1

@pt.job(executor=pt.processes(2))
def fifty() -> None:
    for number in range(50):
        nothing.alias(f"nothing_{number}")()

@pt.job
def one() -> None:
    nothing()
"""


def measure_execution() -> Iterator[Figure]:
    """Everything that the executors promise."""
    yield from _in_process()
    yield from _first_step()
    yield from _in_processes()


def _in_process() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch) / "measure.py"
        script.write_text(IN_PROCESS)

        def run(number: int) -> dict[str, float]:
            database = str(Path(scratch) / f"runs{number}.db")
            done = subprocess.run([sys.executable, str(script), database], check=True, capture_output=True, text=True, cwd=scratch, env=ENVIRON)
            found: dict[str, float] = json.loads(done.stdout)
            return found

        runs = [run(number) for number in range(6)][1:]

    def figure(name: str, what: str, incumbent: str, reach: str, unit: str) -> Figure:
        return Figure(what=what, incumbent=incumbent, reach=reach, values=[each[name] for each in runs], unit=unit)

    yield figure("ephemeral", "1,000 trivial assets in process, ephemeral", "40 steps/s", "> 3,000 steps/s", "steps/s")
    yield figure("threads", "the same in two threads", "-", "-", "steps/s")
    yield figure("stored", "the same in process, remembered in SQLite", "12 steps/s", "> 1,000 steps/s", "steps/s")
    yield figure("mapped", "5,000 mapped dynamic steps, in process", "-", "< 3 s", "s")
    yield figure("async", "200 concurrent async steps that sleep 1 s", "not supported", "< 1.5 s", "s")
    yield figure("frames", "frames of ours between materialize and user code", "18", "<= 8", "")


def _first_step() -> Iterator[Figure]:
    with warm_dev() as dev, dev.client() as client:
        values: list[float] = []
        for _ in range(40):
            began = time.time()
            run = client.launch("trivial_job")
            started = next(event for event in run.events() if event.type_name == "StepEvent" and event.kind.value == "started")
            values.append((started.at.timestamp() - began) * 1000)
            run.wait(raise_on_failure=True)
        yield Figure(what="launch mutation to first step started, processes, warm", incumbent="6.3 s", reach="< 100 ms", values=values[5:])


def _in_processes() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "project"
        folder.mkdir()
        (folder / "many.py").write_text(inspect.cleandoc(PROJECT))
        (folder / "partita.toml").write_text('[[location]]\nname = "many"\nfile = "many.py"\n\n[runs]\nmax_concurrent = 8\n')
        with running_dev(folder) as dev, dev.client() as client:
            wait_until_loaded(dev)
            rates = []
            for _ in range(6):
                run = client.launch("fifty").wait(raise_on_failure=True)
                assert run.duration is not None
                rates.append(50 / run.duration.total_seconds())
            what = "50 no-op steps, a process each, 2 at a time"
            yield Figure(what=what, incumbent="0.88 steps/s", reach="> 60 steps/s", values=rates[1:], unit="steps/s")
            took = []
            for _ in range(4):
                began = time.perf_counter()
                for launched in [client.launch("one") for _ in range(100)]:
                    launched.wait(raise_on_failure=True)
                took.append(time.perf_counter() - began)
            yield Figure(what="100 runs at once, limit 8, one trivial op: all done", incumbent="-", reach="< 10 s", values=took[1:], unit="s")
