"""The daemon's job of schedules: writes the tick of each due time, with the runs it launches, at its very instant.

A tick of a schedule without function is planned and committed here. One with a function waits for a worker of its location.
"""

from __future__ import annotations

import logging
from datetime import datetime

import msgspec

from partita.automation.published import PublishedWorkspace
from partita.automation.scopes import schedule_of, scope_of
from partita.definitions.automation_specs import ScheduleSpec
from partita.errors import OperationError, PartitaError
from partita.planning.due import due_ticks, first_due
from partita.planning.ticks import requests_of_schedule
from partita.records.automations import Automation, AutomationKind
from partita.records.failures import PythonError
from partita.records.ticks import Tick
from partita.storage.store import Store
from partita.workspace.catalog import Catalog

logger = logging.getLogger(__name__)
HEAL = 1.0
"""Seconds between looks at the clock, which may be set."""


class Schedules:
    """One look at all schedules."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._workspace = PublishedWorkspace(store)

    def __call__(self) -> float:
        """Write what is due; answers the seconds until the next is."""
        now = self._store.now()
        has_failed = False
        for automation in self._store.automations.due(AutomationKind.SCHEDULE, now):
            try:
                self._act(automation, now)
            except OperationError:
                raise
            except Exception:  # a mistake in one schedule must not end the others
                logger.exception("a schedule could not be looked after", extra={"automation": automation.id})
                has_failed = True
        following = self._store.automations.next_due(AutomationKind.SCHEDULE)
        if has_failed or following is None:
            return HEAL
        return min(HEAL, max(0.0, (following - self._store.now()).total_seconds()))

    def _act(self, automation: Automation, now: datetime) -> None:
        workspace = self._workspace.read()
        spec = schedule_of(workspace.repository(automation.location, automation.repository), automation)
        if automation.next_due_at is None:
            self._store.automations.set_next_due(automation, first_due(spec, after=automation.changed_at))
            return
        due = due_ticks(spec, planned=automation.next_due_at, now=now)
        for due_at, next_due_at in zip(due.ticks, (*due.ticks[1:], due.next), strict=True):
            if self._tick(automation, spec, workspace, due_at=due_at, next_due_at=next_due_at) is None:
                return  # it has changed, or another daemon was faster
            automation = msgspec.structs.replace(automation, next_due_at=next_due_at)

    def _tick(self, automation: Automation, spec: ScheduleSpec, workspace: Catalog, *, due_at: datetime, next_due_at: datetime) -> Tick | None:
        if spec.has_function:
            return self._store.ticks.request(automation, due_at=due_at, next_due_at=next_due_at)
        try:
            asks, skip_reason = requests_of_schedule(spec, scope_of(self._store, workspace, automation), due_at=due_at)
        except OperationError:
            raise
        except Exception as error:
            if not isinstance(error, PartitaError):
                logger.exception("a schedule could not be planned", extra={"automation": automation.id})
            return self._store.ticks.commit_plain(automation, due_at=due_at, next_due_at=next_due_at, error=PythonError.of(error))
        return self._store.ticks.commit_plain(automation, due_at=due_at, next_due_at=next_due_at, asks=asks, skip_reason=skip_reason)
