"""User processes as their worker sees them, and how they ended."""

from __future__ import annotations

import os
import signal
import socket
import time
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from partita.execution.memory import count_memory_kills
from partita.execution.protocol import Assignment
from partita.records.failures import PythonError


class Stage(Enum):
    """Where a user process is in its life."""

    REQUESTED = auto()
    """It has not said that it lives; when it is to be forked, its number is not known yet."""
    READY = auto()
    EXITED = auto()
    """Dead, and kept as a zombie until all that it left behind is ended: its number is their session's."""
    ENDED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """How a process ended; neither code nor signal is known of one that was lost before it said that it lives."""

    code: int | None = None
    signum: int | None = None
    was_ended: bool = False
    """We ended it on purpose."""
    is_memory_short: bool | None = None
    """Of SIGKILL that was not ours: whether the kernel has ended a process because memory ran out while it lived; None: not known."""

    @property
    def is_clean(self) -> bool:
        """True when it returned with code 0."""
        return self.code == 0

    def __str__(self) -> str:
        match self:
            case Death(signum=signal.SIGKILL, was_ended=False, is_memory_short=True):
                return "killed by the kernel (SIGKILL) because memory ran out"
            case Death(signum=signal.SIGKILL, was_ended=False, is_memory_short=None):
                return "killed by signal 9 (SIGKILL); out of memory is the usual reason"
            case Death(signum=signal.SIGKILL, was_ended=False):
                return "killed by signal 9 (SIGKILL) from outside; the kernel tells of no lack of memory"
            case Death(signum=int(signum)):
                return f"killed by signal {signum} ({_signal_name(signum)})"
            case Death(code=int(code)):
                return f"exited with code {code}"
            case _:
                return "lost before it could begin"


def death_of(status: os.waitid_result, *, was_ended: bool, memory_kills: int | None) -> Death:
    """How the process ended that `os.waitid` tells of, before whose life the kernel had ended so many for want of memory."""
    if status.si_code == os.CLD_EXITED:
        return Death(code=status.si_status, was_ended=was_ended)
    if status.si_status != signal.SIGKILL or was_ended:
        return Death(signum=status.si_status, was_ended=was_ended)
    kills = count_memory_kills()
    return Death(signum=status.si_status, is_memory_short=None if kills is None or memory_kills is None else kills > memory_kills)


@dataclass(eq=False, slots=True, kw_only=True)
class Child:
    """One user process, from the request for it to the end of all that it started."""

    assignment: Assignment
    output: Path
    """Where its stdout and stderr go, except while a step captures them."""
    how: str = "fork"
    """`fork`, or `spawn: why`."""
    stage: Stage = Stage.REQUESTED
    connection: socket.socket | None = None
    pid: int | None = None
    pidfd: int | None = None
    started_tick: int = field(default_factory=lambda: boot_tick())
    """When it was requested, later when it started: clock ticks since boot."""
    memory_kills: int | None = field(default_factory=count_memory_kills)
    """Processes that the kernel had ended before it began because memory ran out."""
    peak_memory: int | None = None
    """The most memory that it has held, in bytes; known when it has ended."""
    requested_at: float = field(default_factory=time.monotonic)
    deadline: float | None = None
    """When it must have said that it lives."""
    startup: float | None = None
    """Seconds from the request to its first line."""
    kill_at: float | None = None
    """When patience with it, or with what it left behind, ends."""
    kill_again_at: float = 0.0
    has_warned: bool = False
    """What it left behind was sent SIGTERM."""
    tries: int = 0
    """How often it was begun to be made."""
    was_ended: bool = False
    """We have ended it, or are about to."""
    is_to_be_told: bool = False
    """SIGTERM is to be sent."""
    is_paused: bool = False
    waits_for: tuple[str, ...] = ()
    """Threads that it joins, its work being done."""
    death: Death | None = None
    error: PythonError | None = None
    """Why it could not begin, or why we gave it up."""

    @property
    def marker(self) -> str:
        """Its name in the environment of all that it starts."""
        return self.assignment.marker

    @property
    def is_live(self) -> bool:
        """True until it has died; it may have started anything."""
        return self.stage in {Stage.REQUESTED, Stage.READY}


def boot_tick() -> int:
    """Clock ticks since boot, the unit in which the kernel tells when a process started."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def _signal_name(signum: int) -> str:
    try:
        return signal.Signals(signum).name
    except ValueError:  # real-time signals have no names
        return "a real-time signal"
