"""A run on the server: follow it, wait for it, end it, run it again."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from partita_client.errors import RequestRefusedError, RunFailedError, TimedOutError
from partita_client.link import AsyncLink
from partita_client.models.generated import operations
from partita_client.wanted import to_tags

if TYPE_CHECKING:
    from partita_client.models import AnyRunEvent, ListRunEvents, LogChunk, PythonError, RunEventPage, RunRecord, RunStatus, RunStep
    from partita_client.models.generated.inputs import RetryRunInput

FINISHED = {"succeeded", "failed", "canceled"}
FOLLOW_EVERY = 0.25
"""Seconds between two questions for what a step has written since."""
EVENT_PAGE = 250
"""An event may bring metadata and an error: more of them at once cost more than the server grants one question."""


class AsyncRun:
    """A run, as it stood when the server was last asked; `refresh`, `wait`, `cancel` ask again."""

    def __init__(self, link: AsyncLink, record: RunRecord, *, is_replay: bool = False) -> None:
        self._link = link
        self.record = record
        """Everything that the server told of the run."""
        self.is_replay = is_replay
        """True when a launch with the same idempotency key had made this run before."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.status}>"

    @property
    def id(self) -> str:
        """Its id, such as `run_01j...`."""
        return self.record.id

    @property
    def short_id(self) -> str:
        """The last eight characters of its id, which every lookup accepts."""
        return self.id[-8:]

    @property
    def status(self) -> str:
        """One of "queued", "starting", "running", "canceling", "succeeded", "failed", "canceled"; else "unknown"."""
        return self.record.status.value

    @property
    def is_finished(self) -> bool:
        """True once nothing more can happen to it."""
        return self.status in FINISHED

    @property
    def job(self) -> str | None:
        """Name of its job; None when assets were materialised directly."""
        return self.record.job_name

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        return {tag.key: tag.value for tag in self.record.tags}

    @property
    def error(self) -> PythonError | None:
        """What made it fail; None when it did not."""
        return self.record.error

    @property
    def created_at(self) -> datetime:
        """When it was asked for."""
        return self.record.created_at

    @property
    def started_at(self) -> datetime | None:
        """When its steps could start."""
        return self.record.started_at

    @property
    def ended_at(self) -> datetime | None:
        """When it ended."""
        return self.record.ended_at

    @property
    def duration(self) -> timedelta | None:
        """From start to end, or to the moment the server was asked."""
        return self.record.duration

    @property
    async def steps(self) -> tuple[RunStep, ...]:
        """Its steps as they stand now, in plan order; empty until it is planned."""
        answer = await self._link.execute(operations.get_run_steps(id=self.id))
        return answer.run.steps if answer.run else ()

    async def refresh(self) -> AsyncRun:
        """Ask the server how it stands now."""
        answer = await self._link.execute(operations.get_run(id=self.id))
        if answer.run is None:
            raise RequestRefusedError.not_found("run", self.id)
        self.record = answer.run
        return self

    async def wait(self, timeout: float | None = None, *, raise_on_failure: bool = False) -> AsyncRun:  # noqa: ASYNC109 (the contract's name)
        """Wait until the run has ended; nothing is polled, and a lost connection is made again.

        Args:
            timeout: Seconds to wait at most; None waits as long as it takes.
            raise_on_failure: Raise when the run did not succeed.

        Returns:
            This run, as it ended.

        Raises:
            TimedOutError: it has not ended in time; it goes on.
            RunFailedError: it failed or was cancelled, and `raise_on_failure` is set.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.is_finished:
            try:
                await self._until_finished(None if deadline is None else max(deadline - time.monotonic(), 0.0))
            except TimedOutError:
                raise TimedOutError(f"Run {self.id}", timeout or 0.0) from None
            await self.refresh()
        if raise_on_failure and self.status != "succeeded":
            raise RunFailedError(self.record, await self._first_error())
        return self

    async def events(self, *, after: str | None = None, follow: bool = True) -> AsyncIterator[AnyRunEvent]:
        """Its events, oldest first.

        Args:
            after: Cursor of the event to go on behind; None begins at the first.
            follow: Wait for more until the run has ended, across lost connections with none lost or doubled. False reads what there is.

        Example:
            ```python
            async for event in run.events():
                print(event.at, event.step_key, event.message)
            ```
        """
        parts = self._followed(after) if follow else self._recorded(after)
        async with aclosing(parts):
            async for part in parts:
                for event in part:
                    yield event

    async def log(self, step: str, *, stream: str = "stdout", attempt: int | None = None) -> str:
        """What a step has written so far.

        Args:
            step: Its key, such as `marts/orders` or `load.store`.
            stream: "stdout" or "stderr".
            attempt: Which of its attempts; None means the newest.
        """
        parts, position = [], 0
        while True:
            chunk = await self._piece(step, stream, attempt, position)
            parts.append(chunk.text)
            if chunk.next_byte == position:
                return "".join(parts)
            position = chunk.next_byte

    async def follow_log(self, step: str, *, stream: str = "stdout", attempt: int | None = None, after_byte: int = 0) -> AsyncIterator[str]:
        """What a step writes, piece by piece as it comes, until it has ended.

        Args:
            step: Its key, such as `marts/orders` or `load.store`.
            stream: "stdout" or "stderr".
            attempt: Which of its attempts; None means the newest.
            after_byte: Where to begin, in bytes.
        """
        position = after_byte
        while True:
            chunk = await self._piece(step, stream, attempt, position)
            if chunk.text:
                yield chunk.text
            if chunk.is_complete:
                return
            if chunk.next_byte == position:
                await self._link.pause(FOLLOW_EVERY)
            position = chunk.next_byte

    async def _piece(self, step: str, stream: str, attempt: int | None, position: int) -> LogChunk:
        request = operations.read_log(id=self.id, step=step, stream=stream.upper(), attempt=attempt, after_byte=position)
        answer = await self._link.execute(request)
        if answer.run is None:
            raise RequestRefusedError.not_found("run", self.id)
        return answer.run.log

    async def set_priority(self, priority: int) -> AsyncRun:
        """Let it be claimed sooner or later than other queued runs: higher goes first.

        Raises:
            RequestRefusedError: it is not queued any more.
        """
        answer = (await self._link.execute(operations.set_run_priority(input={"runId": self.id, "priority": priority}))).set_run_priority
        if answer.errors or answer.run is None:
            raise RequestRefusedError.of_payload(answer.errors)
        self.record = answer.run
        return self

    async def cancel(self, *, force: bool = False) -> AsyncRun:
        """Ask for its end: its processes get time to finish what they must, or with `force` none.

        Raises:
            RequestRefusedError: it has already ended (`ALREADY_FINISHED`).
        """
        answer = (await self._link.execute(operations.cancel_runs(input={"runIds": [self.id], "force": force}))).cancel_runs
        errors = [*answer.errors, *(result.error for result in answer.results if result.error)]
        if errors:
            raise RequestRefusedError.of_payload(errors)
        return await self.refresh()

    async def retry(
        self,
        *,
        from_failure: bool = True,
        steps: Sequence[str] | None = None,
        assets: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncRun:
        """Run it again, as a new run.

        Args:
            from_failure: Take over the steps that succeeded and execute the others. False executes every step.
            steps: Execute these steps, whatever became of them, and take over all others.
            assets: The same, for the steps that compute these assets or check them.
            tags: Tags of the new run on top of this run's.
            idempotency_key: The same key within a day returns the same run; one is made when none is given.

        Raises:
            RequestRefusedError: it has not ended, has no such step or asset, or steps and assets are given.
        """
        input: RetryRunInput = {
            "runId": self.id,
            "strategy": "FROM_FAILURE" if from_failure else "ALL_STEPS",
            "stepKeys": steps,
            "tags": to_tags(tags),
            "idempotencyKey": idempotency_key or uuid4().hex,
        }
        # Said only where it is wanted: an older server does not know it.
        chosen = input if assets is None else {**input, "assetKeys": assets}
        payload = (await self._link.execute(operations.retry_run(input=chosen))).retry_run
        if payload.run is None:
            raise RequestRefusedError.of_payload(payload.errors)
        return AsyncRun(self._link, payload.run, is_replay=payload.is_replay)

    async def _until_finished(self, seconds: float | None) -> None:
        request = operations.await_run(id=self.id)
        changes = self._link.subscribe(request, ended=lambda change: _is_last(change.run_events), seconds=seconds)
        async with aclosing(changes):
            async for change in changes:
                if change.run_events.run_status.value in FINISHED:
                    return

    async def _first_error(self) -> PythonError | None:
        if self.error is not None:
            return self.error
        return next((step.error for step in await self.steps if step.error is not None), None)

    async def _followed(self, after: str | None) -> AsyncGenerator[Sequence[AnyRunEvent], None]:
        request = operations.follow_run(id=self.id, after=after)
        batches = self._link.subscribe(request, ended=lambda batch: _is_last(batch.run_events))
        async with aclosing(batches):
            async for batch in batches:
                yield batch.run_events.events

    async def _recorded(self, after: str | None) -> AsyncGenerator[Sequence[AnyRunEvent], None]:
        pages = self._link.pages(
            lambda first, cursor: operations.list_run_events(id=self.id, first=first, after=cursor or after), self._events_of, size=EVENT_PAGE
        )
        async with aclosing(pages):
            async for page in pages:
                yield page

    def _events_of(self, answer: ListRunEvents) -> RunEventPage:
        if answer.run is None:
            raise RequestRefusedError.not_found("run", self.id)
        return answer.run.events


class Progress(Protocol):
    """Where a run stood when a batch of its events was read."""

    @property
    def run_status(self) -> RunStatus:
        """Status of the run."""

    @property
    def is_caught_up(self) -> bool:
        """Whether nothing more was recorded then."""


def _is_last(progress: Progress) -> bool:
    return progress.is_caught_up and progress.run_status.value in FINISHED
