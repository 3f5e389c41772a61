"""How well an asset is, from what is known of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from partita.definitions.keys import AssetKey
from partita.definitions.specs import AssetSpec
from partita.planning.freshness import FreshnessState
from partita.planning.health import AssetHealth, has_failed, is_written, judge_health
from partita.records.assets import AssetState, CheckResult, Materialization, Observation
from partita.records.events import Severity
from partita.records.runs import FailedRun

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = AssetKey("marts/orders")
PLAIN = AssetSpec(KEY)
SHARED = AssetSpec(KEY, step="load_all")
OBSERVABLE = AssetSpec(KEY, is_observable=True)


def run(*undone: str, is_planned: bool = True) -> FailedRun:
    return FailedRun(id="run_2", ended_at=NOON, is_planned=is_planned, undone=frozenset(undone))


def written(run_id: str | None = "run_1", minutes: int = -1) -> AssetState:
    write = Materialization(id="mat_1", at=NOON + timedelta(minutes=minutes), asset=KEY, run_id=run_id)
    return AssetState(asset=KEY, latest=write)


def observed(run_id: str = "run_1", minutes: int = -1) -> AssetState:
    look = Observation(id="obs_1", at=NOON + timedelta(minutes=minutes), asset=KEY, run_id=run_id)
    return AssetState(asset=KEY, observed=look)


@pytest.mark.parametrize(
    ("spec", "failed", "state", "expected"),
    [
        (PLAIN, None, None, False),
        (PLAIN, run(KEY), None, True),
        (PLAIN, run(KEY), written(), True),
        (PLAIN, run("other"), written(), False),
        (PLAIN, run("load_all"), None, False),
        (PLAIN, run(f"{KEY}.op"), None, False),
        (PLAIN, run(is_planned=False), written(), True),
        (PLAIN, run(is_planned=False), written(minutes=1), False),
        (PLAIN, run(KEY), written(None, minutes=1), False),
        (PLAIN, run(KEY), observed(minutes=1), True),
        (SHARED, run("load_all"), written(), True),
        (SHARED, run(KEY), None, False),
        (SHARED, run("load_all"), written("run_2"), False),
        (OBSERVABLE, run(KEY), observed(), True),
        (OBSERVABLE, run(KEY), observed(minutes=1), False),
        (OBSERVABLE, run(KEY), written(None, minutes=1), False),
    ],
)
def test_the_last_run_has_failed_to_write_an_asset_when_its_step_did_not_end_well_and_nothing_was_written_since(
    spec: AssetSpec, failed: FailedRun | None, state: AssetState | None, expected: bool
) -> None:
    assert has_failed(spec, state, failed) is expected


def test_what_is_written_elsewhere_is_there_when_it_was_observed() -> None:
    assert not is_written(PLAIN, None)
    assert not is_written(PLAIN, AssetState(asset=KEY))
    assert is_written(PLAIN, written())
    assert not is_written(PLAIN, observed())
    assert is_written(OBSERVABLE, observed())


def verdict(name: str, *, passed: bool = False, severity: Severity = Severity.ERROR, partition: str | None = None) -> CheckResult:
    return CheckResult(id="chk_1", asset=KEY, check=name, at=NOON, passed=passed, severity=severity, partition=partition)


OLD = FreshnessState(is_fresh=False, since=NOON, fails_at=NOON)


@pytest.mark.parametrize(
    ("facts", "status", "reasons"),
    [
        ({}, AssetHealth.HEALTHY, ()),
        ({"is_written": False}, AssetHealth.UNKNOWN, ()),
        ({"has_failed": True, "is_written": False}, AssetHealth.DEGRADED, ("The last run failed to write it",)),
        ({"failed_partitions": 1}, AssetHealth.DEGRADED, ("1 partition could not be written",)),
        ({"failed_partitions": 2}, AssetHealth.DEGRADED, ("2 partitions could not be written",)),
        ({"results": [verdict("big", passed=True)]}, AssetHealth.HEALTHY, ()),
        ({"results": [verdict("big", severity=Severity.WARN)]}, AssetHealth.WARNING, ("Check big failed",)),
        (
            {"results": [verdict("big", severity=Severity.WARN), verdict("new", partition="mon")], "freshness": OLD},
            AssetHealth.DEGRADED,
            ("Check new of mon failed", "It is too old since 2026-03-01 12:00 UTC", "Check big failed"),
        ),
    ],
)
def test_the_worst_that_is_known_says_how_well_an_asset_is(facts: dict[str, Any], status: AssetHealth, reasons: tuple[str, ...]) -> None:
    given: dict[str, Any] = {"is_written": True, "has_failed": False, "failed_partitions": 0, "results": [], "freshness": None, **facts}

    health = judge_health(**given)

    assert (health.status, health.reasons) == (status, reasons)
