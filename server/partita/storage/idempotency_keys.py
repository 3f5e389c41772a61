"""What idempotency keys stand for: the runs, the backfill or the reported write that was asked for under them, for as long as they are remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, bindparam, select

from partita.errors import ConflictError
from partita.records.codec import decode
from partita.storage.engine import Database
from partita.storage.prepared import Prepared
from partita.storage.rows import AnyRow, to_text
from partita.storage.tables import idempotency

REMEMBERED_FOR = timedelta(hours=24)
_ONE = Prepared(select(idempotency).where(idempotency.c.caller == bindparam("of_caller"), idempotency.c.key == bindparam("of_key")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """A caller's own name for a request: the same one again gets the same answer, for 24 hours.

    `request_hash` tells requests apart.
    """

    caller: str
    key: str
    request_hash: str | None = None


class IdempotencyKeys:
    """The idempotency keys of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        row = database.insert(idempotency)
        replaced = {name: row.excluded[name] for name in ("request_hash", "run_ids", "created_at", "expires_at")}
        is_expired = idempotency.c.expires_at <= row.excluded.created_at
        upsert = row.on_conflict_do_update(index_elements=["caller", "key"], set_=replaced, where=is_expired)
        self._take = Prepared(upsert.returning(idempotency.c.key))

    def find(self, key: Idempotency) -> Sequence[str] | None:
        """Ids of what was made under a key, so that a request that came twice need not be judged twice; None for a new key.

        `key` must say its `request_hash`.

        Raises:
            ConflictError: the key was used for another request.
        """
        return self._database.read(self.find_in, key)

    def find_in(self, connection: Connection, key: Idempotency) -> Sequence[str] | None:
        """As `find`, as a part of the transaction of `connection`."""
        row = _ONE.one(connection, {"of_caller": key.caller, "of_key": key.key})
        if row is None or row.expires_at <= self._database.clock(connection):
            return None
        return _made_before(row, key)

    def take_in(self, connection: Connection, key: Idempotency, ids: Sequence[str], *, now: int) -> Sequence[str] | None:
        """Remember a key for what is about to be made, in the same transaction; None, or the ids of what was made under it before.

        A rival's transaction in flight is waited for.

        Raises:
            ConflictError: the key was used for another request.
        """
        row = {
            "caller": key.caller,
            "key": key.key,
            "request_hash": key.request_hash or "",
            "run_ids": to_text(list(ids)),
            "created_at": now,
            "expires_at": now + REMEMBERED_FOR // timedelta(microseconds=1),
        }
        if self._take.one(connection, row) is not None:
            return None
        return _made_before(_ONE.one(connection, {"of_caller": key.caller, "of_key": key.key}), key)


def _made_before(row: AnyRow, key: Idempotency) -> Sequence[str]:
    if row.request_hash != (key.request_hash or ""):
        raise ConflictError(f"Idempotency key {key.key!r} was used for another request. Use a new key, or send the same request.")
    return decode(row.run_ids, list[str])
