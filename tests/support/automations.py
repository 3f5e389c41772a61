"""Schedules and sensors in a store: catalogs that declare them, and ticks that are claimed and ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from partita.definitions.automation_specs import ScheduleSpec, SensorSpec, TargetSpec
from partita.definitions.keys import AssetKey
from partita.definitions.specs import RepositorySpec
from partita.planning.ticks import Asked
from partita.records.automations import Automation
from partita.records.locations import LocationCatalog
from partita.records.ticks import Tick
from partita.storage.columns import to_micros
from partita.storage.engine import Database
from partita.storage.store import Store
from partita.storage.tick_rows import Outcome, TickClaim
from support.stores import LEASE, LOCATION, NOON, request

SCHEDULE = f"{LOCATION}/main/nightly"
SENSOR = f"{LOCATION}/main/files"
TARGET = TargetSpec(job="load")


class Clock:
    """The database's clock, which stands still until it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now: datetime = NOON) -> None:
        self.now = now
        monkeypatch.setattr(Database, "clock", lambda *_: to_micros(self.now))

    def move(self, **by: float) -> datetime:
        """Move on; answers what time it is then."""
        self.now += timedelta(**by)
        return self.now


def schedule(name: str = "nightly", *, cron: str = "0 2 * * *", default_on: bool = True, **rest: Any) -> ScheduleSpec:
    """A schedule of a job."""
    return ScheduleSpec(name=name, cron=(cron,), target=TARGET, default_on=default_on, **rest)


def sensor(name: str = "files", *, interval: float = 30.0, default_on: bool = True, **rest: Any) -> SensorSpec:
    """A sensor of a job."""
    return SensorSpec(name=name, interval=interval, targets=(TARGET,), default_on=default_on, **rest)


def asset_sensor(*assets: str, name: str = "files", **rest: Any) -> SensorSpec:
    """A sensor that watches assets."""
    return sensor(name, kind="asset", assets=tuple(map(AssetKey, assets)), **rest)


def publish(store: Store, *specs: ScheduleSpec | SensorSpec, location: str = LOCATION) -> None:
    """Make these the schedules and sensors of a location."""
    store.locations.declare([(location, {"file": "x.py"})])
    schedules = tuple(each for each in specs if isinstance(each, ScheduleSpec))
    sensors = tuple(each for each in specs if isinstance(each, SensorSpec))
    catalog = LocationCatalog(location=location, repositories=(RepositorySpec(name="main", schedules=schedules, sensors=sensors),))
    store.locations.publish(location, catalog, python_version="3", library_version="0", start="fork")


def found(store: Store, automation_id: str = SENSOR) -> Automation:
    """A schedule or sensor as it stands."""
    return store.automations.find([automation_id])[automation_id]


def ask(*assets: str, key: str | None = None, **rest: Any) -> Asked:
    """A run that a tick asks for."""
    return Asked(request(*(assets or ("orders",)), **rest), key)


def requested(store: Store, automation_id: str = SENSOR, **rest: Any) -> Tick | None:
    """A tick of this moment for a worker to evaluate; the next is due half a minute later."""
    now = store.now()
    return store.ticks.request(found(store, automation_id), due_at=now, next_due_at=now + timedelta(seconds=30), **rest)


def claimed(store: Store, *, owner: str = "worker", limit: int = 10, lease: timedelta = LEASE) -> list[TickClaim]:
    """Ticks that a worker has claimed."""
    return store.ticks.claim(owner=owner, location=LOCATION, limit=limit, lease=lease)


def evaluated(store: Store, *asks: Asked, automation_id: str = SENSOR, **outcome: Any) -> Tick:
    """A tick that was requested, claimed and ended."""
    requested(store, automation_id)
    [claim] = claimed(store)
    return store.ticks.finish(claim, Outcome(asks=asks, **outcome))
