"""Steps on a real Dask cluster of several processes: what every executor promises, and what a lost worker means."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.records.events import Event, LogWritten, StepFailed, StepsMapped, StepStarted, StepSucceeded, StepUpstreamFailed
from partita.records.runs import Run, RunStatus
from support.sites import Site, a_site, kill, processes_of
from support.waiting import eventually

pytest.importorskip("distributed")
pytestmark = pytest.mark.faults

SOURCE = """
import asyncio, logging

DASK = pt.dask("ADDRESS")

@pt.op
def two() -> int:
    return 2

@pt.op
def add(a: int, b: int) -> int:
    return a + b

@pt.op
def where(context: pt.OpContext) -> int:
    (SCRATCH / f"where.{context.run_id}.{os.getpid()}").touch()
    give_up_at = time.monotonic() + 20
    while len(list(SCRATCH.glob(f"where.{context.run_id}.*"))) < 2:
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
    for number in range(20):
        print(f"{context.step_key} {number}")
    logging.getLogger("library").warning("from %s", context.step_key)
    context.log.info("hello")
    context.add_metadata({"pid": os.getpid()})
    return os.getpid()

@pt.op
def boom(a: int) -> int:
    raise pt.Failure("no luck", metadata={"tried": a})

@pt.op(retry=pt.Retry(max_retries=2, delay=0.01))
def moody(context: pt.OpContext) -> int:
    if context.attempt < 3:
        raise RuntimeError(f"attempt {context.attempt}")
    return context.attempt

@pt.op(out=pt.DynamicOut())
def shards():
    for name in "abc":
        yield pt.DynamicOutput(name, mapping_key=name)

@pt.op
async def shout(x: str) -> str:
    await asyncio.sleep(0.01)
    return x.upper()

@pt.op
def join(xs: list[str]) -> str:
    return "".join(xs)

@pt.op(timeout=0.3)
def too_slow() -> None:
    while True:
        time.sleep(0.01)

@pt.op
def patient(context: pt.OpContext) -> None:
    note("patient")
    try:
        wait_for("go")
    finally:
        note("cleaned_up", knows=context.is_cancelled)

@pt.op
def dies() -> None:
    note("dies")
    time.sleep(0.2)
    os._exit(7)

@pt.asset(requires={"gpu": 1})
def on_gpu() -> int:
    return 1

@pt.asset(requires={"memory": "1TiB"})
def too_large() -> int:
    return 1

@pt.job(executor=DASK)
def sums() -> None:
    add(add(two(), two.alias("b")()), two.alias("c")())

@pt.job(executor=DASK)
def spread() -> None:
    for number in range(4):
        where.alias(f"where_{number}")()

@pt.job(executor=DASK)
def failing() -> None:
    add(boom(two()), moody()); too_slow()

@pt.job(executor=DASK)
def mapped() -> None:
    join(shards().map(shout).collect())

@pt.job(executor=DASK)
def endless() -> None:
    patient()

@pt.job(executor=DASK)
def deadly() -> None:
    dies()

@pt.job(executor=pt.dask("tcp://127.0.0.1:1"))
def unreachable() -> None:
    add(two(), two.alias("b")())

