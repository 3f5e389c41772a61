"""What conditions cost by the thousand: a look at idle assets, and one in which all must be evaluated."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import partita as pt
from benchmarks.figures import Figure, timed
from partita.automation.conditions import ConditionRole
from partita.definitions.specs import RepositorySpec
from partita.planning.condition_facts import cut_of
from partita.planning.conditions import Conditions
from partita.planning.remembered_facts import RememberedFacts
from partita.records.assets import ReportedMaterialization
from partita.records.conditions import ConditionState
from partita.records.locations import LocationCatalog
from partita.storage.store import Store

ASSETS, DAYS = 5_000, 1_000
FIRST = datetime(2023, 1, 1, tzinfo=UTC)
NOW = FIRST + timedelta(days=DAYS)


def measure_conditions() -> Iterator[Figure]:
    """5,000 eager assets of 1,000 daily partitions each, three dependencies each, all written."""
    days = pt.DailyPartitions(FIRST.date())
    specs = [_asset(number, days) for number in range(ASSETS)]
    graph = pt.AssetGraph(specs)
    facts = RememberedFacts(lambda key: cut_of(graph.spec(pt.AssetKey(key)).partitions, None))
    for spec in specs:
        facts.wrote(spec.key, days.keys(now=NOW), at=NOW)
    conditions = Conditions(graph)
    states: dict[pt.AssetKey, ConditionState] = {}

    def look(at: datetime) -> None:
        found = conditions.evaluate(facts, now=at, previous=states)
        states.update((key, result.state) for key, result in found.items())

    gc.collect()
    every = [timed(lambda: look(NOW)), timed(lambda: look(NOW + timedelta(minutes=1)))]
    idle = [timed(lambda: look(NOW + timedelta(minutes=number))) for number in range(2, 22)]  # noqa: B023 (called at once)
    changed = [timed(lambda: look(NOW + timedelta(minutes=22 + number))) for number in _write_again(facts, days, specs)]  # noqa: B023 (called at once)
    every.append(timed(lambda: look(NOW + timedelta(days=1))))
    what = f"conditions of {ASSETS:,} assets x {DAYS:,} partitions"
    yield Figure(what=f"{what}: a look at which nothing has happened", incumbent="", reach="< 50 ms", values=idle)
    yield Figure(what=f"{what}: a look after a partition of one was written", incumbent="", reach="< 100 ms", values=changed)
    yield Figure(what=f"{what}: a look at which all must be evaluated", incumbent="", reach="", values=every)
    yield from _measure_the_loop(specs, days)


def _write_again(facts: RememberedFacts, days: pt.Partitions, specs: list[pt.AssetSpec]) -> Iterator[int]:
    """One day of an asset with few below it is written anew before each number."""
    last = days.keys(now=NOW)[-1]
    for number in range(20):
        facts.wrote(specs[-1 - number].key, days.select([last], now=NOW), at=NOW + timedelta(minutes=22 + number))
        yield number


def _measure_the_loop(specs: list[pt.AssetSpec], days: pt.Partitions) -> Iterator[Figure]:
    """The same with the daemon's own role on SQLite, which reads what has happened; the last days of each asset were written."""
    with tempfile.TemporaryDirectory() as folder, Store(f"sqlite:///{folder}/partita.db") as store:
        store.locations.declare([("main", {"file": "x.py"})])
        catalog = LocationCatalog(location="main", repositories=(RepositorySpec(name="main", assets=tuple(specs)),))
        store.locations.publish("main", catalog, python_version="3", library_version="0", start="fork")
        last = days.keys(now=store.now())[-1]
        for spec in specs:
            store.reports.add(ReportedMaterialization(asset=spec.key, partition=last))
        role = ConditionRole(store)
        while role() == 0.0:
            pass
        role()  # what was asked for at first counts as handled from here on

        def after_a_write(number: int) -> float:
            store.reports.add(ReportedMaterialization(asset=specs[-1 - number].key, partition=last))
            return timed(role)

        idle = [timed(role) for _ in range(20)]
        changed = [after_a_write(number) for number in range(20)]
    what = f"the daemon's loop over conditions of {ASSETS:,} assets x {DAYS:,} partitions"
    yield Figure(what=f"{what}: nothing has happened", incumbent="", reach="< 50 ms", values=idle)
    yield Figure(what=f"{what}: one asset was written", incumbent="", reach="< 100 ms", values=changed)


def _asset(number: int, days: pt.Partitions) -> pt.AssetSpec:
    given: dict[str, Any] = {"deps": [f"a{number - step}" for step in (1, 2, 3) if number >= step], "partitions": days}
    return pt.AssetSpec(f"a{number}", automation=pt.Condition.eager(), is_external=False, **given)
