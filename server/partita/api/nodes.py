"""Finding anything by its id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from partita.api.context import Context
from partita.api.errors import ApiError
from partita.api.ids import ASSET, CHECK, JOB, LOCATION, REPOSITORY, SCHEDULE, SENSOR, decode_id
from partita.errors import AmbiguousNameError, NotFoundError
from partita.records.automations import automation_id
from partita.records.backfills import Backfill
from partita.records.ids import SHORT_LENGTH
from partita.records.runs import Run

Found = TypeVar("Found")
MAX_ID = 1000
"""Characters of an id: more than any natural key that a location may define."""


async def find_node(context: Context, node_id: str) -> Any:
    """What has this id; None when nothing has."""
    if len(node_id) > MAX_ID:
        return None
    if node_id.startswith("run_"):
        return await context.loaders.run(node_id)
    if node_id.startswith("tick_"):
        return await context.loaders.tick(node_id)
    if node_id.startswith("backfill_"):
        return await context.loaders.backfills.load(node_id)
    if node_id.startswith("mat_"):
        return await context.read(lambda: context.store.assets.materialization(node_id))
    if node_id.startswith("obs_"):
        return await context.read(lambda: context.store.assets.observation(node_id))
    if node_id.startswith("alert_"):
        return await context.read(lambda: context.store.alerts.find(node_id))
    if node_id.startswith("evaluation_"):
        return await context.loaders.evaluations.load(node_id)
    return _find_definition(context, node_id)


async def find_nodes(context: Context, node_ids: Sequence[str]) -> list[Any]:
    """What has these ids, in their order."""
    return list(await asyncio.gather(*(find_node(context, node_id) for node_id in node_ids)))


async def find_run(context: Context, run_id: str) -> Run | None:
    """The run with this id or short id; None when there is none.

    Raises:
        ApiError: several runs have the short id.
    """
    if len(run_id) != SHORT_LENGTH:
        return await context.loaders.run(run_id[:MAX_ID])
    return await _by_short_id(context, context.store.runs.get, run_id)


async def find_backfill(context: Context, backfill_id: str) -> Backfill | None:
    """The backfill with this id or short id; None when there is none.

    Raises:
        ApiError: several backfills have the short id.
    """
    if len(backfill_id) != SHORT_LENGTH:
        return await context.loaders.backfills.load(backfill_id[:MAX_ID])
    return await _by_short_id(context, context.store.backfills.get, backfill_id)


async def _by_short_id(context: Context, get: Callable[[str], Found], short: str) -> Found | None:
    try:
        return await context.read(lambda: get(short))
    except AmbiguousNameError as error:
        raise ApiError(error.message) from None
    except NotFoundError:
        return None


def _find_definition(context: Context, node_id: str) -> Any:
    definitions = context.definitions
    match decode_id(node_id):
        case (kind, (location,)) if kind == LOCATION:
            return definitions.location(location)
        case (kind, (location, repository)) if kind == REPOSITORY:
            return definitions.repository(location, repository)
        case (kind, (location, repository, name)) if kind == JOB:
            return definitions.job(location, repository, name)
        case (kind, (location, repository, name)) if kind in {SCHEDULE, SENSOR}:
            found = definitions.automations.by_id.get(automation_id(location, repository, name))
            return found if found is not None and found.id == node_id else None
        case (kind, (key,)) if kind == ASSET:
            return definitions.asset(key)
        case (kind, (key, name)) if kind == CHECK:
            return definitions.check(key, name)
        case _:
            return None
