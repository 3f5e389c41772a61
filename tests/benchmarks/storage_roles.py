"""Processes that use one database at once, for the figures of storage: `python -m benchmarks.storage_roles ROLE URL ...`. Each prints its figures."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import orjson

from partita.records.changes import ChangeKind
from partita.records.runs import RunStatus
from partita.storage.store import Store
from support.stores import Writer, claim, launch, log, plan, status

LONG = timedelta(minutes=10)
FLUSH = 0.02
"""What a worker lets events wait for others."""


def steady(url: str, name: str, rate: str, seconds: str) -> None:
    """Tell events at a rate, in the batches that a worker makes; print from the oldest of each batch to its commit, in milliseconds."""
    lags = []
    with Store(url) as store:
        writer = _own_run(store, name)
        _wait_for_the_others()
        began, told = time.perf_counter(), 0
        while (now := time.perf_counter()) - began < float(seconds):
            due = int((now - began) * float(rate))
            if due > told:
                oldest = began + (told + 1) / float(rate)
                writer.send(*(log(f"line {number} of what a step says") for number in range(told, due)), lease=LONG)
                told = due
                lags.append((time.perf_counter() - oldest) * 1000)
            time.sleep(FLUSH)
    _print(lags)


def hurried(url: str, name: str, seconds: str) -> None:
    """Append batches of ten as fast as can be; print how long each took, in milliseconds."""
    took = []
    with Store(url) as store:
        writer = _own_run(store, name)
        _wait_for_the_others()
        give_up_at = time.perf_counter() + float(seconds)
        while (began := time.perf_counter()) < give_up_at:
            writer.send(*(log(f"line {number} of what a step says") for number in range(10)), lease=LONG)
            took.append((time.perf_counter() - began) * 1000)
            time.sleep(0.001)
    _print(took)


def reading(url: str, name: str, seconds: str) -> None:
    """Read what the API reads, all the while; print how long each look took, in milliseconds."""
    del name
    took = []
    with Store(url) as store:
        _wait_for_the_others()
        give_up_at = time.perf_counter() + float(seconds)
        while (began := time.perf_counter()) < give_up_at:
            runs = store.runs.list().items
            store.runs.stats([run.id for run in runs])
            store.events.after(runs[0].id, seq=0, limit=200)
            took.append((time.perf_counter() - began) * 1000)
    _print(took)


def watching(url: str, name: str, count: str) -> None:
    """Hear of changes of one run as the API does; print from the time that each event carries to when it was seen, in milliseconds."""
    lags: list[float] = []
    with Store(url) as store, store.bell() as bell:
        cursor = store.changes.latest()
        seq = 0
        _wait_for_the_others()
        while len(lags) < int(count):
            bell.wait(1.0)
            batch = store.changes.after(cursor)
            cursor = batch.cursor
            if any(change.kind is ChangeKind.RUN and change.subject == name for change in batch.changes):
                for stored in store.events.after(name, seq=seq):
                    seq = stored.seq
                    lags.append((datetime.now(UTC) - stored.event.at).total_seconds() * 1000)
    _print(lags[10:])


def claiming(url: str, name: str) -> None:
    """Claim, start and end runs until the queue is empty; print what was claimed and how long that took."""
    claimed: list[str] = []
    with Store(url) as store:
        _wait_for_the_others()
        began = time.perf_counter()
        while found := claim(store, limit=20, owner=name):
            claimed += [each.run.id for each in found]
        took = time.perf_counter() - began
    print(orjson.dumps([claimed, took]).decode())  # noqa: T201


def _own_run(store: Store, name: str) -> Writer:
    launch(store, "orders", location=name)
    [claimed] = claim(store, location=name, lease=LONG)
    writer = Writer(store, claimed, name)
    writer.send(plan("a"), status(RunStatus.RUNNING), lease=LONG)
    return writer


def _wait_for_the_others() -> None:
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()


def _print(figures: list[float]) -> None:
    print(orjson.dumps(figures).decode())  # noqa: T201


if __name__ == "__main__":
    roles: dict[str, Callable[..., None]] = {
        "steady": steady,
        "hurried": hurried,
        "reading": reading,
        "watching": watching,
        "claiming": claiming,
    }
    roles[sys.argv[1]](*sys.argv[2:])
