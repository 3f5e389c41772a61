"""Removes old records, a portion at a time, so that nobody waits for it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from partita.automation.timing import Timing
from partita.storage.store import Store
from partita.workspace.settings import Settings

logger = logging.getLogger(__name__)
CHANGES_KEPT = timedelta(days=7)
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
        if pruned.total:
            logger.info("old records were removed", extra={"events": pruned.events, "changes": pruned.changes})
        return PAUSE if max(pruned.events, pruned.changes, pruned.idempotency_keys) >= PORTION else self._interval
