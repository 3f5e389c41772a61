"""However long a list is, it is read with the same few statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.definitions.keys import AssetKey
from partita.planning.ticks import Asked
from partita.records.automations import AutomationKind
from partita.records.backfills import BackfillItem, BackfillRequest
from partita.records.events import StepFailed
from partita.records.runs import RunRequest, RunStatus
from partita.workspace.loader import describe
from support.api import Api, serving
from support.stores import BOOM, NOON, materialized, statements, status, words

COUNT = 200


@dataclass
class Observed:
    """A served API, and every statement that its store is given."""

    api: Api
    seen: list[tuple[str, Any]]

    @contextmanager
    def reads(self) -> Iterator[list[str]]:
        """The reading statements that are sent meanwhile, each on one line."""
        start = len(self.seen)
        found: list[str] = []
        yield found
        found += [sql for sql in (words(sql) for sql, _ in self.seen[start:]) if sql.upper().startswith(("SELECT", "WITH"))]


@pytest.fixture
def observed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Observed]:
    with statements(monkeypatch) as seen, serving(tmp_path) as api:
        yield Observed(api, seen)


def a_chain(length: int) -> pt.Repository:
    """Assets of which each needs the one before."""

    def link(number: int) -> object:
        @pt.asset(key=f"chain/{number:03}", deps=[f"chain/{number - 1:03}"] if number else [])
        def made() -> None:
            return None

        return made

    return pt.Repository("chain", assets=[link(number) for number in range(length)])


def test_fifty_runs_with_their_steps_are_read_with_few_statements(observed: Observed) -> None:
    api = observed.api
    for number in range(50):
        api.begin("fetch", "report", tags={"n": str(number)})
    document = (
        "{ runs(first: 50) { totalCount nodes { id status tags { key value } job { name repository { name codeLocation { name } } }"
        " steps { key status } stats { totalSteps } parent { id } assets { key } } } }"
    )
    api.ask(document)

    with observed.reads() as seen:
        found = api.ask(document)["runs"]

    assert [len(each["steps"]) for each in found["nodes"]] == [2] * 50
    assert 3 <= len(seen) <= 9, "\n".join(seen)


def test_a_page_of_assets_with_their_neighbours_is_read_with_few_statements(observed: Observed) -> None:
    api = observed.api
    catalog = describe("broken", [a_chain(COUNT)])
    api.store.locations.publish("broken", catalog, python_version="3.11", library_version="0.1.0", start="fork")
    keys = [f"chain/{number:03}" for number in range(COUNT)]
    api.begin(*keys, assets=tuple(map(AssetKey, keys)), location="broken", repository="chain").send(*map(materialized, keys))
    document = (
        '{ assets(first: 200, filter: {selection: "key:chain/*"}) { nodes { key latestMaterialization { at run { id status } }'
        " upstream { key latestMaterialization { at } } checks { latestResult { passed } } } } }"
    )
    api.ask(document)

    with observed.reads() as seen:
        nodes = api.ask(document)["assets"]["nodes"]

    assert len(nodes) == COUNT
    assert all(each["latestMaterialization"]["run"]["status"] == "RUNNING" for each in nodes)
    assert [len(each["upstream"]) for each in nodes] == [0] + [1] * (COUNT - 1)
    assert 2 <= len(seen) <= 6, "\n".join(seen)


def test_how_well_a_page_of_assets_is_is_read_with_few_statements(observed: Observed) -> None:
    api = observed.api
    days = pt.StaticPartitions(["mon", "tue"])

    def made(number: int) -> Any:
        @pt.asset(key=f"chain/{number:03}", partitions=days if number % 2 else None, freshness=pt.Freshness(within=timedelta(hours=1)))
        def one() -> int:
            return 1

        return one

    assets = [made(number) for number in range(COUNT)]
    api.publish("broken", assets=assets)
    for number, asset in enumerate(assets):
        key = str(asset.spec.key)
        cut = {"partition_keys": ("mon",)} if number % 2 else {}
        writer = api.begin(key, assets=(AssetKey(key),), location="broken", **cut)
        writer.send(StepFailed(at=NOON, step=key, error=BOOM, duration=1), status(RunStatus.FAILED))
    document = 'query($n: Int) { assets(first: $n, filter: {selection: "key:chain/*"}) { nodes { health healthReasons } } }'
    chosen = document.replace('"key:chain/*"', '"key:chain/*", health: [DEGRADED]')
    api.ask(document, n=COUNT)

    for asked in (document, chosen):
        with observed.reads() as few:
            api.ask(asked, n=4)
        with observed.reads() as many:
            nodes = api.ask(asked, n=COUNT)["assets"]["nodes"]

        assert [each["healthReasons"] for each in nodes[:2]] == [["The last run failed to write it"], ["1 partition could not be written"]]
        assert len(nodes) == COUNT
        assert len(many) <= len(few) <= 8, "\n".join(many)


LISTS = {
    "schedules": (
        "schedules(first: $n) { totalCount nodes { id name cron status isOverridden nextTickAt upcomingTicks(first: 3)"
        " lastTick { id status } target { job { name } assets { key } } repository { name } } }"
    ),
    "sensors": (
        "sensors(first: $n) { totalCount nodes { id name kind status isOverridden cursor nextTickAt lastTick { id status runs { id } }"
        " targets { job { name } } watchedAssets { key } } }"
    ),
    "ticks": (
        "ticks(first: $n) { totalCount nodes { id status dueAt automation { name } runCount runs { id status }"
        " requests { runKey isAlreadyLaunched run { id status } } } }"
    ),
    "backfills": (
        "backfills(first: $n) { totalCount nodes { id status statusCounts { status count } assets { key } job { name }"
        " launchedBy { __typename } canCancel } }"
    ),
    "runs": "runs(first: $n) { nodes { id waitReason { kind } tick { id } backfill { id } launchedBy { __typename ... on Sensor { name } } } }",
}


@pytest.mark.parametrize("name", LISTS)
def test_schedules_sensors_ticks_and_backfills_are_read_with_as_many_statements_however_many_there_are(observed: Observed, name: str) -> None:
    api = observed.api
    automate(api, 20)
    document = f"query($n: Int) {{ {LISTS[name]} }}"
    api.ask(document, n=20)

    with observed.reads() as few:
        api.ask(document, n=2)
    with observed.reads() as many:
        nodes = api.ask(document, n=20)[name]["nodes"]

    assert len(nodes) == 20
    assert len(many) == len(few) <= 9, "\n".join(many)


def test_pools_are_read_with_as_many_statements_however_many_wait(observed: Observed) -> None:
    api = observed.api
    document = "{ server { queue { queued running pools { name used waiting } tagLimits { key used } } daemons { kind isHealthy } } }"
    api.run()
    api.ask(document)

    with observed.reads() as few:
        api.ask(document)
    for _ in range(30):
        api.run()
    with observed.reads() as many:
        assert api.ask(document)["server"]["queue"]["queued"] == 31

    assert len(many) == len(few) <= 6, "\n".join(many)


def automate(api: Api, count: int) -> None:
    """So many schedules, and sensors that have each ticked and launched, and backfills."""

    @pt.op
    def greet() -> None:
        return None

    @pt.job
    def hello() -> None:
        greet()

    def a_sensor(number: int) -> Any:
        @pt.sensor(name=f"sensor_{number}", target=hello, default_on=True)
        def looks(context: pt.SensorContext) -> pt.Skip:
            return pt.Skip("nothing there")

        return looks

    sensors = [a_sensor(number) for number in range(count)]
    schedules = [pt.Schedule(f"schedule_{number}", cron="0 2 * * *", target=hello, default_on=True) for number in range(count)]
    api.publish("broken", jobs=[hello], sensors=sensors, schedules=schedules)
    store = api.store
    now = store.now()
    for record in store.automations.list("broken"):
        if record.kind is AutomationKind.SENSOR:
            asked = Asked(RunRequest(location="broken", repository="main", job="hello"), record.name)
            assert store.ticks.commit_plain(record, due_at=now, next_due_at=now + timedelta(hours=1), asks=(asked,)) is not None
    for number in range(count):
        items = [BackfillItem(asset=AssetKey("raw/customers"))]
        store.backfills.create(BackfillRequest(selection="raw/customers", assets=(AssetKey("raw/customers"),), title=str(number)), items)


def test_a_total_is_counted_only_when_asked_for(observed: Observed) -> None:
    observed.api.run()
    with observed.reads() as without:
        observed.api.ask("{ runs { nodes { id } } }")
    with observed.reads() as with_total:
        observed.api.ask("{ runs { totalCount nodes { id } } }")

    assert not [each for each in without if "count(" in each.lower()]
    assert [each for each in with_total if "count(" in each.lower()]


def test_followers_of_one_run_share_its_reads(observed: Observed) -> None:
    writer = observed.api.begin("fetch")
    sockets = [observed.api.socket() for _ in range(10)]
    for socket in sockets:
        socket.subscribe("subscription($id: ID!) { runEvents(runId: $id) { cursor } }", id=writer.run_id)
        while int(socket.next()["runEvents"]["cursor"]) < 4:
            pass

    with observed.reads() as seen:
        writer.send(materialized("raw/customers"))
        for socket in sockets:
            assert socket.next()["runEvents"]["cursor"] == "5"

    events = [each for each in seen if "FROM run_events" in each]
    for socket in sockets:
        socket.connection.close()
    assert 1 <= len(events) < len(sockets), "\n".join(seen)
