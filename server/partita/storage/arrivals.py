"""What has come since: materialisations and runs that sensors watch, in the order of their commits, by number.

SQLite has one writer, so numbers are in the order of commits. Where that does not hold, a reader by number alone skips rows
that are committed late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from partita.definitions.keys import AssetKey
from partita.records.assets import Materialization
from partita.records.codec import decode
from partita.records.runs import Run, RunStatus
from partita.storage.automation_rows import ASSETS, RUNS, latest_number
from partita.storage.engine import Database
from partita.storage.interned import Interned
from partita.storage.rows import RUN_COLUMNS, to_run
from partita.storage.tables import asset_events, run_statuses, runs

NO_END = 2**62
Numbered = list[tuple[int, Materialization]]
NumberedRuns = list[tuple[int, Run]]

_OF_ASSET = (
    select(asset_events.c.number, asset_events.c.payload)
    .where(
        asset_events.c.asset_id == bindparam("of_asset"), asset_events.c.number > bindparam("after"), asset_events.c.number <= bindparam("through")
    )
    .order_by(asset_events.c.number)
    .limit(bindparam("limit"))
)
_OF_RUNS = (
    select(run_statuses.c.number, *RUN_COLUMNS)
    .join(runs, runs.c.id == run_statuses.c.run_id)
    .where(
        run_statuses.c.location == bindparam("of_location"),
        run_statuses.c.repository == bindparam("of_repository"),
        run_statuses.c.status == bindparam("of_status"),
        run_statuses.c.number > bindparam("after"),
        run_statuses.c.number <= bindparam("through"),
    )
    .order_by(run_statuses.c.number)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWatch:
    """Which runs a sensor watches: those of a repository that reach a status (RUNNING: that start); of these jobs only, if any are given."""

    location: str
    repository: str
    status: RunStatus
    jobs: tuple[str, ...] = ()


class Arrivals:
    """What sensors look for."""

    def __init__(self, database: Database, *, asset_names: Interned) -> None:
        self._database = database
        self._asset_names = asset_names

    def latest(self) -> tuple[int, int]:
        """The newest numbers: of a materialisation, and of a run's start or end."""

        def work(connection: Connection) -> tuple[int, int]:
            return latest_number(connection, ASSETS) or 0, latest_number(connection, RUNS) or 0

        return self._database.read(work)

    def materializations(self, assets: Sequence[AssetKey], *, after: int, through: int = NO_END, limit: int) -> Numbered:
        """Materialisations of these assets with their numbers, the oldest first."""

        def work(connection: Connection) -> Numbered:
            ids = self._asset_names.find(connection, assets).values()
            rows = [
                row
                for asset_id in ids
                for row in connection.execute(_OF_ASSET, {"of_asset": asset_id, "after": after, "through": through, "limit": limit})
            ]
            return [(row.number, decode(row.payload, Materialization)) for row in sorted(rows, key=lambda row: row.number)[:limit]]

        return self._database.read(work)

    def runs(self, watch: RunWatch, *, after: int, through: int = NO_END, limit: int) -> NumberedRuns:
        """Runs that reached the status, with its number, the oldest first."""

        def work(connection: Connection) -> NumberedRuns:
            query: Select[Any] = _OF_RUNS if not watch.jobs else _OF_RUNS.where(runs.c.job.in_(watch.jobs))
            place = {"of_location": watch.location, "of_repository": watch.repository, "of_status": watch.status.value}
            rows = connection.execute(query, {**place, "after": after, "through": through, "limit": limit})
            return [(row.number, to_run(row)) for row in rows]

        return self._database.read(work)
