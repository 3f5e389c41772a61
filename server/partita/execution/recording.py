"""Where the events of a run in this process go: a list, and a store besides when one is given.

A store takes them in batches from a thread of its own, which also holds the run's lease and sees when the run is to be
cancelled. Execution knows stores by shape only.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Protocol

from partita.definitions.keys import AssetKey
from partita.definitions.specs import RepositorySpec
from partita.errors import ConflictError, OperationError, PartitaError
from partita.execution.latest import latest_in
from partita.records.assets import Materialization
from partita.records.codec import hash_catalog
from partita.records.events import Event, RunStatusChanged
from partita.records.ids import new_id
from partita.records.locations import LocationCatalog
from partita.records.runs import RunRequest, RunStatus

LOCATION = "in-process"
"""The location that runs without a server are recorded under; no worker ever claims for it."""
OWNER = "in-process"
LEASE = timedelta(seconds=30)
# A batch this often: the store's own rhythm for workers would cost a small run a transaction per few steps.
PAUSE = 0.05
BATCH = 500
CHECK_EVERY = 1.0
"""Seconds between looks for a cancel request."""
RENEW_EVERY = LEASE.total_seconds() / 3


class RunRecords(Protocol):
    """What is needed of `store.runs`."""

    def launch(self, requests: Sequence[RunRequest]) -> Any:
        """Queue runs."""
        ...

    def claim(self, *, owner: str, location: str, limit: int, lease: timedelta, catalog_hash: str) -> Sequence[Any]:
        """Take queued runs."""
        ...

    def find(self, run_id: str) -> Any:
        """A run, or None."""
        ...

    def release(self, run_id: str, epoch: int) -> None:
        """Give one back."""
        ...

    def renew(self, held: Sequence[tuple[str, int]], *, lease: timedelta) -> set[str]:
        """Hold on to runs."""
        ...

    def cancel_requests(self, run_ids: Sequence[str]) -> dict[str, bool]:
        """Which of them are to stop."""
        ...


class EventRecords(Protocol):
    """What is needed of `store.events`."""

    def append(self, run_id: str, *, epoch: int, writer: str, first: int, events: Sequence[Event], lease: timedelta | None = None) -> int:
        """Add to a run's log."""
        ...


class AssetRecords(Protocol):
    """What is needed of `store.assets`."""

    def latest(self, asset: AssetKey, partition: str | None = None) -> Materialization | None:
        """The last write of an asset."""
        ...


class PartitionRecords(Protocol):
    """What is needed of `store.partitions`."""

    def bind(self, set_names: Collection[str]) -> Mapping[str, Sequence[str]]:
        """The keys of dynamic sets."""
        ...


class RunStore(Protocol):
    """A store, as far as a run in this process needs one."""

    @property
    def runs(self) -> RunRecords:
        """Runs."""
        ...

    @property
    def events(self) -> EventRecords:
        """Their logs."""
        ...

    @property
    def assets(self) -> AssetRecords:
        """What is known of assets."""
        ...

    @property
    def partitions(self) -> PartitionRecords:
        """Keys of dynamic partitions."""
        ...

    @property
    def values_directory(self) -> Path:
        """Where values are kept."""
        ...


class Recording:
    """The events of one run, in a list."""

    def __init__(self, run_id: str | None = None) -> None:
        self.run_id = run_id or new_id("run")
        self.events: list[Event] = []

    def emit(self, events: Sequence[Event]) -> None:
        """Take events."""
        self.events.extend(events)

    def is_cancelled(self) -> bool:
        """Whether the run is to stop."""
        return False

    def look_up(self, asset: AssetKey, partition: str | None) -> Materialization | None:
        """The last write of an asset that is known here."""
        return latest_in(self.events, self.run_id, asset, partition)

    def close(self) -> None:
        """Nothing more will come; when this returns, all is kept."""


