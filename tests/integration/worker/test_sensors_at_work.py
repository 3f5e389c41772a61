"""Sensors and schedule functions evaluated by a real worker: in processes of their own, committed whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.records.automations import automation_id
from partita.records.filters import RunFilter, TickFilter
from partita.records.runs import RunStatus
from partita.records.ticks import Tick, TickStatus
from support.sites import Site, a_site, is_alive
from support.waiting import eventually

SOURCE = r"""
CUSTOMERS = pt.DynamicPartitions("customers")


@pt.asset
def report() -> int:
    return 1


@pt.asset(partitions=CUSTOMERS)
def account(context: pt.AssetContext) -> str:
    return context.partition_key


@pt.op
def load() -> None: ...


@pt.job
def load_job() -> None:
    load()


@pt.op
def fail() -> None:
    raise ValueError("boom")


@pt.job
def failing_job() -> None:
    fail()


@pt.sensor(target=load_job, interval=1.0)
def files(context: pt.SensorContext) -> object:
    print("printed")
    context.log.info("looked after %s", context.cursor)
    names = sorted(path.name for path in (SCRATCH / "drop").glob("*.csv"))
    new = [name for name in names if name > (context.cursor or "")]
    if not new:
        return pt.Skip("no new file")
    requests = [pt.RunRequest(run_key=name, tags={"file": name}) for name in new]
    return pt.SensorResult(requests=requests, cursor=new[-1])


@pt.sensor(target=[account], interval=1.0)
def customers(context: pt.SensorContext) -> object:
    return pt.SensorResult(
        requests=[pt.RunRequest(run_key="acme", partition="acme")], partitions=[pt.AddPartitions("customers", ["acme", "initech"])], cursor="done"
    )


@pt.sensor(target=load_job, interval=1.0)
def misspelt(context: pt.SensorContext) -> object:
    return pt.SensorResult(events=[pt.AssetEvent("reprot")], partitions=[pt.AddPartitions("custmers", ["acme"])], cursor="never")


@pt.sensor(target=[account], interval=1.0)
def nobody(context: pt.SensorContext) -> object:
    return pt.SensorResult(requests=[pt.RunRequest(partition="nobody")], cursor="never")


@pt.sensor(target=load_job, interval=1.0, timeout=1.0)
def hangs(context: pt.SensorContext) -> object:
    note("hangs")
    while True:
        time.sleep(0.1)


@pt.sensor(target=load_job, interval=1.0)
def crashes(context: pt.SensorContext) -> object:
    os._exit(7)


@pt.sensor(target=load_job, interval=1.0)
def raises(context: pt.SensorContext) -> object:
    raise ValueError("no luck")


class Odd(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


@pt.sensor(target=load_job, interval=1.0)
def cannot_say(context: pt.SensorContext) -> object:
    raise Odd


@pt.sensor(target=load_job, interval=1.0)
def odd_text(context: pt.SensorContext) -> object:
    context.log.warning("odd \udcff\0")
    return pt.Skip("odd \udcff")


@pt.sensor(target=load_job, interval=1.0)
def odd_request(context: pt.SensorContext) -> object:
    request = pt.RunRequest()
    request.run_key = "odd \udcff"
    return request


@pt.sensor(target=load_job, interval=1.0)
def waits(context: pt.SensorContext) -> object:
    note("waits")
    wait_for("go")
    return pt.RunRequest(run_key="once")


@pt.asset_sensor(asset="report", target=load_job, interval=1.0)
def after_report(context: pt.AssetSensorContext) -> object:
    return pt.RunRequest(tags={"of": context.materialization.asset})


@pt.run_status_sensor(status="failed", jobs=[failing_job], target=load_job, interval=1.0)
def after_failure(context: pt.RunStatusContext) -> object:
    return pt.RunRequest(tags={"after": context.run.id})


@pt.schedule(cron="* * * * *", target=load_job)
def minutely(context: pt.ScheduleContext) -> object:
    return pt.RunRequest(run_key=context.due_at.isoformat(), tags={"due": context.due_at.isoformat()})


definitions = pt.Repository(
    "main",
    assets=[report, account],
    jobs=[load_job, failing_job],
    schedules=[minutely],
    sensors=[files, customers, misspelt, nobody, hangs, crashes, raises, cannot_say, odd_text, odd_request, waits, after_report, after_failure],
)
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main=SOURCE) as made:
        (made.scratch / "drop").mkdir()
        yield made


