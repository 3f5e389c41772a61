"""Removes old records, a portion at a time, so that nobody waits for it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from partita.automation.timing import Timing
from partita.execution.archive import LogArchive
from partita.storage.retention import Pruned, TickAges
from partita.storage.store import Store
from partita.workspace.settings import Settings

logger = logging.getLogger(__name__)
CHANGES_KEPT = timedelta(days=7)
RUN_STATUSES_KEPT = timedelta(days=90)
EVALUATIONS_KEPT = timedelta(days=90)
ALERTS_KEPT = timedelta(days=90)
TICKS_KEPT = {"skipped": timedelta(days=7), "launched": timedelta(days=90), "failed": timedelta(days=90)}
"""Unless the workspace file says otherwise."""
PORTION = 5_000
RUNS = 500
"""Whose folders are removed at a time."""
ARCHIVED = 20
"""Runs whose output is removed from an object store at a time, each with some requests."""
PAUSE = 0.5
"""Seconds between portions, in which others write."""


class Retention:
    """Removes what is old. Summaries, histories of assets and run keys stay, so no other answer changes."""

    def __init__(self, store: Store, settings: Settings, *, timing: Timing) -> None:
        self._store = store
        self._settings = settings
        self._interval = timing.prune
        self._archive = LogArchive(settings.storage.logs) if settings.storage.logs is not None else None
        self._most_runs = RUNS if self._archive is None else ARCHIVED
        self._has_more = False

    def __call__(self) -> float:
        """Remove a portion; answers the seconds until the next one."""
        pruned = self.prune(datetime.now(UTC))
        if pruned.total:
            counts = {"events": pruned.events, "changes": pruned.changes, "ticks": pruned.ticks}
            logger.info("old records were removed", extra=counts)
        return PAUSE if self._has_more or pruned.most >= PORTION else self._interval

    def all(self, now: datetime) -> Iterator[Pruned]:
        """Remove all that is old, a portion for each look."""
        while (pruned := self.prune(now)).total:
            yield pruned

    def prune(self, now: datetime) -> Pruned:
        """Remove a portion of what is old, the captured output of runs before their events: else nobody would know of it any more."""
        events_before = now - self._settings.retention.events
        old = self._store.retention.old_runs(before=events_before, limit=self._most_runs)
        for run_id in old:
            shutil.rmtree(self._settings.logs_directory / run_id, ignore_errors=True)  # it may be on another machine
        if old and self._archive is not None:
            self._archive.remove(old)
        pruned = self._store.retention.prune(
            events_before=events_before, changes_before=now - CHANGES_KEPT, idempotency_before=now, limit=PORTION, most_runs=self._most_runs
        )
        self._has_more = len(old) == self._most_runs
        kept = {**TICKS_KEPT, **self._settings.retention.ticks}
        return pruned + self._store.retention.prune_automation(
            ticks_before=TickAges(**{name: now - age for name, age in kept.items()}),
            evaluations_before=now - EVALUATIONS_KEPT,
            run_statuses_before=now - RUN_STATUSES_KEPT,
            alerts_before=now - ALERTS_KEPT,
            limit=PORTION,
        )
