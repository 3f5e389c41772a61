"""The zygote: a process that has the user's modules imported and forks user processes on request, and does nothing else.

Started by a worker as `python -m partita.execution.zygote CONTROL`, one descriptor. It never runs user code beyond
importing it: a process that has used its libraries may hold locks and threads that a fork would break.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import platform
import signal
import socket
import sys
import time
import warnings
from collections.abc import Sequence
from typing import NoReturn

from partita.definitions.repository import Repository
from partita.execution import wire
from partita.execution.hazards import find_hazards
from partita.execution.processes import WORKER_MARKER, MarkerPlace, close_inherited, die_with_parent, flush_c_streams, name_this_process
from partita.execution.protocol import Fork, Load, Loaded, LoadFailed, Refused, Report, Retire, decode_command
from partita.execution.surroundings import ThreadSetter, find_thread_setters
from partita.execution.sweeping import sweep_dead_worker
from partita.execution.user_process import Birth, become_user_process, warm_up
from partita.records.codec import decode, encode
from partita.records.failures import PythonError
from partita.version import __version__
from partita.workspace.loader import OWN_FILES, describe, load_repositories


class Zygote:
    """Serves one worker until its control socket closes."""

    def __init__(self, control: socket.socket, load: Load) -> None:
        self._control = control
        self._load = load
        self._marker = MarkerPlace()
        self._own_fds = {0, 1, 2, control.fileno()}
        self._repositories: Sequence[Repository] = ()
        self._setters: list[ThreadSetter] = []

    def run(self) -> None:
        """Import, report, serve."""
        name_this_process("partita-zygote")
        die_with_parent(signal.SIGKILL)  # a module may import for minutes: nobody would end this process otherwise
        if os.getppid() != self._load.worker:
            return
        report = self._import()
        wire.send(self._control, encode(report))
        if isinstance(report, LoadFailed):
            return
        # From now on it outlives the worker, to end what that has left behind.
        die_with_parent(None)
        self._serve()

    def _import(self) -> Report:
        began = time.monotonic()
        faulthandler.enable()  # a crash, or SIGABRT after the time limit, leaves its traceback in our output
        try:
            os.chdir(self._load.location.directory)
            self._repositories = load_repositories(self._load.location)
            catalog = describe(self._load.location.name, self._repositories)
        except BaseException as error:  # SystemExit too: a module must not end us in silence
            return LoadFailed(error=PythonError.of(error, skip_frames_in=OWN_FILES))
        seconds = time.monotonic() - began
        warm_up(self._load)
        self._setters = find_thread_setters()
        # A collection in a child would write to every object, and so copy every page it shares with us.
        gc.collect()
        gc.freeze()
        # Python warns of a fork beside threads; those that remain are on the list of the idle ones.
        warnings.filterwarnings("ignore", message=".*use of fork\\(\\) may lead to deadlocks", category=DeprecationWarning)
        return Loaded(
            catalog=catalog,
            python_version=platform.python_version(),
            library_version=__version__,
            seconds=seconds,
            hazards=find_hazards(self._own_fds),
        )

    def _serve(self) -> None:
        while (message := wire.receive(self._control)) is not None:
            match decode_command(message.body):
                case Fork(marker=marker):
                    self._fork(marker, message.fds)
                case Retire():
                    return
        sweep_dead_worker(os.environ[WORKER_MARKER])

    def _fork(self, marker: str, fds: list[int]) -> None:
        events, output, assignment = fds
        refusal = ", ".join(find_hazards({*self._own_fds, *fds}))
        try:
            if not refusal:
                self._fork_twice(marker, events=events, output=output, assignment=assignment)
        except OSError as error:  # no memory, or too many processes
            refusal = f"fork failed: {error}"
        if refusal:
            with socket.socket(fileno=os.dup(events)) as connection:
                wire.send(connection, encode(Refused(reason=refusal)))
        wire.close_all(fds)

    def _fork_twice(self, marker: str, *, events: int, output: int, assignment: int) -> None:
        """The user process becomes a child of the worker, which learns its exit code: the process between ends at once."""
        sys.stdout.flush()
        sys.stderr.flush()
        flush_c_streams()
        if between := os.fork():
            os.waitpid(between, 0)
            return
        try:
            # Before the second fork: no process without its marker is ever seen below the worker.
            self._marker.write(marker)
            middle = os.getpid()
            if os.fork() == 0:
                os.close(self._control.fileno())
                become_user_process(Birth(events, output, assignment, middle, self._repositories, self._setters))
        finally:
            os._exit(0)


def main(argv: Sequence[str]) -> NoReturn:
    """Serve the worker at the other end of the descriptor given."""
    close_inherited([int(argv[0])])
    control = socket.socket(fileno=int(argv[0]))
    control.set_inheritable(False)
    message = wire.receive(control)
    if message is not None:
        Zygote(control, decode(message.body, Load)).run()
    sys.stdout.flush()
    sys.stderr.flush()
    flush_c_streams()
    os._exit(0)  # exit handlers of user modules belong to processes that run user code


if __name__ == "__main__":
    main(sys.argv[1:])
