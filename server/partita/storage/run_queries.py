"""Which runs a filter means, and in which order they are listed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from partita.records.filters import RunFilter, RunOrder, RunOrderField
from partita.storage.columns import to_micros
from partita.storage.pages import Keyset
from partita.storage.tables import assets, partition_keys, run_partitions, run_tags, run_targets, runs

_ORDER_COLUMNS: dict[RunOrderField, ColumnElement[Any]] = {
    RunOrderField.CREATED_AT: runs.c.created_at,
    RunOrderField.STARTED_AT: runs.c.started_at,
    RunOrderField.ENDED_AT: runs.c.ended_at,
    RunOrderField.PRIORITY: runs.c.priority,
}


def keyset_of(order: RunOrder) -> Keyset:
    """The order as a keyset; the id breaks ties."""
    return Keyset(name=f"runs by {order.field}", unique=runs.c.id, column=_ORDER_COLUMNS[order.field], direction=order.direction)


def filtered(query: Select[Any], where: RunFilter) -> Select[Any]:
    """`query` over `runs`, of those that match."""
    return query.where(*_own_conditions(where), *_related_conditions(where))


def _own_conditions(where: RunFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if where.ids is not None:
        found.append(runs.c.id.in_(where.ids))
    if where.statuses is not None:
        found.append(runs.c.status.in_([status.value for status in where.statuses]))
    if where.jobs is not None:
        found.append(or_(False, *(_is_job(*job) for job in where.jobs)))
    if where.job_names is not None:
        found.append(runs.c.job.in_(where.job_names))
    if where.created_after is not None:
        found.append(runs.c.created_at > to_micros(where.created_after))
    if where.created_before is not None:
        found.append(runs.c.created_at < to_micros(where.created_before))
    if where.root_id is not None:
        found.append(runs.c.root_id == where.root_id)
    if where.tick_id is not None:
        found.append(runs.c.tick_id == where.tick_id)
    if where.backfill_id is not None:
        found.append(runs.c.backfill_id == where.backfill_id)
    return found


def _is_job(location: str, repository: str, job: str) -> ColumnElement[bool]:
    return and_(runs.c.job == job, runs.c.location == location, runs.c.repository == repository)


def _related_conditions(where: RunFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if where.assets is not None:
        ids = select(assets.c.id).where(assets.c.key.in_([str(key) for key in where.assets]))
        found.append(runs.c.id.in_(select(run_targets.c.run_id).where(run_targets.c.asset_id.in_(ids))))
    if where.partition_keys is not None:
        ids = select(partition_keys.c.id).where(partition_keys.c.key.in_(where.partition_keys))
        found.append(runs.c.id.in_(select(run_partitions.c.run_id).where(run_partitions.c.partition_id.in_(ids))))
    for key, value in where.tags:
        found.append(runs.c.id.in_(select(run_tags.c.run_id).where(run_tags.c.key == key, run_tags.c.value == value)))
    return found
