"""Removes old records, a portion at a time, so that nobody waits for it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from partita.automation.timing import Timing
from partita.storage.retention import TickAges
from partita.storage.store import Store
from partita.workspace.settings import Settings

logger = logging.getLogger(__name__)
CHANGES_KEPT = timedelta(days=7)
RUN_STATUSES_KEPT = timedelta(days=90)
TICKS_KEPT = {"skipped": timedelta(days=7), "launched": timedelta(days=90), "failed": timedelta(days=90)}
"""Unless the workspace file says otherwise."""
PORTION = 5_000
PAUSE = 0.5
"""Seconds between portions, in which others write."""


class Retention:
    """One portion of what is old."""

    def __init__(self, store: Store, settings: Settings, *, timing: Timing) -> None:
        self._store = store
        self._settings = settings
        self._interval = timing.prune

    def __call__(self) -> float:
        """Remove a portion; answers the seconds until the next one."""
        now = datetime.now(UTC)
        pruned = self._store.retention.prune(
            events_before=now - self._settings.retention.events, changes_before=now - CHANGES_KEPT, idempotency_before=now, limit=PORTION
        )
        kept = {**TICKS_KEPT, **self._settings.retention.ticks}
        of_automation = self._store.retention.prune_automation(
            ticks_before=TickAges(**{name: now - age for name, age in kept.items()}), run_statuses_before=now - RUN_STATUSES_KEPT, limit=PORTION
        )
        counts = {"events": pruned.events, "changes": pruned.changes, "ticks": of_automation.ticks}
        if pruned.total or of_automation.total:
            logger.info("old records were removed", extra=counts)
        most = max(*counts.values(), pruned.idempotency_keys, of_automation.run_statuses)
        return PAUSE if most >= PORTION else self._interval
