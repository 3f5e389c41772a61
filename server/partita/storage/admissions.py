"""Reads the queue and what is active, for `planning.admission` to choose from. Limits hold for all locations together.

A worker can only claim for its own location. So that priorities count across locations, it leaves room for better runs of the
others, but only of those that are loaded and whose worker lives: that one claims them as soon as it looks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, exists, func, literal, select

from partita.planning.admission import Candidate, Holder, choose, held_slots, sort_key
from partita.records.backfills import BackfillStatus
from partita.records.codec import decode
from partita.records.locations import LocationStatus
from partita.records.queue import Limits, PoolsOf
from partita.records.runs import RunRequest
from partita.storage.leases import LOCATION_PREFIX
from partita.storage.prepared import Prepared
from partita.storage.rows import AnyRow
from partita.storage.tables import IS_ACTIVE, IS_QUEUED, admission, backfills, leases, locations, run_tags, runs

FIRST_CHUNK, CHUNK, MOST_LOOKED_AT = 32, 500, 5000
"""Runs of the queue that one claim looks at: few at first, more when those have to wait, and then no more until something changes."""
MOST_REMEMBERED = 5000
"""Requests of queued runs that a process keeps decoded."""

LOOK_AGAIN = 1.0
"""Seconds after which a queue where nobody could start is looked at anew even if it seems the same: a location may have loaded."""

IS_HELD = exists(select(backfills.c.id).where(backfills.c.id == runs.c.backfill_id, backfills.c.status == literal(BackfillStatus.PAUSED.value)))
"""Whether a run belongs to a backfill that is paused: it stays in the queue until that is resumed."""

_IS_WAITING = Prepared(select(runs.c.id).where(runs.c.location == bindparam("location"), IS_QUEUED).limit(1))
_of_paused = backfills.c.status == literal(BackfillStatus.PAUSED.value)
_PAUSED = (select(func.count()).where(_of_paused).scalar_subquery(), select(func.max(backfills.c.id)).where(_of_paused).scalar_subquery())
_QUEUED_NOW = (func.count().label("queued"), func.max(runs.c.id).label("newest"))
_SUMMARY = Prepared(select(*_QUEUED_NOW, _PAUSED[0].label("paused"), _PAUSED[1].label("newest_paused")).select_from(runs).where(IS_QUEUED))
_ADMISSION = Prepared(select(admission.c.id).with_for_update())
_ACTIVE = Prepared(select(runs.c.id, runs.c.pools).where(IS_ACTIVE))
_TAGS_OF_ACTIVE = Prepared(select(run_tags.c.run_id, run_tags.c.key, run_tags.c.value).join(runs, runs.c.id == run_tags.c.run_id).where(IS_ACTIVE))
_QUEUED = (
    select(runs.c.id, runs.c.status, runs.c.last_seq, runs.c.has_partitions, runs.c.priority, runs.c.request)
    .where(runs.c.location == bindparam("location"), IS_QUEUED, ~IS_HELD)
    .order_by(runs.c.priority.desc(), runs.c.id)
    .limit(bindparam("limit"))
)
_BEST = Prepared(_QUEUED.with_for_update())
_is_behind = (runs.c.priority < bindparam("of_priority")) | ((runs.c.priority == bindparam("of_priority")) & (runs.c.id > bindparam("of_run")))
_BEHIND = Prepared(_QUEUED.where(runs.c.priority <= bindparam("of_priority"), _is_behind).with_for_update())
_RIVALS = Prepared(
    select(locations.c.name)
    .join(leases, leases.c.name == literal(LOCATION_PREFIX) + locations.c.name)
    .where(
        locations.c.name != bindparam("location"),
        locations.c.status == literal(LocationStatus.LOADED.value),
        locations.c.reload_requested_at.is_(None),
        leases.c.until > bindparam("now"),
        exists(select(runs.c.id).where(runs.c.location == locations.c.name, IS_QUEUED)),
    )
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A queued run that may start: its row, and the slots that it takes."""

    row: AnyRow
    pools: dict[str, int]


class _Look(NamedTuple):
    """A look at the queue: what was there, and until when it need not be taken again."""

    scene: tuple[object, ...]
    limits: Limits
    again_at: float


