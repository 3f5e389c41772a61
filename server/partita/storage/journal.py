"""Writes a batch of events and everything they mean, inside the caller's transaction, with a fixed number of statements.

Tables are always written in the order runs, steps, assets by number: where rows are locked, nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, func, insert, or_, select, update

from partita.records.changes import ChangeKind
from partita.records.events import Event
from partita.records.runs import RunStatus
from partita.storage.asset_facts import AssetFacts
from partita.storage.changes import record_changes
from partita.storage.columns import to_micros
from partita.storage.engine import Database
from partita.storage.interned import Interned
from partita.storage.partition_states import PartitionStates
from partita.storage.prepared import Prepared
from partita.storage.rows import event_row, to_text
from partita.storage.summaries import StepState, Summary, summarize
from partita.storage.tables import IS_UNFINISHED_STEP, run_events, run_statuses, run_steps, runs

STORE = "store"
"""The writer of events that the store itself adds; they are numbered like the run's log."""

_INSERT_EVENTS = Prepared(insert(run_events))
_ADVANCE = Prepared(
    update(runs)
    .where(runs.c.id == bindparam("run_id"))
    .values(
        last_seq=bindparam("seq"),
        materializations=runs.c.materializations + bindparam("materialized"),
        checks_passed=runs.c.checks_passed + bindparam("passed"),
        checks_failed=runs.c.checks_failed + bindparam("failed"),
    )
)
# Apart from the above, because naming an indexed column costs its indexes, even when the value stays.
_SET_STATUS = Prepared(
    update(runs)
    .where(runs.c.id == bindparam("run_id"))
    .values(
        status=bindparam("new_status"),
        started_at=func.coalesce(runs.c.started_at, bindparam("new_started_at", type_=runs.c.started_at.type)),
        ended_at=bindparam("new_ended_at", type_=runs.c.ended_at.type),
        error=bindparam("new_error", type_=runs.c.error.type),
    )
)
_ADD_STATUS = Prepared(
    insert(run_statuses).from_select(
        ["run_id", "status", "location", "repository", "at"],
        select(
            runs.c.id,
            bindparam("of_status", type_=runs.c.status.type),
            runs.c.location,
            runs.c.repository,
            bindparam("at", type_=runs.c.created_at.type),
        ).where(runs.c.id == bindparam("of_run")),
    )
)
_DELETE_STEPS = Prepared(delete(run_steps).where(run_steps.c.run_id == bindparam("of_run")))
_PLACE_OF_STEP = Prepared(select(run_steps.c.position).where(run_steps.c.run_id == bindparam("of_run"), run_steps.c.step == bindparam("of_step")))
_DELETE_STEP = Prepared(delete(run_steps).where(run_steps.c.run_id == bindparam("of_run"), run_steps.c.step == bindparam("of_step")))
_MOVE_STEPS = Prepared(
    update(run_steps)
    .where(run_steps.c.run_id == bindparam("of_run"), run_steps.c.position > bindparam("behind"))
    .values(position=run_steps.c.position + bindparam("by"))
)
_SET_PROCESS = Prepared(
    update(run_steps)
    .where(
        run_steps.c.run_id == bindparam("of_run"),
        # a short step has ended by the time its batch is written
        or_(run_steps.c.step == bindparam("of_step"), and_(bindparam("of_step").is_(None), IS_UNFINISHED_STEP)),
    )
    .values(process=bindparam("new_process"))
)


@dataclass(frozen=True, slots=True)
class RunHead:
    """What must be known of a run to append to its log."""

    id: str
    status: RunStatus
    last_seq: int
    has_partitions: bool


