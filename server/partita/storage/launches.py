"""Launching runs: rows in the queue, and once only for each idempotency key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, select, update

from partita.definitions.keys import AssetKey
from partita.errors import NotFoundError
from partita.records.changes import ChangeKind
from partita.records.codec import encode
from partita.records.events import RunStatusChanged
from partita.records.ids import new_id, short_id
from partita.records.runs import Run, RunRequest, RunStatus
from partita.storage.catalogs import Catalogs
from partita.storage.changes import record_changes
from partita.storage.columns import to_datetime, to_micros
from partita.storage.engine import Database
from partita.storage.idempotency_keys import Idempotency, IdempotencyKeys
from partita.storage.interned import Interned
from partita.storage.journal import STORE
from partita.storage.prepared import Prepared
from partita.storage.rows import RUN_COLUMNS, event_row, to_run, to_text
from partita.storage.tables import assets, run_events, run_partitions, run_tags, run_targets, runs

_INSERT_RUNS = Prepared(insert(runs))
_INSERT_EVENTS = Prepared(insert(run_events))
_INSERT_TAGS = Prepared(insert(run_tags))
_INSERT_TARGETS = Prepared(insert(run_targets))
_INSERT_PARTITIONS = Prepared(insert(run_partitions))
_SET_LATEST_RUN = Prepared(update(assets).where(assets.c.id == bindparam("asset_id")).values(latest_run_id=bindparam("run_id")))
_ROOT = Prepared(select(runs.c.root_id).where(runs.c.id == bindparam("run_id")))
_GROUP_SIZE = Prepared(select(func.count().label("size")).where(runs.c.root_id == bindparam("root")))


@dataclass(frozen=True, slots=True)
class Launched:
    """The runs of a launch, in the order of their requests. `is_replay`: they were launched before, under the same key."""

    runs: tuple[Run, ...]
    is_replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A run about to be written."""

    run: Run
    assets: dict[int, AssetKey]
    partition_ids: list[int]


class Launches:
    """Writes runs into the queue."""

    def __init__(self, database: Database, catalogs: Catalogs, keys: IdempotencyKeys, *, asset_names: Interned, partition_names: Interned) -> None:
        self._database = database
        self._catalogs = catalogs
        self._asset_names = asset_names
        self._partition_names = partition_names
        self._keys = keys

    def launch(self, connection: Connection, requests: Sequence[RunRequest], *, idempotency: Idempotency | None) -> Launched:
        """Queue a run for each request, or answer with those queued before under the same idempotency key.

        Raises:
            ConflictError: the key was used for another request.
            NotFoundError: a parent run that does not exist.
        """
        now = self._database.clock(connection)
        ids = sorted(new_id("run") for _ in requests)  # their order is the order of the requests, which the queue keeps
        if idempotency is not None:
            before = self._keys.take_in(connection, _told_apart(idempotency, requests), ids, now=now)
            if before is not None:
                return Launched(_launched_before(connection, before), is_replay=True)
        entries = self._entries(connection, ids, requests, now=now)
        _write(connection, entries, now=now)
        return Launched(tuple(entry.run for entry in entries))

    def find(self, connection: Connection, idempotency: Idempotency) -> Launched | None:
        """What was launched under an idempotency key that is still remembered.

        Raises:
            ConflictError: the key was used for another request.
        """
        before = self._keys.find_in(connection, _told_apart(idempotency, ()))
        return None if before is None else Launched(_launched_before(connection, before), is_replay=True)

    def _entries(self, connection: Connection, ids: list[str], requests: Sequence[RunRequest], *, now: int) -> list[_Entry]:
        targets = [self._targets(connection, request) for request in requests]
        asset_ids = self._asset_names.ids(connection, sorted({key for keys in targets for key in keys}))
        partition_ids = self._partition_names.ids(connection, dict.fromkeys(key for request in requests for key in request.partition_keys))
        sizes: dict[str, int] = {}
        return [
            _Entry(
                run=_new_run(connection, run_id, request, sizes, now=now),
                assets={asset_ids[key]: key for key in keys},
                partition_ids=[partition_ids[key] for key in dict.fromkeys(request.partition_keys)],
            )
            for run_id, request, keys in zip(ids, requests, targets, strict=True)
        ]

    def _targets(self, connection: Connection, request: RunRequest) -> list[AssetKey]:
        """The assets that the run is asked to write."""
        keys = request.assets or (self._catalogs.job_assets(connection, request) if request.job is not None else ())
        return [key for key in dict.fromkeys(keys) if request.steps is None or key in request.steps]