class Admissions:
    """Chooses who may start."""

    def __init__(self) -> None:
        self._requests: dict[str, RunRequest] = {}
        self._vain: dict[str, _Look] = {}
        """By location, the last look that found nobody who may start."""

    def is_worth_looking(self, connection: Connection, location: str, limits: Limits) -> bool:
        """Whether something is queued, and something has changed since nobody of it could start. Takes no lock."""
        if _IS_WAITING.one(connection, {"location": location}) is None:
            return False
        vain = self._vain.get(location)
        if vain is None or time.monotonic() >= vain.again_at:
            return True
        return vain.limits != limits or vain.scene != _scene(connection)

    def admit(self, connection: Connection, *, location: str, limit: int, limits: Limits, pools_of: PoolsOf, now: int) -> list[Admitted]:
        """Up to `limit` runs of a location that may start now, best first. Nobody else is admitted until the transaction ends."""
        _ADMISSION.one(connection, {})
        is_limited = limits.max_concurrent is not None or bool(limits.tags or limits.pools)
        holders = read_holders(connection, limits) if is_limited else []
        if limits.max_concurrent is not None and len(holders) >= limits.max_concurrent:
            return []
        rows: dict[str, AnyRow] = {}
        own = self._queue(connection, location, rows, pools_of, first=max(limit, FIRST_CHUNK))
        rivals = self._rivals(connection, location, pools_of, now=now) if is_limited else []
        chosen = (each for each in choose(merge(own, rivals, key=sort_key), holders, limits) if each.run_id in rows)
        admitted = [Admitted(rows[each.run_id], held_slots(each.pools, limits)) for each in islice(chosen, limit)]
        if not admitted:
            self._vain[location] = _Look(_scene(connection), limits, time.monotonic() + LOOK_AGAIN)
        return admitted

    def candidate(self, row: AnyRow, pools_of: PoolsOf) -> Candidate:
        """A queued run as admission looks at it."""
        request = self._requests.get(row.id)
        if request is None:
            if len(self._requests) >= MOST_REMEMBERED:
                self._requests = {}
            request = self._requests[row.id] = decode(row.request, RunRequest)
        return Candidate(row.id, row.priority, request.tags, pools_of(request))

    def _rivals(self, connection: Connection, location: str, pools_of: PoolsOf, *, now: int) -> list[Candidate]:
        """The best queued runs of other locations whose workers can claim them."""
        names = [row.name for row in _RIVALS.all(connection, {"location": location, "now": now})]
        return [self.candidate(row, pools_of) for name in names for row in _BEST.all(connection, {"location": name, "limit": FIRST_CHUNK})]

    def _queue(self, connection: Connection, location: str, rows: dict[str, AnyRow], pools_of: PoolsOf, *, first: int) -> Iterator[Candidate]:
        """The queue of a location, best first, read as far as it is looked at; `rows` collects what was read."""
        found = _BEST.all(connection, {"location": location, "limit": first})
        while found:
            rows.update((row.id, row) for row in found)
            yield from (self.candidate(row, pools_of) for row in found)
            last = found[-1]
            is_enough = len(found) < FIRST_CHUNK or len(rows) >= MOST_LOOKED_AT
            values = {"location": location, "of_priority": last.priority, "of_run": last.id, "limit": CHUNK}
            found = [] if is_enough else _BEHIND.all(connection, values)


def _scene(connection: Connection) -> tuple[object, ...]:
    """Which runs are active, and a summary of the queue and of what is paused: with the same scene, the same runs may start."""
    queue = _SUMMARY.one(connection, {})
    return (*queue, *(row.id for row in _ACTIVE.all(connection, {})))


def read_holders(connection: Connection, limits: Limits) -> list[Holder]:
    """Every active run; with its tags, where there are limits for tags."""
    tags: dict[str, dict[str, str]] = {}
    if limits.tags:
        for row in _TAGS_OF_ACTIVE.all(connection, {}):
            tags.setdefault(row.run_id, {})[row.key] = row.value
    return [Holder(tags.get(row.id, {}), to_pools(row.pools)) for row in _ACTIVE.all(connection, {})]


def to_pools(text: str | None) -> dict[str, int]:
    """The slots in a column that may be empty."""
    return {} if text is None else decode(text, dict[str, int])
