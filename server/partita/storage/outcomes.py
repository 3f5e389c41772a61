"""Writes what a tick comes to, inside the caller's transaction: runs, run keys, keys of dynamic partitions, reports, the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, insert, or_, select, update

from partita.planning.ticks import Asked
from partita.records.automations import AutomationKind, launcher_of
from partita.records.changes import ChangeKind
from partita.records.runs import Run
from partita.records.ticks import PartitionsAdded, RequestOutcome, Tick, TickStatus
from partita.storage.changes import record_changes
from partita.storage.dynamic_partitions import DynamicPartitionKeys
from partita.storage.launches import Launches
from partita.storage.prepared import Prepared
from partita.storage.reports import Reports
from partita.storage.rows import AnyRow, to_text
from partita.storage.tables import automations, run_keys, ticks
from partita.storage.tick_rows import Outcome, TickPayload, payload_of, to_tick

ALL_KNOWN = "Every run that it asked for had been launched before, under the same run key."
NOTHING_ASKED = "It asked for nothing."

_KEY = Prepared(select(run_keys.c.run_id).where(run_keys.c.automation_id == bindparam("of_automation"), run_keys.c.key == bindparam("of_key")))
_INSERT_KEYS = Prepared(insert(run_keys))
_END = Prepared(
    update(ticks)
    .where(ticks.c.id == bindparam("of_id"))
    .values(status=bindparam("new_status"), ended_at=bindparam("now"), lease_until=0, run_count=bindparam("runs"), payload=bindparam("new_payload"))
)
_TICK = Prepared(select(ticks).where(ticks.c.id == bindparam("of_id")))
_given = bindparam("given", type_=automations.c.cursor.type)
_SET_CURSOR = Prepared(
    update(automations)
    # One that somebody has set meanwhile stays.
    .where(automations.c.id == bindparam("of_id"), automations.c.cursor.is_not_distinct_from(_given))
    .values(cursor=bindparam("new_cursor"))
)
_SET_SEEN = Prepared(
    update(automations)
    .where(automations.c.id == bindparam("of_id"), or_(automations.c.seen.is_(None), automations.c.seen < bindparam("through")))
    .values(seen=bindparam("through"))
)


class Outcomes:
    """Ends ticks."""

    def __init__(self, launches: Launches, partitions: DynamicPartitionKeys, reports: Reports) -> None:
        self._launches = launches
        self._partitions = partitions
        self._reports = reports

    def write(self, connection: Connection, row: AnyRow, outcome: Outcome, *, now: int) -> Tick:
        """End the tick of a row of `ticks`. A dry run, or an error, leaves nothing but the tick.

        Raises:
            RequestError: it asks for what cannot be.
            NotFoundError: a run to launch names a parent that does not exist.
        """
        before = payload_of(row)
        if outcome.error is not None:
            payload = _payload(before, outcome, skip_reason=None)
            return _end(connection, row, TickStatus.FAILED, payload, runs=(), now=now)
        requests, runs = (_listed(connection, row, outcome.asks), ()) if row.is_dry_run else self._launch(connection, row, outcome.asks, now=now)
        added = self._add_partitions(connection, row, outcome, now=now)
        has_effect = bool(added or outcome.reports or any(not request.is_already_launched for request in requests))
        skip_reason = None if has_effect else outcome.skip_reason or (ALL_KNOWN if requests else NOTHING_ASKED)
        payload = _payload(before, outcome, skip_reason=skip_reason, requests=requests, partitions=added)
        if not row.is_dry_run:
            if outcome.reports:
                self._reports.add_in(connection, outcome.reports, source=row.id, at=now)
            _move(connection, row, before, outcome)
        return _end(connection, row, TickStatus.SUCCEEDED if has_effect else TickStatus.SKIPPED, payload, runs=runs, now=now)

    def _launch(self, connection: Connection, row: AnyRow, asks: Sequence[Asked], *, now: int) -> tuple[tuple[RequestOutcome, ...], tuple[Run, ...]]:
        known = _known_keys(connection, row, asks)
        fresh: dict[int, Asked] = {}
        for place, ask in enumerate(asks):
            if ask.run_key is None or ask.run_key not in known:
                fresh[place] = ask
            if ask.run_key is not None:
                known.setdefault(ask.run_key, "")
        launcher = launcher_of(AutomationKind(row.kind), row.automation_id)
        requests = [msgspec.structs.replace(ask.request, tick_id=row.id, launched_by=launcher) for ask in fresh.values()]
        runs = self._launches.launch(connection, requests, idempotency=None).runs if requests else ()
        made = dict(zip(fresh, runs, strict=True))
        new_keys = {ask.run_key: made[place].id for place, ask in fresh.items() if ask.run_key is not None}
        facts = {"automation_id": row.automation_id, "tick_id": row.id, "created_at": now}
        _INSERT_KEYS.run_many(connection, [{"key": key, "run_id": run_id, **facts} for key, run_id in new_keys.items()])
        known |= new_keys
        told = (
            _told(ask, made[place].id if place in made else known[ask.run_key or ""], is_known=place not in made) for place, ask in enumerate(asks)
        )
        return tuple(told), runs

    def _add_partitions(self, connection: Connection, row: AnyRow, outcome: Outcome, *, now: int) -> tuple[PartitionsAdded, ...]:
        if row.is_dry_run:
            return outcome.partitions
        added = ((each.set_name, self._partitions.add_in(connection, each.set_name, each.keys, at=now)) for each in outcome.partitions)
        return tuple(PartitionsAdded(set_name=name, keys=keys) for name, keys in added if keys)


def _known_keys(connection: Connection, row: AnyRow, asks: Sequence[Asked]) -> dict[str, str]:
    """The runs that were launched before under the run keys of `asks`."""
    wanted = dict.fromkeys(ask.run_key for ask in asks if ask.run_key is not None)
    found = {key: _KEY.scalar(connection, {"of_automation": row.automation_id, "of_key": key}) for key in wanted}
    return {key: run_id for key, run_id in found.items() if run_id is not None}


def _listed(connection: Connection, row: AnyRow, asks: Sequence[Asked]) -> tuple[RequestOutcome, ...]:
    """What would be launched."""
    known = set(_known_keys(connection, row, asks))
    found: list[RequestOutcome] = []
    for ask in asks:
        found.append(_told(ask, None, is_known=ask.run_key in known))
        if ask.run_key is not None:
            known.add(ask.run_key)
    return tuple(found)


def _told(ask: Asked, run_id: str | None, *, is_known: bool) -> RequestOutcome:
    request = ask.request
    return RequestOutcome(
        run_key=ask.run_key,
        partition=request.partition_keys[0] if len(request.partition_keys) == 1 else ", ".join(request.partition_keys) or None,
        job=request.job,
        assets=request.assets,
        run_id=run_id,
        is_already_launched=is_known,
    )


def _payload(before: TickPayload, outcome: Outcome, **facts: Any) -> TickPayload:
    cursor = outcome.cursor if outcome.sets_cursor and outcome.error is None else before.cursor
    return msgspec.structs.replace(before, cursor=cursor, error=outcome.error, logs=outcome.logs, **facts)


def _move(connection: Connection, row: AnyRow, before: TickPayload, outcome: Outcome) -> None:
    """The automation has dealt with what it was given."""
    if outcome.sets_cursor:
        _SET_CURSOR.run(connection, {"of_id": row.automation_id, "given": before.given, "new_cursor": outcome.cursor})
    if before.through is not None:
        _SET_SEEN.run(connection, {"of_id": row.automation_id, "through": before.through})


def _end(connection: Connection, row: AnyRow, status: TickStatus, payload: TickPayload, *, runs: Sequence[Run], now: int) -> Tick:
    values = {"of_id": row.id, "new_status": status.value, "now": now, "runs": len(runs), "new_payload": to_text(payload)}
    _END.run(connection, values)
    record_changes(connection, [(ChangeKind.TICK, row.id), (ChangeKind.AUTOMATION, row.automation_id)], at=now)
    return to_tick(_TICK.one(connection, {"of_id": row.id}))
