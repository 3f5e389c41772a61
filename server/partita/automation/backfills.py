"""The daemon's job of backfills: launches what is ready, notices what became of it, and ends what is done.

Each step of a backfill is one transaction that holds only if nothing of it has changed meanwhile. So whatever dies, and whoever goes on,
no item is launched twice and none that succeeded is written again.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from partita.automation.published import PublishedWorkspace
from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.errors import AlreadyFinishedError, NotFoundError, OperationError, PartitaError
from partita.planning.backfill import BackfillScope
from partita.planning.backfill_batches import take_batch
from partita.planning.backfill_chunks import Place
from partita.planning.backfill_progress import Ended, Progress
from partita.planning.dynamic import dynamic_sets
from partita.records.backfills import Backfill, BackfillItemStatus, BackfillStatus
from partita.records.failures import PythonError
from partita.records.runs import RunStatus
from partita.storage.backfills import BackfillStep, RunState
from partita.storage.store import Store
from partita.workspace.catalog import Catalog

logger = logging.getLogger(__name__)
ROOM = 100
"""Runs of one backfill that may wait or run at once: enough to keep workers busy, too few to flood the queue."""
IDLE = 60.0
"""Seconds until another look when no backfill is active; the bell rings before."""
HEAL = 1.0
MOST_REASONS = 5
"""Reasons that are told of one look; a removed location may give hundreds."""
LONGEST = 2000
"""Characters of reasons after which no more are added."""


@dataclass
class _Followed:
    """A backfill as it stood when it was last written."""

    workspace: Catalog
    progress: Progress
    seen: dict[str, RunState | None] = field(default_factory=dict)
    """How its runs stood."""


class Backfills:
    """One look at all active backfills. What it knows of them it keeps, so that a look costs as much as has happened."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._workspace = PublishedWorkspace(store)
        self._followed: dict[str, _Followed] = {}

    def __call__(self) -> float:
        """Advance every backfill; answers the seconds it can be left alone, unless something rings."""
        active = self._store.backfills.active()
        self._followed = {each.id: self._followed[each.id] for each in active if each.id in self._followed}
        if not active:
            return IDLE
        workspace = self._workspace.read()
        for backfill in active:
            try:
                self._advance(backfill, workspace)
            except OperationError:
                raise
            except Exception as error:  # one backfill's trouble must not stop the others
                if not isinstance(error, PartitaError):
                    logger.exception("a backfill could not be advanced", extra={"backfill_id": backfill.id})
                self._give_up(backfill, PythonError.of(error))
        return HEAL

    def _advance(self, backfill: Backfill, workspace: Catalog) -> None:
        # forgotten until all is written: then it is read anew
        followed = self._followed.pop(backfill.id, None)
        if followed is None or followed.workspace is not workspace or backfill.status is BackfillStatus.REQUESTED:  # it may be a retry
            followed = self._follow(backfill, workspace)
        progress = followed.progress
        ended = self._ended(followed)
        for each in ended:
            progress.settle(each)
        step = self._step(backfill, followed, ended)
        if step.changes(backfill):
            advanced = self._store.backfills.advance(backfill, step)
            if advanced is None:
                return
            for launch, run_id in zip(step.launches, advanced.run_ids, strict=True):
                progress.launched(launch.chunk, run_id)
        if not step.status.is_finished:  # what comes after its end is a retry, which changes what is known of it
            self._followed[backfill.id] = followed

    def _step(self, backfill: Backfill, followed: _Followed, ended: Sequence[Ended]) -> BackfillStep:
        match backfill.status:
            case BackfillStatus.CANCELING:
                return self._cancel(followed, ended)
            case BackfillStatus.PAUSED:
                return _hold(backfill, followed.progress, ended)
            case _:
                return _next(backfill, followed.progress, ended)

    def _follow(self, backfill: Backfill, workspace: Catalog) -> _Followed:
        scope = BackfillScope(
            graph=workspace.graph,
            owners=workspace.writers,
            now=self._store.now(),
            dynamic=self._store.partitions.bind(dynamic_sets(workspace.repositories.values())),
        )
        progress = Progress(backfill.request, self._store.backfill_items.all(backfill.id), scope)
        job = backfill.request.job
        if job is not None and progress.counts[BackfillItemStatus.WAITING] and backfill.status is not BackfillStatus.PAUSED:
            workspace.find_job(job.name, repository=job.repository, location=job.location)
        return _Followed(workspace, progress)

    def _ended(self, followed: _Followed) -> list[Ended]:
        """What has become of the items under way since the last look."""
        store, running = self._store.backfills, followed.progress.running
        states = store.run_states(running)
        moved = [run_id for run_id in running if run_id not in followed.seen or followed.seen[run_id] != states.get(run_id)]
        steps = store.written_steps(moved)
        graph = followed.workspace.graph
        followed.seen = {run_id: states.get(run_id) for run_id in running}
        return [
            Ended(run_id, asset, status, len(items))
            for run_id in moved
            for asset, items in running[run_id].items()
            if (status := _outcome(_step_of(asset, graph), states.get(run_id), steps.get(run_id, ()))) is not None
        ]

    def _cancel(self, followed: _Followed, ended: Sequence[Ended]) -> BackfillStep:
        progress = followed.progress
        for run_id in progress.running:
            state = followed.seen[run_id]
            if state is not None and not state.status.is_finished and not state.is_cancel_requested:
                with suppress(AlreadyFinishedError, NotFoundError):  # it has just ended
                    self._store.runs.request_cancel(run_id)
        has_waiting = progress.counts[BackfillItemStatus.WAITING] > 0
        if has_waiting:
            progress.give_up(BackfillItemStatus.CANCELED)
        status = BackfillStatus.CANCELING if progress.running else BackfillStatus.CANCELED
        return BackfillStep(ended=ended, cancels_waiting=has_waiting, status=status)

    def _give_up(self, backfill: Backfill, error: PythonError) -> None:
        """What waits will never be launched: its definition is gone, or cannot be planned."""
        items = self._store.backfill_items.all(backfill.id)
        waiting: list[Place] = [(item.asset, item.partition) for item in items if item.status is BackfillItemStatus.WAITING]
        counts = dict.fromkeys(BackfillItemStatus, 0) | Counter(item.status for item in items)
        counts[BackfillItemStatus.WAITING] -= len(waiting)
        counts[BackfillItemStatus.SKIPPED] += len(waiting)
        status, why = _verdict(counts, error if waiting else None)
        if backfill.status is BackfillStatus.CANCELING:
            status = BackfillStatus.CANCELING if counts[BackfillItemStatus.RUNNING] else BackfillStatus.CANCELED
        step = BackfillStep(skipped=waiting, status=status, error=why)
        if step.changes(backfill):
            self._store.backfills.advance(backfill, step)


