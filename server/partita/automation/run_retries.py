"""Runs that failed are executed again, from their failure, as often as their job's `run_retry` says."""

from __future__ import annotations

import heapq
import logging
import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from partita.automation.published import PublishedWorkspace
from partita.definitions.policies import Retry
from partita.errors import RequestError
from partita.planning.retry import retry_delay
from partita.records.filters import RunFilter
from partita.records.pages import PageRequest
from partita.records.runs import Run, RunStatus
from partita.storage.arrivals import RunWatch
from partita.storage.idempotency_keys import Idempotency
from partita.storage.store import Store

logger = logging.getLogger(__name__)
AT_ONCE = 100
WINDOW = timedelta(hours=1)
"""A run that failed longer ago, while no daemon ran, is left alone. Shorter than idempotency keys are remembered."""
CALLER = "run_retry"
Place = tuple[str, str]
"""Location and repository."""


def delay_of_retry(run: Run, policy: Retry | None, *, now: datetime) -> float | None:
    """Seconds after the end of a failed run until it is tried again; None when it is not."""
    if run.request.backfill_id is not None or run.ended_at is None or run.ended_at <= now - WINDOW:
        return None
    return retry_delay(policy, attempt=run.attempt, chance=random.random())


class RunRetries:
    """One look at the runs that have failed since the last one.

    A run of a backfill is left to the backfill, and so is a run of which somebody has made another attempt already.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._workspace = PublishedWorkspace(store)
        self._seen: dict[Place, int] = {}
        self._due: list[tuple[datetime, str]] = []

    def __call__(self) -> None:
        """Queue what is due."""
        now = self._store.now()
        for run, policy in self._failed():
            delay = delay_of_retry(run, policy, now=now)
            if delay is not None and run.ended_at is not None:
                heapq.heappush(self._due, (run.ended_at + timedelta(seconds=delay), run.id))
        while self._due and self._due[0][0] <= now:
            self._launch(heapq.heappop(self._due)[1])

    def _failed(self) -> Iterator[tuple[Run, Retry]]:
        """Runs that failed since the last look, of jobs that say what then."""
        for place, policies in self._policies().items():
            location, repository = place
            watch = RunWatch(location=location, repository=repository, status=RunStatus.FAILED, jobs=tuple(policies))
            while found := self._store.arrivals.runs(watch, after=self._seen.get(place, 0), limit=AT_ONCE):
                self._seen[place] = found[-1][0]
                yield from ((run, policies[run.job]) for _, run in found if run.job is not None)

    def _policies(self) -> Mapping[Place, dict[str, Retry]]:
        found: dict[Place, dict[str, Retry]] = {}
        for place, repository in self._workspace.read().repositories.items():
            policies = {job.name: job.run_retry for job in repository.jobs if job.run_retry is not None}
            if policies:
                found[place] = policies
        return found

    def _launch(self, run_id: str) -> None:
        run = self._store.runs.find(run_id)
        if run is None:
            return
        newest = self._store.runs.list(RunFilter(root_id=run.root_id), page=PageRequest(first=1)).items
        if newest and newest[0].id != run.id:
            return
        request = msgspec.structs.replace(run.request, parent_id=run.id, root_id=run.root_id, is_resumed=True)
        try:
            launched = self._store.runs.launch([request], idempotency=Idempotency(caller=CALLER, key=run.id))
        except RequestError as error:
            logger.warning("a failed run could not be tried again", extra={"run_id": run.id, "error": str(error)})
            return
        logger.info("a failed run is tried again", extra={"run_id": run.id, "as": launched.runs[0].id})