class StoredRecording(Recording):
    """The events of one run, in a list and in a store.

    Raises:
        OperationError: the store does not take the events; told when the recording is closed.
    """

    def __init__(self, store: RunStore, request: RunRequest, repository: RepositorySpec) -> None:
        run_id, self._epoch = _begin(store, request, repository)
        super().__init__(run_id)
        self._store = store
        self._pending: list[Event] = []
        self._sent = 0
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._wake = threading.Event()
        self._is_closing = False
        self._is_cancelled = False
        self._problem: PartitaError | None = None
        self._held_at = self._looked_at = monotonic()
        self._thread = threading.Thread(target=self._write, name="partita-recording", daemon=True)
        self._thread.start()

    def emit(self, events: Sequence[Event]) -> None:
        """Take events; the thread writes them."""
        super().emit(events)
        with self._lock:
            self._pending.extend(events)
        if len(self._pending) >= BATCH:
            self._wake.set()

    def is_cancelled(self) -> bool:
        """Whether somebody asked for the run's end, or the store has given it up."""
        return self._is_cancelled

    def look_up(self, asset: AssetKey, partition: str | None) -> Materialization | None:
        """The last write of an asset that the store knows, this run's among them."""
        if super().look_up(asset, partition) is not None:
            self._flush()  # so that the store has worked out its version
        return self._store.assets.latest(asset, partition)

    def close(self) -> None:
        """Write what is left and stop.

        Raises:
            OperationError: not all events could be written.
        """
        self._is_closing = True
        self._wake.set()
        self._thread.join()
        if self._problem is not None:
            raise OperationError(f"Run {self.run_id} could not be recorded to its end: {self._problem}") from self._problem

    def _write(self) -> None:
        is_last = False
        while not is_last:
            self._wake.wait(PAUSE)
            self._wake.clear()
            is_last = self._is_closing
            try:
                self._flush()
                if not is_last:
                    self._hold()
            except PartitaError as problem:
                self._problem = problem
                self._is_cancelled = True
                return

    def _flush(self) -> None:
        with self._flushing:
            self._flush_pending()

    def _flush_pending(self) -> None:
        with self._lock:
            batch, self._pending = self._pending, []
        if not batch:
            return
        try:
            self._append(batch)
        except ConflictError:
            # a cancel request came before the run could be told to run
            self._is_cancelled = True
            self._append([event for event in batch if not (isinstance(event, RunStatusChanged) and event.status is RunStatus.RUNNING)])

    def _append(self, batch: Sequence[Event]) -> None:
        self._store.events.append(self.run_id, epoch=self._epoch, writer=OWNER, first=self._sent + 1, events=batch, lease=LEASE)
        self._sent += len(batch)
        self._held_at = monotonic()

    def _hold(self) -> None:
        now = monotonic()
        if now - self._held_at > RENEW_EVERY:
            if self.run_id not in self._store.runs.renew([(self.run_id, self._epoch)], lease=LEASE):
                raise OperationError("another owner holds it now")
            self._held_at = now
        if now - self._looked_at > CHECK_EVERY:
            self._is_cancelled = self._is_cancelled or self.run_id in self._store.runs.cancel_requests([self.run_id])
            self._looked_at = now


def _begin(store: RunStore, request: RunRequest, repository: RepositorySpec) -> tuple[str, int]:
    """Launch and claim the run. Answers its id and epoch."""
    catalog_hash = hash_catalog(LocationCatalog(location=LOCATION, repositories=(repository,)))
    (run,) = store.runs.launch([request]).runs
    deadline = monotonic() + LEASE.total_seconds()
    while monotonic() < deadline:
        claims = store.runs.claim(owner=OWNER, location=LOCATION, limit=1000, lease=LEASE, catalog_hash=catalog_hash)
        own = next((claim for claim in claims if claim.run.id == run.id), None)
        for claim in claims:
            if claim is not own:
                # launched by another process, which is about to claim it
                with suppress(PartitaError):
                    store.runs.release(claim.run.id, claim.epoch)
        if own is not None:
            return run.id, own.epoch
        sleep(PAUSE)
    raise OperationError(f"Run {run.id} could not be claimed.")