class Journal:
    """The one way into `run_events`."""

    def __init__(self, database: Database, *, asset_names: Interned, partition_names: Interned) -> None:
        self._asset_names = asset_names
        self._partition_names = partition_names
        self._facts = AssetFacts(database, asset_names=asset_names, partition_names=partition_names)
        self._partitions = PartitionStates(database)
        row = database.insert(run_steps)
        upsert = row.on_conflict_do_update(
            index_elements=["run_id", "step"],
            set_={
                "status": row.excluded.status,
                "attempt": case((row.excluded.attempt > run_steps.c.attempt, row.excluded.attempt), else_=run_steps.c.attempt),
                "started_at": func.coalesce(run_steps.c.started_at, row.excluded.started_at),
                "ended_at": row.excluded.ended_at,
                "error": row.excluded.error,
                "memory": func.coalesce(row.excluded.memory, run_steps.c.memory),
            },
            where=IS_UNFINISHED_STEP,
        )
        self._upsert_steps = Prepared(upsert)

    def write(self, connection: Connection, head: RunHead, events: Sequence[Event], *, writer: str, first: int, now: int) -> int:
        """Append `events`, whose writer numbers them from `first`. Answers the run's last `seq`.

        Raises:
            ConflictError: a status follows that may not.
        """
        summary = summarize(head.id, head.status, events, first_seq=head.last_seq + 1)
        asset_ids = self._asset_names.ids(connection, sorted(summary.asset_keys)) if summary.asset_keys else {}
        rows = [
            event_row(head.id, head.last_seq + place, event, writer=writer, writer_seq=first + place - 1, asset_ids=asset_ids)
            for place, event in enumerate(events, 1)
        ]
        _INSERT_EVENTS.run_many(connection, rows)
        last_seq = head.last_seq + len(events)
        changed = {(ChangeKind.RUN, head.id): None}
        _ADVANCE.run(connection, _counters(summary, last_seq))
        if summary.is_status_new or summary.plan is not None:
            _SET_STATUS.run(connection, _status_columns(summary))
        for status, at in summary.milestones:
            _ADD_STATUS.run(connection, {"of_run": head.id, "of_status": status.value, "at": to_micros(at)})
        if not summary.is_plain:
            self._write_steps(connection, summary)
            keys = self._write_assets(connection, head, summary, asset_ids, now=now)
            changed |= {(ChangeKind.ASSET, key): None for key in keys}
        record_changes(connection, changed, at=now)
        return last_seq

    def write_own(self, connection: Connection, head: RunHead, events: Sequence[Event], *, now: int) -> int:
        """Append events of the store's own."""
        return self.write(connection, head, events, writer=STORE, first=head.last_seq + 1, now=now)

    def _write_steps(self, connection: Connection, summary: Summary) -> None:
        if summary.plan is not None:
            _DELETE_STEPS.run(connection, {"of_run": summary.run_id})  # of a plan that a former claim made
        if summary.steps:
            places = {key: place for place, key in enumerate(summary.plan or ())} | self._make_room(connection, summary)
            rows = [_step_row(summary.run_id, key, state, places.get(key, 0)) for key, state in summary.steps.items()]
            self._upsert_steps.run_many(connection, rows)
        if summary.processes:
            processes = [{"of_run": summary.run_id, "of_step": step, "new_process": process} for step, process in summary.processes.items()]
            _SET_PROCESS.run_many(connection, processes)

    def _make_room(self, connection: Connection, summary: Summary) -> dict[str, int]:
        """Take steps out of the plan that others replace, and answer the places of these; what comes behind moves on."""
        places: dict[str, int] = {}
        for template, made in summary.replaced:
            of_step = {"of_run": summary.run_id, "of_step": template}
            place = _PLACE_OF_STEP.scalar(connection, of_step)
            if place is None:
                continue
            _DELETE_STEP.run(connection, of_step)
            _MOVE_STEPS.run(connection, {"of_run": summary.run_id, "behind": place, "by": len(made) - 1})
            places = {key: at + (len(made) - 1 if at > place else 0) for key, at in places.items()}
            places.update((key, place + number) for number, key in enumerate(made))
        return places

    def _write_assets(self, connection: Connection, head: RunHead, summary: Summary, asset_ids: dict[str, int], *, now: int) -> set[str]:
        """Record what is known of assets now. Answers the keys of those that changed."""
        changed: set[str] = set(summary.asset_keys)
        partition_keys = summary.partition_keys
        partition_ids = self._partition_names.ids(connection, sorted(partition_keys)) if partition_keys else {}
        if head.has_partitions and summary.starts_running:
            changed |= self._partitions.start(connection, summary, at=now)
        if summary.observed:  # first: what was written in the same batch was made from what had been observed
            self._facts.observe(connection, summary, asset_ids, partition_ids)
        if summary.materialized:
            self._facts.materialize(connection, summary, asset_ids, partition_ids)
            self._partitions.materialize(connection, summary, asset_ids, partition_ids)
        if summary.checked:
            self._facts.check(connection, summary, asset_ids, partition_ids)
        if head.has_partitions:
            changed |= self._partitions.settle(connection, summary, self._asset_names)
        return changed


def _counters(summary: Summary, last_seq: int) -> dict[str, Any]:
    passed = sum(event.passed for _, event in summary.checked)
    return {
        "run_id": summary.run_id,
        "seq": last_seq,
        "materialized": len(summary.materialized),
        "passed": passed,
        "failed": len(summary.checked) - passed,
    }


def _status_columns(summary: Summary) -> dict[str, Any]:
    return {
        "run_id": summary.run_id,
        "new_status": summary.status.value,
        "new_started_at": _micros_or_none(summary.started_at),
        "new_ended_at": _micros_or_none(summary.ended_at),
        "new_error": None if summary.error is None else to_text(summary.error),
    }


def _step_row(run_id: str, key: str, state: StepState, position: int) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "step": key,
        "position": position,
        "status": state.status.value,
        "attempt": state.attempt,
        "started_at": _micros_or_none(state.started_at),
        "ended_at": _micros_or_none(state.ended_at),
        "error": None if state.error is None else to_text(state.error),
        "process": None,
        "memory": state.memory,
    }


def _micros_or_none(at: datetime | None) -> int | None:
    return None if at is None else to_micros(at)
