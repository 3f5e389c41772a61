"""Keeping services alive: one loop that waits for their ends and for signals, and restarts what died."""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from partita.cli.children import Service
from partita.execution.processes import adopt_orphans, find_process, kill, list_children

FIRST_DELAY, LAST_DELAY = 0.1, 5.0
STABLE_AFTER = 10.0
"""Seconds that a service must live for its next death to count as the first."""
PATIENCE = 8.0
"""Seconds that services get to end before they are killed."""
SWEEP_FOR, SWEEP_EVERY = 3.0, 0.1
"""Seconds after the death of a service in which its orphans, who come one by one, are looked for; and between two looks."""
LONGEST_WAIT = 3.0
"""Seconds after which patient services start although the API does not answer: it may be the one that is broken."""
STOP_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


@dataclass(slots=True)
class _Member:
    service: Service
    pid: int | None = None
    started_at: float = 0.0
    deaths: int = 0
    restart_at: float | None = None


class ServiceGroup:
    """The services of one `partita dev`, started in this order."""

    def __init__(self, services: Sequence[Service], *, start: Callable[[Service], int], say: Callable[[str], None]) -> None:
        self._members = [_Member(service) for service in services]
        self._start, self._say = start, say
        self._own = frozenset(list_children())
        """Children that this process has had before; in a container they may be anybody's."""
        self._sweep_until = 0.0
        self._signals, self._wakeup = os.pipe()
        self._selector = selectors.PollSelector()  # unlike epoll it has no descriptor that a fork would share
        self._callbacks: dict[int, Callable[[], None]] = {}
        for fd in (self._signals, self._wakeup):
            os.set_blocking(fd, False)
        self._selector.register(self._signals, selectors.EVENT_READ)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a forked service must close."""
        return (self._signals, self._wakeup)

    def on_readable(self, fd: int, call: Callable[[], None]) -> None:
        """Call `call` whenever there is something to read from `fd`."""
        self._callbacks[fd] = call
        self._selector.register(fd, selectors.EVENT_READ)

    def run(self) -> int:
        """Start all, keep them alive until a signal asks to stop, stop all; the number of that signal."""
        if os.getpid() != 1:  # whose children all orphans are anyway, ours or not
            adopt_orphans()
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        for number in (*STOP_SIGNALS, signal.SIGCHLD):
            signal.signal(number, _wake)
        for member in self._members:
            if member.service.is_patient:
                member.restart_at = time.monotonic() + LONGEST_WAIT
            else:
                self._launch(member)
        asked = self._keep_alive()
        self._say("Stopping. Asked a second time, it ends at once.")
        self._stop([member for member in self._members if not member.service.is_last])
        self._stop([member for member in self._members if member.service.is_last])
        self._sweep_until = time.monotonic() + SWEEP_FOR
        self._end_orphans()
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # there is nothing left to stop but the last lines of this process
        return asked

    def start_patient(self) -> None:
        """Start those that have waited for the API to answer."""
        for member in self._members:
            if member.service.is_patient and not member.started_at:
                member.restart_at = time.monotonic()

    def _keep_alive(self) -> int:
        while True:
            asked = STOP_SIGNALS & set(self._wait(self._until_next_restart()))
            if asked:
                return min(asked)
            for member, reason in self._reap():
                self._plan_restart(member, reason)
                self._sweep_until = time.monotonic() + SWEEP_FOR
            self._end_orphans()
            for member in self._members:
                if member.restart_at is not None and time.monotonic() >= member.restart_at:
                    self._launch(member)

    def _wait(self, timeout: float | None) -> bytes:
        """The signals that came, after one came, something could be read, or `timeout`."""
        arrived = b""
        for key, _ in self._selector.select(timeout):
            if key.fd == self._signals:
                arrived = os.read(self._signals, 4096)
            else:
                self._callbacks[key.fd]()
        return arrived

    def _until_next_restart(self) -> float | None:
        now = time.monotonic()
        due = [member.restart_at for member in self._members if member.restart_at is not None]
        if now < self._sweep_until:
            due.append(now + SWEEP_EVERY)
        return max(0.0, min(due) - now) if due else None

    def _launch(self, member: _Member) -> None:
        member.restart_at = None
        member.started_at = time.monotonic()
        member.pid = self._start(member.service)

    def _reap(self) -> Iterator[tuple[_Member, str]]:
        """Members that have ended, and how. Strangers are reaped too: in a container this may be process 1."""
        members = {member.pid: member for member in self._members if member.pid is not None}
        while members:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if member := members.pop(pid, None):
                member.pid = None
                yield member, _describe(status)

    def _end_orphans(self) -> None:
        """End what a service that was killed has left behind, also what carries no mark of it: it has come to us, and nobody else would."""
        if time.monotonic() >= self._sweep_until or os.getpid() == 1:
            return
        from partita.execution.sweeping import is_zygote  # with all that it needs, which is needed only when something has died

        members = {member.pid for member in self._members}
        for pid in list_children():
            process = find_process(pid) if pid not in members and pid not in self._own else None
            if process is not None and not is_zygote(process):  # it ends by itself, when it has ended what it forked
                kill(process, signal.SIGKILL)

    def _plan_restart(self, member: _Member, reason: str) -> None:
        now = time.monotonic()
        member.deaths = 1 if now - member.started_at >= STABLE_AFTER else member.deaths + 1
        delay = min(LAST_DELAY, FIRST_DELAY * 2 ** (member.deaths - 1))
        member.restart_at = now + delay
        self._say(f"{member.service.name} {reason}; it is started again in {delay:g} s.")

    def _stop(self, members: Sequence[_Member]) -> None:
        """Ask `members` to end, and kill those that do not within the time they have, or when asked a second time."""
        deadline = time.monotonic() + PATIENCE
        self._signal(members, signal.SIGTERM)
        while any(member.pid is not None for member in members):
            left = deadline - time.monotonic()
            if STOP_SIGNALS & set(self._wait(max(0.0, left))) or left <= 0:
                self._signal(members, signal.SIGKILL)
                deadline = time.monotonic() + PATIENCE
            for _ in self._reap():
                pass

    def _signal(self, members: Sequence[_Member], number: signal.Signals) -> None:
        for member in members:
            if member.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(member.pid, number)


def _wake(number: int, frame: object) -> None:
    """Nothing: what counts is the signal's byte in the pipe."""
    del number, frame


def _describe(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed by {name}"
