"""A role of the daemon: one of its jobs, done by whoever holds the lease of it, in a thread of its own."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

from partita.automation.tenancy import Tenancy
from partita.automation.timing import Timing
from partita.errors import OperationError
from partita.records.failures import PythonError
from partita.storage.bell import Bell
from partita.storage.store import Store

logger = logging.getLogger(__name__)
TURN = 0.2
"""Seconds between looks at `stop`: how long roles may take to hear that they are to end."""
LISTEN = 0.025
"""Seconds between looks at the bell: most of what an idle daemon does."""
HEARTBEAT = 10.0
"""Seconds between heartbeats of a role that works; it is unhealthy after a minute without one."""
REST = 0.05
"""Seconds between looks of a role that acts on what was committed: while others are busy, that is always something."""
SELDOM = 1.0
"""The same of a role that acts by the clock, and for which hardly anything that is committed matters."""


def _nothing() -> None:
    """What most roles do at their begin and end."""


class Role:
    """One job of the daemon, done by whoever holds its lease. The job answers how many seconds it can be left alone.

    With `rest` it is also done when something was committed, so many seconds after the last time at the earliest. `begin` is called when
    the lease has become ours, `close` before it is given back.
    """

    def __init__(  # noqa: PLR0913 (what is done, by whom, when, and around it)
        self,
        name: str,
        job: Callable[[], float],
        *,
        store: Store,
        owner: str,
        timing: Timing,
        rest: float | None = None,
        begin: Callable[[], object] = _nothing,
        close: Callable[[], object] = _nothing,
    ) -> None:
        self.name = name
        self._job = job
        self._begin = begin
        self._close = close
        self._store = store
        self._owner = owner
        self._tenancy = Tenancy(store, f"daemon:{name}", owner=owner, ttl=timing.lease)
        self._rest = rest
        self._retry = min(timing.renewal / 2, 1.0)
        self._woken = threading.Event()
        self._has_heard = False
        self._keep_at = 0.0
        self._act_at = 0.0
        self._acted_at = -math.inf
        self._told_at = -math.inf
        self._late = 0.0
        """Seconds by which it began its work too late, at worst, since it was last told."""
        self._is_broken = False

    def ring(self) -> None:
        """Something was committed. For any thread."""
        if self._rest is not None:
            self._woken.set()

    def wake(self) -> None:
        """End a wait. For any thread."""
        self._woken.set()

    def wait(self, seconds: float) -> None:
        """Wait for so long, or until something was committed since the last wait."""
        if self._woken.wait(seconds):
            self._woken.clear()  # before the work that follows: what is committed during that is heard by the next wait
            self._has_heard = True

    def act(self) -> float:
        """Do the job if it is due and ours; answers the seconds until this should be asked again."""
        now = time.monotonic()
        if self._has_heard and self._rest is not None and not self._is_broken:
            self._act_at = min(self._act_at, max(now, self._acted_at + self._rest))
        self._has_heard = False
        try:
            if now >= self._keep_at:
                self._keep_at = now + self._retry
                self._keep(now)
            if self._tenancy.is_held and now >= self._act_at:
                self._do(now)
            elif self._tenancy.is_held and now - self._told_at >= HEARTBEAT:
                self._tell(None)
        except OperationError as error:
            logger.warning("the database does not answer", extra={"role": self.name, "error": str(error)})
            self._act_at = max(self._act_at, now + self._retry)
        wanted_at = min(self._keep_at, self._act_at) if self._tenancy.is_held else self._keep_at
        return max(0.0, wanted_at - time.monotonic())

    def end(self) -> None:
        """Let another daemon do it at once."""
        with suppress(OperationError):  # the lease ends by itself
            if self._tenancy.is_held:
                self._close()
            self._tenancy.end()

    def _keep(self, now: float) -> None:
        was_held = self._tenancy.is_held
        self._tenancy.keep(now)
        if self._tenancy.is_held and not was_held:
            self._act_at = now  # what was due before was another's to do
            self._begin()

    def _do(self, now: float) -> None:
        self._late = max(self._late, now - self._act_at)
        self._acted_at = now
        try:
            self._act_at = now + self._job()
        except OperationError:
            raise
        except Exception as error:  # a mistake in one job must not end the others; the role shows it
            logger.exception("a job of the daemon failed", extra={"role": self.name})
            self._act_at = now + HEARTBEAT
            self._tell(PythonError.of(error))
        else:
            if self._is_broken or now - self._told_at >= HEARTBEAT:
                self._tell(None)

    def _tell(self, error: PythonError | None) -> None:
        self._store.leases.heartbeat(self.name, owner=self._owner, error=error, lateness=timedelta(seconds=self._late))
        self._told_at, self._is_broken, self._late = time.monotonic(), error is not None, 0.0


class RoleThreads:
    """Roles at work, a thread each: one that computes for long, or waits for its database, keeps no other waiting."""

    def __init__(self, roles: Sequence[Role]) -> None:
        self._roles = roles
        self._is_ending = threading.Event()
        self._failures: list[BaseException] = []

    def work(self, bell: Bell, *, stop: Callable[[], bool]) -> None:
        """Let them work until `stop` answers True, then until each has done what it is at.

        Raises:
            Exception: what ended the thread of a role; the others end too, so that the process can be started anew.
        """
        threads = [threading.Thread(target=self._serve, args=(role,), name=f"role {role.name}") for role in self._roles]
        for thread in threads:
            thread.start()
        try:
            while not stop() and not self._failures:
                self._listen(bell)
        finally:
            self._is_ending.set()
            for role in self._roles:
                role.wake()
            for thread in threads:
                thread.join()
        if self._failures:
            raise self._failures[0]

    def _listen(self, bell: Bell) -> None:
        try:
            has_rung = bell.wait(TURN, interval=LISTEN)
        except OperationError as error:
            logger.warning("the bell is broken", extra={"error": str(error)})
            has_rung = True
            time.sleep(TURN)
        if has_rung:
            for role in self._roles:
                role.ring()

    def _serve(self, role: Role) -> None:
        try:
            while not self._is_ending.is_set():
                role.wait(role.act())
        except BaseException as error:  # told by the thread that started it
            self._failures.append(error)
        finally:
            role.end()
