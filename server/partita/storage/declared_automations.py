"""What a published catalog means for schedules and sensors: new ones, changed ones, those that are gone.

An automation that is gone keeps its cursor and history, and goes on from its next declaration. The code's default counts for
one that nobody has switched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from partita.definitions.automation_specs import ScheduleSpec, SensorSpec
from partita.records.automations import AutomationKind, automation_id
from partita.records.changes import ChangeKind
from partita.records.codec import encode
from partita.records.locations import LocationCatalog
from partita.storage.automation_rows import ASSETS, RUNS, facts_of, from_now_on, set_facts
from partita.storage.changes import record_changes
from partita.storage.prepared import Prepared
from partita.storage.rows import AnyRow
from partita.storage.tables import automations

_OF_LOCATION = select(automations).where(automations.c.location == bindparam("of_location"))
_INSERT = Prepared(insert(automations))
_WATCHES = {"function": None, "asset": ASSETS, "run_status": RUNS}


def declare(connection: Connection, catalog: LocationCatalog, *, at: int) -> None:
    """These and no others are what a location's code has from now on."""
    known = {row.id: row for row in connection.execute(_OF_LOCATION, {"of_location": catalog.location})}
    found = list(_declared(catalog))
    changed: list[str] = []
    for identity, facts in found:
        row = known.get(identity["id"])
        if row is None:
            first = {**facts, "is_on": facts["default_on"], "is_overridden": False, "cursor": None}
            _INSERT.run(connection, {**identity, **first, **from_now_on(connection, watches=facts["watches"], at=at)})
        elif news := _news(connection, row, facts, at=at):
            set_facts(connection, row.id, {**facts_of(row), **news})
        else:
            continue
        changed.append(identity["id"])
    record_changes(connection, [(ChangeKind.AUTOMATION, each) for each in changed], at=at)
    declared = {identity["id"] for identity, _ in found}
    _retire(connection, [row for row in known.values() if row.is_declared and row.id not in declared], at=at)


def retire_location(connection: Connection, location: str, *, at: int) -> None:
    """The workspace does not have the location any more."""
    rows = connection.execute(_OF_LOCATION, {"of_location": location}).all()
    _retire(connection, [row for row in rows if row.is_declared], at=at)


def _retire(connection: Connection, rows: Sequence[AnyRow], *, at: int) -> None:
    for row in rows:
        set_facts(connection, row.id, {**facts_of(row), "is_declared": False, "next_due_at": None, "changed_at": at})
    record_changes(connection, [(ChangeKind.AUTOMATION, row.id) for row in rows], at=at)


def _news(connection: Connection, row: AnyRow, facts: dict[str, Any], *, at: int) -> dict[str, Any]:
    """What a declaration changes of an automation that is known; nothing when it is as before."""
    is_on = bool(row.is_on) if row.is_overridden else facts["default_on"]
    news = {**facts, "is_on": is_on}
    if all(getattr(row, name) == value for name, value in news.items()):
        return {}
    if row.kind != facts["kind"]:
        news["cursor"] = None
    if row.watches != facts["watches"] or (is_on and not (row.is_on and row.is_declared)):
        return news | from_now_on(connection, watches=facts["watches"], at=at)
    if row.definition_hash != facts["definition_hash"] or not is_on:
        news |= {"next_due_at": None, "changed_at": at}
    return news


def _declared(catalog: LocationCatalog) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Identity and facts of each schedule and sensor."""
    for repository in catalog.repositories:
        for schedule in repository.schedules:
            facts = _facts(AutomationKind.SCHEDULE, schedule, None, [schedule.cron, schedule.timezone])
            yield _identity(catalog.location, repository.name, schedule.name), facts
        for sensor in repository.sensors:
            facts = _facts(AutomationKind.SENSOR, sensor, _WATCHES[sensor.kind], [sensor.interval])
            yield _identity(catalog.location, repository.name, sensor.name), facts


def _identity(location: str, repository: str, name: str) -> dict[str, Any]:
    return {"id": automation_id(location, repository, name), "location": location, "repository": repository, "name": name}


def _facts(kind: AutomationKind, spec: ScheduleSpec | SensorSpec, watches: str | None, times: list[Any]) -> dict[str, Any]:
    return {
        "kind": kind.value,
        "is_declared": True,
        "default_on": spec.default_on,
        "watches": watches,
        "definition_hash": sha256(encode([kind, *times])).hexdigest(),
    }
