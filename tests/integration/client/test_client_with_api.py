"""The client against the real API, with a real store behind it and the worker's part played by the test."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import partita as pt
from partita.storage.store import Store
from partita_client import Client, RequestRefusedError, RunFailedError
from partita_client.models import LogEvent, MaterializationEvent, PlanEvent, StatusEvent, StepEvent
from support.played import LOCATION, ApiProcess, Worker, harvest, honey, publish, seed, serving, url_of
from support.waiting import eventually

# One API process serves all of them.


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def worker(home: Path) -> Iterator[Worker]:
    with Store.open(url_of(home)) as store:
        yield Worker(store, seed(store))


@pytest.fixture(scope="module")
def api(home: Path, worker: Worker) -> Iterator[ApiProcess]:
    with serving(home) as process:
        yield process


@pytest.fixture
def client(api: ApiProcess) -> Iterator[Client]:
    with Client(api.url, patience=30) as made:
        yield made


def test_a_launch_is_seen_to_its_end(client: Client, worker: Worker) -> None:
    run = client.launch("harvest", config={"steps": {"collect": {"limit": 3}}}, tags={"team": "bees"})
    assert (run.status, run.job, run.tags["team"]) == ("queued", "harvest", "bees")

    threading.Timer(0.1, lambda: worker.take(run.id).do("collect")).start()

    assert run.wait(timeout=20).status == "succeeded"
    assert run.ended_at is not None
    assert [(step.key, step.status) for step in run.steps] == [("collect", "succeeded")]


def test_the_end_of_a_run_reaches_a_waiting_program_at_once(client: Client, worker: Worker) -> None:
    delays = []
    for _ in range(5):
        run = client.launch("harvest")
        work = worker.take(run.id)
        work.begin("collect")
        ended = threading.Event()
        threading.Thread(target=lambda run=run, ended=ended: (run.wait(), ended.set())).start()
        time.sleep(0.1)  # not a condition: the waiter shall be asleep on its subscription when the run ends
        began = time.monotonic()
        work.succeed("collect")
        assert ended.wait(10)
        delays.append(time.monotonic() - began)

    assert min(delays) < 0.15


def test_the_same_key_is_one_run_and_another_request_under_it_a_conflict(client: Client, worker: Worker) -> None:
    first = client.launch("harvest", idempotency_key="once")
    again = client.launch("harvest", idempotency_key="once")

    assert (again.id, first.is_replay, again.is_replay) == (first.id, False, True)
    with pytest.raises(RequestRefusedError) as conflict:
        client.launch("harvest", priority=5, idempotency_key="once")
    assert conflict.value.code == "CONFLICT"
    worker.take(first.id).do("collect")


def test_events_are_followed_while_they_are_written(client: Client, worker: Worker) -> None:
    run = client.launch("harvest")
    work = worker.take(run.id)

    def write() -> None:
        work.begin("collect")
        for number in range(300):
            work.say(f"line {number}")
        work.succeed("collect")

    writer = threading.Thread(target=write)
    writer.start()
    events = list(run.events())
    writer.join()

    assert [int(event.cursor) for event in events] == list(range(1, len(events) + 1))
    assert [event.message for event in events if isinstance(event, LogEvent)] == [f"line {number}" for number in range(300)]
    assert [event.status for event in events if isinstance(event, StatusEvent)] == ["queued", "starting", "running", "succeeded"]
    assert [event.step_keys for event in events if isinstance(event, PlanEvent)] == [("collect",)]
    assert [event.kind for event in events if isinstance(event, StepEvent)] == ["started", "succeeded"]
    assert [event.cursor for event in run.events(follow=False)] == [event.cursor for event in events]
    assert [int(event.cursor) for event in run.events(after="300", follow=False)] == list(range(301, len(events) + 1))


def test_an_api_that_is_killed_or_ended_loses_and_doubles_nothing(client: Client, worker: Worker, api: ApiProcess) -> None:
    run = client.launch("harvest")
    work = worker.take(run.id)
    work.begin("collect")
    seen: list[str] = []
    follower = threading.Thread(target=lambda: seen.extend(event.cursor for event in run.events()))
    waiter = threading.Thread(target=run.wait)
    follower.start()
    waiter.start()

    for signum in (signal.SIGKILL, signal.SIGTERM):
        work.say("before")
        api.end(signum)
        work.say("meanwhile")
        api.start()
        work.say("after")
    work.succeed("collect")
    follower.join(30)
    waiter.join(30)

    total = worker.store.runs.get(run.id).last_seq
    assert seen == [str(seq) for seq in range(1, total + 1)]
    assert run.status == "succeeded"


def test_a_launch_made_while_the_api_restarts_happens_once(client: Client, worker: Worker, api: ApiProcess) -> None:
    client.server()
    api.end()
    launched: list[str] = []
    thread = threading.Thread(target=lambda: launched.append(client.launch("harvest", tags={"made": "during restart"}).id))
    thread.start()
    api.start()
    thread.join(30)

    assert launched == [run.id for run in client.runs(tags={"made": "during restart"})]
    worker.take(launched[0]).do("collect")


def test_a_failure_is_raised_with_the_error_of_its_step(client: Client, worker: Worker) -> None:
    run = client.launch("harvest")
    work = worker.take(run.id)
    work.begin("collect")
    work.fail("collect", ValueError("no bees"))

    with pytest.raises(RunFailedError, match="ValueError: no bees") as caught:
        run.wait(raise_on_failure=True)

    assert caught.value.error is not None
    assert caught.value.error.class_name == "ValueError"


def test_a_failed_run_can_be_tried_again(client: Client, worker: Worker) -> None:
    run = client.launch("harvest")
    work = worker.take(run.id)
    work.begin("collect")
    work.fail("collect", ValueError("no bees"))
    run.wait()

    again = run.retry()

    assert again.id != run.id
    assert again.record.attempt == 2
    worker.take(again.id).do("collect")
    assert again.wait(timeout=10).status == "succeeded"


def test_a_waiting_run_is_cancelled_at_once_and_only_once(client: Client) -> None:
    run = client.launch("harvest")

    assert run.cancel().status == "canceled"
    with pytest.raises(RequestRefusedError) as caught:
        run.cancel()
    assert caught.value.code == "ALREADY_FINISHED"
    with pytest.raises(RunFailedError) as canceled:
        run.wait(raise_on_failure=True)
    assert canceled.value.code == "RUN_CANCELED"


def test_a_run_is_found_by_the_end_of_its_id(client: Client, worker: Worker) -> None:
    run = client.launch("harvest")

    assert client.run(run.short_id).id == run.id
    worker.take(run.id).do("collect")


def test_an_asset_tells_what_was_written(client: Client, worker: Worker) -> None:
    run = client.materialize("honey")
    work = worker.take(run.id)
    work.begin("honey")
    work.materialize("honey")
    work.succeed("honey")
    run.wait(timeout=10)

    asset = client.asset("honey")

    assert asset.latest is not None
    assert asset.latest.run_id == run.id
    assert [each.run_id for each in asset.materializations(limit=1)] == [run.id]
    assert (asset.group, asset.kinds, asset.description, asset.downstream) == ("raw", ("table",), "What the bees made.", ("toast",))
    assert not asset.is_partitioned
    assert asset.partitions.counts == {}
    assert list(asset.partitions.keys()) == []
    (event,) = [event for event in run.events() if isinstance(event, MaterializationEvent)]
    assert event.materialization.asset.key == "honey"


def test_a_write_by_others_is_reported(client: Client) -> None:
    write = client.report_materialization("honey", data_version="7", metadata={"rows": 2})

    assert (write.data_version, dict(write.metadata)) == ("7", {"rows": 2})
    latest = client.asset("honey").latest
    assert latest is not None
    assert latest.id == write.id
    with pytest.raises(RequestRefusedError, match="There is no asset 'hony'"):
        client.report_materialization("hony")


def test_partitions_are_runs_of_their_own_or_one_run(client: Client, worker: Worker) -> None:
    days = [f"2013-01-0{day}" for day in range(1, 4)]

    runs = client.materialize_all("flights", partition=(days[0], days[-1]))
    for run, day in zip(runs, days, strict=True):
        work = worker.take(run.id)
        work.begin("flights")
        work.materialize("flights", partition=day)
        work.succeed("flights")
        run.wait(timeout=10)

    assert len(runs) == 3
    partitions = client.asset("flights").partitions
    assert partitions.keys(status="materialized") == days
    assert partitions.counts == {"missing": 7, "running": 0, "materialized": 3, "failed": 0}
    assert [state.status for state in partitions.states(limit=4)] == ["materialized"] * 3 + ["missing"]

    together = client.materialize("flights", partition=["2013-01-05", "2013-01-07"])
    assert together.record.partitions is not None
    assert together.record.partitions.keys == ("2013-01-05", "2013-01-07")
    together.cancel()


def test_a_selection_that_takes_several_runs_launches_none(client: Client) -> None:
    before = [run.id for run in client.runs()]

    with pytest.raises(RequestRefusedError, match="materialize_all") as caught:
        client.materialize("*", partition="2013-01-01")

    assert caught.value.code == "TOO_MANY"
    assert [run.id for run in client.runs()] == before


@pytest.mark.parametrize(
    ("ask", "code", "words"),
    [
        (lambda client: client.launch("havrest"), "NOT_FOUND", ["havrest", "harvest"]),
        (lambda client: client.launch("harvest", config={"steps": {"collect": {"limt": 1}}}), "RUN_CONFIG_INVALID", ["limt", "limit"]),
        (lambda client: client.launch("harvest", location="hvie"), "NOT_FOUND", ["hvie"]),
        (lambda client: client.asset("hony"), "NOT_FOUND", ["hony", "honey"]),
        (lambda client: client.materialize("flights", partition="2014-01-01"), "PARTITION_UNKNOWN", ["2014-01-01"]),
        (lambda client: client.job("havrest"), "NOT_FOUND", ["harvest"]),
        (lambda client: client.run("run_nothing"), "NOT_FOUND", ["run_nothing"]),
        (lambda client: client.reload("hvie"), "NOT_FOUND", ["hvie"]),
        (lambda client: list(client.assets("group:(")), None, []),
        (lambda client: client.execute("{ sever { version } }"), "GRAPHQL_VALIDATION_FAILED", ["sever"]),
    ],
    ids=["job", "config", "location", "asset", "partition", "job lookup", "run", "reload", "selection", "field"],
)
def test_a_refusal_has_a_code_and_names_what_is_wrong(client: Client, ask, code: str | None, words: list[str]) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RequestRefusedError) as caught:
        ask(client)

    assert code is None or caught.value.code == code
    assert all(word in caught.value.message for word in words)


def test_definitions_are_listed(client: Client) -> None:
    assert [job.name for job in client.jobs()] == ["harvest"]
    assert [asset.key for asset in client.assets()] == ["flights", "honey", "toast"]
    assert [asset.key for asset in client.assets("group:marts or flights")] == ["flights", "toast"]
    assert [(location.name, location.status) for location in client.locations()] == [(LOCATION, "loaded")]


def test_the_server_tells_of_itself(client: Client) -> None:
    server = client.server()

    assert server.version == pt.__version__
    assert server.queue.max_concurrent == 10


def test_a_reload_ends_when_the_worker_has_loaded(client: Client, worker: Worker) -> None:
    before = client.location(LOCATION).loaded_at

    def load() -> None:
        eventually(lambda: worker.store.locations.get(LOCATION).reload_requested_at)
        worker.store.locations.loading(LOCATION)
        publish(worker.store, pt.Repository("garden", assets=[honey], jobs=[harvest]))

    loading = threading.Thread(target=load)
    loading.start()
    found = client.reload(LOCATION)
    loading.join()

    assert found.status == "loaded"
    assert found.loaded_at != before
    assert [asset.key for asset in client.assets()] == ["honey"]
    worker.catalog_hash = seed(worker.store)


def test_any_document_can_be_asked_and_followed(client: Client, worker: Worker) -> None:
    run = client.launch("harvest")
    worker.take(run.id).do("collect")

    answer = client.execute("query ($id: ID!) { run(id: $id) { status } }", {"id": run.id})
    items = list(client.subscribe("subscription ($id: ID!, $after: String) { runEvents(runId: $id, after: $after) { cursor } }", {"id": run.id}))

    assert answer == {"run": {"status": "SUCCEEDED"}}
    assert items[-1]["runEvents"]["cursor"] == str(worker.store.runs.get(run.id).last_seq)
