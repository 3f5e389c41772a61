"""Brings what ended runs have printed into the archive, beside the work of a worker."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque

from partita.errors import NotFoundError, OperationError
from partita.execution.archive import DONE, LogArchive
from partita.storage.store import Store
from partita.workspace.settings import Settings

logger = logging.getLogger(__name__)
RETRY = 30.0
"""Seconds after which what could not be stored is tried again."""


class Archiver:
    """One thread. What it does not get to, because the store is away or the worker dies, is done by the next worker with the same folder."""

    def __init__(self, archive: LogArchive, settings: Settings, store: Store) -> None:
        self._archive = archive
        self._logs = settings.logs_directory
        self._store = store
        self._ended: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="partita-archiver", daemon=True)
        self._thread.start()

    @classmethod
    def of(cls, settings: Settings, store: Store) -> Archiver | None:
        """That of a workspace which says where logs are to be kept.

        Raises:
            OperationError: its library is not installed.
        """
        return None if settings.storage.logs is None else cls(LogArchive(settings.storage.logs), settings, store)

    def add(self, run_id: str) -> None:
        """A run has ended, and nothing writes to its folder any more."""
        self._ended.put(run_id)

    def close(self, *, seconds: float) -> None:
        """Store what waits, for so long."""
        self._ended.put(None)
        self._thread.join(seconds)

    def _work(self) -> None:
        waiting = deque(self._left())
        while True:
            while waiting and self._put(waiting[0]):
                waiting.popleft()
            try:
                run_id = self._ended.get(timeout=RETRY if waiting else None)
            except queue.Empty:
                continue
            if run_id is None:
                return
            waiting.append(run_id)

    def _put(self, run_id: str) -> bool:
        directory = self._logs / run_id
        if not directory.is_dir():
            return True  # it printed nothing
        try:
            self._archive.put(run_id, directory)
        except OperationError as error:
            logger.warning("output could not be stored", extra={"run_id": run_id, "error": str(error)})
            return False
        except Exception:
            logger.exception("output could not be stored", extra={"run_id": run_id})
        return True

    def _left(self) -> list[str]:
        """Runs of an earlier worker that have ended, and whose output is here alone."""
        folders = self._logs.glob("run_*") if self._logs.is_dir() else ()
        return [path.name for path in folders if not (path / DONE).exists() and self._has_ended(path.name)]

    def _has_ended(self, run_id: str) -> bool:
        try:
            return self._store.runs.get(run_id).status.is_finished
        except (NotFoundError, OperationError):
            return False
