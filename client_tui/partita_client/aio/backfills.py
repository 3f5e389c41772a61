"""A backfill on the server: follow it, hold it, end it, write again what failed."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING

from partita_client.errors import BackfillFailedError, RequestRefusedError, TimedOutError
from partita_client.link import AsyncLink, Page
from partita_client.models.generated import operations
from partita_client.wanted import words

if TYPE_CHECKING:
    from partita_client.models import BackfillPartition, BackfillRecord, FollowBackfill, ListBackfillPartitions, PythonError

FINISHED = {"succeeded", "failed", "canceled"}
STATUSES = ("waiting", "running", "succeeded", "failed", "canceled", "skipped")
"""How a partition of a backfill can stand."""


class AsyncBackfill:
    """A backfill, as it stood when the server was last asked; `refresh`, `wait`, `pause`, `cancel`, `retry` ask again."""

    def __init__(self, link: AsyncLink, record: BackfillRecord, *, is_replay: bool = False) -> None:
        self._link = link
        self.record = record
        """Everything that the server told of the backfill."""
        self.is_replay = is_replay
        """True when a request with the same idempotency key had made this backfill before."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.status}>"

    @property
    def id(self) -> str:
        """Its id, such as `backfill_01j...`."""
        return self.record.id

    @property
    def status(self) -> str:
        """One of "requested", "running", "paused", "canceling", "succeeded", "failed", "canceled"; else "unknown"."""
        return self.record.status.value

    @property
    def is_finished(self) -> bool:
        """True once nothing more happens to it by itself."""
        return self.status in FINISHED

    @property
    def counts(self) -> Mapping[str, int]:
        """How many of its partitions stand in each way: "waiting", "running", "succeeded", "failed", "canceled", "skipped"."""
        return dict.fromkeys(STATUSES, 0) | {each.status.value: each.count for each in self.record.status_counts}

    @property
    def created_at(self) -> datetime:
        """When it was asked for."""
        return self.record.created_at

    @property
    def error(self) -> PythonError | None:
        """Why it failed; None when it did not."""
        return self.record.error

    async def refresh(self) -> AsyncBackfill:
        """Ask the server how it stands now."""
        answer = await self._link.execute(operations.get_backfill(id=self.id))
        if answer.backfill is None:
            raise RequestRefusedError.not_found("backfill", self.id)
        self.record = answer.backfill
        return self

    async def wait(self, timeout: float | None = None, *, raise_on_failure: bool = False) -> AsyncBackfill:  # noqa: ASYNC109 (the contract's name)
        """Wait until it has ended; nothing is polled, and a lost connection is made again. One that is paused has not ended.

        Args:
            timeout: Seconds to wait at most; None waits as long as it takes.
            raise_on_failure: Raise when not all of it succeeded.

        Returns:
            This backfill, as it ended.

        Raises:
            TimedOutError: it has not ended in time; it goes on.
            BackfillFailedError: not all of it succeeded, and `raise_on_failure` is set.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.is_finished:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            try:
                async with aclosing(self.changes(seconds=left)) as changes:
                    async for _ in changes:
                        pass
            except TimedOutError:
                raise TimedOutError(f"Backfill {self.id}", timeout or 0.0) from None
            await self.refresh()
        if raise_on_failure and self.status != "succeeded":
            raise BackfillFailedError(self.record)
        return self

    async def changes(self, *, seconds: float | None = None) -> AsyncGenerator[AsyncBackfill, None]:
        """This backfill each time that it has moved on, until it has ended.

        Args:
            seconds: How long to follow at most.
        """
        items = self._link.subscribe(operations.follow_backfill(id=self.id), ended=_is_over, seconds=seconds)
        async with aclosing(items):
            async for item in items:
                self.record = item.backfill.backfill
                yield self

    async def partitions(self, *, status: str | Sequence[str] | None = None) -> AsyncIterator[BackfillPartition]:
        """Its partitions in the order of their turn, asked for page by page.

        Args:
            status: Only partitions that stand like this, such as `"failed"` or `["failed", "skipped"]`.
        """
        pages = self._link.pages(
            lambda first, after: operations.list_backfill_partitions(id=self.id, first=first, after=after, statuses=words(status)),
            self._partitions_of,
        )
        async with aclosing(pages):
            async for page in pages:
                for partition in page:
                    yield partition

    async def counts_by_asset(self) -> Mapping[str, Mapping[str, int]]:
        """How many partitions of each asset stand in each way now, upstream first; empty for the backfill of a job."""
        answer = await self._link.execute(operations.get_backfill_progress(id=self.id))
        if answer.backfill is None:
            raise RequestRefusedError.not_found("backfill", self.id)
        none = dict.fromkeys(STATUSES, 0)
        return {each.asset.key: none | {part.status.value: part.count for part in each.status_counts} for each in answer.backfill.asset_progress}

    async def cancel(self) -> AsyncBackfill:
        """Ask for its end: nothing more is launched, and its runs are ended.

        Raises:
            RequestRefusedError: it has already ended (`ALREADY_FINISHED`).
        """
        payload = (await self._link.execute(operations.cancel_backfill(input={"backfillId": self.id}))).cancel_backfill
        if payload.errors:
            raise RequestRefusedError.of_payload(payload.errors)
        return await self.refresh()

    async def pause(self) -> AsyncBackfill:
        """Launch nothing more of it until it is resumed: runs that have begun go on, those in the queue wait. One that is paused stays so.

        Raises:
            RequestRefusedError: it has already ended (`ALREADY_FINISHED`), or is being cancelled (`CONFLICT`).
        """
        payload = (await self._link.execute(operations.pause_backfill(input={"backfillId": self.id}))).pause_backfill
        if payload.errors:
            raise RequestRefusedError.of_payload(payload.errors)
        return await self.refresh()

    async def resume(self) -> AsyncBackfill:
        """Let it go on after a pause. One that is not paused stays as it is.

        Raises:
            RequestRefusedError: it has already ended (`ALREADY_FINISHED`), or is being cancelled (`CONFLICT`).
        """
        payload = (await self._link.execute(operations.resume_backfill(input={"backfillId": self.id}))).resume_backfill
        if payload.errors:
            raise RequestRefusedError.of_payload(payload.errors)
        return await self.refresh()

    async def set_priority(self, priority: int) -> AsyncBackfill:
        """Let its runs be claimed sooner or later than others, those that are queued and those that come: higher ones go first.

        Raises:
            RequestRefusedError: it has already ended (`ALREADY_FINISHED`).
        """
        request = operations.set_backfill_priority(input={"backfillId": self.id, "priority": priority})
        payload = (await self._link.execute(request)).set_backfill_priority
        if payload.errors:
            raise RequestRefusedError.of_payload(payload.errors)
        return await self.refresh()

    async def retry(self, *, status: str | Sequence[str] | None = None) -> AsyncBackfill:
        """Write again what failed, was cancelled or was skipped; what succeeded stays.

        Args:
            status: Only partitions that stand like this: `"failed"`, `"canceled"`, `"skipped"`, or several of them.

        Raises:
            RequestRefusedError: it has not ended, or nothing of it stands so (`CONFLICT`).
        """
        request = operations.retry_backfill(input={"backfillId": self.id, "statuses": words(status)})
        payload = (await self._link.execute(request)).retry_backfill
        if payload.errors:
            raise RequestRefusedError.of_payload(payload.errors)
        return await self.refresh()

    def _partitions_of(self, answer: ListBackfillPartitions) -> Page[BackfillPartition]:
        if answer.backfill is None:
            raise RequestRefusedError.not_found("backfill", self.id)
        return answer.backfill.partitions


def _is_over(item: FollowBackfill) -> bool:
    return item.backfill.backfill.status.value in FINISHED
