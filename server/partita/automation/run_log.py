"""The events of one claimed run on their way to the database."""

from __future__ import annotations

import time
from collections.abc import Iterable

from partita.automation.timing import Timing
from partita.records.events import Event, InputLoaded, LogWritten, ProgressMade
from partita.storage.claims import Claim
from partita.storage.store import Store

BATCH = 200
"""Events of one transaction."""
FULL = 2_000
"""Waiting events above which the processes that tell them should not be listened to."""


class RunLog:
    """Numbers events and appends them in batches, each of which renews the run's lease.

    A batch that could not be written stays; sent again, the database recognises what it has by writer and number.
    """

    def __init__(self, store: Store, claim: Claim, *, timing: Timing) -> None:
        self._store = store
        self._run_id = claim.run.id
        self._epoch = claim.epoch
        self._writer = f"worker.{claim.epoch}"
        self._timing = timing
        self._waiting: list[Event] = []
        self._written = 0
        self._due_at: float | None = None
        self._not_before = 0.0
        self.renewed_at = time.monotonic()
        """When the newest write that succeeded began: the lease holds for its whole length from then on at least."""
        self.last: Event | None = None
        """The last event that is written."""

    @property
    def is_full(self) -> bool:
        """True when more is told than can be written."""
        return len(self._waiting) > FULL

    @property
    def is_empty(self) -> bool:
        """True when all is written."""
        return not self._waiting

    def add(self, events: Iterable[Event]) -> None:
        """Take events, to be written at the next `flush`; changes of state make it due at once."""
        for event in events:
            self._waiting.append(event)
            can_wait = isinstance(event, (LogWritten, ProgressMade, InputLoaded))
            due_at = time.monotonic() + self._timing.flush if can_wait else 0.0
            self._due_at = due_at if self._due_at is None else min(self._due_at, due_at)

    def is_due(self, now: float) -> bool:
        """Whether `flush` should be called."""
        return self._due_at is not None and now >= self._not_before and (now >= self._due_at or len(self._waiting) >= BATCH)

    def postpone(self, until: float) -> None:
        """The database did not answer; it is asked again then, and not before, whatever happens."""
        self._not_before = until

    def flush(self) -> None:
        """Write everything that waits.

        Raises:
            LeaseLostError: another holds the run; nothing more can be written.
            AlreadyFinishedError: the run was ended by another.
            ConflictError: a status follows that may not, because a cancel request came before it.
            StorageUnavailableError: what is not written stays and can be flushed again.
        """
        while self._waiting:
            batch = self._waiting[:BATCH]
            began = time.monotonic()
            self._store.events.append(
                self._run_id, epoch=self._epoch, writer=self._writer, first=self._written + 1, events=batch, lease=self._timing.lease
            )
            self.renewed_at = began
            self._written += len(batch)
            self.last = batch[-1]
            del self._waiting[: len(batch)]
        self._due_at = None

    def discard(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._due_at = None
