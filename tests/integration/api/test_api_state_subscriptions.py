"""Following ticks, backfills, schedules, sensors, assets and daemons: what changed arrives, resumed nothing is lost, on another server too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

import partita as pt
from partita.api.app import create_app
from partita.records.backfills import BackfillStatus
from partita.records.failures import PythonError
from partita.storage.backfills import BackfillStep
from partita.storage.leases import location_lease
from partita.storage.tick_rows import Outcome
from support.api import LEASE, Api, listening
from support.stores import materialized

TICKS = "subscription($a: String, $f: TickFilter) { ticks(after: $a, filter: $f) { cursor tick { id status skipReason automation { name } } } }"
AUTOMATIONS = "subscription($a: String) { automations(after: $a) { cursor automation { name ... on Sensor { status } ... on Schedule { status } } } }"
BACKFILL = "subscription($id: ID!, $a: String) { backfill(id: $id, after: $a) { cursor backfill { id status } } }"
BACKFILLS = "subscription($a: String, $f: BackfillFilter) { backfills(after: $a, filter: $f) { cursor backfill { id status assets { key } } } }"
ASSETS = "subscription($a: String, $k: [String!]) { assets(after: $a, keys: $k) { cursor asset { key partitions { totalCount } } } }"
DAEMONS = "subscription($a: String) { daemons(after: $a) { cursor daemon { kind isHealthy errors { message } } } }"
START = "mutation($input: StartBackfillInput!) { startBackfill(input: $input) { backfill { id } errors { message } } }"
TWO = {"range": {"from": "2026-01-01", "to": "2026-01-02"}}
CUSTOMERS = pt.DynamicPartitions("customers")


@pt.op
def greet() -> None:
    return None


@pt.job
def hello() -> None:
    greet()


@pt.asset(partitions=CUSTOMERS)
def profile(context: pt.AssetContext) -> str:
    return context.partition_key


@pt.sensor(target="hello")
def files(context: pt.SensorContext) -> pt.Skip:
    return pt.Skip("nothing there")


NIGHTLY = pt.Schedule("each_night", cron="0 2 * * *", target="hello")
FILES, EACH_NIGHT = "ingest/main/files", "ingest/main/each_night"


@pytest.fixture
def timed(api: Api) -> Api:
    """The API of a workspace with a schedule, a sensor and an asset that is cut by customer."""
    api.publish("ingest", assets=[profile], jobs=[hello], schedules=[NIGHTLY], sensors=[files])
    return api


@dataclass
class Stream:
    """A subscription, and the cursor of the last item that it gave."""

    api: Api
    document: str
    variables: dict[str, Any]
    cursor: str | None = None

    @contextmanager
    def open(self) -> Iterator[Items]:
        """Follow it, from where it was left."""
        with self.api.socket() as socket:
            socket.subscribe(self.document, **self.variables, **({"a": self.cursor} if self.cursor else {}))
            yield Items(self, socket.next)


@dataclass
class Items:
    """What arrives."""

    stream: Stream
    receive: Any

    def next(self) -> Any:
        """The next thing."""
        (item,) = self.receive().values()
        self.stream.cursor = item.pop("cursor")
        (shown,) = item.values()
        return shown

    def until(self, wanted: Any) -> Any:
        """The first thing for which `wanted` holds; those before are states that it passed."""
        while not wanted(shown := self.next()):
            pass
        return shown


@contextmanager
def restarted(stream: Stream) -> Iterator[Stream]:
    """The same stream on another server of the same store."""
    api = stream.api
    with listening(create_app(api.store, settings=api.settings)) as port:
        yield Stream(Api(api.store, api.settings, port), stream.document, stream.variables, stream.cursor)


def tick(api: Api, reason: str) -> str:
    """A tick of the sensor that was evaluated and skipped."""
    sensor = api.store.automations.set_on([FILES], True)[0]
    now = api.store.now()
    made = api.store.ticks.request(sensor, due_at=now, next_due_at=now + timedelta(seconds=30))
    assert made is not None
    [claim] = api.store.ticks.claim(owner="worker", location="ingest", limit=1, lease=LEASE)
    return api.store.ticks.finish(claim, Outcome(skip_reason=reason)).id


def backfill(api: Api, **given: Any) -> str:
    """Id of a backfill that was asked for."""
    made = api.ask(START, input=given)["startBackfill"]
    assert not made["errors"]
    started: str = made["backfill"]["id"]
    return started


def test_ticks_arrive_as_they_begin_and_end_and_none_is_lost_meanwhile(timed: Api) -> None:
    stream = Stream(timed, TICKS, {}, timed.store.changes.latest())
    with stream.open() as items:
        first = tick(timed, "one")
        shown = items.until(lambda each: each["status"] == "SKIPPED")
        assert shown == {"id": first, "status": "SKIPPED", "skipReason": "one", "automation": {"name": "files"}}

    missed = tick(timed, "two")
    with restarted(stream) as elsewhere, elsewhere.open() as items:
        assert items.until(lambda each: each["id"] != first)["id"] == missed
        third = tick(timed, "three")
        assert items.until(lambda each: each["skipReason"] == "three")["id"] == third


def test_only_wanted_ticks_arrive_and_dry_runs_when_asked_for(timed: Api) -> None:
    start = timed.store.changes.latest()
    tick(timed, "one")
    dry = timed.store.ticks.request_dry_run(FILES)

    with Stream(timed, TICKS, {"f": {"isDryRun": True}}, start).open() as items:
        assert items.next()["id"] == dry.id
    with Stream(timed, TICKS, {"f": {"automationIds": ["each_night"]}}, start).open() as items:
        schedule = timed.store.automations.set_on([EACH_NIGHT], True)[0]
        now = timed.store.now()
        made = timed.store.ticks.commit_plain(schedule, due_at=now, next_due_at=now + timedelta(days=1), skip_reason="rain")
        assert made is not None
        assert items.next()["id"] == made.id


def test_schedules_and_sensors_arrive_as_they_stand_and_as_they_are_switched(timed: Api) -> None:
    stream = Stream(timed, AUTOMATIONS, {})
    with stream.open() as items:
        assert [items.next(), items.next()] == [{"name": "each_night", "status": "OFF"}, {"name": "files", "status": "OFF"}]
        timed.store.automations.set_on([FILES], True)
        assert items.next() == {"name": "files", "status": "ON"}

    timed.store.automations.set_on([EACH_NIGHT], True)
    with restarted(stream) as elsewhere, elsewhere.open() as items:
        assert items.next() == {"name": "each_night", "status": "ON"}
        timed.store.automations.set_on([FILES], False)
        assert items.next() == {"name": "files", "status": "OFF"}


def test_schedules_and_sensors_of_new_code_arrive(timed: Api) -> None:
    stream = Stream(timed, AUTOMATIONS, {}, timed.store.changes.latest())
    with stream.open() as items:
        timed.publish("ingest", jobs=[hello], schedules=[NIGHTLY, pt.Schedule("hourly", cron="0 * * * *", target="hello", default_on=True)])
        assert items.next() == {"name": "hourly", "status": "ON"}

    timed.publish("ingest", jobs=[hello], schedules=[NIGHTLY, pt.Schedule("hourly", cron="0 * * * *", target="hello")])
    with restarted(stream) as elsewhere, elsewhere.open() as items:
        assert items.next() == {"name": "hourly", "status": "OFF"}


@pytest.mark.parametrize(
    ("document", "fresh"),
    [
        (TICKS, {"the tick"}),
        (AUTOMATIONS, {"each_night", "files"}),
        (BACKFILL, {"the backfill"}),
        (BACKFILLS, {"the backfill"}),
        (ASSETS, {"profile"}),
        (DAEMONS, {"SCHEDULES", "SENSORS", "BACKFILLS", "CONDITIONS", "MONITOR", "RETENTION"}),
    ],
)
def test_a_cursor_that_is_too_old_gets_the_fresh_state(timed: Api, document: str, fresh: set[str]) -> None:
    start = timed.store.changes.latest()
    ids = {tick(timed, "one"): "the tick", backfill(timed, selection="marts/people"): "the backfill"}
    timed.forget_changes()
    with timed.socket() as socket:
        socket.subscribe(document, a=start, id=list(ids)[1], k=["profile"])

        assert [error["extensions"]["code"] for error in socket.receive()["payload"]["errors"]] == ["EXPIRED"]
        items = Items(Stream(timed, document, {}), socket.next)
        found = [next(each[name] for name in ("id", "name", "key", "kind") if name in each) for each in (items.next() for _ in fresh)]
        assert {ids.get(each, each) for each in found} == fresh


def test_a_backfill_is_followed_to_its_end_and_no_further(api: Api) -> None:
    one, other = backfill(api, selection="raw/orders", partitions=TWO), backfill(api, selection="raw/customers")
    stream = Stream(api, BACKFILL, {"id": one})
    with stream.open() as items:
        assert items.next() == {"id": one, "status": "REQUESTED"}
        api.store.backfills.request_cancel(other)
        api.store.backfills.pause(one)
        assert items.next() == {"id": one, "status": "PAUSED"}
        api.store.backfills.resume(one)
        assert items.next() == {"id": one, "status": "REQUESTED"}
        api.store.backfills.request_cancel(one)
        assert items.next() == {"id": one, "status": "CANCELING"}

    step = BackfillStep(cancels_waiting=True, status=BackfillStatus.CANCELED)
    assert api.store.backfills.advance(api.store.backfills.get(one), step)
    with restarted(stream) as elsewhere, elsewhere.open() as items:
        assert items.next() == {"id": one, "status": "CANCELED"}
    with api.socket() as socket:
        socket.subscribe(BACKFILL, id=one)
        assert socket.next()["backfill"]["backfill"]["status"] == "CANCELED"
        assert socket.receive()["type"] == "complete"
        socket.subscribe(BACKFILL, "2", id="backfill_nothing")
        assert "There is no backfill 'backfill_nothing'." in socket.receive()["payload"]["errors"][0]["message"]


def test_backfills_arrive_as_they_are_asked_for_and_change(api: Api) -> None:
    stream = Stream(api, BACKFILLS, {}, api.store.changes.latest())
    with stream.open() as items:
        one = backfill(api, selection="raw/orders", partitions=TWO)
        assert items.next() == {"id": one, "status": "REQUESTED", "assets": [{"key": "raw/orders"}]}

    api.store.backfills.request_cancel(one)
    two = backfill(api, selection="raw/customers")
    with restarted(stream) as elsewhere, elsewhere.open() as items:
        assert [items.next()["status"], items.next()["id"]] == ["CANCELING", two]


def test_the_stream_and_the_list_mean_the_same_backfills_by_assets(api: Api) -> None:
    start = api.store.changes.latest()
    # raw/customers has no partitions, so none of it is missing and nothing of it is written
    one = backfill(api, selection="group:raw", partitions={"statuses": ["MISSING"]})
    two = backfill(api, selection="raw/customers")
    document = "query($f: BackfillFilter) { backfills(filter: $f) { nodes { id assets { key } } } }"

    listed = {key: api.ask(document, f={"assetKeys": [key]})["backfills"]["nodes"] for key in ("raw/orders", "raw/customers")}
    streamed = {}
    for key in listed:
        with Stream(api, BACKFILLS, {"f": {"assetKeys": [key]}}, start).open() as items:
            streamed[key] = {name: each for name, each in items.next().items() if name != "status"}

    assert listed == {
        "raw/orders": [{"id": one, "assets": [{"key": "raw/orders"}]}],
        "raw/customers": [{"id": two, "assets": [{"key": "raw/customers"}]}],
    }
    assert {key: [each] for key, each in streamed.items()} == listed


def test_assets_arrive_as_they_are_written_and_as_their_partitions_grow(timed: Api) -> None:
    stream = Stream(timed, ASSETS, {"k": ["profile"]}, timed.store.changes.latest())
    with stream.open() as items:
        timed.store.partitions.add("customers", ["acme"])
        assert items.next() == {"key": "profile", "partitions": {"totalCount": 1}}

    writer = timed.begin("raw/customers", "profile")
    writer.send(materialized("raw/customers"), materialized("profile", "acme"))
    with restarted(stream) as elsewhere, elsewhere.open() as items:
        assert items.next()["key"] == "profile"
        timed.store.partitions.add("customers", ["globex"])
        assert items.next()["partitions"]["totalCount"] == 2


def test_daemons_arrive_as_they_stand_and_as_they_live_and_fail(api: Api) -> None:
    stream = Stream(api, DAEMONS, {})
    with stream.open() as items:
        assert not any(items.next()["isHealthy"] for _ in range(8))
        api.store.leases.heartbeat("schedules", owner="daemon")
        assert items.next() == {"kind": "SCHEDULES", "isHealthy": True, "errors": []}
        api.store.leases.heartbeat("schedules", owner="daemon")  # a heartbeat alone is no news
        api.store.leases.heartbeat("sensors", owner="daemon", error=PythonError(class_name="OSError", message="disk full"))
        assert items.next() == {"kind": "SENSORS", "isHealthy": False, "errors": [{"message": "disk full"}]}


def test_resumed_daemons_tell_what_changed_meanwhile_and_nothing_else(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partita.api.subscriptions.states.LOOK", 0.05)
    for role in ("schedules", "sensors", "backfills"):
        api.store.leases.heartbeat(role, owner="daemon")
    stream = Stream(api, DAEMONS, {}, api.store.changes.latest())

    api.store.leases.heartbeat("sensors", owner="daemon", error=PythonError(class_name="OSError", message="disk full"))
    with stream.open() as items:
        assert items.next()["kind"] == "SENSORS"
    with restarted(stream) as elsewhere, elsewhere.open() as items:
        api.store.leases.heartbeat("backfills", owner="daemon", error=PythonError(class_name="OSError", message="full too"))
        assert items.next()["kind"] == "BACKFILLS"


def test_a_daemon_or_worker_that_died_meanwhile_is_told_of_though_it_wrote_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.store.leases.heartbeat("schedules", owner="daemon")
    epoch = api.store.leases.acquire(location_lease("ingest"), owner="worker", ttl=timedelta(0))
    assert epoch is not None
    after = api.store.changes.latest()
    monkeypatch.setattr("partita.storage.leases.HEALTHY_FOR", timedelta(0))

    with Stream(api, DAEMONS, {}, after).open() as items:
        assert items.next() == {"kind": "SCHEDULES", "isHealthy": False, "errors": []}
    document = "subscription($a: String) { workspace(after: $a) { cursor codeLocation { name status } } }"
    with Stream(api, document, {}, after).open() as items:
        assert items.next() == {"name": "ingest", "status": "UNREACHABLE"}
