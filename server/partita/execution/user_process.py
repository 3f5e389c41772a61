"""A user process: runs user code for one order, tells the worker every fact, and never opens the database.

It is forked by a zygote (`become_user_process`) or, where that cannot be, started anew: `python -m
partita.execution.user_process EVENTS ASSIGNMENT`, two descriptors. Either way user code finds the same surroundings.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple, NoReturn

from partita.definitions.keys import AssetKey
from partita.definitions.policies import ExecutorSpec
from partita.definitions.repository import Repository
from partita.definitions.texts import storable
from partita.errors import ExecutionError, PartitaError
from partita.execution import wire
from partita.execution.cancellation import Canceled, Cancellation
from partita.execution.evaluating import evaluate
from partita.execution.evaluation import Evaluation, Verdict
from partita.execution.interpreter import forget_exit_handlers
from partita.execution.processes import PROCESS_MARKER, close_inherited, die_with_parent, name_this_process
from partita.execution.protocol import Asks, Assignment, Broken, Evaluated, Facts, Frame, Load, Order, Ready, Waits, decode_answer
from partita.execution.run import run_order
from partita.execution.scope import Outside
from partita.execution.surroundings import ThreadSetter, end_process, restore
from partita.planning.plan import Plan
from partita.records.assets import Materialization
from partita.records.codec import decode, encode
from partita.records.events import Event, LogWritten, ProgressMade
from partita.records.failures import PythonError
from partita.workspace.loader import OWN_FILES, load_repositories

CANCELED_EXIT_CODE = 128 + signal.SIGTERM
SETTLE = 0.5
"""Seconds that threads have to end before it is told that they are waited for: those of a pool end as soon as they are joined."""
MAX_NAMES, MAX_NAME = 5, 100
"""Threads that are named, and characters of each name."""


class EventStream:
    """The user process's end of its connection to the worker. Packets are atomic, so any thread may emit."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._pid = os.getpid()
        self._asking = threading.Lock()
        self._asked = 0

    def send(self, frame: Frame) -> None:
        """Send one frame."""
        wire.send(self._connection, encode(frame))

    def emit(self, events: Sequence[Event]) -> None:
        """Tell facts, in this order.

        Raises:
            RuntimeError: a process that user code forked tries to tell more than log records and progress.
            ValueError: one event is longer than any message may be.
        """
        if os.getpid() != self._pid and not all(isinstance(event, LogWritten | ProgressMade) for event in events):
            raise RuntimeError("A process that was forked inside of a step has run on into Partita; end it with os._exit().")
        if not events:
            return
        body = encode(Facts(events=tuple(events)))
        if len(body) <= wire.INLINE or len(events) == 1:
            wire.send(self._connection, body)
            return
        middle = len(events) // 2
        self.emit(events[:middle])
        self.emit(events[middle:])

    def look_up(self, asset: AssetKey, partition: str | None) -> Materialization | None:
        """Ask the worker for the last write of an asset.

        Raises:
            ExecutionError: it cannot tell.
            RuntimeError: a process that user code forked asks.
        """
        if os.getpid() != self._pid:
            raise RuntimeError("A process that was forked inside of a step cannot ask for the last write of an asset. Ask before it is forked.")
        with self._asking:
            self._asked += 1
            self.send(Asks(number=self._asked, asset=str(asset), partition=partition))
            while True:
                message = wire.receive(self._connection)
                if message is None:
                    raise ExecutionError(f"The last write of asset {str(asset)!r} is not known: the worker is gone.")
                answer = decode_answer(message.body)
                if answer.number == self._asked:  # an earlier one was given up, by a signal
                    break
        if answer.error is not None:
            raise ExecutionError(f"The last write of asset {str(asset)!r} is not known: {answer.error}")
        return answer.materialization


def warm_up(load: Load) -> None:
    """Do once, in the zygote, what every fork would do again: making the decoder of assignments takes longer than the fork."""
    plan = Plan(repository="", executor=ExecutorSpec(), steps=())
    order = Order(run_id="", job=None, repository="", location="", plan=plan, steps=None, values_url="", logs_directory="")
    decode(encode(Assignment(load=load, marker="", order=order)), Assignment)


class Birth(NamedTuple):
    """What a zygote knows of the process it forks."""

    events: int
    output: int
    assignment: int
    middle: int
    """The process between the two forks; it ends at once."""
    repositories: Sequence[Repository]
    setters: list[ThreadSetter]


