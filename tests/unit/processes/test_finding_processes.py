"""Processes are known by number and start, found by their markers, and nobody else is ever hit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.execution.processes import (
    MARKER_WIDTH,
    PROCESS_MARKER,
    WORKER_MARKER,
    MarkerPlace,
    Process,
    close_inherited,
    find_process,
    kill,
    list_children,
    list_processes,
)
from support.waiting import eventually


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    environ = {PROCESS_MARKER: "run_1:1", WORKER_MARKER: "1.2"}
    with subprocess.Popen(["/bin/sleep", "300"], env=environ, start_new_session=True) as process:
        eventually(lambda: found(process).marker == "run_1:1", what="the exec")
        yield process
        process.kill()


def found(process: subprocess.Popen[bytes]) -> Process:
    """The process as /proc shows it."""
    seen = find_process(process.pid)
    assert seen is not None
    return seen


def test_a_process_is_found_with_all_that_tells_what_it_is(sleeper: subprocess.Popen[bytes]) -> None:
    process = found(sleeper)

    assert (process.pid, process.parent, process.session) == (sleeper.pid, os.getpid(), sleeper.pid)
    assert (process.marker, process.worker, process.is_zombie) == ("run_1:1", "1.2", False)
    assert process in [each._replace(state=process.state) for each in list_processes()]
    assert sleeper.pid in list_children()


def test_a_process_that_has_ended_is_a_zombie_until_it_is_asked_for(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()

    eventually(lambda: found(sleeper).is_zombie, what="the zombie")
    sleeper.wait()
    assert find_process(sleeper.pid) is None


def test_a_name_with_spaces_and_brackets_confuses_nobody() -> None:
    code = "import time; open('/proc/self/comm', 'w').write(') R 1 (x'); print(flush=True); time.sleep(300)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()

        assert found(process).parent == os.getpid()
        process.kill()


def test_a_signal_reaches_the_process_that_was_seen(sleeper: subprocess.Popen[bytes]) -> None:
    kill(found(sleeper), signal.SIGTERM)

    assert sleeper.wait() == -signal.SIGTERM


def test_a_signal_never_reaches_a_stranger_with_the_same_number(sleeper: subprocess.Popen[bytes]) -> None:
    process = found(sleeper)

    kill(process._replace(started=process.started - 1), signal.SIGKILL)
    kill(process._replace(pid=4194305), signal.SIGKILL)

    assert not found(sleeper).is_zombie


MARKED = f"""
import os, sys
from partita.execution.processes import MarkerPlace
place = MarkerPlace()
os.environ["A"] = "moves the environment elsewhere"
place.write("run_2:7")
sys.stdout.write(open("/proc/self/environ", "rb").read().decode().replace(chr(0), chr(10)) + os.environ["{PROCESS_MARKER}"])
"""


def test_a_marker_is_shown_to_others_without_an_exec() -> None:
    environ = {**os.environ, PROCESS_MARKER: "zygote.1".ljust(MARKER_WIDTH, ".")}

    shown = subprocess.run([sys.executable, "-c", MARKED], env=environ, capture_output=True, text=True, check=True).stdout

    assert f"{PROCESS_MARKER}=run_2:7\n" in shown
    assert shown.endswith("\nrun_2:7")


def test_a_marker_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROCESS_MARKER, "x" * MARKER_WIDTH)

    with pytest.raises(ValueError, match="longer than 64 bytes"):
        MarkerPlace().write("x" * 65)


def test_inherited_descriptors_are_closed_and_the_kept_ones_are_not() -> None:
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        close_inherited([writer])
        has_reader, has_writer = (Path(f"/proc/self/fd/{fd}").exists() for fd in (reader, writer))
        os._exit(10 + has_reader if has_writer else 1)
    os.close(reader)
    os.close(writer)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 10
