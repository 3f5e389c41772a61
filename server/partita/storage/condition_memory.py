"""What the daemon remembers of conditions: written together with the runs that they come to, or not at all.

A turn of evaluations is numbered. Whoever writes one must have read the one before; of two daemons that do so at once, one is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select

from partita.definitions.keys import AssetKey
from partita.records.changes import ChangeKind
from partita.records.codec import decode
from partita.records.conditions import ConditionEvaluation, ConditionState
from partita.records.pages import Page, PageRequest
from partita.records.runs import Run, RunRequest
from partita.storage.changes import record_changes
from partita.storage.columns import to_micros
from partita.storage.condition_tables import condition_evaluations, condition_states, paused_conditions
from partita.storage.engine import Database
from partita.storage.happenings import Reached
from partita.storage.interned import Interned, in_chunks
from partita.storage.launches import Launches
from partita.storage.pages import FIRST_PAGE, Keyset, Position, read_page
from partita.storage.rows import AnyRow, to_text
from partita.storage.tables import assets, marks

TURN, POSITION, CHANGE, WRITE, CHECK = (f"conditions.{name}" for name in ("turn", "position", "change", "write", "check"))
_MARKS = select(marks.c.name, marks.c.value).where(marks.c.name.in_([TURN, POSITION, CHANGE, WRITE, CHECK]))
_STATES = select(assets.c.key, condition_states.c.state).join(assets, assets.c.id == condition_states.c.asset_id)
_INSERT = insert(condition_evaluations)
_OF_ASSET = select(condition_evaluations.c.number, condition_evaluations.c.payload)
_COUNT = select(func.count()).select_from(condition_evaluations)
_MANY = select(condition_evaluations.c.id, condition_evaluations.c.payload).where(condition_evaluations.c.id.in_(bindparam("ids", expanding=True)))
_PAUSED = select(assets.c.key).join(paused_conditions, paused_conditions.c.asset_id == assets.c.id)
_NEWEST = Keyset(name="evaluations", unique=condition_evaluations.c.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How far the evaluation of conditions has come."""

    number: int = 0
    position: int = 0
    """How much has happened, as conditions count it: what their states refer to."""
    reached: Reached | None = None
    """What was known; None: nothing was ever evaluated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """An evaluation to be kept, and the places among the runs to launch of those that it asks for."""

    record: ConditionEvaluation
    launches: tuple[int, ...] = ()


class ConditionMemory:
    """What is remembered of conditions."""

    def __init__(self, database: Database, launches: Launches, *, asset_names: Interned) -> None:
        self._database = database
        self._launches = launches
        self._asset_names = asset_names
        row = database.insert(marks)
        self._set_mark = row.on_conflict_do_update(index_elements=["name"], set_={"value": row.excluded.value})
        state = database.insert(condition_states)
        self._set_state = state.on_conflict_do_update(index_elements=["asset_id"], set_={"state": state.excluded.state})

    def read(self) -> tuple[Turn, dict[AssetKey, ConditionState], frozenset[AssetKey]]:
        """The last turn, what it has left of each asset, and the assets whose conditions are switched off."""

        def work(connection: Connection) -> tuple[Turn, dict[AssetKey, ConditionState], frozenset[AssetKey]]:
            states = {AssetKey(row.key): decode(row.state, ConditionState) for row in connection.execute(_STATES)}
            return _turn(connection), states, _paused(connection)

        return self._database.read(work)

    def commit(
        self, before: Turn, after: Turn, *, states: Mapping[AssetKey, ConditionState], evaluated: Sequence[Evaluated], requests: Sequence[RunRequest]
    ) -> tuple[Run, ...] | None:
        """Write a turn: what is remembered from now on, and the runs that it comes to. None when another has written one since `before`."""

        def work(connection: Connection) -> tuple[Run, ...] | None:
            if _turn(connection).number != before.number:
                return None
            now = self._database.clock(connection)
            runs = self._launches.launch(connection, requests, idempotency=None).runs if requests else ()
            self._write(connection, replace(after, number=before.number + 1), states)
            self._keep(connection, [_with_runs(each, runs) for each in evaluated], now=now)
            return runs

        return self._database.write(work)

    def list(self, asset: AssetKey, *, page: PageRequest = FIRST_PAGE) -> Page[ConditionEvaluation]:
        """A page of the evaluations of an asset's condition that asked for something, newest first.

        Raises:
            RequestError: a bad cursor or size.
        """

        def work(connection: Connection) -> Page[ConditionEvaluation]:
            query = _OF_ASSET.where(condition_evaluations.c.asset_id == self._number(connection, asset))
            return read_page(connection, query, _NEWEST, page=page, position_of=_position, to_item=_to_evaluation)

        return self._database.read(work)

    def count(self, asset: AssetKey) -> int:
        """How many there are of an asset."""

        def work(connection: Connection) -> int:
            found: int = connection.execute(_COUNT.where(condition_evaluations.c.asset_id == self._number(connection, asset))).scalar_one()
            return found

        return self._database.read(work)

    def find(self, ids: Sequence[str]) -> dict[str, ConditionEvaluation]:
        """The evaluations with these ids that there are."""

        def work(connection: Connection) -> dict[str, ConditionEvaluation]:
            return {row.id: decode(row.payload, ConditionEvaluation) for chunk in in_chunks(ids) for row in connection.execute(_MANY, {"ids": chunk})}

        return self._database.read(work)

    def paused(self) -> frozenset[AssetKey]:
        """The assets whose conditions are switched off."""

        return self._database.read(_paused)

    def pause(self, assets: Collection[AssetKey], is_paused: bool) -> None:
        """Switch the conditions of assets off, or on again: then they act from now on, and what came before is not made up for."""

        def work(connection: Connection) -> None:
            before = _paused(connection)
            changing = sorted(set(assets) - before if is_paused else before.intersection(assets))
            if not changing:
                return
            numbers = [*self._asset_names.ids(connection, changing).values()]
            for chunk in in_chunks(numbers):
                connection.execute(delete(condition_states).where(condition_states.c.asset_id.in_(chunk)))
                if is_paused:
                    connection.execute(insert(paused_conditions), [{"asset_id": number} for number in chunk])
                else:
                    connection.execute(delete(paused_conditions).where(paused_conditions.c.asset_id.in_(chunk)))
            # A turn that is being made knows nothing of it yet: it is refused.
            connection.execute(self._set_mark, {"name": TURN, "value": _turn(connection).number + 1})
            record_changes(connection, [(ChangeKind.ASSET, key) for key in changing], at=self._database.clock(connection))

        self._database.write(work)

    def _number(self, connection: Connection, asset: AssetKey) -> int:
        return self._asset_names.find(connection, [asset]).get(asset, -1)

    def _write(self, connection: Connection, turn: Turn, states: Mapping[AssetKey, ConditionState]) -> None:
        assert turn.reached is not None, "something was known"
        values = {TURN: turn.number, POSITION: turn.position, CHANGE: turn.reached.change, WRITE: turn.reached.write, CHECK: turn.reached.check}
        connection.execute(self._set_mark, [{"name": name, "value": value} for name, value in values.items()])
        numbers = self._asset_names.ids(connection, sorted(states))
        rows = [{"asset_id": numbers[key], "state": to_text(state)} for key, state in states.items()]
        for chunk in in_chunks(rows):
            connection.execute(self._set_state, chunk)

    def _keep(self, connection: Connection, evaluations: Sequence[ConditionEvaluation], *, now: int) -> None:
        if not evaluations:
            return
        numbers = self._asset_names.ids(connection, sorted({each.asset for each in evaluations}))
        rows: Any = [{"id": each.id, "asset_id": numbers[each.asset], "at": to_micros(each.at), "payload": to_text(each)} for each in evaluations]
        connection.execute(_INSERT, rows)
        record_changes(connection, [(ChangeKind.ASSET, each.asset) for each in evaluations], at=now)


def _turn(connection: Connection) -> Turn:
    found = {row.name: row.value for row in connection.execute(_MARKS)}
    if CHANGE not in found:
        return Turn(number=found.get(TURN, 0))
    return Turn(number=found[TURN], position=found[POSITION], reached=Reached(change=found[CHANGE], write=found[WRITE], check=found[CHECK]))


def _paused(connection: Connection) -> frozenset[AssetKey]:
    return frozenset(map(AssetKey, connection.execute(_PAUSED).scalars()))


def _with_runs(evaluated: Evaluated, runs: Sequence[Run]) -> ConditionEvaluation:
    ids = tuple(runs[place].id for place in evaluated.launches)
    return msgspec.structs.replace(evaluated.record, run_ids=ids) if ids else evaluated.record


def _position(row: AnyRow) -> Position:
    return Position(row.number)


def _to_evaluation(row: AnyRow) -> ConditionEvaluation:
    return decode(row.payload, ConditionEvaluation)
