"""Looking at processes and ending them, through /proc and pidfds. Linux only.

A process is known by its number and the tick it started at: numbers are used again. Whatever a worker starts carries
two markers in its environment, which its descendants inherit: the worker's token and the name of the user process.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROCESS_MARKER = "PARTITA_RUN"
"""Environment variable that names a user process and everything it starts: `run_01j...:3`, or `zygote.1`."""
WORKER_MARKER = "PARTITA_WORKER"
MARKER_WIDTH = 64
"""Bytes kept free in a zygote's environment for the markers of its forks."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.getenv.restype = ctypes.c_void_p
_libc.getenv.argtypes = [ctypes.c_char_p]
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 1, 15, 36


class Process(NamedTuple):
    """A process as it stood when we looked."""

    pid: int
    state: str
    parent: int
    session: int
    started: int
    """Clock ticks since boot."""
    marker: str
    worker: str

    @property
    def is_zombie(self) -> bool:
        """True when it has ended and nobody has asked for its exit code."""
        return self.state in "ZX"


def find_process(pid: int) -> Process | None:
    """The process with this number; None when there is none."""
    environ = b""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()  # the name before it may hold spaces and brackets
        with suppress(OSError):  # refused for another user's process, empty for a zombie
            environ = b"\0" + Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    marker, worker = (environ.partition(f"\0{name}=".encode())[2].partition(b"\0")[0].decode(errors="replace") for name in _MARKERS)
    return Process(pid, stat[0].decode(), int(stat[1]), int(stat[3]), int(stat[19]), marker, worker)


_MARKERS = (PROCESS_MARKER, WORKER_MARKER)


def list_processes() -> list[Process]:
    """Every process of the machine that we can see."""
    numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 (thousands of names, no need of paths)
    return [process for number in numbers if (process := find_process(number))]


def list_children() -> list[int]:
    """Numbers of this process's own children, orphans that came to it included.

    A child may be missing while another ends at this very moment; ask again later for certainty.
    """
    found: list[int] = []
    for task in os.listdir("/proc/self/task"):  # noqa: PTH208
        with suppress(OSError):
            found += map(int, Path(f"/proc/self/task/{task}/children").read_bytes().split())
    return found


def token() -> str:
    """What names this very process among all that the machine has run since it booted."""
    process = find_process(os.getpid())
    assert process is not None
    return f"{process.pid}.{process.started}"


def kill(process: Process, signum: int) -> None:
    """Send a signal to this very process; nothing happens when it is gone."""
    with suppress(OSError):
        fd = os.pidfd_open(process.pid)
        try:
            now = find_process(process.pid)  # the number may have gone to a stranger before the pidfd pinned it
            if now is not None and now.started == process.started:
                signal.pidfd_send_signal(fd, signum)
        finally:
            os.close(fd)


def die_with_parent(signum: int | None = signal.SIGKILL) -> None:
    """Ask the kernel to send this process `signum` when its parent dies; None takes that back.

    The parent may have died just before: compare `os.getppid()` afterwards.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, int(signum or 0), 0, 0, 0)


def adopt_orphans(is_wanted: bool = True) -> None:
    """Become the parent of every descendant whose own parent ends, so that their exit codes are ours to learn."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, int(is_wanted), 0, 0, 0)


def name_this_process(name: str) -> None:
    """Show `name`, of which 15 letters count, in `ps` and `top`."""
    _libc.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def close_inherited(kept: Collection[int]) -> None:
    """Close what the worker's own parent has left open across its exec and ours: it is no business of user code."""
    for fd in {int(name) for name in os.listdir("/proc/self/fd")} - {0, 1, 2, *kept}:  # noqa: PTH208
        with suppress(OSError):  # the one that listed the directory is closed again
            os.close(fd)


def flush_c_streams() -> None:
    """Write out what C code has buffered; `os._exit` would drop it, and a fork would write it twice."""
    _libc.fflush(None)


class MarkerPlace:
    """Where the kernel shows this process's marker to others.

    `/proc/PID/environ` is the block of the last exec; `putenv` changes a copy of it elsewhere. So the marker of a
    forked process is written over the old one, in place. Make this before user code can move the environment.
    """

    def __init__(self) -> None:
        self._address = _libc.getenv(PROCESS_MARKER.encode())
        if self._address is None:
            raise AssertionError(f"{PROCESS_MARKER} is not set: only a worker starts this process.")

    def write(self, marker: str) -> None:
        """Show `marker` from now on, here and in the environment that children inherit."""
        raw = marker.encode()
        if len(raw) > MARKER_WIDTH:
            raise ValueError(f"The marker {marker!r} is longer than {MARKER_WIDTH} bytes.")
        ctypes.memmove(self._address, raw.ljust(MARKER_WIDTH, b"\0"), MARKER_WIDTH)
        os.environ[PROCESS_MARKER] = marker
