"""Who may work on a run: claims from the queue, leases with epochs, cancel requests, and what becomes of a lost run.

Every claim raises the run's epoch, and so does every way of losing it, so that whoever held it before is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, null, select, tuple_, update

from partita.errors import AlreadyFinishedError, ConflictError, LeaseLostError, NotFoundError
from partita.records.changes import ChangeKind
from partita.records.events import Event, RunStatusChanged, StepCanceled, StepFailed, StepUpstreamFailed
from partita.records.failures import PythonError
from partita.records.queue import Limits, PoolsOf
from partita.records.runs import ACTIVE, Run, RunStatus, StepStatus
from partita.storage.admissions import Admissions
from partita.storage.changes import record_changes
from partita.storage.columns import to_datetime
from partita.storage.engine import Database
from partita.storage.journal import Journal, RunHead
from partita.storage.prepared import Prepared
from partita.storage.rows import RUN_COLUMNS, AnyRow, to_run, to_text
from partita.storage.tables import IS_ACTIVE, IS_UNFINISHED_STEP, run_steps, runs

_HEAD = select(runs.c.id, runs.c.status, runs.c.last_seq, runs.c.has_partitions, runs.c.epoch, runs.c.lease_until, runs.c.cancel_requested_at)
_ONE = Prepared(_HEAD.where(runs.c.id == bindparam("of_run")).with_for_update())
_CLAIM = Prepared(
    update(runs)
    .where(runs.c.id == bindparam("of_run"))
    .values(
        epoch=runs.c.epoch + 1,
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until"),
        catalog_hash=bindparam("catalog"),
        pools=bindparam("slots"),
    )
)
_RUN = Prepared(select(*RUN_COLUMNS, runs.c.epoch).where(runs.c.id == bindparam("of_run")))
_RENEW = (
    update(runs)
    .where(tuple_(runs.c.id, runs.c.epoch).in_(bindparam("claims", expanding=True)), IS_ACTIVE)
    .values(lease_until=bindparam("until"))
    .returning(runs.c.id)
)
_REQUESTED = select(runs.c.id, runs.c.is_cancel_forced).where(
    runs.c.id.in_(bindparam("run_ids", expanding=True)), runs.c.cancel_requested_at.is_not(None)
)
_EXPIRED = select(*RUN_COLUMNS).where(IS_ACTIVE, runs.c.lease_until <= bindparam("now")).order_by(runs.c.lease_until).limit(bindparam("limit"))
LAST_EPOCH = 4
"""Up to this epoch of a claim a run that had not begun goes back to the queue, which takes another: three workers may die of it."""

_FENCE_OFF = Prepared(update(runs).where(runs.c.id == bindparam("of_run")).values(epoch=runs.c.epoch + 1, lease_owner=null(), lease_until=0))
_FORGET_START = Prepared(update(runs).where(runs.c.id == bindparam("of_run")).values(started_at=null(), catalog_hash=null(), pools=null()))
_FORGET_STEPS = Prepared(delete(run_steps).where(run_steps.c.run_id == bindparam("of_run")))
_REQUEST_CANCEL = Prepared(
    update(runs)
    .where(runs.c.id == bindparam("of_run"))
    .values(
        cancel_requested_at=func.coalesce(runs.c.cancel_requested_at, bindparam("requested_at")),
        is_cancel_forced=runs.c.is_cancel_forced | bindparam("forced"),
    )
)
_SET_PRIORITY = Prepared(
    update(runs).where(runs.c.id == bindparam("of_run")).values(priority=bindparam("new_priority"), request=bindparam("new_request"))
)
_UNFINISHED_STEPS = Prepared(
    select(run_steps.c.step, run_steps.c.status, run_steps.c.attempt, run_steps.c.started_at)
    .where(run_steps.c.run_id == bindparam("of_run"), IS_UNFINISHED_STEP)
    .order_by(run_steps.c.position, run_steps.c.step)
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that its claimer may work on, as long as it renews the lease under this epoch."""

    run: Run
    epoch: int