def switch(site: Site, *names: str, is_on: bool = True) -> None:
    """Switch sensors on."""
    site.store.automations.set_on([automation_id("main", "main", name) for name in names], is_on=is_on)


def ticks(site: Site, name: str, *statuses: TickStatus) -> list[Tick]:
    """Its ticks, the newest first."""
    where = TickFilter(automation_ids=(automation_id("main", "main", name),), statuses=statuses or None)
    return site.store.ticks.list(where).items


def ended(site: Site, name: str, *statuses: TickStatus, seconds: float = 20) -> Tick:
    """Its first tick that has ended, or has ended so."""
    wanted = statuses or (TickStatus.SUCCEEDED, TickStatus.SKIPPED, TickStatus.FAILED)
    return eventually(lambda: ticks(site, name, *wanted)[-1:], seconds=seconds, what=f"{name} to tick: {site.said()}")[0]


def cursor_of(site: Site, name: str) -> str | None:
    full = automation_id("main", "main", name)
    return site.store.automations.find([full])[full].cursor


def test_a_sensor_launches_once_for_each_new_file(site: Site) -> None:
    site.start("daemon")
    site.work()
    switch(site, "files")
    assert ended(site, "files").skip_reason == "no new file"

    for name in ("a.csv", "b.csv"):
        (site.scratch / "drop" / name).touch()

    tick = ended(site, "files", TickStatus.SUCCEEDED)
    eventually(lambda: len(ticks(site, "files", TickStatus.SKIPPED)) > 1 and ticks(site, "files")[0].status is TickStatus.SKIPPED, seconds=20)
    runs = site.store.runs.list(RunFilter(tick_id=tick.id)).items
    assert sorted(run.request.tags["file"] for run in runs) in (["a.csv", "b.csv"], ["a.csv"])
    assert sorted(run.request.tags["file"] for run in site.store.runs.list().items) == ["a.csv", "b.csv"]
    assert cursor_of(site, "files") == "b.csv"
    assert "looked after None" in tick.logs
    assert {site.finished(run).status for run in runs} == {RunStatus.SUCCEEDED}
    assert not list((site.settings.logs_directory / "_ticks").rglob("*.out")), "nothing is left of what ended ticks printed"


def test_hanging_and_crashing_sensors_are_in_nobodys_way(site: Site) -> None:
    site.start("daemon")
    site.work()
    (site.scratch / "drop" / "a.csv").touch()

    switch(site, "hangs", "crashes", "raises", "files")

    assert ended(site, "files").status is TickStatus.SUCCEEDED
    overdue, crashed, raised = (ended(site, name) for name in ("hangs", "crashes", "raises"))
    assert overdue.error is not None
    assert crashed.error is not None
    assert raised.error is not None
    assert "'hangs' ran longer than its timeout of 1 s" in overdue.error.message
    assert "'crashes' exited with code 7" in crashed.error.message
    assert raised.error.summary == "ValueError: no luck"
    pid = site.noted("hangs")["pid"]
    switch(site, "hangs", is_on=False)
    eventually(lambda: not is_alive(pid) or site.noted("hangs")["pid"] != pid, what="the hanging process to end")


def test_every_tick_ends_with_a_verdict_whatever_its_function_says(site: Site) -> None:
    site.start("daemon")
    site.work()

    switch(site, "cannot_say", "odd_text", "odd_request")

    said, shown, asked = (ended(site, name) for name in ("cannot_say", "odd_text", "odd_request"))
    assert said.error is not None
    assert said.error.summary == "Odd: <its message could not be read: SystemExit>"
    assert (shown.status, shown.skip_reason) == (TickStatus.SKIPPED, "odd ?")
    assert "WARNING odd ??" in shown.logs
    assert asked.error is not None
    assert "What it asks for cannot be told to the worker" in asked.error.message


def test_a_tick_adds_partitions_and_launches_runs_of_them(site: Site) -> None:
    site.start("daemon")
    site.work()

    switch(site, "customers")

    tick = ended(site, "customers")
    assert [(added.set_name, added.keys) for added in tick.partitions] == [("customers", ("acme", "initech"))]
    [run] = site.store.runs.list(RunFilter(tick_id=tick.id)).items
    assert site.finished(run).status is RunStatus.SUCCEEDED
    assert run.request.partition_keys == ("acme",)
    assert site.store.partitions.keys("customers") == ("acme", "initech")