def _launched_before(connection: Connection, ids: Sequence[str]) -> tuple[Run, ...]:
    found = {found.id: to_run(found) for found in connection.execute(select(*RUN_COLUMNS).where(runs.c.id.in_(ids)))}
    return tuple(found[run_id] for run_id in ids if run_id in found)


def _told_apart(key: Idempotency, requests: Sequence[RunRequest]) -> Idempotency:
    """The key with what tells its request from others; the run requests, where the caller has not said."""
    return key if key.request_hash is not None else replace(key, request_hash=sha256(encode(list(requests))).hexdigest())


def _new_run(connection: Connection, run_id: str, request: RunRequest, sizes: dict[str, int], *, now: int) -> Run:
    root = request.root_id
    if root is None and request.parent_id is not None:
        root = _ROOT.scalar(connection, {"run_id": request.parent_id})
        if root is None:
            raise NotFoundError("run", request.parent_id)
        request = msgspec.structs.replace(request, root_id=root)
    if root is None:
        attempt = 1
    else:
        before = sizes.get(root) or _GROUP_SIZE.scalar(connection, {"root": root})
        attempt = sizes[root] = before + 1
    return Run(id=run_id, request=request, status=RunStatus.QUEUED, created_at=to_datetime(now), attempt=attempt, last_seq=1)


def _write(connection: Connection, entries: list[_Entry], *, now: int) -> None:
    if not entries:
        return
    _INSERT_RUNS.run_many(connection, [_run_row(entry) for entry in entries])
    _INSERT_EVENTS.run_many(connection, [_first_event(entry.run) for entry in entries])
    related: list[tuple[Prepared, list[dict[str, Any]]]] = [
        (_INSERT_TAGS, [{"run_id": entry.run.id, "key": key, "value": value} for entry in entries for key, value in entry.run.request.tags.items()]),
        (_INSERT_TARGETS, [{"run_id": entry.run.id, "asset_id": asset_id} for entry in entries for asset_id in entry.assets]),
        (_INSERT_PARTITIONS, [{"run_id": entry.run.id, "partition_id": number} for entry in entries for number in entry.partition_ids]),
    ]
    latest = {asset_id: entry.run.id for entry in entries for asset_id in entry.assets}
    related.append((_SET_LATEST_RUN, [{"asset_id": number, "run_id": latest[number]} for number in sorted(latest)]))
    for statement, rows in related:
        statement.run_many(connection, rows)
    changed = [(ChangeKind.RUN, entry.run.id) for entry in entries]
    changed += [(ChangeKind.ASSET, key) for entry in entries for key in entry.assets.values()]
    record_changes(connection, changed, at=now)


def _run_row(entry: _Entry) -> dict[str, Any]:
    run, request = entry.run, entry.run.request
    return {
        "id": run.id,
        "short_id": short_id(run.id),
        "location": request.location,
        "repository": request.repository,
        "job": request.job,
        "status": run.status.value,
        "priority": request.priority,
        "created_at": to_micros(run.created_at),
        "attempt": run.attempt,
        "root_id": run.root_id,
        "request": to_text(request),
        "last_seq": run.last_seq,
        "has_partitions": bool(entry.partition_ids),
        "tick_id": request.tick_id,
        "backfill_id": request.backfill_id,
    }


def _first_event(run: Run) -> dict[str, Any]:
    event = RunStatusChanged(at=run.created_at, status=RunStatus.QUEUED)
    return event_row(run.id, 1, event, writer=STORE, writer_seq=1, asset_ids={})