main = pt.Repository("main", assets=[on_gpu, too_large], executor=DASK, jobs=[sums, spread, failing, mapped, endless, deadly, unreachable])
"""


class Cluster:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log = (folder / "cluster.log").open("wb")
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self._file))
        self.address: str = eventually(self._address, seconds=30, what="the scheduler to listen")
        self.add_worker("--resources", "gpu=1")
        self.add_worker()

    def add_worker(self, *options: str) -> subprocess.Popen[bytes]:
        return self._start("worker", self.address, "--nthreads", "2", "--no-nanny", "--no-dashboard", *options)

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self._log.close()

    def _start(self, role: str, *options: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-m", f"distributed.cli.dask_{role}", *options], stdout=self._log, stderr=self._log)
        self._processes.append(process)
        return process

    def _address(self) -> str | None:
        return json.loads(self._file.read_text())["address"] if self._file.exists() and self._file.read_text().endswith("}") else None


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Site]:
    with a_site(tmp_path_factory.mktemp("dask"), main=SOURCE.replace("ADDRESS", cluster.address)) as made:
        made.work(cancel=5)
        yield made


def run(site: Site, job: str) -> Run:
    return site.finished(site.launch(job=job), seconds=60)


def of(events: list[Event], step: str, *kinds: type[Event]) -> list[Event]:
    return [event for event in events if event.step == step and isinstance(event, kinds)]


def test_values_flow_between_machines(site: Site) -> None:
    ended = run(site, "sums")

    assert ended.status is RunStatus.SUCCEEDED, site.events(ended)
    assert set(site.steps(ended).values()) == {"succeeded"}


def test_steps_run_beside_each_other_on_several_workers_and_tell_all_that_they_do(site: Site) -> None:
    ended = run(site, "spread")

    assert ended.status is RunStatus.SUCCEEDED, site.events(ended)
    assert len(list(site.scratch.glob(f"where.{ended.id}.*"))) == 2
    events = site.events(ended)
    for step in (f"where_{number}" for number in range(4)):
        printed = (site.settings.logs_directory / ended.id / f"{step}.1.out").read_text()
        assert printed == "".join(f"{step} {number}\n" for number in range(20))
        assert sorted(event.message for event in of(events, step, LogWritten)) == [f"from {step}", "hello"]  # type: ignore[union-attr]
        [succeeded] = of(events, step, StepSucceeded)
        assert isinstance(succeeded, StepSucceeded)
        assert succeeded.memory


def test_failures_retries_and_time_limits_are_those_of_any_executor(site: Site) -> None:
    ended = run(site, "failing")

    assert site.steps(ended) == {"two": "succeeded", "moody": "succeeded", "boom": "failed", "add": "upstream_failed", "too_slow": "failed"}
    events = site.events(ended)
    assert [event.attempt for event in of(events, "moody", StepStarted)] == [1, 2, 3]
    [failed] = of(events, "boom", StepFailed)
    assert isinstance(failed, StepFailed)
    assert (failed.error.message, [entry.label for entry in failed.metadata]) == ("no luck", ["tried"])
    [slow] = of(events, "too_slow", StepFailed)
    assert isinstance(slow, StepFailed)
    assert slow.error.class_name == "StepTimeoutError"
    assert [event.causes for event in events if isinstance(event, StepUpstreamFailed)] == [("boom",)]


def test_mapped_and_async_steps(site: Site) -> None:
    ended = run(site, "mapped")

    assert site.steps(ended) == dict.fromkeys(["shards", "shout[a]", "shout[b]", "shout[c]", "join"], "succeeded")
    assert [event.keys for event in site.events(ended) if isinstance(event, StepsMapped)] == [("a", "b", "c")]


def test_what_a_step_requires_decides_where_it_runs(site: Site) -> None:
    assert site.finished(site.launch("on_gpu")).status is RunStatus.SUCCEEDED
    ended = site.finished(site.launch("too_large"))

    [failed] = of(site.events(ended), "too_large", StepFailed)
    assert isinstance(failed, StepFailed)
    assert "provides memory=1.09951e+12" in failed.error.message


def test_a_cancelled_run_interrupts_its_steps_where_they_are(site: Site) -> None:
    begun = site.launch(job="endless")
    site.noted("patient")
    site.store.runs.request_cancel(begun.id)
    ended = site.finished(begun)

    assert ended.status is RunStatus.CANCELED
    assert site.steps(ended) == {"patient": "canceled"}
    assert site.noted("cleaned_up")["knows"]


def test_a_cluster_that_cannot_be_reached_fails_the_run_with_its_address(site: Site) -> None:
    ended = run(site, "unreachable")

    assert ended.status is RunStatus.FAILED
    failed = next(event for event in site.events(ended) if isinstance(event, StepFailed))
    assert "tcp://127.0.0.1:1 cannot be reached" in failed.error.message


def test_a_step_whose_worker_dies_has_failed_and_is_not_begun_again_behind_our_back(site: Site, cluster: Cluster) -> None:
    ended = run(site, "deadly")

    cluster.add_worker()
    assert ended.status is RunStatus.FAILED
    events = site.events(ended)
    assert len(of(events, "dies", StepStarted)) == 1
    [failed] = of(events, "dies", StepFailed)
    assert isinstance(failed, StepFailed)
    assert "was lost before it was done" in failed.error.message
    assert run(site, "sums").status is RunStatus.SUCCEEDED


def test_when_the_process_of_the_run_dies_its_steps_are_interrupted(site: Site) -> None:
    for name in ("patient", "cleaned_up"):
        (site.scratch / name).unlink(missing_ok=True)
    begun = site.launch(job="endless")
    site.noted("patient")
    [child] = processes_of(begun)
    kill(child.pid)

    assert site.finished(begun).status is RunStatus.FAILED
    assert site.noted("cleaned_up")["knows"]