def test_a_request_for_what_cannot_be_launches_nothing_and_leaves_the_cursor(site: Site) -> None:
    site.start("daemon")
    site.work()

    switch(site, "nobody", "misspelt")

    for name, words in (("nobody", "nobody"), ("misspelt", "no set of dynamic partitions 'custmers'. Did you mean 'customers'?")):
        tick = ended(site, name)
        assert tick.error is not None
        assert (tick.status, cursor_of(site, name), site.store.runs.count()) == (TickStatus.FAILED, None, 0)
        assert words in tick.error.message
        assert tick.error.stack == (), "where in Partita it was noticed is nothing to the author"


def test_sensors_that_watch_act_on_what_comes(site: Site) -> None:
    site.start("daemon")
    site.work()
    switch(site, "after_report", "after_failure")

    site.launch("report")
    failed = site.launch(job="failing_job")

    assert ended(site, "after_report").run_count == 1
    tick = ended(site, "after_failure")
    [run] = site.store.runs.list(RunFilter(tick_id=tick.id)).items
    assert run.request.tags["after"] == failed.id
    assert run.job == "load_job"


def test_a_schedule_function_is_given_its_time(site: Site) -> None:
    site.work()
    full = automation_id("main", "main", "minutely")
    switch(site, "minutely")
    schedule = site.store.automations.find([full])[full]
    now = site.store.now()

    site.store.ticks.request(schedule, due_at=now, next_due_at=now.replace(year=2100))

    tick = ended(site, "minutely")
    [run] = site.store.runs.list(RunFilter(tick_id=tick.id)).items
    assert (run.request.tags["due"], run.request.launched_by) == (now.isoformat(), f"schedule:{full}")
    assert tick.requests[0].run_key == now.isoformat()


def test_a_dry_run_evaluates_and_does_nothing(site: Site) -> None:
    site.work()
    (site.scratch / "drop" / "a.csv").touch()
    (site.scratch / "drop" / "b.csv").touch()

    asked = site.store.ticks.request_dry_run(automation_id("main", "main", "files"), cursor="a.csv")

    tick = eventually(lambda: (now := site.store.ticks.get(asked.id)).status.is_finished and now, seconds=20, what=site.said())
    assert (tick.status, tick.cursor, tick.run_count) == (TickStatus.SUCCEEDED, "b.csv", 0)
    assert [(request.run_key, request.run_id, request.job) for request in tick.requests] == [("b.csv", None, "load_job")]
    assert (site.store.runs.count(), cursor_of(site, "files")) == (0, None)


def test_a_tick_whose_worker_stops_is_evaluated_by_the_next(site: Site) -> None:
    site.start("daemon")
    worker = site.work()
    switch(site, "waits")
    first = site.noted("waits")["pid"]

    assert worker.stop() == 0
    assert not is_alive(first)
    site.allow("go")
    site.start("worker")

    tick = ended(site, "waits", TickStatus.SUCCEEDED)
    assert (tick.attempt, tick.run_count) == (1, 1)


def test_a_tick_that_no_worker_takes_fails_in_words(site: Site) -> None:
    site.work().stop()
    site.start("daemon", patience=0.5, sweep=0.1)
    switch(site, "files")

    tick = ended(site, "files")

    assert tick.error is not None
    assert "No worker of code location 'main' evaluated sensor 'files' within 0.5 s" in tick.error.message


def test_code_that_is_gone_is_said(site: Site) -> None:
    """The worker's code may be newer than the daemon's look at it."""
    site.work()
    full = automation_id("main", "main", "files")
    asked = site.store.ticks.request_dry_run(full)
    eventually(lambda: site.store.ticks.get(asked.id).status.is_finished, seconds=20)
    site.write("main", SOURCE.replace("files, customers", "customers"))
    site.store.locations.request_reload("main")
    eventually(lambda: not site.store.automations.find([full])[full].is_declared, seconds=20, what="the sensor to be gone")

    assert full not in {each.id for each in site.store.automations.list()}
