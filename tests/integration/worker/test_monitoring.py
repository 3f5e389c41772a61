"""What a daemon ends: runs whose worker is gone, and runs that nobody will ever claim."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from partita.automation import monitor
from partita.automation.monitor import Monitor
from partita.automation.timing import Timing
from partita.records.runs import RunStatus
from partita.storage.claims import Claim
from support.sites import Site, a_site
from support.stores import OVER, Writer, plan, status

HELD = timedelta(milliseconds=50)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main="") as made:
        made.store.locations.declare([("main", {}), ("other", {})])
        yield made


def claim(site: Site, lease: timedelta) -> Claim:
    """Claim whatever waits, as a worker that dies at once."""
    [claimed] = site.store.runs.claim(owner="dead", location="main", limit=1, lease=lease, catalog_hash="x")
    return claimed


def test_a_run_that_had_begun_fails_when_its_lease_has_ended(site: Site) -> None:
    run = site.launch("anything")
    Writer(site.store, claim(site, HELD)).send(plan("anything"), status(RunStatus.RUNNING), lease=OVER)

    Monitor(site.store, site.settings, timing=Timing())()

    ended = site.store.runs.get(run.id)
    assert ended.status is RunStatus.FAILED
    assert ended.error == monitor.LOST


def test_a_run_that_had_not_begun_waits_for_another_worker(site: Site) -> None:
    run = site.launch("anything")
    claim(site, OVER)

    Monitor(site.store, site.settings, timing=Timing())()

    assert site.store.runs.get(run.id).status is RunStatus.QUEUED
    claim(site, HELD)


def test_a_run_that_was_to_be_cancelled_is_cancelled_when_its_worker_is_gone(site: Site) -> None:
    run = site.launch("anything")
    claim(site, HELD)
    site.store.runs.request_cancel(run.id)
    time.sleep(HELD.total_seconds() * 2)

    Monitor(site.store, site.settings, timing=Timing())()

    assert site.store.runs.get(run.id).status is RunStatus.CANCELED


def test_a_run_whose_lease_holds_is_left_alone(site: Site) -> None:
    run = site.launch("anything")
    claim(site, timedelta(seconds=30))

    Monitor(site.store, site.settings, timing=Timing())()

    assert site.store.runs.get(run.id).status is RunStatus.STARTING


def test_a_run_of_a_location_that_is_gone_fails_and_others_wait(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "HOMELESS_PATIENCE", timedelta(0))
    monkeypatch.setattr(monitor, "AT_ONCE", 2)
    homeless = [site.launch("anything", location="forgotten") for _ in range(3)]
    waiting = [site.launch("anything", location=name) for name in ("main", "other")]

    Monitor(site.store, site.settings, timing=Timing())()

    assert {site.store.runs.get(run.id).status for run in homeless} == {RunStatus.FAILED}
    assert {site.store.runs.get(run.id).status for run in waiting} == {RunStatus.QUEUED}
    error = site.store.runs.get(homeless[0].id).error
    assert error is not None
    assert "'forgotten'" in error.message


def test_a_run_that_was_just_queued_is_given_time(site: Site) -> None:
    run = site.launch("anything", location="new")

    Monitor(site.store, site.settings, timing=Timing())()

    assert site.store.runs.get(run.id).status is RunStatus.QUEUED
