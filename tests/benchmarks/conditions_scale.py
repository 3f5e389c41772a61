"""What conditions cost by the thousand: a look at idle assets, and one in which all must be evaluated."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import partita as pt
from benchmarks.figures import Figure, timed
from partita.planning.condition_facts import cut_of
from partita.planning.conditions import Conditions
from partita.planning.remembered_facts import RememberedFacts
from partita.records.conditions import ConditionState

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
    every.append(timed(lambda: look(NOW + timedelta(days=1))))
    what = f"conditions of {ASSETS:,} assets x {DAYS:,} partitions"
    yield Figure(what=f"{what}: a look at which nothing has happened", incumbent="", reach="", values=idle)
    yield Figure(what=f"{what}: a look at which all must be evaluated", incumbent="", reach="", values=every)


def _asset(number: int, days: pt.Partitions) -> pt.AssetSpec:
    given: dict[str, Any] = {"deps": [f"a{number - step}" for step in (1, 2, 3) if number >= step], "partitions": days}
    return pt.AssetSpec(f"a{number}", automation=pt.Condition.eager(), is_external=False, **given)
