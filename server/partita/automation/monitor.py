"""Ends runs and ticks that nobody else will end: their worker is gone, or their code location is. Has failed runs tried again."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta

from partita.automation.run_retries import RunRetries
from partita.automation.timing import Timing
from partita.records.automations import parts_of
from partita.records.failures import PythonError
from partita.records.filters import RunFilter
from partita.records.pages import PageRequest
from partita.records.runs import Run, RunStatus
from partita.records.ticks import Tick
from partita.storage.store import Store
from partita.workspace.settings import Settings

logger = logging.getLogger(__name__)
AT_ONCE = 100
HOMELESS_INTERVAL = 60.0
"""Seconds between looks at the whole queue, which may be long."""
HOMELESS_PATIENCE = timedelta(seconds=60)
"""A location may be declared a moment after the first run of it was asked for, by a process with newer settings."""
LOST = PythonError(
    class_name="WorkerLostError",
    message="The worker that ran it has not been heard of until its lease ended: it was killed, or its machine or network failed.",
)


class Monitor:
    """One look at all runs and ticks that are under way."""

    def __init__(self, store: Store, settings: Settings, *, timing: Timing) -> None:
        self._store = store
        self._workspace = {location.name for location in settings.locations}
        self._interval = timing.sweep
        self._patience = timedelta(seconds=timing.patience)
        self._homeless_at = 0.0
        self._retries = RunRetries(store)

    def __call__(self) -> float:
        """End what is lost; answers the seconds until the next look."""
        expired = self._store.runs.expired(limit=AT_ONCE)
        for run in expired:
            if self._store.runs.requeue_expired(run.id) is not None:
                logger.warning("a run whose worker is gone before it had begun waits for another", extra={"run_id": run.id})
            else:
                _report(self._store.runs.fail_expired(run.id, LOST))
        self._end_unclaimed()
        if (now := time.monotonic()) >= self._homeless_at:
            self._homeless_at = now + HOMELESS_INTERVAL
            self._end_homeless()
        self._retries()
        return 0.0 if len(expired) == AT_ONCE else self._interval

    def _end_unclaimed(self) -> None:
        """Ticks that no worker evaluates: there is none, or each one that began was gone before it had done it."""
        for tick in self._store.ticks.unclaimed(before=self._store.now() - self._patience, limit=AT_ONCE):
            if self._store.ticks.fail_unclaimed(tick.id, self._never_evaluated(tick)) is not None:
                logger.warning("a tick was ended that no worker would have ended", extra={"tick_id": tick.id})

    def _never_evaluated(self, tick: Tick) -> PythonError:
        location, _, name = parts_of(tick.automation_id)
        message = (
            f"No worker of code location {location!r} evaluated {tick.kind} {name!r} within {self._patience.total_seconds():g} s. "
            f"Is one running, and has its code loaded?"
        )
        return PythonError(class_name="NotEvaluatedError", message=message)

    def _end_homeless(self) -> None:
        """Runs of a location that the workspace does not have any more would wait for ever."""
        known = self._workspace | {record.name for record in self._store.locations.list()}
        queued = RunFilter(statuses=(RunStatus.QUEUED,), created_before=datetime.now(UTC) - HOMELESS_PATIENCE)
        cursor: str | None = None
        while True:
            page = self._store.runs.list(queued, page=PageRequest(first=AT_ONCE, after=cursor))
            for run in page.items:
                if (name := run.request.location) not in known:
                    message = f"The workspace has no code location {name!r} any more, so nobody can run this."
                    _report(self._store.runs.fail_queued(run.id, PythonError(class_name="LocationGoneError", message=message)))
            if not page.has_next:
                return
            cursor = page.cursors[-1]


def _report(ended: Run | None) -> None:
    if ended is not None:
        logger.warning("a run was ended that nobody else would have ended", extra={"run_id": ended.id, "status": str(ended.status)})
