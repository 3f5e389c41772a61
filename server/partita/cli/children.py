"""Making service processes: forked from this warm process where that is safe, spawned where it is not."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import NoReturn

from partita.cli.failures import report
from partita.errors import PartitaError
from partita.execution.processes import die_with_parent, name_this_process

PARENT = "PARTITA_PARENT"
"""Environment variable that tells a spawned service which process it must not outlive."""
GRACE = 10
"""Seconds that a service has to end after it was asked to."""

_ASKS_TO_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_OF_PARENT = (*_ASKS_TO_STOP, signal.SIGCHLD)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A process that `partita dev` keeps alive."""

    name: str
    run: Callable[[], int]
    """What a forked process does; answers its exit code."""
    arguments: tuple[str, ...]
    """What a spawned process gets after `partita`."""
    imports: tuple[str, ...] = ()
    """Modules that the parent imports before it forks, so that services share them: their time and their memory."""
    keeps: tuple[int, ...] = ()
    """Descriptors of the parent that it needs."""
    is_last: bool = False
    """It is stopped when the others have ended."""
    is_patient: bool = False
    """It waits until the API answers, so that it does not take the processor from what a user waits for."""


def can_fork() -> bool:
    """True where the platform forks without surprises: macOS' own libraries do not survive it."""
    return sys.platform == "linux"


def is_single_threaded() -> bool:
    """True while this process has one thread: only then a fork can hold no lock for ever."""
    return len(list(Path("/proc/self/task").iterdir())) == 1


class Stop:
    """Asked by a signal to stop? Call it to know. A second signal ends the process at once.

    Args:
        patience: seconds that the process has before what it still does is ended; then a second signal ends that wait, and a third the process.
    """

    def __init__(self, *, patience: float = 0.0) -> None:
        self.signal: int | None = None
        self.is_hurried = False
        """True once a second signal has ended the wait."""
        self._patience = patience
        for number in _ASKS_TO_STOP:
            signal.signal(number, self._ask)

    def __call__(self) -> bool:
        """True once a signal came."""
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, else 0: stopping is what was asked for."""
        return 128 + signal.SIGINT if self.signal == signal.SIGINT else 0

    def _ask(self, number: int, frame: object) -> None:
        del frame
        is_first, self.signal = self.signal is None, number
        if is_first and self._patience:
            signal.alarm(GRACE + ceil(self._patience))
            return
        self.is_hurried = True
        for other in _ASKS_TO_STOP:
            signal.signal(other, signal.SIG_DFL)
        signal.alarm(GRACE)  # ends a service that hangs, also when nobody is left to kill it


@contextmanager
def importing() -> Iterator[None]:
    """Import many modules: without collecting garbage, of which there is none, and so that it is never collected later.

    Collections cost a tenth of the time that imports take, and in a forked child they would write to every page that
    holds an object, and so copy it.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def fork(service: Service, *, owned: tuple[int, ...]) -> int:
    """Start `service` in a fork of this process and return its process id.

    `owned` are this process' descriptors that a child must not hold, unless the service keeps them.
    """
    with importing():
        for module in service.imports:
            importlib.import_module(module)
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    # Nothing may arrive before the child has its own handlers: it would run the parent's, in the child, and be lost.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _run(service, parent=parent, closes=[fd for fd in owned if fd not in service.keeps])
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def spawn(service: Service) -> int:
    """Start `service` as a fresh interpreter and return its process id."""
    command = [sys.executable, "-m", "partita.cli", *service.arguments]
    for fd in service.keeps:
        os.set_inheritable(fd, True)
    # Not subprocess: it would reap children behind the back of whoever waits for them.
    return os.posix_spawn(sys.executable, command, {**os.environ, PARENT: str(os.getpid())}, setsid=True, setsigdef=_OF_PARENT, setsigmask=())


def follow_parent() -> None:
    """If `partita dev` spawned this process: end with it."""
    parent = os.environ.pop(PARENT, "")
    if parent.isdigit():
        _end_with(int(parent))


def _run(service: Service, *, parent: int, closes: list[int]) -> NoReturn:
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in _OF_PARENT:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.setsid()  # Ctrl-C reaches the parent alone, which stops its services in order
        for fd in closes:
            os.close(fd)
        _end_with(parent)
        set_process_name(f"partita-{service.name.split()[0]}")
        code = service.run()
    except PartitaError as error:
        code = report(error)
    except Exception:
        logger.exception("%s failed; this is a bug in Partita", service.name)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not sys.exit: the exit handlers of the parent are not this process' to run.
        os._exit(code)


def _end_with(parent: int) -> None:
    if sys.platform != "linux":
        return
    die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)  # it ended before the line above, so the signal would never come


def set_process_name(name: str) -> None:
    """What `ps` and `top` call this process; the kernel keeps fifteen characters."""
    if sys.platform == "linux":
        name_this_process(name)
