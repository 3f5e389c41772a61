"""Leases by name, for what only one process may do at a time, and the heartbeats of the daemon's roles."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, bindparam, select, update

from partita.records.changes import ChangeKind
from partita.records.codec import decode
from partita.records.failures import PythonError
from partita.records.locations import DaemonError, DaemonRecord
from partita.storage.changes import record_changes
from partita.storage.columns import to_datetime
from partita.storage.engine import Database
from partita.storage.prepared import Prepared
from partita.storage.rows import to_error, to_text
from partita.storage.tables import heartbeats, leases

LOCATION_PREFIX = "location:"
HEALTHY_FOR = timedelta(seconds=60)
"""A role that has said nothing for so long is not healthy."""

PAST = 5
"""Errors of a role that are remembered."""

_RENEW = (
    update(leases)
    .where(leases.c.name == bindparam("of_name"), leases.c.owner == bindparam("of_owner"), leases.c.epoch == bindparam("of_epoch"))
    .values(until=bindparam("new_until"))
)
_LIVES = leases.c.until > bindparam("now")
_HELD = select(leases.c.name).where(leases.c.name.in_(bindparam("names", expanding=True)), _LIVES)
_HOLDER = select(leases.c.owner).where(leases.c.name == bindparam("of_name"), _LIVES)
_HEARTBEATS = select(heartbeats).order_by(heartbeats.c.role)
_HEARTBEAT = select(heartbeats).where(heartbeats.c.role == bindparam("of_role"))


def location_lease(name: str) -> str:
    """The name of the lease that a worker holds on a location: while nobody does, the location is unreachable."""
    return f"{LOCATION_PREFIX}{name}"


def held_leases(connection: Connection, names: list[str], *, now: int) -> set[str]:
    """Those leases that somebody holds."""
    return set(connection.execute(_HELD, {"names": names, "now": now}).scalars())


class Leases:
    """Leases, judged by the database's clock."""

    def __init__(self, database: Database) -> None:
        self._database = database
        row = database.insert(leases)
        is_free = (leases.c.until <= bindparam("now")) | (leases.c.owner == row.excluded.owner)
        taken = {"owner": row.excluded.owner, "epoch": leases.c.epoch + 1, "until": row.excluded.until}
        upsert = row.on_conflict_do_update(index_elements=["name"], set_=taken, where=is_free)
        self._acquire = Prepared(upsert.returning(leases.c.epoch))
        beat = database.insert(heartbeats)
        latest = {name: beat.excluded[name] for name in ("owner", "at", "error", "lateness", "past")}
        self._beat = beat.on_conflict_do_update(index_elements=["role"], set_=latest)

    def acquire(self, name: str, *, owner: str, ttl: timedelta) -> int | None:
        """Take the lease, if it is free or was this owner's. Answers its epoch, or None when another owner holds it."""

        def is_held_by_another(connection: Connection) -> bool:
            held = connection.execute(_HOLDER, {"of_name": name, "now": self._database.clock(connection)}).scalar_one_or_none()
            return held is not None and held != owner

        # Who waits for a lease asks again and again: that must not hold up those who write.
        if self._database.read(is_held_by_another):
            return None

        def work(connection: Connection) -> int | None:
            now = self._database.clock(connection)
            row = {"name": name, "owner": owner, "epoch": 1, "until": now + _micros(ttl), "now": now}
            epoch: int | None = self._acquire.scalar(connection, row)
            if epoch is not None:
                _tell(connection, name, at=now)
            return epoch

        return self._database.write(work)

    def renew(self, name: str, *, owner: str, epoch: int, ttl: timedelta) -> bool:
        """Lengthen the lease; False when another owner has taken it."""

        def work(connection: Connection) -> bool:
            until = self._database.clock(connection) + _micros(ttl)
            return connection.execute(_RENEW, {"of_name": name, "of_owner": owner, "of_epoch": epoch, "new_until": until}).rowcount == 1

        return self._database.write(work)

    def release(self, name: str, *, owner: str, epoch: int) -> None:
        """Let another owner have the lease at once; nothing when it is not held any more."""

        def work(connection: Connection) -> None:
            done = connection.execute(_RENEW, {"of_name": name, "of_owner": owner, "of_epoch": epoch, "new_until": 0})
            if done.rowcount == 1:
                _tell(connection, name, at=self._database.clock(connection))

        self._database.write(work)

    def heartbeat(self, role: str, *, owner: str, error: PythonError | None = None, lateness: timedelta = timedelta(0)) -> None:
        """Say that a role of the daemon has just done its work, at worst so late since the last time, or why it could not."""

        def work(connection: Connection) -> None:
            now = self._database.clock(connection)
            before = connection.execute(_HEARTBEAT, {"of_role": role}).one_or_none()
            payload = None if error is None else to_text(error)
            past = _with(error, None if before is None else before.past, at=now)
            facts = {"owner": owner, "at": now, "error": payload, "lateness": _micros(lateness), "past": past}
            connection.execute(self._beat, {"role": role, **facts})
            if before is None or before.error != payload or now - before.at > _micros(HEALTHY_FOR):
                record_changes(connection, [(ChangeKind.DAEMON, role)], at=now)

        self._database.write(work)

    def daemons(self) -> list[DaemonRecord]:
        """Every role that was ever alive, by name."""

        def work(connection: Connection) -> list[DaemonRecord]:
            now = self._database.clock(connection)
            return [
                DaemonRecord(
                    role=row.role,
                    owner=row.owner,
                    heartbeat_at=to_datetime(row.at),
                    is_healthy=row.error is None and now - row.at <= _micros(HEALTHY_FOR),
                    error=to_error(row.error),
                    lateness=None if row.lateness is None else timedelta(microseconds=row.lateness),
                    past=() if row.past is None else decode(row.past, tuple[DaemonError, ...]),
                )
                for row in connection.execute(_HEARTBEATS)
            ]

        return self._database.read(work)


def _with(error: PythonError | None, past: str | None, *, at: int) -> str | None:
    """The last errors of a role with a new one; the same again and again is one."""
    if error is None:
        return past
    before = () if past is None else decode(past, tuple[DaemonError, ...])
    others = [each for each in before if each.error.summary != error.summary]
    return to_text((DaemonError(at=to_datetime(at), error=error), *others)[:PAST])


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _tell(connection: Connection, name: str, *, at: int) -> None:
    if name.startswith(LOCATION_PREFIX):
        record_changes(connection, [(ChangeKind.LOCATION, name.removeprefix(LOCATION_PREFIX))], at=at)
