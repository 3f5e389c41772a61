"""Several workers of one location share its runs; one of them publishes the location, whoever that is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.records.events import ProcessStarted, StepStarted
from partita.records.locations import LocationStatus
from partita.records.runs import RunStatus
from support.sites import Service, Site, a_site, kill
from support.waiting import eventually

SOURCE = """
@pt.op
def counted(context: pt.OpContext) -> int:
    (SCRATCH / f"ran.{context.run_id}.{os.urandom(4).hex()}").touch()
    return os.getppid()

@pt.job(executor=pt.in_process())
def count() -> None:
    counted()

@pt.op
def waits_for_two(context: pt.OpContext) -> None:
    (SCRATCH / f"here.{os.getppid()}").touch()
    give_up_at = time.monotonic() + 30
    while len(list(SCRATCH.glob("here.*"))) < 2:
        assert time.monotonic() < give_up_at
        time.sleep(0.01)

@pt.job(executor=pt.in_process())
def meet() -> None:
    waits_for_two()

main = pt.Repository("main", jobs=[count, meet])
"""
LEASE = 2.0

pytestmark = pytest.mark.faults


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main=SOURCE) as made:
        (tmp_path / "partita.toml").write_text('[[location]]\nname = "main"\nfile = "main.py"\nworkers = 2\n\n[runs]\nmax_concurrent = 1\n')
        yield made


def two_workers(site: Site, *, concurrent: int = 8) -> tuple[Service, Service]:
    toml = site.folder / "partita.toml"
    toml.write_text(toml.read_text().replace("max_concurrent = 1", f"max_concurrent = {concurrent}"))
    first = site.work(lease=LEASE)
    second = site.start("worker", lease=LEASE)
    eventually(lambda: (site.settings.home / "workers" / "main.2.lock").exists(), what="the second worker to sit down")
    return first, second


def who_met(site: Site) -> set[int]:
    """The workers whose processes have met."""
    return {int(path.suffix[1:]) for path in site.scratch.glob("here.*")}


def publish_other_code(site: Site) -> None:
    site.write("main", SOURCE.replace("def meet()", "def meet_again()").replace("jobs=[count, meet]", "jobs=[count, meet_again]"))
    before = site.store.locations.current()["main"]
    site.store.locations.request_reload("main")
    eventually(lambda: site.store.locations.current()["main"] != before, what="the new code to be published")


def test_both_take_runs_and_none_is_run_twice(site: Site) -> None:
    first, second = two_workers(site)
    meeting = [site.launch(job="meet") for _ in range(8)]
    assert all(site.finished(run).status is RunStatus.SUCCEEDED for run in meeting)
    assert who_met(site) == {first.pid, second.pid}

    runs = [site.launch(job="count") for _ in range(60)]
    for run in runs:
        assert site.finished(run).status is RunStatus.SUCCEEDED
        events = site.events(run)
        assert sum(isinstance(event, StepStarted) for event in events) == 1
        assert sum(isinstance(event, ProcessStarted) for event in events) == 1
        assert len(list(site.scratch.glob(f"ran.{run.id}.*"))) == 1


def test_a_third_is_refused(site: Site) -> None:
    two_workers(site)

    third = site.start("worker")

    assert third.process.wait(timeout=20) != 0
    assert "does this work already" in third.log.read_text()


def test_when_the_one_that_publishes_dies_the_other_does_it(site: Site) -> None:
    first, _ = two_workers(site)
    kill(first.pid)
    first.process.wait()

    run = site.launch(job="count")
    assert site.finished(run).status is RunStatus.SUCCEEDED
    assert site.loaded().status is LocationStatus.LOADED
    publish_other_code(site)
    assert site.finished(site.launch(job="count")).status is RunStatus.SUCCEEDED


def test_both_follow_new_code(site: Site) -> None:
    first, second = two_workers(site)
    publish_other_code(site)

    meeting = [site.launch(job="meet_again") for _ in range(8)]

    assert all(site.finished(run).status is RunStatus.SUCCEEDED for run in meeting)
    assert who_met(site) == {first.pid, second.pid}
    hashes = {site.store.runs.get(run.id).catalog_hash for run in meeting}
    assert hashes == {site.store.locations.current()["main"]}