class Claims:
    """Claims of runs."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self._admissions = Admissions()

    def claim(  # noqa: PLR0913 (who claims, what, and by which rules)
        self, *, owner: str, location: str, limit: int, limits: Limits, pools_of: PoolsOf, lease: timedelta, catalog_hash: str
    ) -> list[Claim]:
        """Take up to `limit` queued runs of a location: those that the limits leave room for, best first."""
        if limit <= 0 or not self._database.read(self._admissions.is_worth_looking, location, limits):
            return []  # so that idle workers never take the write lock

        def work(connection: Connection) -> list[Claim]:
            now = self._database.clock(connection)
            admitted = self._admissions.admit(connection, location=location, limit=limit, limits=limits, pools_of=pools_of, now=now)
            if not admitted:
                return []
            rows = [each.row for each in admitted]
            grant = {"owner": owner, "until": now + lease // timedelta(microseconds=1), "catalog": catalog_hash}
            _CLAIM.run_many(connection, [{"of_run": each.row.id, "slots": to_text(each.pools) if each.pools else None, **grant} for each in admitted])
            starting = RunStatusChanged(at=to_datetime(now), status=RunStatus.STARTING)
            for row in rows:
                self._journal.write_own(connection, to_head(row), [starting], now=now)
            claimed = (_RUN.one(connection, {"of_run": row.id}) for row in rows)
            return [Claim(to_run(row), row.epoch) for row in claimed]

        return self._database.write(work)

    def renew(self, held: Sequence[tuple[str, int]], *, lease: timedelta) -> set[str]:
        """Lengthen the leases of claims; answers the ids of those that still hold."""

        def work(connection: Connection) -> set[str]:
            until = self._database.clock(connection) + lease // timedelta(microseconds=1)
            return set(connection.execute(_RENEW, {"claims": list(held), "until": until}).scalars())

        return self._database.write(work) if held else set()

    def cancel_requests(self, run_ids: Sequence[str]) -> dict[str, bool]:
        """The runs whose end was asked for, and whether by force."""

        def work(connection: Connection) -> dict[str, bool]:
            return {row.id: row.is_cancel_forced for row in connection.execute(_REQUESTED, {"run_ids": list(run_ids)})}

        return self._database.read(work)

    def release(self, run_id: str, epoch: int) -> None:
        """Give a claimed run back to the queue before anything of it ran."""

        def work(connection: Connection) -> None:
            now = self._database.clock(connection)
            row = _get(connection, run_id)
            if row.epoch != epoch:
                raise LeaseLostError(f"run {run_id}", epoch)
            if row.status != RunStatus.STARTING:
                raise ConflictError(f"Run {run_id} is {row.status}; only a run that is starting can go back to the queue.")
            self._give_back(connection, row, now)

        self._database.write(work)

    def requeue_expired(self, run_id: str) -> Run | None:
        """Give a run back to the queue whose lease has ended before anything of it ran; None when that is not so, or nobody gets it to run."""

        def work(connection: Connection) -> Run | None:
            now = self._database.clock(connection)
            row = _get(connection, run_id)
            if row.status != RunStatus.STARTING or row.lease_until > now or row.epoch > LAST_EPOCH:
                return None
            self._give_back(connection, row, now)
            return _read_run(connection, run_id)

        return self._database.write(work)

    def _give_back(self, connection: Connection, row: AnyRow, now: int) -> None:
        self._journal.write_own(connection, to_head(row), [RunStatusChanged(at=to_datetime(now), status=RunStatus.QUEUED)], now=now)
        for statement in (_FENCE_OFF, _FORGET_START, _FORGET_STEPS):
            statement.run(connection, {"of_run": row.id})

    def request_cancel(self, run_id: str, *, is_forced: bool) -> Run:
        """End a queued run at once; ask the holder of an active one to end it."""

        def work(connection: Connection) -> Run:
            now = self._database.clock(connection)
            head = to_head(_get(connection, run_id))
            if head.status.is_finished:
                raise AlreadyFinishedError(run_id, head.status)
            _REQUEST_CANCEL.run(connection, {"of_run": run_id, "requested_at": now, "forced": is_forced})
            if head.status is RunStatus.CANCELING:
                record_changes(connection, [(ChangeKind.RUN, run_id)], at=now)
            else:
                to = RunStatus.CANCELED if head.status is RunStatus.QUEUED else RunStatus.CANCELING
                self._journal.write_own(connection, head, [RunStatusChanged(at=to_datetime(now), status=to)], now=now)
            return _read_run(connection, run_id)

        return self._database.write(work)

    def set_priority(self, run_id: str, priority: int) -> Run:
        """Let a queued run be claimed sooner or later than others."""

        def work(connection: Connection) -> Run:
            head = to_head(_get(connection, run_id))
            if head.status.is_finished:
                raise AlreadyFinishedError(run_id, head.status)
            if head.status is not RunStatus.QUEUED:
                raise ConflictError(f"Run {run_id} is {head.status}. Its priority decides when it is claimed, so it changes nothing any more.")
            request = msgspec.structs.replace(_read_run(connection, run_id).request, priority=priority)
            _SET_PRIORITY.run(connection, {"of_run": run_id, "new_priority": priority, "new_request": to_text(request)})
            record_changes(connection, [(ChangeKind.RUN, run_id)], at=self._database.clock(connection))
            return _read_run(connection, run_id)

        return self._database.write(work)

    def expired(self, *, limit: int) -> list[Run]:
        """Active runs whose lease has ended, the longest first."""

        def work(connection: Connection) -> list[Run]:
            return [to_run(row) for row in connection.execute(_EXPIRED, {"now": self._database.clock(connection), "limit": limit})]

        return self._database.read(work)

    def fail_expired(self, run_id: str, reason: PythonError) -> Run | None:
        """End a run whose lease has ended, and its steps; None when that is no longer so."""

        def work(connection: Connection) -> Run | None:
            now = self._database.clock(connection)
            row = _get(connection, run_id)
            head = to_head(row)
            if head.status not in ACTIVE or row.lease_until > now:
                return None
            steps = _UNFINISHED_STEPS.all(connection, {"of_run": run_id})
            ends = _canceled(steps, now) if row.cancel_requested_at is not None else _failed(steps, reason, now)
            _FENCE_OFF.run(connection, {"of_run": run_id})
            self._journal.write_own(connection, head, ends, now=now)
            return _read_run(connection, run_id)

        return self._database.write(work)

    def fail_queued(self, run_id: str, reason: PythonError) -> Run | None:
        """End a run that waits for what will never come; None when it does not wait any more."""

        def work(connection: Connection) -> Run | None:
            now = self._database.clock(connection)
            head = to_head(_get(connection, run_id))
            if head.status is not RunStatus.QUEUED:
                return None
            self._journal.write_own(connection, head, [RunStatusChanged(at=to_datetime(now), status=RunStatus.FAILED, error=reason)], now=now)
            return _read_run(connection, run_id)

        return self._database.write(work)


def to_head(row: AnyRow) -> RunHead:
    """What the journal must know of a row's run."""
    return RunHead(row.id, RunStatus(row.status), row.last_seq, bool(row.has_partitions))


