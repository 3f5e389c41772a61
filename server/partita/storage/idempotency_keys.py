"""What idempotency keys stand for: the runs or the backfill that were asked for under them, for as long as they are remembered."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from partita.errors import ConflictError
from partita.records.codec import decode
from partita.storage.engine import Database
from partita.storage.launches import Idempotency
from partita.storage.prepared import Prepared
from partita.storage.rows import AnyRow
from partita.storage.tables import idempotency

_ONE = Prepared(select(idempotency).where(idempotency.c.caller == bindparam("of_caller"), idempotency.c.key == bindparam("of_key")))


class IdempotencyKeys:
    """The idempotency keys of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, key: Idempotency) -> Sequence[str] | None:
        """Ids of what was made under a key, so that a request that came twice need not be judged twice; None for a new key.

        `key` must say its `request_hash`.

        Raises:
            ConflictError: the key was used for another request.
        """

        def work(connection: Connection) -> Sequence[str] | None:
            row = _ONE.one(connection, {"of_caller": key.caller, "of_key": key.key})
            if row is None or row.expires_at <= self._database.clock(connection):
                return None
            return made_before(row, key)

        return self._database.read(work)


def made_before(row: AnyRow, key: Idempotency) -> Sequence[str]:
    """Ids of what was made under a key, as its row says.

    Raises:
        ConflictError: it was for another request.
    """
    if row.request_hash != (key.request_hash or ""):
        raise ConflictError(f"Idempotency key {key.key!r} was used for another request. Use a new key, or send the same request.")
    return decode(row.run_ids, list[str])
