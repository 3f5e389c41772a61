"""Whether what the tables say of a run, an asset or a backfill is what its log and its rows add up to. Read in one snapshot.

What is kept beside the log is written in the log's transaction, so a difference means a damaged file, a bug of ours, or somebody else's hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain

from sqlalchemy import Connection, case, func, or_, select

from partita.records.assets import PartitionStatus
from partita.records.codec import decode_event
from partita.records.events import RunStatusChanged
from partita.records.runs import ACTIVE, FINISHED, RunStatus
from partita.storage.tables import (
    asset_events,
    asset_partitions,
    assets,
    backfill_items,
    backfills,
    partition_counts,
    partition_keys,
    run_events,
    runs,
)

OUTCOMES = ("step_succeeded", "step_failed", "step_skipped", "step_upstream_failed", "step_canceled")
MATERIALIZED = "materialized"
STATUS = "status"

_LOGS = (
    select(
        runs.c.id,
        runs.c.last_seq,
        runs.c.materializations,
        runs.c.has_events,
        func.count(run_events.c.seq).label("times"),
        func.min(run_events.c.seq).label("first"),
        func.max(run_events.c.seq).label("last"),
        func.sum(case((run_events.c.kind == MATERIALIZED, 1), else_=0)).label("written"),
    )
    .join(run_events, run_events.c.run_id == runs.c.id, isouter=True)
    .group_by(runs.c.id, runs.c.last_seq, runs.c.materializations, runs.c.has_events)
)
_STATUSES = (
    select(runs.c.id, runs.c.status, run_events.c.payload)
    .join(run_events, run_events.c.run_id == runs.c.id)
    .where(run_events.c.kind == STATUS)
    .order_by(run_events.c.run_id, run_events.c.seq)
)
_OUTCOMES = (
    select(run_events.c.run_id, run_events.c.step, run_events.c.payload)
    .where(run_events.c.kind.in_(OUTCOMES))
    .order_by(run_events.c.run_id, run_events.c.seq)
)
_WRITTEN = (
    select(assets.c.key, assets.c.materialization_count, func.count(asset_events.c.number).label("times"))
    .join(asset_events, asset_events.c.asset_id == assets.c.id, isouter=True)
    .group_by(assets.c.id, assets.c.key, assets.c.materialization_count)
    .having(assets.c.materialization_count != func.count(asset_events.c.number))
)
_ABANDONED = (
    select(assets.c.key, partition_keys.c.key.label("partition"), asset_partitions.c.run_id)
    .join(assets, assets.c.id == asset_partitions.c.asset_id)
    .join(partition_keys, partition_keys.c.id == asset_partitions.c.partition_id)
    .join(runs, runs.c.id == asset_partitions.c.run_id, isouter=True)
    .where(
        asset_partitions.c.status == PartitionStatus.RUNNING.value,
        or_(runs.c.status.is_(None), runs.c.status.not_in([status.value for status in ACTIVE])),
    )
)
_COUNTED = select(asset_partitions.c.asset_id, asset_partitions.c.status, func.count()).group_by(
    asset_partitions.c.asset_id, asset_partitions.c.status
)
_KEPT = select(partition_counts.c.asset_id, partition_counts.c.status, partition_counts.c.count).where(partition_counts.c.count != 0)
_KEYS = select(assets.c.id, assets.c.key)
_ITEMS = (
    select(backfills.c.id, backfills.c.item_count, func.count(backfill_items.c.position).label("times"))
    .join(backfill_items, backfill_items.c.backfill_id == backfills.c.id, isouter=True)
    .group_by(backfills.c.id, backfills.c.item_count)
    .having(backfills.c.item_count != func.count(backfill_items.c.position))
)


def find_contradictions(connection: Connection) -> list[str]:
    """One sentence for each thing that does not add up; none in a sound database."""
    looks: tuple[Callable[[Connection], Iterator[str]], ...] = (_logs, _ends, _outcomes, _writes, _partitions, _counts, _backfills)
    return list(chain.from_iterable(look(connection) for look in looks))


def _logs(connection: Connection) -> Iterator[str]:
    """The log of each run is without a gap, and counted rightly; a part of it, or all, may have been pruned from its beginning."""
    for row in connection.execute(_LOGS):
        if not row.times:
            if row.has_events and row.last_seq:
                yield f"Run {row.id} has no events, and should have {row.last_seq}."
        elif row.last != row.last_seq or row.times != row.last - row.first + 1:
            yield f"Run {row.id} has {row.times} events from {row.first} to {row.last}; its last should be {row.last_seq}."
        elif row.first == 1 and row.written != row.materializations:
            yield f"Run {row.id} says that it has written {row.materializations} times; its log says {row.written}."


def _ends(connection: Connection) -> Iterator[str]:
    """A run ends once, nothing follows, and its row says so."""
    ended: dict[str, RunStatus] = {}
    for row in connection.execute(_STATUSES):
        event = decode_event(row.payload.encode())
        assert isinstance(event, RunStatusChanged)
        if row.id in ended:
            yield f"Run {row.id} has become {event.status} after it had ended as {ended[row.id]}."
        if event.status in FINISHED:
            ended[row.id] = event.status
            if event.status.value != row.status:
                yield f"Run {row.id} is {row.status}; its log says that it ended as {event.status}."


def _outcomes(connection: Connection) -> Iterator[str]:
    """Each attempt at a step has one outcome."""
    run_id, seen = "", Counter[tuple[str, int]]()
    for row in connection.execute(_OUTCOMES):
        if row.run_id != run_id:
            run_id, seen = row.run_id, Counter()
        attempt = (row.step, decode_event(row.payload.encode()).attempt)
        seen[attempt] += 1
        if seen[attempt] == 2:
            yield f"Attempt {attempt[1]} at step {row.step!r} of run {row.run_id} has ended twice."


def _writes(connection: Connection) -> Iterator[str]:
    for row in connection.execute(_WRITTEN):
        yield f"Asset {row.key!r} says that it was written {row.materialization_count} times; its history holds {row.times}."


def _partitions(connection: Connection) -> Iterator[str]:
    for row in connection.execute(_ABANDONED):
        yield f"Partition {row.partition!r} of asset {row.key!r} is being written by run {row.run_id}, which is not active."


def _counts(connection: Connection) -> Iterator[str]:
    counted = {(row[0], row[1]): row[2] for row in connection.execute(_COUNTED)}
    kept = {(row[0], row[1]): row[2] for row in connection.execute(_KEPT)}
    if counted == kept:
        return
    keys = {row.id: row.key for row in connection.execute(_KEYS)}
    for place in sorted(counted.keys() | kept.keys()):
        if counted.get(place, 0) != kept.get(place, 0):
            yield f"{kept.get(place, 0)} partitions of asset {keys.get(place[0])!r} are counted as {place[1]}; {counted.get(place, 0)} are."


def _backfills(connection: Connection) -> Iterator[str]:
    for row in connection.execute(_ITEMS):
        yield f"Backfill {row.id} has {row.times} items, and should have {row.item_count}."
