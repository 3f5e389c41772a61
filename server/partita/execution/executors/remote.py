"""What a Dask worker does for a run: one attempt at one step. Only Dask calls this; user code runs in the worker's own threads.

Every fact goes back as it happens, numbered, through the cluster's own events. A task whose key nobody wants any more, because
the run was cancelled or its process is gone, is interrupted.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence
from contextvars import ContextVar, copy_context
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from partita.definitions.keys import AssetKey
from partita.definitions.repository import Repository
from partita.errors import ExecutionError
from partita.execution.cancellation import Canceled
from partita.execution.logs import NAME
from partita.execution.order import Order
from partita.execution.prints import Files, OfCurrent, Shared
from partita.execution.scope import Outside, RunScope
from partita.execution.step import run_step
from partita.execution.time_limit import absorb, interrupt
from partita.records.assets import Materialization
from partita.records.codec import decode, encode, hash_catalog
from partita.records.events import Event
from partita.records.failures import PythonError
from partita.records.locations import LocationCatalog
from partita.workspace.loader import load_repositories
from partita.workspace.settings import LocationSettings

INTERVAL = 0.2
"""Seconds between looks whether the task is still wanted."""


class RemoteTask(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt at a step that is to be executed on a Dask worker."""

    order: Order
    location: LocationSettings
    declared: str
    """What tells the repository, as the process of the run has loaded it, from others of its name."""
    topic: str
    """Where its facts are told."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One fact on its way back."""

    step: str
    attempt: int
    number: int
    """From 1, for each attempt."""
    event: Event


class RemoteOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How the attempt has ended."""

    told: int
    """How many facts were told."""
    produced: tuple[str, ...] = ()
    mapped: dict[str, tuple[str, ...]] = {}
    error: PythonError | None = None
    retry_after: float | None = None


def run_remotely(payload: bytes) -> bytes:
    """Do what a `RemoteTask` says. Answers a `RemoteOutcome`.

    Raises:
        ExecutionError: the code here is another than the run was planned under.
    """
    import distributed

    task = decode(payload, RemoteTask)
    worker = distributed.get_worker()
    key = worker.get_current_task()
    line = _Line(worker, task)
    is_unwanted = threading.Event()
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(worker, key, threading.get_ident(), is_unwanted, over), daemon=True)
    watch.start()
    try:
        return encode(copy_context().run(_execute, task, line, is_unwanted))
    except Canceled:
        raise ExecutionError("The run does not want it any more.") from None
    finally:
        over.set()
        watch.join()
        absorb(Canceled)


def _execute(task: RemoteTask, line: _Line, is_unwanted: threading.Event) -> RemoteOutcome:
    repository = _repository(task)
    files = Files(Path(task.order.logs_directory))
    _prepare_streams()
    _FILES.set(files)
    handler = _OfTask(line.tell, files)
    logging.root.addHandler(handler)
    [(key, attempt)] = (task.order.steps or {}).items()
    try:
        with RunScope(task.order, repository, Outside(line.emit, is_unwanted.is_set, _unknown)) as scope:
            outcome = run_step(scope, task.order.plan.by_key[key], attempt=attempt)
    finally:
        logging.root.removeHandler(handler)
        files.close()
    return RemoteOutcome(
        told=line.count,
        produced=outcome.produced,
        mapped={name: tuple(keys) for name, keys in outcome.mapped.items()},
        error=PythonError.of(outcome.error) if outcome.error is not None else None,
        retry_after=outcome.retry_after,
    )


class _Line:
    """Tells facts to whoever listens to the topic."""

    def __init__(self, worker: Any, task: RemoteTask) -> None:
        [(self._step, self._attempt)] = (task.order.steps or {}).items()
        self._worker = worker
        self._topic = task.topic
        self._lock = threading.Lock()
        self.count = 0

    def emit(self, events: Sequence[Event]) -> None:
        with self._lock:
            for event in events:
                self.count += 1
                told = Told(step=self._step, attempt=self._attempt, number=self.count, event=event)
                self._worker.log_event(self._topic, encode(told))

    def tell(self, event: Event) -> None:
        self.emit((event,))


_FILES: ContextVar[Files | None] = ContextVar("partita_remote_files", default=None)
_preparing = threading.Lock()


class _OfTask(OfCurrent):
    """Records of one task among those that the process executes."""

    def __init__(self, tell: Any, files: Files) -> None:
        super().__init__(tell)
        self._files = files

    def filter(self, record: logging.LogRecord) -> bool:
        return _FILES.get() is self._files and record.name != NAME


def _prepare_streams() -> None:
    """From the first task on, what is printed goes to the step that prints it, and to the process otherwise."""
    with _preparing:
        if not isinstance(sys.stdout, Shared):
            sys.stdout, sys.stderr = Shared(sys.stdout, "stdout", _FILES.get), Shared(sys.stderr, "stderr", _FILES.get)


def declared_by(repository: Repository) -> str:
    """What tells a repository from others of its name, without paths and line numbers."""
    return hash_catalog(LocationCatalog(location="", repositories=(repository.spec,)))


def _repository(task: RemoteTask) -> Repository:
    """The repository of a task.

    Raises:
        ExecutionError: the code here is another than that of the run, or cannot be imported.
    """
    name = task.location.name
    try:
        with _preparing:
            found = next((each for each in _loaded(encode(task.location)) if each.name == task.order.repository), None)
    except Exception as error:  # whatever the user's code raises
        raise ExecutionError(f"Code location {name!r} cannot be loaded on this Dask worker: {type(error).__name__}: {error}") from error
    if found is None or declared_by(found) != task.declared:
        raise ExecutionError(f"Code location {name!r} is another on this Dask worker than where the run began. Deploy it there, and restart it.")
    return found


@cache
def _loaded(location: bytes) -> tuple[Repository, ...]:
    """The code of a location, imported once in this process."""
    return tuple(load_repositories(decode(location, LocationSettings)))


def _watch(worker: Any, key: str, thread: int, is_unwanted: threading.Event, over: threading.Event) -> None:
    while not over.wait(INTERVAL):
        state = worker.state.tasks.get(key)
        if state is None or state.state == "cancelled":
            is_unwanted.set()
            interrupt(thread, Canceled)


def _unknown(asset: AssetKey, partition: str | None) -> Materialization | None:
    del partition
    raise ExecutionError(f"The last write of asset {str(asset)!r} cannot be asked for on a Dask worker.")
