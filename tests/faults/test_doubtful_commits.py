"""Writes that fail, or that are committed and reported as failed: nothing is lost, doubled or stuck, on both kinds of databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.records.events import StepStarted, StepSucceeded
from partita.records.runs import RunStatus
from support.sites import Site, a_site
from support.waiting import eventually

pytestmark = pytest.mark.faults
LEASE = 3.0
SOURCE = """
@pt.op(retry=pt.Retry(max_retries=1, delay=0.01))
def first(context: pt.OpContext) -> int:
    if context.attempt == 1:
        raise ValueError("once")
    return 1

@pt.op
def second(n: int) -> int:
    with (SCRATCH / "ledger").open("a") as file:
        file.write(f"{n}\\n")
    return n + 1

@pt.job
def work() -> None:
    second(first())

@pt.sensor(target=work, interval=1)
def asks(context: pt.SensorContext) -> pt.SensorResult:
    number = int(context.cursor or 0)
    wanted = [pt.RunRequest(run_key=f"key{number}", tags={"number": str(number)})] if number < 6 else []
    return pt.SensorResult(requests=wanted, cursor=str(number + 1))
"""


@pytest.fixture(params=["sqlite", "postgres"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    if request.param == "sqlite":
        with a_site(tmp_path, main=SOURCE) as made:
            yield made
        return
    server = request.getfixturevalue("postgres")
    url = server.database()
    with a_site(tmp_path, storage=url, main=SOURCE) as made:
        yield made
    server.drop(url)


def test_runs_end_well_though_a_tenth_of_all_writes_fail(site: Site) -> None:
    site.start("daemon", lease=LEASE, sweep=0.2, fault="doubt 0.1")
    site.start("worker", lease=LEASE, fault="doubt 0.1")
    site.loaded()

    ended = [site.finished(run, seconds=90) for run in [site.launch(job="work") for _ in range(20)]]

    assert Counter(run.status for run in ended) == {RunStatus.SUCCEEDED: 20}
    for run in ended:
        events = site.events(run)
        assert [(event.step, event.attempt) for event in events if isinstance(event, StepStarted)] == [("first", 1), ("first", 2), ("second", 1)]
        assert [(event.step, event.attempt) for event in events if isinstance(event, StepSucceeded)] == [("first", 2), ("second", 1)]
    assert len((site.scratch / "ledger").read_text().splitlines()) == 20


def test_a_sensor_asks_for_each_run_once_though_a_tenth_of_all_writes_fail(site: Site) -> None:
    site.start("daemon", lease=LEASE, sweep=0.2, fault="doubt 0.1")
    site.start("worker", lease=LEASE, fault="doubt 0.1")
    site.loaded()
    sensor = eventually(lambda: site.store.automations.list(), what="the sensor to be known")[0]
    site.store.automations.set_on([sensor.id], is_on=True)

    eventually(lambda: site.store.runs.count() == 6, seconds=60, what="six runs")
    ended = [site.finished(run, seconds=60) for run in site.store.runs.list().items]

    assert Counter(run.status for run in ended) == {RunStatus.SUCCEEDED: 6}
    assert sorted(run.request.tags["number"] for run in ended) == [str(number) for number in range(6)]
