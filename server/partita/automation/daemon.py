"""A daemon: looks after what no worker does. Any number of daemons may run; a lease decides which one does a job."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from partita.automation.monitor import Monitor
from partita.automation.retention import Retention
from partita.automation.tenancy import Tenancy, unique_owner
from partita.automation.timing import Timing
from partita.errors import OperationError
from partita.records.failures import PythonError
from partita.storage.bell import Bell
from partita.storage.store import Store
from partita.workspace.settings import Settings

logger = logging.getLogger(__name__)
TURN = 0.2
"""Seconds between looks at `stop`: how long a daemon may take to end."""
HEARTBEAT = 10.0
"""Seconds between heartbeats of a role that has nothing to do; a role is unhealthy after a minute without one."""


def run_daemon(settings: Settings, *, stop: Callable[[], bool], timing: Timing | None = None) -> None:
    """Do the daemon's work until `stop` answers True.

    Raises:
        OperationError: the database cannot be opened.
    """
    timing = timing or Timing.of(os.environ)
    owner = unique_owner()
    with Store.open(settings.storage.url) as store, store.bell() as bell:
        jobs: list[tuple[str, Callable[[], float]]] = [
            ("monitor", Monitor(store, settings, timing=timing)),
            ("retention", Retention(store, settings, timing=timing)),
        ]
        roles = [Role(name, job, store=store, owner=owner, timing=timing) for name, job in jobs]
        _work(roles, bell, stop=stop)


def _work(roles: Sequence[Role], bell: Bell, *, stop: Callable[[], bool]) -> None:
    try:
        while not stop():
            for role in roles:
                role.act()
            try:
                bell.wait(TURN)
            except OperationError as error:
                logger.warning("the bell is broken", extra={"error": str(error)})
                time.sleep(TURN)
    finally:
        for role in roles:
            role.end()


class Role:
    """One job of the daemon, done by whoever holds its lease. The job answers how many seconds it can be left alone."""

    def __init__(self, name: str, job: Callable[[], float], *, store: Store, owner: str, timing: Timing) -> None:
        self._name = name
        self._job = job
        self._store = store
        self._owner = owner
        self._tenancy = Tenancy(store, f"daemon:{name}", owner=owner, ttl=timing.lease)
        self._try_at = 0.0
        self._act_at = 0.0
        self._told_at = 0.0
        self._renewal = timing.renewal

    def act(self) -> None:
        """Do the job if it is due and ours."""
        now = time.monotonic()
        if now < self._try_at:
            return
        try:
            self._try_at = now + min(self._renewal / 2, 1.0)
            if not self._tenancy.keep(now):
                return
            if now >= self._act_at:
                self._do(now)
            elif now - self._told_at >= HEARTBEAT:
                self._tell(None)
        except OperationError as error:
            logger.warning("the database does not answer", extra={"role": self._name, "error": str(error)})

    def end(self) -> None:
        """Let another daemon do it at once."""
        with suppress(OperationError):  # the lease ends by itself
            self._tenancy.end()

    def _do(self, now: float) -> None:
        try:
            self._act_at = now + self._job()
        except OperationError:
            raise
        except Exception as error:  # a mistake in one job must not end the others; the role shows it
            logger.exception("a job of the daemon failed", extra={"role": self._name})
            self._act_at = now + HEARTBEAT
            self._tell(PythonError.of(error))
        else:
            self._tell(None)

    def _tell(self, error: PythonError | None) -> None:
        self._store.leases.heartbeat(self._name, owner=self._owner, error=error)
        self._told_at = time.monotonic()
