"""A daemon: looks after what no worker does. Any number of daemons may run; a lease decides which one does a job."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from partita.automation.alerts import alert_role
from partita.automation.backfills import Backfills
from partita.automation.conditions import ConditionRole
from partita.automation.freshness import FreshnessRole
from partita.automation.monitor import Monitor
from partita.automation.retention import Retention
from partita.automation.roles import REST, SELDOM, Role, RoleThreads
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
        freshness = FreshnessRole(store)
        role = partial(Role, store=store, owner=owner, timing=timing)
        roles = [
            role("monitor", Monitor(store, settings, timing=timing)),
            role("retention", Retention(store, settings, timing=timing)),
            role("schedules", Schedules(store), rest=SELDOM),
            role("sensors", Sensors(store), rest=REST),
            role("backfills", Backfills(store), rest=REST),
            role("conditions", ConditionRole(store), rest=REST),
            role("freshness", freshness, rest=SELDOM, begin=freshness.begin),
            alert_role(store, settings.alerts, owner=owner, timing=timing),
        ]
        RoleThreads(roles).work(bell, stop=stop)