def _step_of(asset: AssetKey | None, graph: AssetGraph) -> str | None:
    """The key of the step that writes an item's asset; None: the item is a job's."""
    if asset is None:
        return None
    return graph.spec(asset).step_key if asset in graph else str(asset)


def _outcome(step: str | None, run: RunState | None, written: Collection[str]) -> BackfillItemStatus | None:
    """What items of a run have come to; None: it goes on. A run that is not there any more has not written them."""
    if step is not None and step in written:
        return BackfillItemStatus.SUCCEEDED
    if run is None:
        return BackfillItemStatus.FAILED
    if not run.status.is_finished:
        return None
    if step is None and run.status is RunStatus.SUCCEEDED:
        return BackfillItemStatus.SUCCEEDED
    return BackfillItemStatus.CANCELED if run.status is RunStatus.CANCELED else BackfillItemStatus.FAILED


def _next(backfill: Backfill, progress: Progress, ended: Sequence[Ended]) -> BackfillStep:
    """What is to be done now."""
    batch = take_batch(backfill.id, backfill.request, progress, room=ROOM - len(progress.running))
    status, error = _verdict(progress.counts, _with_reasons(backfill.error, batch.reasons))
    return BackfillStep(ended=ended, skipped=batch.skipped, launches=batch.launches, status=status, error=error)


def _hold(backfill: Backfill, progress: Progress, ended: Sequence[Ended]) -> BackfillStep:
    """Only what has ended: nothing is launched nor given up while it is paused, so that code can be mended meanwhile."""
    status, error = _verdict(progress.counts, backfill.error)
    if not status.is_finished:
        status = BackfillStatus.PAUSED
    return BackfillStep(ended=ended, status=status, error=error)


def _with_reasons(error: PythonError | None, reasons: Sequence[str]) -> PythonError | None:
    """What is known to have gone wrong, and why more has been given up now."""
    said = error.message if error is not None else ""
    fresh = [reason for reason in reasons if reason not in said]
    if not fresh or len(said) > LONGEST:
        return error
    more = [f"And {len(fresh) - MOST_REASONS} reasons like these."] if len(fresh) > MOST_REASONS else []
    message = " ".join([said, *fresh[:MOST_REASONS], *more]).strip()
    return PythonError(class_name="BackfillFailedError", message=message) if error is None else msgspec.structs.replace(error, message=message)


def _verdict(counts: Mapping[BackfillItemStatus, int], error: PythonError | None) -> tuple[BackfillStatus, PythonError | None]:
    """Where a backfill stands whose items stand so, and why it failed, if need be with what is known to have gone wrong."""
    if counts[BackfillItemStatus.WAITING] or counts[BackfillItemStatus.RUNNING]:
        return BackfillStatus.RUNNING, error
    total = sum(counts.values())
    if counts[BackfillItemStatus.SUCCEEDED] == total:
        return BackfillStatus.SUCCEEDED, None
    words = [
        f"{counts[status]} {word}"
        for status, word in (
            (BackfillItemStatus.FAILED, "failed"),
            (BackfillItemStatus.CANCELED, "canceled"),
            (BackfillItemStatus.SKIPPED, "skipped" if error is not None else "skipped because of that"),
        )
        if counts[status]
    ]
    summary = f"Of {total} partition{'s' * (total != 1)}, {' and '.join(words)}."
    if error is None:
        return BackfillStatus.FAILED, PythonError(class_name="BackfillFailedError", message=summary)
    return BackfillStatus.FAILED, msgspec.structs.replace(error, message=f"{summary} {error.message}")
