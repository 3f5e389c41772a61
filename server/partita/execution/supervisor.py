"""Starts user processes, listens to them, and knows how they ended. One thread, one selector, no user code, no database.

The worker is a sub-reaper: whatever a user process leaves behind becomes the worker's child and is ended with it.
Everything here must be called from the main thread.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from partita.execution import wire
from partita.execution.children import Child, Death, Stage, death_of
from partita.execution.listening import Listener
from partita.execution.memory import peak_of
from partita.execution.news import EvaluationDone, FactsArrived, ForkRefused, News, ProcessEnded, ProcessReady, QuestionAsked
from partita.execution.processes import PROCESS_MARKER, WORKER_MARKER, Process, adopt_orphans, find_process, kill, list_children, list_processes
from partita.execution.processes import token as token_of_this_process
from partita.execution.protocol import Answer, Asks, Assignment, Broken, Evaluated, Facts, Frame, Ready, Refused, Waits, decode_frame
from partita.execution.sweeping import Fate, fate_of, find_leftovers, is_being_born, signal_tree
from partita.execution.zygote_link import ZygoteLink, start_process
from partita.execution.zygotes import Zygotes
from partita.records.codec import encode
from partita.records.failures import PythonError
from partita.workspace.settings import LocationSettings

READ_AT_ONCE = 64
"""Messages read from one process before the others get their turn."""
FORK_LIMIT, SPAWN_LIMIT = 10.0, 60.0
"""Seconds until a process must have said that it lives; a fork takes 10 ms, an interpreter 0.3 s, on a busy machine more."""
LEFTOVER_PATIENCE = 0.3
"""Seconds between SIGTERM and SIGKILL for what a process left behind when it ended by itself."""
STUCK = 5.0
"""Seconds after which a leftover that SIGKILL does not end is given up: it hangs in the kernel."""
MAX_STARTING = 16
"""Processes that are being made at once; more would only take each other's time."""
MAX_TRIES = 3
"""How often a process is made that dies before it says that it lives."""
SWEEP_INTERVAL, KILL_INTERVAL, LEFTOVER_INTERVAL = 1.0, 0.2, 0.005


