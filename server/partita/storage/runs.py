"""Runs: launching, finding, listing, and everything about who works on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, bindparam, func, select

from partita.errors import AmbiguousNameError, NotFoundError
from partita.records.failures import PythonError
from partita.records.filters import RunFilter, RunOrder
from partita.records.ids import SHORT_LENGTH
from partita.records.pages import Page, PageRequest
from partita.records.queue import Limits, PoolsOf, no_pools
from partita.records.runs import Run, RunRequest, RunStats, RunStep, StepStatus
from partita.storage.claims import Claim, Claims
from partita.storage.engine import Database
from partita.storage.idempotency_keys import Idempotency
from partita.storage.journal import Journal
from partita.storage.launches import Launched, Launches
from partita.storage.pages import FIRST_PAGE, Position, read_page
from partita.storage.rows import RUN_COLUMNS, AnyRow, to_run, to_step
from partita.storage.run_queries import filtered, keyset_of
from partita.storage.tables import run_steps, runs

EVERY_RUN = RunFilter()
UNLIMITED = Limits()
NEWEST_FIRST = RunOrder()
RunList = list[Run]
StepList = list[RunStep]
ClaimList = list[Claim]

_RUNS = select(*RUN_COLUMNS)
_MANY = _RUNS.where(runs.c.id.in_(bindparam("run_ids", expanding=True)))
_BY_SHORT_ID = _RUNS.where(runs.c.short_id == bindparam("short")).limit(2)
_COUNT = select(func.count()).select_from(runs)
_STEPS = (
    select(run_steps)
    .where(run_steps.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .order_by(run_steps.c.run_id, run_steps.c.position, run_steps.c.step)
)
_STEP_COUNTS = (
    select(run_steps.c.run_id, run_steps.c.status, func.count().label("times"), func.max(run_steps.c.memory).label("memory"))
    .where(run_steps.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .group_by(run_steps.c.run_id, run_steps.c.status)
)
_COUNTERS = select(runs.c.id, runs.c.materializations, runs.c.checks_passed, runs.c.checks_failed).where(
    runs.c.id.in_(bindparam("run_ids", expanding=True))
)


class Runs:
    """The runs of a store."""

    def __init__(self, database: Database, journal: Journal, launches: Launches) -> None:
        self._database = database
        self._journal = journal
        self._launches = launches
        self._claims = Claims(database, journal)

    def launch(self, requests: Sequence[RunRequest], *, idempotency: Idempotency | None = None) -> Launched:
        """Queue one run for each request: all of them or none.

        Raises:
            ConflictError: the idempotency key was used for another request.
            NotFoundError: a parent run that does not exist.
        """
        return self._database.write(self._launches.launch, requests, idempotency=idempotency)

    def find_launched(self, idempotency: Idempotency) -> Launched | None:
        """What was launched under this key before, so that a request that came twice need not be judged twice; None for a new key.

        `idempotency` must say its `request_hash`.

        Raises:
            ConflictError: the key was used for another request.
        """
        return self._database.read(self._launches.find, idempotency)

    def get(self, run_id: str) -> Run:
        """The run with this id, or the only one with this short id.

        Raises:
            NotFoundError: there is none.
            AmbiguousNameError: several runs have the short id.
        """
        if len(run_id) != SHORT_LENGTH:
            found = self.get_many([run_id])
            if run_id not in found:
                raise NotFoundError("run", run_id)
            return found[run_id]
        matches = self._database.read(_by_short_id, run_id.lower())
        if not matches:
            raise NotFoundError("run", run_id)
        if len(matches) > 1:
            raise AmbiguousNameError("run", run_id, [run.id for run in matches])
        return matches[0]

    def find(self, run_id: str) -> Run | None:
        """The run with this id, or None."""
        return self.get_many([run_id]).get(run_id)

    def get_many(self, run_ids: Sequence[str]) -> dict[str, Run]:
        """Those runs that exist, by id."""
        return self._database.read(_get_many, run_ids)

    def list(self, where: RunFilter = EVERY_RUN, *, order: RunOrder = NEWEST_FIRST, page: PageRequest = FIRST_PAGE) -> Page[Run]:
        """A page of the runs that match.

        Raises:
            RequestError: a bad cursor or size.
        """
        keyset = keyset_of(order)
        query = filtered(select(*RUN_COLUMNS, keyset.columns(has_value=True)[0].label("place")), where)
        return self._database.read(read_page, query, keyset, page=page, position_of=_position, to_item=to_run)

    def count(self, where: RunFilter = EVERY_RUN) -> int:
        """How many runs match."""
        return self._database.read(_count, where)

    def steps(self, run_ids: Sequence[str]) -> dict[str, StepList]:
        """The steps of each run, in plan order; a run without a plan has none."""
        return self._database.read(_steps, run_ids)

    def stats(self, run_ids: Sequence[str]) -> dict[str, RunStats]:
        """The counts of each run that exists."""
        return self._database.read(_stats, run_ids)

    def request_cancel(self, run_id: str, *, force: bool = False) -> Run:
        """End a queued run at once; ask the worker of an active one to end it, with `force` without grace.

        Raises:
            AlreadyFinishedError: the run has ended.
            NotFoundError: there is no such run.
        """
        return self._claims.request_cancel(run_id, is_forced=force)

    def set_priority(self, run_id: str, priority: int) -> Run:
        """Let a queued run be claimed sooner or later than others: higher goes first.

        Raises:
            AlreadyFinishedError: the run has ended.
            ConflictError: it is not queued any more.
            NotFoundError: there is no such run.
        """
        return self._claims.set_priority(run_id, priority)

    def claim(  # noqa: PLR0913 (who claims, what, and by which rules)
        self,
        *,
        owner: str,
        location: str,
        limit: int,
        lease: timedelta,
        catalog_hash: str,
        limits: Limits = UNLIMITED,
        pools_of: PoolsOf = no_pools,
    ) -> ClaimList:
        """Take up to `limit` queued runs of a location: highest priority first, then oldest, as far as the limits leave room.

        Args:
            owner: who claims.
            location: whose runs.
            limit: how many at most.
            lease: for how long they are held without renewal.
            catalog_hash: the catalog that they will be planned under.
            limits: what holds for all locations together.
            pools_of: the pools that a run needs.
        """
        return self._claims.claim(
            owner=owner, location=location, limit=limit, limits=limits, pools_of=pools_of, lease=lease, catalog_hash=catalog_hash
        )

    def renew(self, held: Sequence[tuple[str, int]], *, lease: timedelta) -> set[str]:
        """Lengthen the leases of `(run id, epoch)` claims. Answers the ids of those that still hold."""
        return self._claims.renew(held, lease=lease)

    def cancel_requests(self, run_ids: Sequence[str]) -> dict[str, bool]:
        """The runs among these whose end was asked for, and whether by force."""
        return self._claims.cancel_requests(run_ids)

    def release(self, run_id: str, epoch: int) -> None:
        """Give a claimed run back to the queue before anything of it ran.

        Raises:
            LeaseLostError: the claim does not hold.
            ConflictError: the run is past starting.
        """
        self._claims.release(run_id, epoch)

    def expired(self, *, limit: int = 100) -> RunList:
        """Active runs whose lease has ended, the longest first."""
        return self._claims.expired(limit=limit)

    def requeue_expired(self, run_id: str) -> Run | None:
        """Give a run back to the queue whose lease has ended before anything of it ran. None when that is not so, or three workers have died of it.

        Raises:
            NotFoundError: there is no such run.
        """
        return self._claims.requeue_expired(run_id)

    def fail_expired(self, run_id: str, reason: PythonError) -> Run | None:
        """End a run whose lease has ended: failed, or cancelled if that was asked for. None when its lease holds or it has ended.

        Raises:
            NotFoundError: there is no such run.
        """
        return self._claims.fail_expired(run_id, reason)

    def fail_queued(self, run_id: str, reason: PythonError) -> Run | None:
        """End a queued run that nobody will ever claim. None when it is not queued any more.

        Raises:
            NotFoundError: there is no such run.
        """
        return self._claims.fail_queued(run_id, reason)


def _get_many(connection: Connection, run_ids: Sequence[str]) -> dict[str, Run]:
    return {row.id: to_run(row) for row in connection.execute(_MANY, {"run_ids": list(run_ids)})}


def _by_short_id(connection: Connection, short: str) -> list[Run]:
    return [to_run(row) for row in connection.execute(_BY_SHORT_ID, {"short": short})]


def _count(connection: Connection, where: RunFilter) -> int:
    found: int = connection.execute(filtered(_COUNT, where)).scalar_one()
    return found


def _position(row: AnyRow) -> Position:
    return Position(row.id, row.place)


def _steps(connection: Connection, run_ids: Sequence[str]) -> dict[str, list[RunStep]]:
    found: dict[str, list[RunStep]] = {run_id: [] for run_id in run_ids}
    for row in connection.execute(_STEPS, {"run_ids": list(run_ids)}):
        found[row.run_id].append(to_step(row))
    return found


def _stats(connection: Connection, run_ids: Sequence[str]) -> dict[str, RunStats]:
    steps: dict[str, dict[StepStatus, int]] = {run_id: {} for run_id in run_ids}
    memory: dict[str, int] = {}
    for row in connection.execute(_STEP_COUNTS, {"run_ids": list(run_ids)}):
        steps[row.run_id][StepStatus(row.status)] = row.times
        memory[row.run_id] = max(memory.get(row.run_id, 0), row.memory or 0)
    return {
        row.id: RunStats(
            steps=steps[row.id],
            materializations=row.materializations,
            checks_passed=row.checks_passed,
            checks_failed=row.checks_failed,
            memory=memory.get(row.id) or None,
        )
        for row in connection.execute(_COUNTERS, {"run_ids": list(run_ids)})
    }
