"""The daemon's job of backfills: launches what is ready, notices what became of it, and ends what is done.

Each step of a backfill is one transaction that holds only if nothing of it has changed meanwhile. So whatever dies, and whoever goes on,
no item is launched twice and none that succeeded is written again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from partita.automation.published import PublishedWorkspace
from partita.errors import AlreadyFinishedError, NotFoundError, OperationError, PartitaError
from partita.planning.backfill import BackfillScope
from partita.planning.backfill_batches import Batch, Place, next_batch
from partita.planning.dynamic import dynamic_sets
from partita.records.backfills import Backfill, BackfillItem, BackfillItemStatus, BackfillStatus
from partita.records.failures import PythonError
from partita.storage.backfills import BackfillStep
from partita.storage.store import Store

logger = logging.getLogger(__name__)
ROOM = 100
"""Runs of one backfill that may wait or run at once: enough to keep workers busy, too few to flood the queue."""
IDLE = 60.0
"""Seconds until another look when no backfill is active; the bell rings before."""
HEAL = 1.0


class Backfills:
    """One look at all active backfills."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._workspace = PublishedWorkspace(store)

    def __call__(self) -> float:
        """Advance every backfill; answers the seconds it can be left alone, unless something rings."""
        active = self._store.backfills.active()
        for backfill in active:
            try:
                self._advance(backfill)
            except OperationError:
                raise
            except Exception as error:  # one backfill's trouble must not stop the others
                if not isinstance(error, PartitaError):
                    logger.exception("a backfill could not be advanced", extra={"backfill_id": backfill.id})
                self._give_up(backfill, PythonError.of(error))
        return HEAL if active else IDLE

    def _advance(self, backfill: Backfill) -> None:
        store = self._store.backfills
        settled = store.settled(backfill.id)
        if backfill.status is BackfillStatus.RUNNING and not settled:
            return  # nothing has happened that could make more ready
        items = _moved(store.all_items(backfill.id), dict(settled))
        if backfill.status is BackfillStatus.CANCELING:
            self._end_runs(backfill)
            store.advance(backfill, _canceling_step(settled, items))
            return
        batch = self._next(backfill, items)
        after = _after(items, batch)
        status, error = _verdict(after)
        step = BackfillStep(ended=settled, skipped=batch.skipped, launches=batch.launches, status=status, error=error)
        if step.changes(backfill):
            store.advance(backfill, step)

    def _next(self, backfill: Backfill, items: list[BackfillItem]) -> Batch:
        if not any(item.status is BackfillItemStatus.WAITING for item in items):
            return Batch()
        workspace = self._workspace.read()
        underway = {item.run_id for item in items if item.status is BackfillItemStatus.RUNNING}
        scope = BackfillScope(
            graph=workspace.graph,
            owners=workspace.owners,
            now=self._store.now(),
            dynamic=self._store.partitions.bind(dynamic_sets(workspace.repositories.values())),
        )
        job = backfill.request.job
        if job is not None:
            workspace.find_job(job.name, repository=job.repository, location=job.location)
        return next_batch(backfill.id, backfill.request, items, scope, room=ROOM - len(underway))

    def _end_runs(self, backfill: Backfill) -> None:
        for run_id in self._store.backfills.running_runs(backfill.id):
            run = self._store.runs.find(run_id)
            if run is not None and not run.status.is_finished and run.cancel_requested_at is None:
                with suppress(AlreadyFinishedError, NotFoundError):  # it has just ended
                    self._store.runs.request_cancel(run_id)

    def _give_up(self, backfill: Backfill, error: PythonError) -> None:
        """What waits will never be launched: its definition is gone, or cannot be planned."""
        items = self._store.backfills.all_items(backfill.id)
        waiting: list[Place] = [(item.asset, item.partition) for item in items if item.status is BackfillItemStatus.WAITING]
        is_over = not any(item.status is BackfillItemStatus.RUNNING for item in items)
        status = BackfillStatus.FAILED if is_over else backfill.status
        self._store.backfills.advance(backfill, BackfillStep(skipped=waiting, status=status, error=error))


def _moved(items: Sequence[BackfillItem], settled: dict[Place, BackfillItemStatus]) -> list[BackfillItem]:
    """The items with what has just been settled."""
    return [msgspec.structs.replace(item, status=settled.get((item.asset, item.partition), item.status)) for item in items]


def _after(items: list[BackfillItem], batch: Batch) -> dict[BackfillItemStatus, int]:
    """How many items stand how once a batch is written."""
    counts = dict.fromkeys(BackfillItemStatus, 0)
    for item in items:
        counts[item.status] += 1
    launched = sum(len(launch.items) for launch in batch.launches)
    counts[BackfillItemStatus.WAITING] -= launched + len(batch.skipped)
    counts[BackfillItemStatus.RUNNING] += launched
    counts[BackfillItemStatus.SKIPPED] += len(batch.skipped)
    return counts


def _verdict(counts: dict[BackfillItemStatus, int]) -> tuple[BackfillStatus, PythonError | None]:
    """Where a backfill stands whose items stand so, and why it failed."""
    if counts[BackfillItemStatus.WAITING] or counts[BackfillItemStatus.RUNNING]:
        return BackfillStatus.RUNNING, None
    total = sum(counts.values())
    if counts[BackfillItemStatus.SUCCEEDED] == total:
        return BackfillStatus.SUCCEEDED, None
    words = [
        f"{counts[status]} {word}"
        for status, word in (
            (BackfillItemStatus.FAILED, "failed"),
            (BackfillItemStatus.CANCELED, "canceled"),
            (BackfillItemStatus.SKIPPED, "skipped because of that"),
        )
        if counts[status]
    ]
    message = f"Of {total} partition{'s' * (total != 1)}, {' and '.join(words)}."
    return BackfillStatus.FAILED, PythonError(class_name="BackfillFailedError", message=message)


def _canceling_step(settled: Sequence[tuple[Place, BackfillItemStatus]], items: Sequence[BackfillItem]) -> BackfillStep:
    is_over = not any(item.status is BackfillItemStatus.RUNNING for item in items)
    status = BackfillStatus.CANCELED if is_over else BackfillStatus.CANCELING
    return BackfillStep(ended=settled, cancels_waiting=True, status=status)
