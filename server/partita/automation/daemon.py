"""A daemon: looks after what no worker does. Any number of daemons may run; a lease decides which one does a job."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from partita.automation.backfills import Backfills
from partita.automation.conditions import ConditionRole
from partita.automation.monitor import Monitor
from partita.automation.retention import Retention
from partita.automation.schedules import Schedules
from partita.automation.sensors import Sensors
from partita.automation.tenancy import Tenancy, unique_owner
from partita.automation.timing import Timing
from partita.errors import OperationError
from partita.records.failures import PythonError
from partita.storage.bell import Bell
from partita.storage.engine import DEADLINE
from partita.storage.store import Store
from partita.workspace.settings import Settings

logger = logging.getLogger(__name__)
TURN = 0.2
"""Seconds between looks at `stop`: how long a daemon may take to end."""
HEARTBEAT = 10.0
"""Seconds between heartbeats of a role that works; it is unhealthy after a minute without one."""
LISTEN_INTERVAL = 0.05
"""Seconds between looks of a role that listens to the bell, which rings for every commit."""


def run_daemon(settings: Settings, *, stop: Callable[[], bool], timing: Timing | None = None) -> None:
    """Do the daemon's work until `stop` answers True.

    Raises:
        OperationError: the database cannot be opened.
    """
    timing = timing or Timing.of(os.environ)
    owner = unique_owner()
    with Store.open(settings.storage.url, deadline=min(DEADLINE, timing.answer)) as store, store.bell() as bell:
        jobs: list[tuple[str, Callable[[], float], bool]] = [
            ("monitor", Monitor(store, settings, timing=timing), False),
            ("retention", Retention(store, settings, timing=timing), False),
            ("schedules", Schedules(store), True),
            ("sensors", Sensors(store), True),
            ("backfills", Backfills(store), True),
            ("conditions", ConditionRole(store), True),
        ]
        roles = [Role(name, job, store=store, owner=owner, timing=timing, listens=listens) for name, job, listens in jobs]
        _work(roles, bell, stop=stop)


def _work(roles: Sequence[Role], bell: Bell, *, stop: Callable[[], bool]) -> None:
    try:
        has_rung = True
        while not stop():
            patience = min(role.act(has_rung=has_rung) for role in roles)
            try:
                has_rung = bell.wait(min(TURN, patience))
            except OperationError as error:
                logger.warning("the bell is broken", extra={"error": str(error)})
                time.sleep(TURN)
    finally:
        for role in roles:
            role.end()


class Role:
    """One job of the daemon, done by whoever holds its lease. The job answers how many seconds it can be left alone.

    One that `listens` is also done when something was committed.
    """

    def __init__(self, name: str, job: Callable[[], float], *, store: Store, owner: str, timing: Timing, listens: bool = False) -> None:
        self._name = name
        self._job = job
        self._store = store
        self._owner = owner
        self._tenancy = Tenancy(store, f"daemon:{name}", owner=owner, ttl=timing.lease)
        self._listens = listens
        self._retry = min(timing.renewal / 2, 1.0)
        self._keep_at = 0.0
        self._act_at = 0.0
        self._acted_at = -math.inf
        self._told_at = -math.inf
        self._is_broken = False

    def act(self, *, has_rung: bool = False) -> float:
        """Do the job if it is due and ours; answers the seconds until this should be asked again."""
        now = time.monotonic()
        if has_rung and self._listens and not self._is_broken:
            self._act_at = min(self._act_at, max(now, self._acted_at + LISTEN_INTERVAL))
        try:
            if now >= self._keep_at:
                self._keep_at = now + self._retry
                self._tenancy.keep(now)
            if self._tenancy.is_held and now >= self._act_at:
                self._do(now)
            elif self._tenancy.is_held and now - self._told_at >= HEARTBEAT:
                self._tell(None)
        except OperationError as error:
            logger.warning("the database does not answer", extra={"role": self._name, "error": str(error)})
            self._act_at = max(self._act_at, now + self._retry)
        wanted_at = min(self._keep_at, self._act_at) if self._tenancy.is_held else self._keep_at
        return max(0.0, wanted_at - time.monotonic())

    def end(self) -> None:
        """Let another daemon do it at once."""
        with suppress(OperationError):  # the lease ends by itself
            self._tenancy.end()

    def _do(self, now: float) -> None:
        self._acted_at = now
        try:
            self._act_at = now + self._job()
        except OperationError:
            raise
        except Exception as error:  # a mistake in one job must not end the others; the role shows it
            logger.exception("a job of the daemon failed", extra={"role": self._name})
            self._act_at = now + HEARTBEAT
            self._tell(PythonError.of(error))
        else:
            if self._is_broken or now - self._told_at >= HEARTBEAT:
                self._tell(None)

    def _tell(self, error: PythonError | None) -> None:
        self._store.leases.heartbeat(self._name, owner=self._owner, error=error)
        self._told_at, self._is_broken = time.monotonic(), error is not None
