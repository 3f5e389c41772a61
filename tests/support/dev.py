"""A real `partita dev` on a temporary home, with the client that drives it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from partita_client import Client
from support.waiting import eventually

ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""What a user has: compiled modules are kept, so that starting is as fast as it is for them."""
COMMAND = [str(Path(sys.executable).parent / "partita")]


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_answering(url: str, path: str = "/readyz") -> bool:
    """Whether the server says it is ready."""
    try:
        with urllib.request.urlopen(url + path, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@dataclass(kw_only=True)
class Dev:
    """A running `partita dev`."""

    process: subprocess.Popen[bytes]
    url: str
    folder: Path
    home: Path
    output: Path

    def text(self) -> str:
        """All that it printed so far."""
        return self.output.read_text(errors="replace")

    def processes(self) -> dict[int, str]:
        """Its living processes by id, with their names: the whole tree below it, itself included."""
        return {pid: _name(pid) for pid in [self.process.pid, *descendants(self.process.pid)]}

    def services(self) -> list[int]:
        """The ids of its services: the processes right below it."""
        return _parents().get(self.process.pid, [])

    def find(self, name: str) -> int:
        """The id of its one process with this name."""
        found = [pid for pid, each in self.processes().items() if each == name]
        assert len(found) == 1, f"{len(found)} processes are called {name}: {self.processes()}"
        return found[0]

    def client(self) -> Client:
        """A client of its server."""
        return Client(self.url)

    def scratch(self, name: str) -> Path:
        """A file that steps of the ordinary project leave or wait for."""
        folder = self.folder / "scratch"
        folder.mkdir(exist_ok=True)
        return folder / name


@contextmanager
def running_dev(folder: Path, *, workspace: Path | None = None, env: dict[str, str] | None = None) -> Iterator[Dev]:
    """`partita dev` in `folder`, ready to answer; ended, with all its processes, afterwards."""
    chosen = ["-w", str(workspace)] if workspace else []
    port, home, output = free_port(), folder / ".partita", folder / "dev.log"
    with output.open("ab") as log:
        process = subprocess.Popen(
            [*COMMAND, "dev", *chosen, "--home", str(home), "--port", str(port)],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**ENVIRON, **(env or {})},
        )
    dev = Dev(process=process, url=f"http://127.0.0.1:{port}", folder=folder, home=home, output=output)
    try:
        eventually(lambda: process.poll() is not None or is_answering(dev.url), seconds=30, what="partita dev to answer")
        assert process.poll() is None, dev.text()
        yield dev
    finally:
        stop(dev)


def stop(dev: Dev) -> None:
    """End it as Ctrl-C would, and whatever is left of it by force."""
    left = descendants(dev.process.pid)
    if dev.process.poll() is None:
        dev.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            dev.process.wait(timeout=20)
    if dev.process.poll() is None:
        dev.process.kill()
        dev.process.wait()
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Living processes below `pid`, nearest first; zombies left out."""
    parents = _parents()
    found, queue = [], [pid]
    while queue:
        below = parents.get(queue.pop(0), [])
        found += below
        queue += below
    return found


def is_alive(pid: int) -> bool:
    """Whether a process with this id runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _parents() -> dict[int, list[int]]:
    """The living children of every process."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError):
                state, parent = entry.joinpath("stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    parents.setdefault(int(parent), []).append(int(entry.name))
    return parents


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
