"""How user processes end is known: code, signal, what they said last, and that nothing is left of them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.execution.children import Death
from partita.execution.zygote_link import ZygoteLink
from partita.records.events import StepFailed, StepSucceeded
from support.sites import is_alive, kill
from support.wards import Ward, a_ward

# One worker process of the test run has it all: setting up its processes takes longer than most tests.
STEPS = '''
import ctypes, logging

@pt.asset
def returns() -> int:
    return 1

@pt.asset
def raises() -> None:
    raise ValueError("no luck")

@pt.asset
def exits() -> None:
    sys.exit(3)

@pt.asset
def exits_at_once() -> None:
    print("x" * 1_000_000, end="")
    print("last", end="")
    ctypes.CDLL(None).printf(b" of C")
    ctypes.CDLL(None).fflush(None)
    os._exit(7)

@pt.asset
def crashes() -> None:
    ctypes.string_at(0)

@pt.asset
def sleeps(context: pt.AssetContext) -> None:
    note("asleep")
    time.sleep(300)

@pt.asset
def talks_nonsense() -> None:
    import socket
    for fd in os.listdir("/proc/self/fd"):
        if int(fd) > 2 and os.path.exists(f"/proc/self/fd/{fd}") and os.readlink(f"/proc/self/fd/{fd}").startswith("socket:"):
            socket.socket(fileno=int(fd)).send(b"not a message")
    note("said")
    time.sleep(300)

@pt.asset
def leaves_a_tree() -> int:
    """Escaped descendants that ignore SIGTERM, one of them without any marker."""
    pids = []
    for environ in (dict(os.environ), {}):
        ours, theirs = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if (pid := os.fork()) == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                os.execve("/bin/sleep", ["sleep", "300"], environ)
            os.write(theirs, str(pid).encode())
            os._exit(0)
        os.wait()
        pids.append(int(os.read(ours, 20)))
    note("tree", pids=pids)
    return 1

@pt.asset
def stubborn() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    leaves_a_tree()
    time.sleep(300)

@pt.asset
def tidy(context: pt.AssetContext) -> None:
    note("tidying")
    try:
        time.sleep(300)
    finally:
        note("tidied")

@pt.asset
def threaded() -> None:
    def work() -> None:
        time.sleep(0.3)
        note("joined")
    threading.Thread(target=work).start()
'''


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with a_ward(tmp_path_factory.mktemp("ends")) as made:
        yield made


@pytest.fixture(scope="module")
def zygote(ward: Ward) -> ZygoteLink:
    return ward.load(STEPS)


def test_a_step_that_returns_ends_with_code_0_and_leaves_no_file(ward: Ward, zygote: ZygoteLink) -> None:
    child = ward.run(zygote, "returns")

    assert child.death == Death(code=0)
    assert child.how == "fork"
    assert isinstance(ward.events(child)[-1], StepSucceeded)
    assert not child.output.exists()


@pytest.mark.parametrize("asset", ["raises", "exits"])
def test_a_step_that_fails_ends_with_code_1_after_it_has_said_so(ward: Ward, zygote: ZygoteLink, asset: str) -> None:
    child = ward.run(zygote, asset)

    assert child.death == Death(code=1)
    assert isinstance(ward.events(child)[-1], StepFailed)


def test_an_exit_code_is_known_and_so_is_the_last_byte_before_it(ward: Ward, zygote: ZygoteLink) -> None:
    child = ward.run(zygote, "exits_at_once")

    assert child.death == Death(code=7)
    assert (ward.folder / "logs" / "exits_at_once.1.out").read_text() == "x" * 1_000_000 + "last of C"


def test_a_crash_is_known_by_its_signal_and_leaves_a_traceback(ward: Ward, zygote: ZygoteLink) -> None:
    child = ward.run(zygote, "crashes")

    assert child.death == Death(signum=signal.SIGSEGV)
    assert "in crashes" in (ward.folder / "logs" / "crashes.1.err").read_text()


def test_sigkill_from_outside_is_not_ours(ward: Ward, zygote: ZygoteLink) -> None:
    child = ward.start(zygote, "sleeps")
    ward.noted("asleep")
    assert child.pid is not None

    kill(child.pid)

    death = ward.end_of(child)
    assert (death.signum, death.was_ended) == (signal.SIGKILL, False)
    assert death.is_memory_short is not True
    assert "killed by signal 9 (SIGKILL)" in str(death)


def test_a_process_that_sends_nonsense_is_ended(ward: Ward, zygote: ZygoteLink) -> None:
    child = ward.start(zygote, "talks_nonsense")

    assert ward.end_of(child) == Death(signum=signal.SIGKILL, was_ended=True)
    assert child.error is not None
    assert child.error.class_name == "ProtocolError"


def test_nothing_is_left_of_a_process_that_returned(ward: Ward, zygote: ZygoteLink) -> None:
    ward.run(zygote, "leaves_a_tree")

    pids = json.loads(ward.noted("tree").read_text())["pids"]
    ward.until(lambda: not any(is_alive(pid) for pid in pids), what="the escaped processes to end")


def test_an_escaped_process_without_marker_stays_while_a_process_lives_that_may_have_started_it(ward: Ward, zygote: ZygoteLink) -> None:
    (ward.folder / "scratch" / "asleep").unlink(missing_ok=True)
    bystander = ward.start(zygote, "sleeps")
    ward.noted("asleep")
    (ward.folder / "scratch" / "tree").unlink(missing_ok=True)

    ward.run(zygote, "leaves_a_tree")
    marked, wiped = json.loads(ward.noted("tree").read_text())["pids"]

    assert (is_alive(marked), is_alive(wiped)) == (False, True)
    ward.supervisor.end(bystander, grace=0)
    ward.end_of(bystander)
    ward.until(lambda: not is_alive(wiped), what="the unmarked process to end")


def test_a_stubborn_tree_is_gone_after_the_grace(ward: Ward, zygote: ZygoteLink) -> None:
    (ward.folder / "scratch" / "tree").unlink(missing_ok=True)
    child = ward.start(zygote, "stubborn")
    pids = json.loads(ward.noted("tree").read_text())["pids"]

    ward.supervisor.end(child, grace=0.3)

    assert ward.end_of(child) == Death(signum=signal.SIGKILL, was_ended=True)
    ward.until(lambda: not any(is_alive(pid) for pid in pids), what="the escaped processes to end")


def test_a_process_that_is_told_to_stop_runs_its_finally(ward: Ward, zygote: ZygoteLink) -> None:
    child = ward.start(zygote, "tidy")
    ward.noted("tidying")

    ward.supervisor.end(child, grace=20)

    assert ward.end_of(child) == Death(code=128 + signal.SIGTERM, was_ended=True)
    assert (ward.folder / "scratch" / "tidied").exists()


def test_threads_that_are_no_daemons_are_joined(ward: Ward, zygote: ZygoteLink) -> None:
    child = ward.run(zygote, "threaded")

    assert child.death == Death(code=0)
    assert (ward.folder / "scratch" / "joined").exists()


def test_a_process_ended_before_it_lives_is_told_once(ward: Ward, zygote: ZygoteLink) -> None:
    before = _children()  # of the zygote, and whatever tests before this one have left running
    child = ward.start(zygote, "sleeps")

    ward.supervisor.end(child, grace=5)

    assert ward.end_of(child) == Death(was_ended=True)
    ward.until(lambda: not _children() - before, what="the late process to be gone")


def _children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def test_many_processes_asked_for_at_once_are_all_made_by_forks(ward: Ward, zygote: ZygoteLink) -> None:
    children = [ward.start(zygote, "returns") for _ in range(200)]
    ended_early = children.pop()
    ward.supervisor.end(ended_early, grace=0)

    assert ward.end_of(ended_early) == Death(was_ended=True)
    assert {(ward.end_of(child, seconds=60), child.how) for child in children} == {(Death(code=0), "fork")}
