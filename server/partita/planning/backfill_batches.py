"""What a backfill does next: which of its items can be launched now, as which runs, and which never will be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from partita.planning.backfill import BackfillScope
from partita.planning.backfill_chunks import Chunk, Place
from partita.planning.backfill_progress import Progress
from partita.records.backfills import BackfillItem, BackfillRequest
from partita.records.pages import Direction
from partita.records.runs import RunRequest


class Launch(NamedTuple):
    """One run, and the items that it is to write."""

    request: RunRequest
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be done now."""

    launches: tuple[Launch, ...] = ()
    skipped: tuple[Place, ...] = ()
    """Items that will not be written, because something before them in this backfill was not, or for one of the reasons."""
    reasons: tuple[str, ...] = ()
    """Why items are given up although nothing failed: an asset that is gone."""


def next_batch(backfill_id: str, request: BackfillRequest, items: Iterable[BackfillItem], scope: BackfillScope, *, room: int) -> Batch:
    """The first batch of a backfill that stands so; see `take_batch` for the next ones."""
    return take_batch(backfill_id, request, Progress(request, items, scope), room=room)


def take_batch(backfill_id: str, request: BackfillRequest, progress: Progress, *, room: int) -> Batch:
    """The runs to launch now, at most `room`, and the items to give up.

    An item is ready when all that it depends on inside this backfill has succeeded, or is written by the same run.

    Args:
        backfill_id: the backfill.
        request: what was asked for.
        progress: how far it is; what is taken from it counts as running.
        room: how many runs may be launched.
    """
    taken = progress.take(room)
    common = _common(backfill_id, request)
    return Batch(tuple(Launch(_request_for(chunk, request, common), chunk) for chunk in taken.chunks), taken.skipped, taken.reasons)


def _request_for(chunk: Chunk, request: BackfillRequest, common: dict[str, Any]) -> RunRequest:
    keys = tuple(key for key in chunk.turns if key is not None)
    if request.order is Direction.DESC:  # the last come first; within a run they stand as they always do
        keys = keys[::-1]
    if chunk.group is not None:
        location, repository = chunk.group.kind.owner
        return RunRequest(location=location, repository=repository, assets=chunk.keys, partition_keys=keys, **common)
    job = request.job
    assert job is not None, "only a job's items have no group"
    return RunRequest(location=job.location, repository=job.repository, job=job.name, partition_keys=keys, **common)


def _common(backfill_id: str, request: BackfillRequest) -> dict[str, Any]:
    """What all runs of a backfill share."""
    return {
        "config": request.config,
        "tags": request.tags,
        "priority": request.priority,
        "launched_by": f"backfill:{backfill_id}",
        "backfill_id": backfill_id,
    }
