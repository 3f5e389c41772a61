"""Jobs whose failed runs are tried again as a whole, by whoever does the monitor's work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import partita as pt
from partita.automation import run_retries
from partita.automation.run_retries import RunRetries
from partita.records.filters import RunFilter
from partita.records.runs import Run, RunStatus
from partita.storage.leases import location_lease
from partita.workspace.loader import describe
from support.sites import Site, a_site
from support.stores import NOON, Writer, plan, status
from support.waiting import eventually


@pt.op
def work() -> int:
    return 1


@pt.job(run_retry=pt.Retry(max_retries=2))
def stubborn() -> None:
    work()


@pt.job(run_retry=pt.Retry(max_retries=1, delay=60))
def patient() -> None:
    work()


@pt.job
def plain() -> None:
    work()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main="") as made:
        made.store.locations.declare([("main", {})])
        made.store.leases.acquire(location_lease("main"), owner="test", ttl=timedelta(hours=1))
        catalog = describe("main", [pt.Repository("main", jobs=[stubborn, patient, plain])])
        made.store.locations.publish("main", catalog, python_version="3.11.7", library_version="0.1.0", start="fork")
        yield made


def end(site: Site, run: Run, ending: RunStatus = RunStatus.FAILED) -> None:
    """What a worker does with a run, in short."""
    claims = site.store.runs.claim(owner="test", location="main", limit=1, lease=timedelta(minutes=1), catalog_hash="x")
    [claimed] = [claim for claim in claims if claim.run.id == run.id]
    Writer(site.store, claimed).send(plan("work"), status(RunStatus.RUNNING), status(ending, ended_now(site)))


def ended_now(site: Site) -> float:
    """Seconds from the noon of the test's events until now."""
    return (site.store.now() - NOON).total_seconds()


def group(site: Site, run: Run) -> list[Run]:
    """The run and its retries, oldest first."""
    return sorted(site.store.runs.list(RunFilter(root_id=run.id)).items, key=lambda each: each.attempt)


def test_a_failed_run_is_tried_again_from_its_failure_as_often_as_its_job_says(site: Site) -> None:
    retries = RunRetries(site.store)
    first = site.launch(job="stubborn", tags={"team": "bees"})

    for _ in range(3):
        end(site, group(site, first)[-1])
        retries()
        retries()

    runs = group(site, first)
    assert [run.attempt for run in runs] == [1, 2, 3]
    assert [run.request.parent_id for run in runs] == [None, runs[0].id, runs[1].id]
    assert {(run.request.is_resumed, tuple(run.request.tags.items())) for run in runs[1:]} == {(True, (("team", "bees"),))}


def test_only_failed_runs_of_jobs_that_say_so_are_tried_again(site: Site) -> None:
    runs = []
    for ending, wanted in ((RunStatus.FAILED, {"job": "plain"}), (RunStatus.SUCCEEDED, {}), (RunStatus.FAILED, {"backfill_id": "backfill_1"})):
        runs.append(site.launch(**{"job": "stubborn", **wanted}))
        end(site, runs[-1], ending)

    RunRetries(site.store)()

    assert [len(group(site, run)) for run in runs] == [1, 1, 1]


def test_two_daemons_try_a_run_again_once(site: Site) -> None:
    run = site.launch(job="stubborn")
    end(site, run)

    RunRetries(site.store)()
    RunRetries(site.store)()

    assert len(group(site, run)) == 2


def test_a_retry_waits_as_long_as_its_job_says(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    retries = RunRetries(site.store)
    run = site.launch(job="patient")
    end(site, run)
    retries()
    assert len(group(site, run)) == 1

    later = site.store.now() + timedelta(seconds=61)
    monkeypatch.setattr(site.store, "now", lambda: later)
    retries()

    assert len(group(site, run)) == 2


def test_what_somebody_has_tried_again_already_is_left_alone(site: Site) -> None:
    run = site.launch(job="stubborn")
    end(site, run)
    site.launch(job="stubborn", parent_id=run.id)

    RunRetries(site.store)()

    assert len(group(site, run)) == 2


def test_what_failed_long_ago_is_left_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_retries, "WINDOW", timedelta(0))
    run = site.launch(job="stubborn")
    end(site, run)

    RunRetries(site.store)()

    assert len(group(site, run)) == 1


def test_a_daemon_has_a_failed_run_tried_again_and_a_worker_does_it(tmp_path: Path) -> None:
    code = """
    @pt.op
    def fragile() -> int:
        if not (SCRATCH / "tried").exists():
            (SCRATCH / "tried").touch()
            raise ValueError
        return 1

    @pt.job(run_retry=pt.Retry(max_retries=1))
    def job() -> None:
        fragile()

    repository = pt.Repository("main", jobs=[job])
    """
    with a_site(tmp_path, main=code) as site:
        site.work()
        site.start("daemon", sweep=0.1)
        first = site.finished(site.launch(job="job"))
        assert first.status is RunStatus.FAILED

        again = site.finished(next(run for run in iter_group(site, first) if run.id != first.id))

    assert again.status is RunStatus.SUCCEEDED


def iter_group(site: Site, first: Run) -> list[Run]:
    """The runs of the group, once there are two."""
    return eventually(lambda: found if len(found := group(site, first)) > 1 else [], what="a retry")
