"""A daemon: looks after what no worker does. Any number of daemons may run; a lease decides which one does a job."""

from __future__ import annotations

import os
from collections.abc import Callable

from partita.automation import alerts
from partita.automation.alerts import AlertRole
from partita.automation.backfills import Backfills
from partita.automation.conditions import ConditionRole
from partita.automation.freshness import FreshnessRole
from partita.automation.monitor import Monitor
from partita.automation.retention import Retention
from partita.automation.roles import REST, Role, RoleThreads
from partita.automation.schedules import Schedules
from partita.automation.sensors import Sensors
from partita.automation.tenancy import unique_owner
from partita.automation.timing import Timing
from partita.storage.engine import DEADLINE
from partita.storage.store import Store
from partita.workspace.settings import Settings


def run_daemon(settings: Settings, *, stop: Callable[[], bool], timing: Timing | None = None) -> None:
    """Do the daemon's work until `stop` answers True.

    Raises:
        OperationError: the database cannot be opened.
    """
    timing = timing or Timing.of(os.environ)
    owner = unique_owner()
    with Store.open(settings.storage.url, deadline=min(DEADLINE, timing.answer)) as store, store.bell() as bell:
        jobs: list[tuple[str, Callable[[], float], float | None]] = [
            ("monitor", Monitor(store, settings, timing=timing), None),
            ("retention", Retention(store, settings, timing=timing), None),
            ("schedules", Schedules(store), REST),
            ("sensors", Sensors(store), REST),
            ("backfills", Backfills(store), REST),
            ("conditions", ConditionRole(store), REST),
            ("freshness", FreshnessRole(store), REST),
            (alerts.ROLE, AlertRole(store, settings.alerts, timing=timing), alerts.REST),
        ]
        RoleThreads([Role(name, job, store=store, owner=owner, timing=timing, rest=rest) for name, job, rest in jobs]).work(bell, stop=stop)
