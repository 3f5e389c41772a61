"""Backfills and their items: written with the runs that each step of a backfill launches, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, exists, func, insert, or_, select, update

from partita.errors import AmbiguousNameError, NotFoundError
from partita.planning.backfill_batches import Launch
from partita.planning.backfill_chunks import Place
from partita.planning.backfill_progress import Ended
from partita.records.backfills import UNWRITTEN, Backfill, BackfillFilter, BackfillItem, BackfillItemStatus, BackfillRequest, BackfillStatus
from partita.records.changes import ChangeKind
from partita.records.failures import PythonError
from partita.records.ids import SHORT_LENGTH, new_id
from partita.records.pages import Page, PageRequest
from partita.records.runs import RunStatus, StepStatus
from partita.storage.backfill_acts import cancel_in, pause_in, prefer_in, resume_in, retry_in
from partita.storage.backfill_rows import find_locked, lock_backfill, set_status, to_backfill
from partita.storage.changes import record_changes
from partita.storage.columns import to_datetime
from partita.storage.engine import Database
from partita.storage.idempotency_keys import Idempotency, IdempotencyKeys
from partita.storage.interned import Interned
from partita.storage.launches import Launches
from partita.storage.pages import FIRST_PAGE, Keyset, Position, read_page
from partita.storage.prepared import Prepared
from partita.storage.rows import AnyRow, to_text
from partita.storage.tables import assets, backfill_items, backfills, run_steps, runs

_items = backfill_items.c
_of_backfill = _items.backfill_id == bindparam("of_backfill")
_FIND = select(backfills).where(backfills.c.id.in_(bindparam("ids", expanding=True)))
_end_of_id = func.substr(backfills.c.id, func.length(backfills.c.id) - SHORT_LENGTH + 1)
_BY_SHORT_ID = select(backfills).where(_end_of_id == bindparam("short")).limit(2)
# Only what the index by status holds: for more SQLite goes through every item of the backfill instead.
_HAS_RUNNING = exists(select(_items.position).where(_items.backfill_id == backfills.c.id, _items.status == BackfillItemStatus.RUNNING.value).limit(1))
_ACTIVE = (
    select(backfills)
    .where(or_(backfills.c.status.in_(["requested", "running", "canceling"]), (backfills.c.status == "paused") & _HAS_RUNNING))
    .order_by(backfills.c.created_at, backfills.c.id)
)
_INSERT = Prepared(insert(backfills))
_INSERT_ITEMS = Prepared(insert(backfill_items))
_SETTLE = Prepared(
    update(backfill_items)
    .where(
        _of_backfill,
        _items.run_id == bindparam("of_run"),
        _items.asset_id == bindparam("of_asset"),
        _items.status == BackfillItemStatus.RUNNING.value,
    )
    .values(status=bindparam("new_status"))
)
_MOVE_WAITING = Prepared(
    update(backfill_items)
    .where(
        _of_backfill,
        _items.asset_id == bindparam("of_asset"),
        _items.partition_id == bindparam("of_partition"),
        _items.status == BackfillItemStatus.WAITING.value,
    )
    .values(status=bindparam("new_status"), run_id=func.coalesce(bindparam("new_run", type_=_items.run_id.type), _items.run_id))
)
_CANCEL_WAITING = Prepared(update(backfill_items).where(_of_backfill, _items.status == "waiting").values(status=BackfillItemStatus.CANCELED.value))
_RUNS = select(runs.c.id, runs.c.status, runs.c.last_seq, runs.c.cancel_requested_at).where(runs.c.id.in_(bindparam("ids", expanding=True)))
_WRITTEN = select(run_steps.c.run_id, run_steps.c.step).where(
    run_steps.c.run_id.in_(bindparam("ids", expanding=True)), run_steps.c.status == StepStatus.SUCCEEDED.value
)
_NEWEST = Keyset(name="backfills", unique=backfills.c.id, column=backfills.c.created_at)
_EVERY = BackfillFilter()


@dataclass(frozen=True, slots=True)
class StartedBackfill:
    """A backfill that was asked for; `is_replay`: it was, under the same key, before."""

    backfill: Backfill
    is_replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillStep:
    """What is to change of a backfill, all of it or nothing."""

    ended: Sequence[Ended] = ()
    """Items whose run has written them, or has ended without."""
    skipped: Sequence[Place] = ()
    launches: Sequence[Launch] = ()
    cancels_waiting: bool = False
    status: BackfillStatus
    error: PythonError | None = None
    """Why some of it is not written; None leaves what has been said before."""

    def changes(self, backfill: Backfill) -> bool:
        """Whether there is anything to write."""
        is_said = self.error is None or self.error == backfill.error
        return bool(self.ended or self.skipped or self.launches or self.cancels_waiting or self.status is not backfill.status or not is_said)


class RunState(NamedTuple):
    """How a run of a backfill stands."""

    status: RunStatus
    last_seq: int
    """Of its events: while it is the same, nothing has happened."""
    is_cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Advanced:
    """A step that has been written."""

    run_ids: tuple[str, ...]
    """The runs that it launched, in the order of its launches."""


class Backfills:
    """The backfills of a store."""

    def __init__(self, database: Database, launches: Launches, keys: IdempotencyKeys, *, asset_names: Interned, partition_names: Interned) -> None:
        self._database = database
        self._launches = launches
        self._asset_names = asset_names
        self._partition_names = partition_names
        self._keys = keys

    def create(self, request: BackfillRequest, items: Sequence[BackfillItem], *, key: Idempotency | None = None) -> StartedBackfill:
        """Ask for a backfill, or answer with that of the same idempotency key.

        Raises:
            ConflictError: the key was used for another request.
        """

        def work(connection: Connection) -> StartedBackfill:
            now = self._database.clock(connection)
            backfill = Backfill(
                id=new_id("backfill"), request=request, status=BackfillStatus.REQUESTED, created_at=to_datetime(now), item_count=len(items)
            )
            before = None if key is None else self._keys.take_in(connection, key, [backfill.id], now=now)
            if before is not None:
                return StartedBackfill(to_backfill(lock_backfill(connection, before[0])), is_replay=True)
            row = {
                "id": backfill.id,
                "status": backfill.status.value,
                "created_at": now,
                "payload": to_text(request),
                "item_count": len(items),
            }
            _INSERT.run(connection, row)
            asset_ids, partition_ids = self._ids(connection, ((item.asset, item.partition) for item in items))
            rows = [
                {
                    "backfill_id": backfill.id,
                    "asset_id": asset_ids[item.asset],
                    "partition_id": partition_ids[item.partition],
                    "position": position,
                    "status": item.status.value,
                }
                for position, item in enumerate(items)
            ]
            _INSERT_ITEMS.run_many(connection, rows)
            record_changes(connection, [(ChangeKind.BACKFILL, backfill.id)], at=now)
            return StartedBackfill(backfill)

        return self._database.write(work)

    def find(self, ids: Sequence[str]) -> dict[str, Backfill]:
        """The backfills with these ids, of those that exist."""

        def work(connection: Connection) -> dict[str, Backfill]:
            return {row.id: to_backfill(row) for row in connection.execute(_FIND, {"ids": list(ids)})}

        return self._database.read(work) if ids else {}

    def get(self, backfill_id: str) -> Backfill:
        """The backfill with this id, or the only one with this short id.

        Raises:
            NotFoundError: there is none.
            AmbiguousNameError: several backfills have the short id.
        """
        matches = self._find_short(backfill_id) if len(backfill_id) == SHORT_LENGTH else [*self.find([backfill_id]).values()]
        if not matches:
            raise NotFoundError("backfill", backfill_id)
        if len(matches) > 1:
            raise AmbiguousNameError("backfill", backfill_id, [each.id for each in matches])
        return matches[0]

    def _find_short(self, short: str) -> Sequence[Backfill]:
        # There are never so many of them that an index would be worth its writes.
        return self._database.read(lambda connection: [to_backfill(row) for row in connection.execute(_BY_SHORT_ID, {"short": short.lower()})])

    def list(self, where: BackfillFilter = _EVERY, *, page: PageRequest = FIRST_PAGE) -> Page[Backfill]:
        """A page of the backfills that match, newest first.

        Raises:
            RequestError: a bad cursor or size.
        """
        query = _filtered(select(backfills), where)
        return self._database.read(read_page, query, _NEWEST, page=page, position_of=_position, to_item=to_backfill)

    def count(self, where: BackfillFilter = _EVERY) -> int:
        """How many backfills match."""

        def work(connection: Connection) -> int:
            found: int = connection.execute(_filtered(select(func.count()).select_from(backfills), where)).scalar_one()
            return found

        return self._database.read(work)

    def active(self) -> Sequence[Backfill]:
        """Backfills that there is something to do for, the oldest first: of those that are paused only the ones with runs under way."""

        def work(connection: Connection) -> Sequence[Backfill]:
            return [to_backfill(row) for row in connection.execute(_ACTIVE)]

        return self._database.read(work)

    def run_states(self, run_ids: Collection[str]) -> dict[str, RunState]:
        """How runs stand, of those that exist."""

        def work(connection: Connection) -> dict[str, RunState]:
            rows = connection.execute(_RUNS, {"ids": list(run_ids)})
            return {row.id: RunState(RunStatus(row.status), row.last_seq, row.cancel_requested_at is not None) for row in rows}

        return self._database.read(work) if run_ids else {}

    def written_steps(self, run_ids: Collection[str]) -> dict[str, set[str]]:
        """The steps of runs that have succeeded."""

        def work(connection: Connection) -> dict[str, set[str]]:
            found: dict[str, set[str]] = {}
            for row in connection.execute(_WRITTEN, {"ids": list(run_ids)}):
                found.setdefault(row.run_id, set()).add(row.step)
            return found

        return self._database.read(work) if run_ids else {}

    def advance(self, backfill: Backfill, step: BackfillStep) -> Advanced | None:
        """Write a step of a backfill with the runs that it launches; None when the backfill has changed meanwhile, and nothing is written."""

        def work(connection: Connection) -> Advanced | None:
            now = self._database.clock(connection)
            if not _is_still(connection, backfill):
                return None
            self._settle(connection, backfill.id, step.ended)
            launched = self._launches.launch(connection, [each.request for each in step.launches], idempotency=None).runs
            moves: list[tuple[Place, BackfillItemStatus, str | None]] = [(place, BackfillItemStatus.SKIPPED, None) for place in step.skipped]
            moves += [
                (place, BackfillItemStatus.RUNNING, run.id) for run, each in zip(launched, step.launches, strict=True) for place in each.chunk.items
            ]
            self._move_waiting(connection, backfill.id, moves)
            if step.cancels_waiting:
                _CANCEL_WAITING.run(connection, {"of_backfill": backfill.id})
            set_status(connection, backfill.id, step.status, error=step.error, at=now)
            return Advanced(tuple(run.id for run in launched))

        try:
            return self._database.write(work)
        except _Outdated:
            return None

    def request_cancel(self, backfill_id: str) -> Backfill:
        """Ask for the end of a backfill: nothing more is launched, and its runs are ended.

        Raises:
            NotFoundError: there is no such backfill.
            AlreadyFinishedError: it has ended.
        """
        return self._act(cancel_in, backfill_id)

    def pause(self, backfill_id: str) -> Backfill:
        """Launch nothing more of a backfill until it is resumed: runs that have begun go on, those in the queue wait. One that is paused stays so.

        Raises:
            NotFoundError: there is no such backfill.
            AlreadyFinishedError: it has ended.
            ConflictError: it is being cancelled.
        """
        return self._act(pause_in, backfill_id)

    def resume(self, backfill_id: str) -> Backfill:
        """Let a paused backfill go on. One that is not paused stays as it is.

        Raises:
            NotFoundError: there is no such backfill.
            AlreadyFinishedError: it has ended.
            ConflictError: it is being cancelled.
        """
        return self._act(resume_in, backfill_id)

    def retry(self, backfill_id: str, *, statuses: Collection[BackfillItemStatus] = UNWRITTEN) -> Backfill:
        """Write again what failed, was cancelled or was skipped, or only what stands in one of `statuses`.

        Raises:
            NotFoundError: there is no such backfill.
            ConflictError: it has not ended, or nothing of it stands so.
        """
        return self._act(retry_in, backfill_id, statuses)

    def set_priority(self, backfill_id: str, priority: int) -> Backfill:
        """Let the runs of a backfill be claimed sooner or later than others, those that are queued and those that come.

        Raises:
            NotFoundError: there is no such backfill.
            AlreadyFinishedError: it has ended.
        """
        return self._act(prefer_in, backfill_id, priority)

    def _act(self, act: Callable[..., Backfill], *given: object) -> Backfill:
        def work(connection: Connection) -> Backfill:
            return act(connection, *given, at=self._database.clock(connection))

        return self._database.write(work)

    def _settle(self, connection: Connection, backfill_id: str, ended: Sequence[Ended]) -> None:
        """End items of runs; what another has ended before makes the whole step void."""
        asset_ids, _ = self._ids(connection, ((each.asset, None) for each in ended))
        rows = [
            {"of_backfill": backfill_id, "of_run": each.run_id, "of_asset": asset_ids[each.asset], "new_status": each.status.value} for each in ended
        ]
        if _SETTLE.run_many(connection, rows) != sum(each.size for each in ended):
            raise _Outdated

    def _move_waiting(self, connection: Connection, backfill_id: str, moves: Sequence[tuple[Place, BackfillItemStatus, str | None]]) -> None:
        """Move items that wait on; what another has moved before makes the whole step void."""
        asset_ids, partition_ids = self._ids(connection, (place for place, _, _ in moves))
        rows = [
            {
                "of_backfill": backfill_id,
                "of_asset": asset_ids[asset],
                "of_partition": partition_ids[partition],
                "new_status": status.value,
                "new_run": run_id,
            }
            for (asset, partition), status, run_id in moves
        ]
        if _MOVE_WAITING.run_many(connection, rows) != len(rows):
            raise _Outdated

    def _ids(self, connection: Connection, places: Iterable[Place]) -> tuple[dict[Any, int], dict[Any, int]]:
        """Numbers of assets and partitions; 0 stands for the job, and for what has no partitions."""
        pairs = list(places)
        asset_keys = dict.fromkeys(str(asset) for asset, _ in pairs if asset is not None)
        keys = dict.fromkeys(partition for _, partition in pairs if partition is not None)
        return {None: 0, **self._asset_names.ids(connection, asset_keys)}, {None: 0, **self._partition_names.ids(connection, keys)}


class _Outdated(Exception):  # noqa: N818 (no error: the step is made again)
    """An item is not as the step took it to be."""


def _is_still(connection: Connection, backfill: Backfill) -> bool:
    """Whether a backfill stands as it was read: nobody has ended, paused or preferred it since."""
    found = find_locked(connection, backfill.id)
    return found is not None and (found.status, found.request.priority) == (backfill.status, backfill.request.priority)


def _filtered(query: Any, where: BackfillFilter) -> Any:
    if where.ids is not None:
        query = query.where(backfills.c.id.in_(where.ids))
    if where.statuses is not None:
        query = query.where(backfills.c.status.in_([status.value for status in where.statuses]))
    if where.assets is not None:
        wanted = select(assets.c.id).where(assets.c.key.in_([str(key) for key in where.assets]))
        query = query.where(backfills.c.id.in_(select(_items.backfill_id).where(_items.asset_id.in_(wanted))))
    return query


def _position(row: AnyRow) -> Position:
    return Position(row.id, row.created_at)
