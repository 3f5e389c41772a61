"""Real workers keep the limits of the workspace: pools, tags, priorities; and dynamic partitions are planned as they are now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.planning.pools import PoolNeeds
from partita.records.queue import WaitKind
from partita.records.runs import Run, RunStatus
from partita.workspace.catalog import Catalog
from partita.workspace.settings import load_settings
from support.sites import Site, a_site

LIMITS = """
[runs]
max_concurrent = 4
[[runs.limits]]
tag = "team=etl"
limit = 1
[pools]
narrow = 1
closed = 0
"""

SOURCE = """
def alone() -> None:
    '''Nobody else may be in here at the same time.'''
    place = SCRATCH / "alone"
    os.close(os.open(place, os.O_CREAT | os.O_EXCL))
    time.sleep(0.05)
    place.unlink()

@pt.asset(pool="narrow")
def guarded() -> None:
    alone()

@pt.asset(pool="narrow")
def guarded_too() -> None:
    alone()

@pt.asset
def tagged() -> None:
    alone()

@pt.asset
def met(context: pt.AssetContext) -> None:
    note(f"met.{context.run_id}")
    wait_for("met")

@pt.asset(pool="closed")
def shut() -> None:
    pass

@pt.asset
def patient() -> None:
    note("patient")
    wait_for("go")

@pt.asset(pool="narrow")
def blocking() -> None:
    note("blocking")
    wait_for("never")

@pt.asset(partitions=pt.DynamicPartitions("customers"))
def profile(context: pt.AssetContext) -> None:
    context.log.info("%s", context.partition_keys)

main = pt.Repository("main", assets=[guarded, guarded_too, tagged, met, shut, patient, blocking, profile], executor=pt.processes(4))
"""

OTHER = """
@pt.asset(pool="narrow")
def distant() -> None:
    place = SCRATCH / "alone"
    os.close(os.open(place, os.O_CREAT | os.O_EXCL))
    time.sleep(0.05)
    place.unlink()

other = pt.Repository("other", assets=[distant])
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with a_site(tmp_path_factory.mktemp("queue"), main=SOURCE, other=OTHER) as made:
        limit(made, LIMITS)
        made.start("worker", "main")
        made.work("other")
        made.loaded("main")
        yield made


def limit(site: Site, settings: str) -> None:
    """The limits that workers which are started from now on keep."""
    path = site.folder / "partita.toml"
    path.write_text(path.read_text() + settings)
    site.settings = load_settings(path, environ={})


def ended(site: Site, *runs: Run) -> list[RunStatus]:
    return [site.finished(run).status for run in runs]


def reason(site: Site, run: Run) -> tuple[WaitKind, str]:
    """Why a run waits."""
    catalogs = {name: site.store.locations.catalog(found) for name, found in site.store.locations.current().items()}
    found = site.store.queue.waiting([run.id], site.settings.limits, PoolNeeds(Catalog(catalogs).repositories))[run.id]
    return found.kind, found.message


def test_runs_that_share_a_pool_of_one_never_overlap_wherever_they_run(site: Site) -> None:
    runs = [site.launch("guarded") for _ in range(3)] + [site.launch("distant", location="other") for _ in range(3)]

    assert ended(site, *runs) == [RunStatus.SUCCEEDED] * 6


def test_steps_of_one_run_that_share_a_pool_take_turns(site: Site) -> None:
    assert ended(site, site.launch("guarded", "guarded_too")) == [RunStatus.SUCCEEDED]


def test_runs_with_a_limited_tag_never_overlap(site: Site) -> None:
    runs = [site.launch("tagged", tags={"team": "etl"}) for _ in range(4)]

    assert ended(site, *runs) == [RunStatus.SUCCEEDED] * 4


def test_runs_without_a_limit_do_overlap(site: Site) -> None:
    runs = [site.launch("met") for _ in range(2)]
    for run in runs:
        site.noted(f"met.{run.id}")
    site.allow("met")

    assert ended(site, *runs) == [RunStatus.SUCCEEDED] * 2


def test_a_run_for_a_closed_pool_waits_says_why_and_holds_up_nobody(site: Site) -> None:
    shut = site.launch("shut", priority=9)
    behind = site.launch("tagged")

    assert ended(site, behind) == [RunStatus.SUCCEEDED]
    assert site.store.runs.get(shut.id).status is RunStatus.QUEUED
    assert reason(site, shut) == (WaitKind.POOL, "Pool 'closed' is closed: it has no slots (pools.closed = 0).")
    site.store.runs.request_cancel(shut.id)


def test_a_key_that_is_added_later_is_known_to_the_next_run(site: Site) -> None:
    before = site.launch("profile", partition_keys=("acme",))
    failed = site.finished(before)
    site.store.partitions.add("customers", ["acme"])

    assert failed.status is RunStatus.FAILED
    assert failed.error is not None
    assert "has no partition 'acme'. Add it to 'customers' first" in failed.error.message
    assert ended(site, site.launch("profile", partition_keys=("acme",))) == [RunStatus.SUCCEEDED]


def test_priority_decides_who_is_next_when_room_is_scarce(tmp_path: Path) -> None:
    with a_site(tmp_path, main=SOURCE) as site:
        limit(site, "[runs]\nmax_concurrent = 1\n")
        first = site.launch("patient")
        site.work()
        site.noted("patient")
        low, high = site.launch("tagged"), site.launch("tagged", priority=5)
        kind, message = reason(site, high)
        site.allow("go")

        assert (kind, message) == (WaitKind.CONCURRENCY, "1 run is active, and at most 1 may be (runs.max_concurrent).")
        assert ended(site, first, low, high) == [RunStatus.SUCCEEDED] * 3
        assert sorted([low, high], key=lambda run: str(site.store.runs.get(run.id).started_at)) == [high, low]


def test_the_slots_of_a_dead_worker_are_free_once_its_lease_is_over(tmp_path: Path) -> None:
    source = SOURCE.replace("@pt.asset\ndef patient", '@pt.asset(pool="narrow")\ndef patient')
    with a_site(tmp_path, main=source) as site:
        limit(site, LIMITS)
        site.start("daemon", lease=1.0, sweep=0.1)
        worker = site.work(lease=1.0)
        lost = site.launch("patient")
        site.noted("patient")
        waiting = site.launch("guarded")
        assert reason(site, waiting) == (WaitKind.POOL, "Pool 'narrow' has 1 of 1 slots taken, and it needs 1 (pools.narrow).")

        worker.kill()
        site.start("worker", lease=1.0)

        assert ended(site, lost, waiting) == [RunStatus.FAILED, RunStatus.SUCCEEDED]


def test_a_run_that_is_cancelled_gives_its_slots_back(site: Site) -> None:
    held = site.launch("blocking")
    site.noted("blocking")
    waiting = site.launch("guarded")
    assert reason(site, waiting)[0] is WaitKind.POOL

    site.store.runs.request_cancel(held.id)

    assert ended(site, held, waiting) == [RunStatus.CANCELED, RunStatus.SUCCEEDED]
