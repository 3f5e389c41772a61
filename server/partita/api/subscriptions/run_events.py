"""Following the events of one run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from partita.api.context import Context
from partita.api.errors import ApiError
from partita.api.events import ShownEvent
from partita.api.subscriptions.items import ShownBatch
from partita.errors import RequestError
from partita.records.events import StoredEvent
from partita.records.filters import EventFilter
from partita.records.runs import Run

BATCH = 500
BUSY = 50
"""Events of a batch that make a run a busy one."""
WINDOW = 0.1
"""Seconds between two reads of a busy run, so that its subscribers get batches rather than a message per event."""
WAIT = 5.0
"""Seconds after which a run is read though nothing was heard of it: it may have been deleted."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """A run, and what its log holds after a place, read after the run was."""

    run: Run
    found: list[StoredEvent]

    @property
    def is_caught_up(self) -> bool:
        return len(self.found) < BATCH

    def seq_after(self, seq: int) -> int:
        """Up to where the log was looked through."""
        last = self.found[-1].seq if self.found else seq
        return max(last, self.run.last_seq) if self.is_caught_up else last


async def follow(context: Context, run_id: str, *, after: str | None, where: EventFilter) -> AsyncGenerator[ShownBatch, None]:
    """Batches of a run's events: first those that are recorded, then as they happen, to the last."""
    run = await context.read(lambda: _find(context, run_id))
    seq = _to_seq(after, run)
    has_told_end_of_replay = False
    async with context.server.feed.watching(run.id) as changed:
        while True:
            changed.clear()
            # The feed's cursor keeps a follower from sharing a read that began before the change it was woken by.
            key = ("events", run.id, seq, where, context.server.feed.cursor)
            moment = await context.server.read_once(key, lambda: _read(context, run.id, seq, where))  # noqa: B023 (called before seq moves on)
            if moment is None:
                return  # the run was deleted
            seq = moment.seq_after(seq)
            is_over = moment.is_caught_up and moment.run.status.is_finished
            if moment.found or is_over or (moment.is_caught_up and not has_told_end_of_replay):
                has_told_end_of_replay |= moment.is_caught_up
                await context.begin()
                yield _batch(moment, seq)
            if is_over:
                return
            if moment.is_caught_up:
                await _wait(changed)
                await asyncio.sleep(WINDOW if len(moment.found) >= BUSY else 0)


async def _wait(changed: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(changed.wait(), WAIT)
    except TimeoutError:
        return


def _batch(moment: _Moment, seq: int) -> ShownBatch:
    return ShownBatch(
        cursor=str(seq),
        events=[ShownEvent(each) for each in moment.found],
        run_status=moment.run.status,
        is_caught_up=moment.is_caught_up,
    )


def _find(context: Context, run_id: str) -> Run:
    try:
        return context.store.runs.get(run_id)
    except RequestError as error:
        raise ApiError(error.message) from None


def _read(context: Context, run_id: str, seq: int, where: EventFilter) -> _Moment | None:
    run = context.store.runs.find(run_id)
    return None if run is None else _Moment(run, context.store.events.after(run_id, seq=seq, limit=BATCH, where=where))


def _to_seq(cursor: str | None, run: Run) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 16) or int(cursor) > run.last_seq:
        raise ApiError(f"{cursor[:60]!r} is not a cursor of the events of run {run.id}.")
    return int(cursor)