class Supervisor:
    """The processes of one worker."""

    def __init__(self) -> None:
        adopt_orphans()
        self.token = token_of_this_process()
        self._listener = Listener()
        self._news: list[News] = []
        self._zygotes = Zygotes(self._listener, token=self.token, tell=self._news.append)
        self._children: dict[Child, ZygoteLink] = {}
        self._queue: deque[Child] = deque()
        self._strangers = frozenset(list_children())
        self._sweep_at = 0.0

    @property
    def children(self) -> list[Child]:
        """User processes whose end has not been told yet."""
        return list(self._children)

    def load(self, location: LocationSettings, *, output: Path, limit: float) -> ZygoteLink:
        """Start a zygote; `CodeLoaded` or `CodeFailed` follows soon after `limit` seconds at the latest.

        Raises:
            OSError: the interpreter cannot be started.
        """
        return self._zygotes.load(location, output=output, limit=limit)

    def retire(self, zygote: ZygoteLink) -> None:
        """End a zygote that is not needed any more; processes that it forked go on."""
        self._zygotes.retire(zygote)

    def launch(self, zygote: ZygoteLink, assignment: Assignment, *, output: Path) -> Child:
        """Start a user process of the zygote's code; `ProcessReady` and at last `ProcessEnded` follow."""
        child = Child(assignment=assignment, output=output)
        self._children[child] = zygote
        self._queue.append(child)
        self._start_queued()
        return child

    def end(self, child: Child, *, grace: float) -> None:
        """Tell a process to stop, and kill it and all that it started after `grace` seconds, at once for zero."""
        now = time.monotonic()
        is_first, child.was_ended = not child.was_ended, True
        child.kill_at = min(child.kill_at or now + grace, now + grace)
        if not child.is_live:
            return
        if child.pid is None:
            self._lose(child)  # born later, it finds nobody to greet and ends
        else:
            child.is_to_be_told = is_first and grace > 0

    def answer(self, child: Child, answer: Answer) -> None:
        """Tell a process what it asked and waits for; one that is gone needs it no more."""
        if child.connection is not None:
            with suppress(ConnectionError):
                wire.send(child.connection, encode(answer))

    def has_news(self, child: Child) -> bool:
        """Whether a process has told something that was not heard yet."""
        if child.connection is None:
            return False
        waiting = select.poll()  # `select.select` knows no descriptors above 1023
        waiting.register(child.connection, select.POLLIN)
        return bool(waiting.poll(0))

    def pause(self, child: Child) -> None:
        """Stop listening to a process that tells more than can be stored; it waits when its socket is full."""
        if child.connection is not None and not child.is_paused:
            child.is_paused = True
            self._listener.forget(child.connection.fileno())

    def resume(self, child: Child) -> None:
        """Listen again."""
        if child.connection is not None and child.is_paused:
            self._listener.listen(child.connection.fileno(), partial(self._hear, child))
        child.is_paused = False

    def wait(self, timeout: float) -> list[News]:
        """What happened, oldest first; waits up to `timeout` seconds for something to happen."""
        self._listener.wait(0 if self._news else self._patience(timeout))
        now = time.monotonic()
        self._zygotes.watch(now)
        self._signal_due(now)
        for child in self.children:
            if child.stage is Stage.REQUESTED and child.deadline is not None and now >= child.deadline:
                self._hurry(child)
        self._start_queued()
        if now >= self._sweep_at:
            self._sweep(now)
        news = list(self._news)
        self._news.clear()
        return news

    def close(self) -> None:
        """End every process at once, and whatever they started."""
        for child in self.children:
            self.end(child, grace=0)
        self._zygotes.retire_all()
        give_up_at = time.monotonic() + STUCK
        while (self._children or self._zygotes.pids) and time.monotonic() < give_up_at:
            self.wait(LEFTOVER_INTERVAL)
        self._sweep(time.monotonic())
        self._listener.close()
        adopt_orphans(False)

    def _start_queued(self) -> None:
        """A socket to a zygote takes some 160 requests; those above the limit wait here."""
        starting = sum(child.stage is Stage.REQUESTED and child.tries > 0 for child in self._children)
        while self._queue and starting < MAX_STARTING:
            child = self._queue.popleft()
            if child.stage is Stage.REQUESTED:  # it may have been ended while it waited
                starting += 1
                self._start(child, self._children[child])

    def _start(self, child: Child, zygote: ZygoteLink) -> None:
        child.tries += 1
        try:
            near, far = wire.connection()
            near.setblocking(False)
            child.connection = near
            self._listener.listen(near.fileno(), partial(self._hear, child))
            with far:
                self._start_with(child, zygote, events=far.fileno())
        except OSError as error:  # no descriptors, no memory, no interpreter, no directory for its output
            child.error = PythonError.of(error)
            self._lose(child)

    def _start_with(self, child: Child, zygote: ZygoteLink, *, events: int) -> None:
        assignment = wire.to_memfd(encode(child.assignment))
        try:
            if zygote.spawn_reason is None and not self._fork(child, zygote, events=events, assignment=assignment):
                zygote.spawn_reason = "the zygote does not answer"
            if zygote.spawn_reason is not None:
                self._spawn(child, zygote, events=events, assignment=assignment)
        finally:
            os.close(assignment)

    def _fork(self, child: Child, zygote: ZygoteLink, *, events: int, assignment: int) -> bool:
        child.how, child.deadline = "fork", time.monotonic() + FORK_LIMIT
        child.output.parent.mkdir(parents=True, exist_ok=True)
        output = os.open(child.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            zygote.fork(child.marker, fds=[events, output, assignment])
        except OSError:
            return False
        finally:
            os.close(output)
        return True

    def _spawn(self, child: Child, zygote: ZygoteLink, *, events: int, assignment: int) -> None:
        child.how, child.deadline = zygote.start, time.monotonic() + SPAWN_LIMIT
        environ = {**os.environ, WORKER_MARKER: self.token, PROCESS_MARKER: child.marker}
        location = zygote.load.location
        pid = start_process("partita.execution.user_process", [events, assignment], location=location, environ=environ, output=child.output)
        self._adopt(child, pid)

    def _adopt(self, child: Child, pid: int) -> None:
        process = find_process(pid)
        child.pid, child.pidfd = pid, os.pidfd_open(pid)
        child.started_tick = process.started if process else child.started_tick
        self._listener.listen(child.pidfd, partial(self._examine, child))

    def _hear(self, child: Child, *, limit: int | None = READ_AT_ONCE) -> None:
        count = 0
        while child.connection is not None and (limit is None or count < limit):
            count += 1
            try:
                message = wire.receive(child.connection)
                if message is None:
                    self._hang_up(child)
                    return
                wire.close_all(message.fds)
                self._take(child, decode_frame(message.body))
            except BlockingIOError:
                return
            except (wire.NonsenseError, msgspec.MsgspecError) as problem:
                self._distrust(child, problem)

    def _take(self, child: Child, frame: Frame) -> None:
        match frame:
            case Facts(events=events):
                self._news.append(FactsArrived(child, events))
            case Asks():
                self._news.append(QuestionAsked(child, frame))
            case Evaluated(verdict=verdict):
                self._news.append(EvaluationDone(child, verdict))
            case Ready(pid=pid):
                if child.pid is None:
                    self._adopt(child, pid)
                child.stage, child.deadline, child.startup = Stage.READY, None, time.monotonic() - child.requested_at
                self._news.append(ProcessReady(child))
            case Refused(reason=reason):
                zygote = self._children[child]
                zygote.spawn_reason = reason
                self._news.append(ForkRefused(zygote, reason))
                self._disconnect(child)
                self._start(child, zygote)
            case Broken(error=error):
                child.error = error
            case Waits(threads=threads):
                child.waits_for = threads

    def _hang_up(self, child: Child) -> None:
        """Nobody is left who could speak. Of a process that was to be forked and never spoke, this is all that we hear."""
        self._disconnect(child)
        if child.pid is not None:
            return
        if child.tries < MAX_TRIES:  # it has run no user code: its zygote died, or it was killed while it was being made
            self._start(child, self._children[child])
        else:
            self._lose(child)

    def _distrust(self, child: Child, problem: Exception) -> None:
        """User code has written into our connection; nothing that comes after can be believed."""
        child.error = PythonError(class_name="ProtocolError", message=f"The process sent what is no message of Partita: {problem}")
        self._disconnect(child)
        self.end(child, grace=0)

    def _lose(self, child: Child) -> None:
        self._disconnect(child)
        self._tell_end(child, Death(was_ended=child.was_ended))

    def _disconnect(self, child: Child) -> None:
        if child.connection is not None:
            self._listener.forget(child.connection.fileno())
            child.connection.close()
        child.connection, child.is_paused = None, False

    def _examine(self, child: Child) -> None:
        """The process is dead: hear the last of it and learn why. It stays a zombie until nothing of it is left."""
        assert child.pidfd is not None
        assert child.pid is not None
        # Never wait for the end of the connection: what it forked may hold the other end open.
        self._hear(child, limit=None)
        self._disconnect(child)
        self._listener.forget(child.pidfd)
        os.close(child.pidfd)
        child.pidfd, child.stage = None, Stage.EXITED
        status = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert status is not None
        child.death = death_of(status, was_ended=child.was_ended, memory_kills=child.memory_kills)
        child.kill_at = child.kill_at or time.monotonic() + LEFTOVER_PATIENCE
        self._sweep_at = 0.0

    def _signal_due(self, now: float) -> None:
        due = [(child, signum) for child in self._children if (signum := _due_signal(child, now)) is not None]
        processes = self._own(list_processes()) if due else []
        for child, signum in due:
            child.is_to_be_told, child.kill_again_at = False, now + KILL_INTERVAL
            signal_tree(child, signum, processes)

    def _hurry(self, child: Child) -> None:
        if child.pid is None:  # the zygote hangs; another will come in its place
            zygote = self._children[child]
            self._zygotes.give_up(zygote)
            zygote.spawn_reason = "the zygote does not answer"
            self._disconnect(child)
            self._start(child, zygote)
        else:
            child.error = PythonError(class_name="ProcessError", message=f"The process did not start within {SPAWN_LIMIT:g} s.")
            self.end(child, grace=0)

    def _sweep(self, now: float) -> None:
        """End what is left of dead processes, and tell the end of those of which nothing is left."""
        known = {*self._strangers, *self._zygotes.pids, *(child.pid for child in self._children)}
        strays = {pid for pid in list_children() if pid not in known}
        processes = list_processes() if self._has_leftovers(strays) else []
        self._end_strays(process for process in processes if process.pid in strays)
        processes = self._own(processes)
        for child in self.children:
            if child.stage is Stage.EXITED and not self._end_leftovers(child, find_leftovers(child, processes), now):
                self._bury(child)
        is_waiting = any(child.stage is Stage.EXITED for child in self._children)
        self._sweep_at = now + (LEFTOVER_INTERVAL if is_waiting else SWEEP_INTERVAL)

    def _has_leftovers(self, strays: Iterable[int]) -> bool:
        """Whether there is any that was not asked for. Looking at all processes of the machine costs more than most evaluations do."""
        found = (find_process(pid) for pid in strays)
        return not all(is_being_born(stray, children=self._children, zygotes=self._zygotes.markers) for stray in found if stray is not None)

    def _own(self, processes: Iterable[Process]) -> list[Process]:
        """Those that no other worker of the machine has started, whatever their markers say."""
        return [process for process in processes if process.worker in {"", self.token}]

    def _end_strays(self, strays: Iterable[Process]) -> None:
        for stray in strays:
            match fate_of(stray, children=self._children, zygotes=self._zygotes.markers):
                case Fate.ENDS:
                    kill(stray, signal.SIGKILL)
                case Fate.REAPED:
                    os.waitpid(stray.pid, os.WNOHANG)
                case Fate.STAYS:
                    pass

    def _end_leftovers(self, child: Child, leftovers: list[Process], now: float) -> bool:
        """Whether there is something left to wait for."""
        assert child.kill_at is not None
        if now >= child.kill_at or not child.has_warned:
            for process in leftovers:
                kill(process, signal.SIGKILL if now >= child.kill_at else signal.SIGTERM)
            child.has_warned = True
        return bool(leftovers) and now < child.kill_at + STUCK

    def _bury(self, child: Child) -> None:
        assert child.pid is not None
        assert child.death is not None
        child.peak_memory = peak_of(os.wait4(child.pid, 0)[2])
        with suppress(OSError):
            if child.output.stat().st_size == 0:
                child.output.unlink()
        self._tell_end(child, child.death)

    def _tell_end(self, child: Child, death: Death) -> None:
        child.stage, child.death = Stage.ENDED, death
        self._children.pop(child, None)
        self._news.append(ProcessEnded(child, death))

    def _patience(self, timeout: float) -> float:
        now = time.monotonic()
        limits = [(child.kill_at or child.deadline, child.kill_again_at) for child in self._children if child.is_live]
        moments = [self._zygotes.next_deadline(now + timeout), self._sweep_at, *(max(limit, again) for limit, again in limits if limit)]
        if any(child.is_to_be_told for child in self._children):
            return 0.0
        return max(0.0, min(timeout, min(moments) - now))


def _due_signal(child: Child, now: float) -> int | None:
    if not child.is_live or child.pid is None:
        return None
    if child.kill_at is not None and now >= max(child.kill_at, child.kill_again_at):
        return signal.SIGKILL
    return signal.SIGTERM if child.is_to_be_told else None