def _failed(steps: Sequence[AnyRow], reason: PythonError, now: int) -> list[Event]:
    at = to_datetime(now)
    begun = [row for row in steps if row.status != StepStatus.PENDING]
    causes = tuple(row.step for row in begun)
    ends: list[Event] = [
        StepFailed(at=at, step=row.step, attempt=row.attempt, error=reason, duration=(now - (row.started_at or now)) / 1e6) for row in begun
    ]
    ends += [
        StepUpstreamFailed(at=at, step=row.step, causes=causes) if causes else StepCanceled(at=at, step=row.step)
        for row in steps
        if row.status == StepStatus.PENDING
    ]
    return [*ends, RunStatusChanged(at=at, status=RunStatus.FAILED, error=reason)]


def _canceled(steps: Sequence[AnyRow], now: int) -> list[Event]:
    at = to_datetime(now)
    ends: list[Event] = [StepCanceled(at=at, step=row.step, attempt=max(1, row.attempt)) for row in steps]
    return [*ends, RunStatusChanged(at=at, status=RunStatus.CANCELED, reason="The worker that was to end it is gone.")]


def _get(connection: Connection, run_id: str) -> AnyRow:
    row: AnyRow | None = _ONE.one(connection, {"of_run": run_id})
    if row is None:
        raise NotFoundError("run", run_id)
    return row


def _read_run(connection: Connection, run_id: str) -> Run:
    return to_run(_RUN.one(connection, {"of_run": run_id}))
