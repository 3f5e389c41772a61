"""The daemon's job of schedules: writes the tick of each due time, with the runs it launches, at its very instant.

A tick of a schedule without function is planned and committed here. One with a function waits for a worker of its location.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from partita.automation.published import PublishedWorkspace
from partita.automation.scopes import schedule_of, scope_of
from partita.definitions.automation_specs import ScheduleSpec
from partita.errors import OperationError, PartitaError
from partita.planning.due import due_ticks, first_due
from partita.planning.ticks import TickScope, requests_of_schedule
from partita.records.automations import Automation, AutomationKind
from partita.records.failures import PythonError
from partita.storage.store import Store
from partita.storage.tick_rows import Outcome
from partita.storage.ticks import PlainTick
from partita.workspace.catalog import Catalog
from partita.workspace.merge import Place

logger = logging.getLogger(__name__)
HEAL = 1.0
"""Seconds between looks at the clock, which may be set."""
AT_ONCE = 50
"""Ticks of one transaction: it costs as much as three ticks, and nobody else can write until it ends."""


@dataclass
class _Look:
    """What the schedules that are due at one moment have in common."""

    workspace: Catalog
    now: datetime
    scopes: dict[Place, TickScope] = field(default_factory=dict)
    planned: list[PlainTick] = field(default_factory=list)
    """Those that are still to be written."""
    has_failed: bool = False


class Schedules:
    """One look at all schedules."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._workspace = PublishedWorkspace(store)

    def __call__(self) -> float:
        """Write what is due; answers the seconds until the next is."""
        now = self._store.now()
        if due := self._store.automations.due(AutomationKind.SCHEDULE, now):
            has_failed = self._act(due, _Look(self._workspace.read(), now))
        else:
            has_failed = False
        following = self._store.automations.next_due(AutomationKind.SCHEDULE)
        if has_failed or following is None:
            return HEAL
        return min(HEAL, max(0.0, (following - self._store.now()).total_seconds()))

    def _act(self, due: Sequence[Automation], look: _Look) -> bool:
        """Answers whether any of them could not be looked after."""
        for automation in due:
            with self._guard(automation, look):
                self._prepare(automation, look)
            if len(look.planned) >= AT_ONCE:
                self._commit(look)
        self._commit(look)
        return look.has_failed

    def _prepare(self, automation: Automation, look: _Look) -> None:
        """Plan what is due, or ask a worker for it."""
        spec = schedule_of(look.workspace.repository(automation.location, automation.repository), automation)
        if automation.next_due_at is None:
            self._store.automations.set_next_due(automation, first_due(spec, after=automation.changed_at))
            return
        due = due_ticks(spec, planned=automation.next_due_at, now=look.now)
        for due_at, next_due_at in zip(due.ticks, (*due.ticks[1:], due.next), strict=True):
            if not spec.has_function:
                outcome = self._outcome(automation, spec, look, due_at=due_at)
                look.planned.append(PlainTick(automation=automation, due_at=due_at, next_due_at=next_due_at, outcome=outcome))
            elif self._store.ticks.request(automation, due_at=due_at, next_due_at=next_due_at) is None:
                return  # it has changed, or another daemon was faster
            automation = msgspec.structs.replace(automation, next_due_at=next_due_at)

    def _outcome(self, automation: Automation, spec: ScheduleSpec, look: _Look, *, due_at: datetime) -> Outcome:
        try:
            asks, skip_reason = requests_of_schedule(spec, self._scope(automation, look), due_at=due_at)
        except OperationError:
            raise
        except Exception as error:
            if not isinstance(error, PartitaError):
                logger.exception("a schedule could not be planned", extra={"automation": automation.id})
            return Outcome(error=PythonError.of(error))
        return Outcome(asks=asks, skip_reason=skip_reason)

    def _scope(self, automation: Automation, look: _Look) -> TickScope:
        place = (automation.location, automation.repository)
        if place not in look.scopes:
            look.scopes[place] = scope_of(self._store, look.workspace, automation)
        return look.scopes[place]

    def _commit(self, look: _Look) -> None:
        """Write what was planned, in one transaction; where one of them cannot be written, each by itself."""
        planned, look.planned = look.planned, []
        if not planned:
            return
        try:
            self._store.ticks.commit_together(planned)
        except OperationError:
            raise
        except Exception:
            for each in planned:
                with self._guard(each.automation, look):
                    self._store.ticks.commit_together([each])

    @contextmanager
    def _guard(self, automation: Automation, look: _Look) -> Iterator[None]:
        """A mistake in one schedule must not end the others."""
        try:
            yield
        except OperationError:
            raise
        except Exception:
            logger.exception("a schedule could not be looked after", extra={"automation": automation.id})
            look.has_failed = True
