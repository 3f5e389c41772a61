"""Steps that do what no step should: each ends its run in a final state, with a reason a person understands, and nothing is left of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.records.events import LogWritten, StepFailed, StepSucceeded
from partita.records.runs import Run, RunStatus
from support.sites import Site, a_site, processes_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

CGROUP = Path("/sys/fs/cgroup/memory")
SOURCE = """
import resource

class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("not even this")
    __repr__ = __str__

class Unpicklable(Exception):
    def __init__(self):
        super().__init__("holds a lock")
        self.lock = threading.Lock()
    def __reduce__(self):
        raise TypeError("cannot be pickled")

@pt.op
def exits_at_once() -> None:
    os._exit(3)

@pt.op
def wants_to_exit() -> None:
    raise SystemExit("enough")

@pt.op
def interrupts() -> None:
    raise KeyboardInterrupt

@pt.op
def long_message() -> None:
    raise ValueError("x" * 100_000_000)

@pt.op
def deep_recursion() -> None:
    def again(): again()
    again()

@pt.op
def unprintable() -> None:
    raise Unprintable

@pt.op
def unpicklable() -> None:
    raise Unpicklable

@pt.op
def odd_value() -> object:
    return threading.Lock()

@pt.op
def prints_200_mb() -> int:
    line = "y" * 999 + "\\n"
    for _ in range(200_000):
        sys.stdout.write(line)
    print("the end", flush=True)
    return 1

@pt.op
def logs_200_mb(context: pt.OpContext) -> int:
    for number in range(20_000):
        context.log.info("%d %s", number, "z" * 10_000)
    context.log.error("the end")
    return 1

@pt.op
def closes_its_output() -> int:
    print("before", flush=True)
    sys.stdout.close()
    os.close(1)
    return 1

@pt.op
def threads_that_never_end() -> int:
    for _ in range(20):
        threading.Thread(target=time.sleep, args=(3000,), daemon=True).start()
    return 1

@pt.op
def fills_memory() -> None:
    Path("CGROUP/cgroup.procs").write_text(str(os.getpid()))
    hoard = [bytearray(10_000_000) for _ in range(100)]

@pt.op
def disk_full() -> list[int]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    return list(range(1_000_000))

@pt.op
def small_value() -> list[int]:
    return [1]

@pt.op
def forks_and_ignores() -> None:
    for _ in range(3):
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.setsid()
            time.sleep(3000)
    os._exit(9)

@pt.op
def fine() -> int:
    return 1

OPS = [exits_at_once, wants_to_exit, interrupts, long_message, deep_recursion, unprintable, unpicklable, odd_value, prints_200_mb, logs_200_mb,
       closes_its_output, threads_that_never_end, fills_memory, disk_full, forks_and_ignores, fine]

def job_of(op, kind):
    def body():
        op()
    body.__name__ = f"{op.name}_{kind}"
    return pt.job(executor=pt.in_process() if kind == "in_process" else pt.processes(2))(body)

@pt.asset
def kept() -> list[int]:
    if (SCRATCH / "full").exists():
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        return list(range(1_000_000))
    return [1]

