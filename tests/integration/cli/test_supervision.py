"""Services that die are started again, and all end when the first process is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from support.waiting import eventually

SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from partita.cli.children import Service, Stop, fork
from partita.cli.supervision import ServiceGroup

here = Path(sys.argv[1])

def note(name):
    with (here / name).open("a") as file:
        file.write(f"{os.getpid()} {time.monotonic()}\\n")

def steady():
    stop = Stop()
    note("steady")
    while not stop():
        time.sleep(0.01)
    note("steady.ended")
    return 0

def last():
    stop = Stop()
    note("last")
    while not stop():
        time.sleep(0.01)
    note("last.ended")
    return 0

def brittle():
    note("brittle")
    return 3

def stubborn():
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    note("stubborn")
    time.sleep(600)

known = {"steady": steady, "last": last, "brittle": brittle, "stubborn": stubborn}
services = [Service(name=name, run=known[name], arguments=(), is_last=name == "last") for name in sys.argv[2:]]
group = ServiceGroup(services, start=lambda service: fork(service, owned=group.descriptors), say=lambda text: print(text, flush=True))
print("ended by", group.run(), flush=True)
"""


class Group:
    """A process that keeps some of the services of the script alive."""

    def __init__(self, folder: Path, *services: str) -> None:
        self.folder = folder
        self.output = folder / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder), *services], stdout=output, stderr=output)

    def notes(self, name: str) -> list[tuple[int, float]]:
        """Process id and moment of every note under `name`."""
        path = self.folder / name
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(pid), float(at)) for pid, at in (line.split() for line in lines)]

    def started(self, name: str) -> int:
        """The process id of a service once it runs."""
        return eventually(lambda: self.notes(name), what=f"{name} to start")[-1][0]

    def text(self) -> str:
        return self.output.read_text()


Start = Callable[..., Group]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    made: list[Group] = []

    def start_group(*services: str) -> Group:
        made.append(Group(tmp_path, *services))
        return made[-1]

    yield start_group
    for each in made:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_killed_service_is_started_again_and_it_is_said(start: Start) -> None:
    running = start("steady")
    first = running.started("steady")

    os.kill(first, signal.SIGKILL)

    eventually(lambda: len(running.notes("steady")) == 2, what="another one")
    assert "steady was killed by SIGKILL; it is started again in 0.1 s." in running.text()
    assert running.started("steady") != first


def test_a_service_that_dies_again_and_again_is_started_ever_more_slowly(start: Start) -> None:
    running = start("brittle")

    eventually(lambda: len(running.notes("brittle")) >= 4, what="four starts")

    moments = [at for _, at in running.notes("brittle")]
    waits = [after - before for before, after in pairwise(moments)]
    assert waits[0] >= 0.1
    assert waits[1] >= 0.2
    assert waits[2] >= 0.4
    assert "brittle ended with exit code 3; it is started again in 0.4 s." in running.text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_service_the_last_one_last(start: Start, number: signal.Signals) -> None:
    running = start("last", "steady")
    pids = [running.started("last"), running.started("steady")]

    running.process.send_signal(number)

    assert running.process.wait(timeout=10) == 0
    assert running.text().splitlines()[-1] == f"ended by {int(number)}"
    assert all(is_gone(pid) for pid in pids)
    assert running.notes("steady.ended")[0][1] < running.notes("last.ended")[0][1]


def test_a_second_signal_kills_what_does_not_end(start: Start) -> None:
    running = start("stubborn")
    pid = running.started("stubborn")
    running.process.send_signal(signal.SIGINT)
    eventually(lambda: "Stopping" in running.text())

    running.process.send_signal(signal.SIGINT)

    assert running.process.wait(timeout=5) == 0
    assert is_gone(pid)


def test_services_end_with_a_parent_that_is_killed(start: Start) -> None:
    running = start("steady", "last")
    pids = [running.started("steady"), running.started("last")]

    running.process.kill()

    eventually(lambda: all(is_gone(pid) for pid in pids), what="the services to end")


def test_ctrl_c_in_a_terminal_reaches_services_through_their_parent_only(start: Start) -> None:
    running = start("steady")

    assert os.getpgid(running.started("steady")) != os.getpgid(running.process.pid)
