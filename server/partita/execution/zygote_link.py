"""A worker's end of its connection to one zygote: one version of a location's code in memory."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from pathlib import Path

from partita.execution import wire
from partita.execution.children import Death
from partita.execution.memory import count_memory_kills
from partita.execution.processes import MARKER_WIDTH, PROCESS_MARKER, WORKER_MARKER
from partita.execution.protocol import Fork, Load, Loaded, Retire
from partita.execution.surroundings import import_environ
from partita.execution.sweeping import ZYGOTE
from partita.records.codec import encode
from partita.records.failures import PythonError
from partita.workspace.settings import LocationSettings

TAIL = 2_000
"""Characters of a dead zygote's output that are shown with its error."""
_numbers = count(1)


class ZygoteStage(Enum):
    """Where a zygote is in its life."""

    LOADING = auto()
    SERVING = auto()
    GONE = auto()


@dataclass(eq=False, slots=True, kw_only=True)
class ZygoteLink:
    """One zygote. When it cannot fork, `spawn_reason` says why processes of its code are spawned instead."""

    load: Load
    marker: str
    output: Path
    control: socket.socket
    pid: int
    pidfd: int
    deadline: float
    """When it must have loaded."""
    stage: ZygoteStage = ZygoteStage.LOADING
    loaded: Loaded | None = None
    spawn_reason: str | None = None
    is_retired: bool = False
    error: PythonError | None = None
    """Why it was given up, when that is known before it dies."""
    kill_at: float | None = None
    memory_kills: int | None = field(default_factory=count_memory_kills)
    """Processes that the kernel had ended before it began because memory ran out."""

    @property
    def start(self) -> str:
        """How user processes of this code are made: `fork`, or `spawn: why`."""
        return f"spawn: {self.spawn_reason}" if self.spawn_reason else "fork"

    def take(self, loaded: Loaded) -> None:
        """It has loaded and can be asked for processes."""
        self.stage, self.loaded = ZygoteStage.SERVING, loaded
        if self.load.location.start == "spawn":
            self.spawn_reason = 'the location says start = "spawn"'
        elif loaded.hazards:
            self.spawn_reason = ", ".join(loaded.hazards)

    def fork(self, marker: str, *, fds: Sequence[int]) -> None:
        """Ask for a user process.

        Raises:
            OSError: it does not answer or is gone.
        """
        wire.send(self.control, encode(Fork(marker=marker)), fds=fds)

    def retire(self) -> None:
        """Tell it that it is not needed any more."""
        self.is_retired = True
        with suppress(OSError):  # it is gone already
            wire.send(self.control, encode(Retire()))
        self.control.close()

    def explain(self, death: Death) -> PythonError:
        """Why the location could not be loaded: what the zygote said, or how it died instead of saying it."""
        if self.error is not None:
            return self.error if death.is_clean else self._with_output(self.error)
        problem = f"Code location {self.load.location.name!r}: the process that imports it {_past(death)} before it had loaded."
        return self._with_output(PythonError(class_name="WorkspaceError", message=problem))

    def _with_output(self, error: PythonError) -> PythonError:
        tail = self.output.read_bytes()[-4 * TAIL :].decode(errors="replace")[-TAIL:].strip() if self.output.exists() else ""
        message = f"{error.message}\nIts last output:\n{tail}" if tail else error.message
        return PythonError(class_name=error.class_name, message=message)


def start_zygote(location: LocationSettings, *, token: str, output: Path, deadline: float) -> ZygoteLink:
    """Start a zygote that imports the location's code; its answer comes over `control`.

    Raises:
        OSError: the interpreter cannot be started.
    """
    environ, before = import_environ(os.environ)
    load = Load(location=location, worker=os.getpid(), environ=before)
    marker = f"{ZYGOTE}{next(_numbers)}"
    near, far = wire.connection()
    try:
        with far:
            environ |= {WORKER_MARKER: token, PROCESS_MARKER: marker.ljust(MARKER_WIDTH, ".")}
            pid = start_process("partita.execution.zygote", [far.fileno()], location=location, environ=environ, output=output)
        wire.send(near, encode(load))
        near.setblocking(False)
    except OSError:
        near.close()
        raise
    return ZygoteLink(load=load, marker=marker, output=output, control=near, pid=pid, pidfd=os.pidfd_open(pid), deadline=deadline)


def start_process(module: str, fds: Sequence[int], *, location: LocationSettings, environ: dict[str, str], output: Path) -> int:
    """Run a module of ours by the location's interpreter in a session of its own; returns the process's number.

    Call it from the main thread: the parent-death signal fires when the thread that started the process ends.
    """
    python = location.python or sys.executable
    output.parent.mkdir(parents=True, exist_ok=True)
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, written, 1),
            (os.POSIX_SPAWN_DUP2, written, 2),
            *((os.POSIX_SPAWN_DUP2, fd, fd) for fd in fds),  # onto itself: it stays open across the exec
        ]
        # -u: what user code has printed is in the file even when it is killed the next moment. -P: only the location's
        # own directory comes first on sys.path, never the one that the worker happens to stand in.
        argv = [python, "-u", "-P", "-m", module, *map(str, fds)]
        return os.posix_spawn(python, argv, environ, file_actions=actions, setsid=True)
    finally:
        os.close(written)


def _past(death: Death) -> str:
    text = str(death)
    return text if text.startswith("exited") else f"was {text}"