main = pt.Repository("main", assets=[kept], jobs=[job_of(op, kind) for op in OPS for kind in ("in_process", "processes")])
"""


@pytest.fixture(scope="module")
def memory_group() -> Iterator[Path]:
    """A group of processes that may use 80 MB together, where the machine lets us make one."""
    group = CGROUP / f"partita-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text("80M")
    except OSError:
        group = Path("/nonexistent")
    yield group
    if group.exists():
        group.rmdir()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, memory_group: Path) -> Iterator[Site]:
    with a_site(tmp_path_factory.mktemp("hostile"), main=SOURCE.replace("CGROUP", str(memory_group))) as made:
        made.work(cancel=2, linger=1)
        yield made


@pytest.fixture(params=["in_process", "processes"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(site: Site, op: str, kind: str) -> Run:
    """The run of the op, ended; afterwards nothing is left of it and the next run works."""
    ended = site.finished(site.launch(job=f"{op}_{kind}"), seconds=90)
    assert processes_of(ended) == []
    assert site.finished(site.launch(job=f"fine_{kind}")).status is RunStatus.SUCCEEDED
    return ended


def failure(site: Site, ended: Run) -> StepFailed:
    assert ended.status is RunStatus.FAILED
    [failed] = [event for event in site.events(ended) if isinstance(event, StepFailed)]
    assert failed.retry_after is None
    return failed


@pytest.mark.parametrize(
    ("op", "class_name", "words"),
    [
        ("exits_at_once", "ProcessDiedError", "exited with code 3"),
        ("wants_to_exit", "SystemExit", "enough"),
        ("interrupts", "KeyboardInterrupt", ""),
        ("long_message", "ValueError", "xxx"),
        ("deep_recursion", "RecursionError", "maximum recursion depth"),
        ("unprintable", "Unprintable", ""),
        ("unpicklable", "Unpicklable", "holds a lock"),
        ("odd_value", "ExecutionError", "lock"),
        ("disk_full", "ExecutionError", ""),
        ("forks_and_ignores", "ProcessDiedError", "exited with code 9"),
    ],
)
def test_it_fails_and_says_why(site: Site, kind: str, op: str, class_name: str, words: str) -> None:
    error = failure(site, run(site, op, kind)).error

    assert error.class_name == class_name, error
    assert words in error.message
    assert len(error.message) < 100_000


@pytest.mark.parametrize("op", ["closes_its_output", "threads_that_never_end"])
def test_it_does_no_harm(site: Site, kind: str, op: str) -> None:
    ended = run(site, op, kind)

    assert ended.status is RunStatus.SUCCEEDED, site.events(ended)


def test_a_flood_of_output_is_bounded_and_its_end_is_kept(site: Site, kind: str) -> None:
    ended = run(site, "prints_200_mb", kind)

    assert ended.status is RunStatus.SUCCEEDED
    path = site.settings.logs_directory / ended.id / "prints_200_mb.1.out"
    with path.open("rb") as file:
        file.seek(-8, os.SEEK_END)
        assert file.read() == b"the end\n"
    assert path.stat().st_blocks * 512 <= site.settings.runs.max_output


def test_a_flood_of_log_records_is_bounded(site: Site, kind: str) -> None:
    ended = run(site, "logs_200_mb", kind)

    assert ended.status is RunStatus.SUCCEEDED
    records = [event for event in site.events(ended) if isinstance(event, LogWritten)]
    assert sum(len(record.message) for record in records) < 32 * 1024**2
    assert any("left out" in record.message for record in records)
    assert records[-1].message == "the end"


def test_a_kill_for_want_of_memory_is_named_as_such(site: Site, kind: str, memory_group: Path) -> None:
    if not memory_group.exists():
        pytest.skip("no group of processes with a limit of memory can be made here")
    failed = failure(site, run(site, "fills_memory", kind))

    assert "because memory ran out" in failed.error.message
    assert failed.memory is not None
    assert failed.memory > 50 * 1024**2


def test_a_value_that_could_not_be_written_whole_is_never_loaded(site: Site) -> None:
    assert site.finished(site.launch("kept")).status is RunStatus.SUCCEEDED
    path = site.settings.values_directory / "assets/kept/value.json"
    before = path.read_text()
    (site.scratch / "full").touch()

    assert site.finished(site.launch("kept")).status is RunStatus.FAILED
    assert path.read_text() == before
    assert [each.name for each in path.parent.iterdir()] == ["value.json"]


def test_memory_is_told_of_steps_that_succeed(site: Site, kind: str) -> None:
    ended = run(site, "fine", kind)

    [succeeded] = [event for event in site.events(ended) if isinstance(event, StepSucceeded)]
    [step] = site.store.runs.steps([ended.id])[ended.id]
    assert succeeded.memory == step.memory
    assert step.memory is not None
    assert 5 * 1024**2 < step.memory < 1024**3
