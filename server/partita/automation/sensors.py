"""The daemon's job of sensors: asks workers to evaluate those that are due.

A sensor with a function is evaluated every interval. One that watches assets or runs is evaluated when there is something
new, at the earliest an interval after the last time; while there is nothing new, nothing is written.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from partita.automation.published import PublishedWorkspace
from partita.automation.scopes import sensor_of
from partita.automation.watches import new_materializations, new_runs
from partita.definitions.automation_specs import SensorSpec
from partita.errors import OperationError
from partita.records.automations import Automation, AutomationKind
from partita.storage.store import Store
from partita.storage.ticks import WantedTick
from partita.workspace.catalog import Catalog

logger = logging.getLogger(__name__)
HEAL = 1.0
"""Seconds between looks without a cause."""
AT_ONCE = 50
"""Evaluations that are asked for in one transaction, during which nobody else can write."""


class Sensors:
    """One look at all sensors."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._workspace = PublishedWorkspace(store)
        self._last_look: datetime | None = None
        self._looked: dict[str, int] = {}
        """How far there was nothing for a sensor that watches; it is not written down."""

    def __call__(self) -> float:
        """Ask for the evaluations that are due; answers the seconds until the next is."""
        now = self._store.now()
        if self._last_look is None or now < self._last_look:
            self._store.automations.bring_forward(now)
        self._last_look = now
        newest = self._store.arrivals.latest()
        has_failed = False
        if due := self._store.automations.due(AutomationKind.SENSOR, now):
            has_failed = self._act(due, now, newest)
        following = self._store.automations.next_due(AutomationKind.SENSOR, after=now)
        patience = HEAL if following is None else (following - self._store.now()).total_seconds()
        return HEAL if has_failed else min(HEAL, max(0.0, patience))

    def _act(self, due: Sequence[Automation], now: datetime, newest: tuple[int, int]) -> bool:
        """Answers whether any of them could not be looked after."""
        workspace = self._workspace.read()
        failed: list[str] = []
        wanted: list[WantedTick] = []
        for sensor in due:
            with _guard(sensor, failed):
                wanted += self._wanted(sensor, workspace, now, newest)
        for start in range(0, len(wanted), AT_ONCE):
            self._request(wanted[start : start + AT_ONCE], failed)
        return bool(failed)

    def _request(self, wanted: Sequence[WantedTick], failed: list[str]) -> None:
        """Ask for evaluations in one transaction; where that cannot be done for one of them, for each by itself."""
        try:
            self._store.ticks.request_together(wanted)
        except OperationError:
            raise
        except Exception:
            for each in wanted:
                with _guard(each.automation, failed):
                    self._store.ticks.request_together([each])

    def _wanted(self, sensor: Automation, workspace: Catalog, now: datetime, newest: tuple[int, int]) -> list[WantedTick]:
        """The evaluation that is due, if there is anything to look at."""
        spec = sensor_of(workspace.repository(sensor.location, sensor.repository), sensor)
        next_due_at = now + timedelta(seconds=spec.interval)
        if spec.kind == "function":
            return [WantedTick(automation=sensor, due_at=now, next_due_at=next_due_at)]
        through = self._news_for(sensor, spec, newest)
        if through is None:
            return []
        return [WantedTick(automation=sensor, due_at=now, next_due_at=next_due_at, after=sensor.seen, through=through)]

    def _news_for(self, sensor: Automation, spec: SensorSpec, newest: tuple[int, int]) -> int | None:
        """How far it is to look now; None when nothing has come that concerns it."""
        watches_assets = spec.kind == "asset"
        last = newest[0] if watches_assets else newest[1]
        after = max(sensor.seen or 0, self._looked.get(sensor.id, 0))
        if last <= after:
            return None
        if watches_assets:
            numbers = [number for number, _ in new_materializations(self._store, spec, after=after)]
        else:
            numbers = [number for number, _ in new_runs(self._store, sensor, spec, after=after)]
        if not numbers:
            self._looked[sensor.id] = last
        return numbers[-1] if numbers else None


@contextmanager
def _guard(sensor: Automation, failed: list[str]) -> Iterator[None]:
    """A mistake in one sensor must not end the others."""
    try:
        yield
    except OperationError:
        raise
    except Exception:
        logger.exception("a sensor could not be looked after", extra={"automation": sensor.id})
        failed.append(sensor.id)
