"""Rows of `automations`: what is set in them, and what it means that one acts from now on."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from partita.records.automations import Automation, AutomationKind
from partita.storage.columns import to_datetime, to_datetime_or_none
from partita.storage.prepared import Prepared
from partita.storage.rows import AnyRow
from partita.storage.tables import asset_events, automations, run_statuses

ASSETS, RUNS = "assets", "runs"
"""What a sensor watches."""

FACTS = ("kind", "is_on", "is_overridden", "is_declared", "default_on", "definition_hash", "watches", "cursor", "seen", "next_due_at", "changed_at")
"""Columns that a switch or a publication may change."""

_SET = Prepared(
    update(automations)
    .where(automations.c.id == bindparam("of_id"))
    .values({automations.c[name]: bindparam(f"new_{name}", type_=automations.c[name].type) for name in FACTS})
)
_LAST = {
    ASSETS: Prepared(select(func.max(asset_events.c.number).label("number"))),
    RUNS: Prepared(select(func.max(run_statuses.c.number).label("number"))),
}


def facts_of(row: AnyRow) -> dict[str, Any]:
    """What a row says."""
    return {name: getattr(row, name) for name in FACTS}


def set_facts(connection: Connection, automation_id: str, facts: dict[str, Any]) -> None:
    """Write all of `FACTS`."""
    _SET.run(connection, {"of_id": automation_id, **{f"new_{name}": facts[name] for name in FACTS}})


def from_now_on(connection: Connection, *, watches: str | None, at: int) -> dict[str, Any]:
    """It acts from now on: what came before is neither made up for nor looked at."""
    return {"next_due_at": None, "changed_at": at, "seen": latest_number(connection, watches)}


def latest_number(connection: Connection, watches: str | None) -> int | None:
    """The newest that there is of what a sensor watches."""
    return None if watches is None else _LAST[watches].scalar(connection, {}) or 0


def to_automation(row: AnyRow) -> Automation:
    """The automation of a row."""
    return Automation(
        id=row.id,
        location=row.location,
        repository=row.repository,
        name=row.name,
        kind=AutomationKind(row.kind),
        is_on=bool(row.is_on),
        is_overridden=bool(row.is_overridden),
        is_declared=bool(row.is_declared),
        cursor=row.cursor,
        seen=row.seen,
        next_due_at=to_datetime_or_none(row.next_due_at),
        last_tick_id=row.last_tick_id,
        last_tick_at=to_datetime_or_none(row.last_tick_at),
        changed_at=to_datetime(row.changed_at),
    )
