"""Stores on real files, and short ways to say what is put into them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from partita.definitions.keys import AssetKey
from partita.records.events import AssetMaterialized, CheckEvaluated, Event, LogLevel, LogWritten, PlanMade, RunStatusChanged
from partita.records.failures import PythonError
from partita.records.queue import Limits
from partita.records.runs import Run, RunRequest, RunStatus
from partita.storage import sqlite
from partita.storage.claims import Claim
from partita.storage.store import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(seconds=30)
OVER = timedelta(seconds=-1)
"""The length of a lease that has ended already."""
LOCATION = "here"
BOOM = PythonError(class_name="ValueError", message="boom")


def url_of(directory: Path) -> str:
    """The URL of the database in a directory."""
    return f"sqlite:///{directory / 'partita.db'}"


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def request(*assets: str, location: str = LOCATION, repository: str = "main", **rest: Any) -> RunRequest:
    """A run request for assets, or for what `rest` says."""
    return RunRequest(location=location, repository=repository, assets=tuple(map(AssetKey, assets)), **rest)


def launch(store: Store, *assets: str, **rest: Any) -> Run:
    """One queued run."""
    return store.runs.launch([request(*assets, **rest)]).runs[0]


def claim(store: Store, *, limit: int = 1, lease: timedelta = LEASE, max_concurrent: int | None = None, **rest: Any) -> list[Claim]:
    """Runs claimed from the queue."""
    limits = Limits(max_concurrent=max_concurrent)
    terms: dict[str, Any] = {"owner": "worker", "location": LOCATION, "limits": limits, "catalog_hash": "abc", **rest}
    return store.runs.claim(limit=limit, lease=lease, **terms)


class Writer:
    """Appends to one claimed run and numbers what it sends."""

    def __init__(self, store: Store, claimed: Claim, name: str = "worker") -> None:
        self.store = store
        self.run_id = claimed.run.id
        self.epoch = claimed.epoch
        self.name = name
        self.sent = 0

    def send(self, *events: Event, lease: timedelta | None = LEASE) -> int:
        """Append events after those sent before."""
        seq = self.store.events.append(self.run_id, epoch=self.epoch, writer=self.name, first=self.sent, events=events, lease=lease)
        self.sent += len(events)
        return seq


def begin(store: Store, *assets: str, steps: Sequence[str] | None = None, **rest: Any) -> Writer:
    """A run of assets that is running: its plan has a step per asset."""
    run = launch(store, *assets, **rest)
    [claimed] = [each for each in claim(store, limit=1000, location=run.request.location) if each.run.id == run.id]
    writer = Writer(store, claimed)
    writer.send(plan(*(steps if steps is not None else assets)), status(RunStatus.RUNNING))
    return writer


def status(to: RunStatus, seconds: float = 0, **rest: Any) -> RunStatusChanged:
    """The run takes a status."""
    return RunStatusChanged(at=at(seconds), status=to, **rest)


def plan(*steps: str, reused: Sequence[str] = ()) -> PlanMade:
    """The run's plan."""
    return PlanMade(at=NOON, steps=steps, reused=tuple(reused))


def log(message: str, level: LogLevel = LogLevel.INFO, *, step: str | None = None) -> LogWritten:
    """A log record."""
    return LogWritten(at=NOON, level=level, logger="test", message=message, step=step)


def materialized(asset: str, partition: str | None = None, seconds: float = 0, **rest: Any) -> AssetMaterialized:
    """An asset was written."""
    return AssetMaterialized(at=at(seconds), step=asset, asset=AssetKey(asset), partition=partition, **rest)


def checked(asset: str, check: str, *, passed: bool, seconds: float = 0, **rest: Any) -> CheckEvaluated:
    """A check gave its verdict."""
    return CheckEvaluated(at=at(seconds), step=f"{asset}:{check}", asset=AssetKey(asset), check=check, passed=passed, **rest)


def numbers() -> Callable[[], int]:
    """Counts up from 0."""
    return partial(next, itertools.count())


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Any]]]:
    """The statements, with their values, that connections opened meanwhile are given."""
    seen: list[tuple[str, Any]] = []
    driver = sqlite.driver()

    class Cursor(driver.Cursor):  # type: ignore[name-defined, misc]
        def execute(self, sql: str, values: Any = ()) -> Any:
            seen.append((sql, values))
            return super().execute(sql, values)

        def executemany(self, sql: str, rows: Any) -> Any:
            seen.append((sql, rows[0]))
            return super().executemany(sql, rows)

    class Connection(driver.Connection):  # type: ignore[name-defined, misc]
        def cursor(self, *args: Any) -> Any:
            return super().cursor(Cursor)

    with monkeypatch.context() as patched:
        patched.setattr(driver, "connect", partial(driver.connect, factory=Connection))
        yield seen


def words(sql: str) -> str:
    """A statement on one line."""
    return re.sub(r"\s+", " ", sql).strip()