def become_user_process(birth: Birth) -> NoReturn:
    """Turn this fresh fork into a user process."""
    os.setsid()
    os.dup2(birth.output, 1)
    os.dup2(birth.output, 2)
    os.close(birth.output)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    while os.getppid() == birth.middle:
        # A death signal set before the worker has become the parent would fire when the process between ends.
        time.sleep(0.0001)
    events = EventStream(socket.socket(fileno=birth.events))
    assignment = _take_assignment(birth.assignment)
    restore(environ=assignment.load.environ, added=assignment.order.env, setters=birth.setters)
    _live(events, assignment, repositories=birth.repositories)


def main(argv: Sequence[str]) -> NoReturn:
    """Run one assignment in an interpreter of its own."""
    events, file = (int(argument) for argument in argv)
    close_inherited([events, file])
    os.set_inheritable(events, False)
    assignment = _take_assignment(file)
    os.environ.update(assignment.order.env)
    _live(EventStream(socket.socket(fileno=events)), assignment, repositories=None)


def _take_assignment(file: int) -> Assignment:
    assignment = decode(wire.read_file(file), Assignment)
    os.close(file)
    return assignment


def _live(events: EventStream, assignment: Assignment, *, repositories: Sequence[Repository] | None) -> NoReturn:
    """Do what the assignment says and end the process with an exit code, whatever happens."""
    code = 1
    try:
        die_with_parent()
        if os.getppid() != assignment.load.worker:
            os._exit(code)  # the worker died before the line above: the signal would never come
        os.environ[PROCESS_MARKER] = assignment.marker
        name_this_process("partita-run")
        faulthandler.enable()
        code = _work(events, assignment, repositories=repositories)
    except ConnectionError:
        code = 1  # nobody listens: the worker has given this process up before it began
    except BaseException:
        traceback.print_exc()
    finally:
        end_process(code, before=partial(_tell_waits_later, events))


def _tell_waits_later(events: EventStream) -> None:
    """Have it told whom this process waits for, if it still does in a while."""
    if not _joined_threads():
        return
    timer = threading.Timer(SETTLE, _tell_waits, args=(events,))
    timer.daemon = True
    timer.start()


def _tell_waits(events: EventStream) -> None:
    names = tuple(storable(thread.name)[:MAX_NAME] for thread in _joined_threads()[:MAX_NAMES])
    with suppress(OSError):  # nobody listens any more
        events.send(Waits(threads=names))


def _joined_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]


def _work(events: EventStream, assignment: Assignment, *, repositories: Sequence[Repository] | None) -> int:
    cancellation = Cancellation()
    try:
        cancellation.listen()
        events.send(Ready(pid=os.getpid()))
        if repositories is None:
            repositories = _import(events, assignment)
        if repositories is None:
            return 1
        if isinstance(assignment.order, Evaluation):
            _answer(events, evaluate(assignment.order, repositories))
            return 0
        outside = Outside(events.emit, cancellation.is_requested, events.look_up)
        return 0 if run_order(assignment.order, repositories, outside, location=assignment.load.location) else 1
    except Canceled:
        return CANCELED_EXIT_CODE
    except PartitaError as error:  # nothing could begin
        events.send(Broken(error=PythonError.of(error)))
        return 1


def _answer(events: EventStream, verdict: Verdict) -> None:
    try:
        events.send(Evaluated(verdict=verdict))
    except (ValueError, OverflowError, TypeError) as error:  # too long, or changed by user code to what JSON cannot hold
        told = ExecutionError(f"What it asks for cannot be told to the worker: {error}")
        events.send(Evaluated(verdict=Verdict(error=PythonError.of(told), logs=verdict.logs)))


def _import(events: EventStream, assignment: Assignment) -> tuple[Repository, ...] | None:
    try:
        os.chdir(assignment.load.location.directory)
        repositories = load_repositories(assignment.load.location)
    except Canceled:
        raise
    except BaseException as error:  # SystemExit too: a module must not end us in silence
        events.send(Broken(error=PythonError.of(error, skip_frames_in=OWN_FILES)))
        return None
    forget_exit_handlers()
    return repositories


if __name__ == "__main__":
    main(sys.argv[1:])
