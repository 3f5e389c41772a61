"""Schedules and sensors through the API: found, shown, switched."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import partita as pt
from partita.planning.ticks import Asked
from partita.records.filters import TickFilter
from partita.records.runs import RunRequest
from partita.storage.leases import location_lease
from partita.storage.tick_rows import Outcome
from partita.workspace.loader import describe
from support.api import LEASE, Api


@pt.op
def greet() -> None:
    return None


@pt.job
def hello() -> None:
    greet()


@pt.sensor(target="hello")
def files(context: pt.SensorContext) -> pt.Skip:
    """Waits for files."""
    return pt.Skip("nothing there")


NIGHTLY = pt.Schedule("each_night", cron="0 2 * * *", target="hello", default_on=True)
SWITCH = (
    "mutation($input: SetAutomationStatusInput!) { setAutomationStatus(input: $input) {"
    " automations { __typename ... on Schedule { name status isOverridden } ... on Sensor { name status isOverridden } }"
    " errors { code message path } } }"
)


@pytest.fixture
def timed(api: Api) -> Api:
    """The API of a workspace with a schedule that is on and a sensor that is off."""
    found = describe("ingest", [pt.Repository("main", jobs=[hello], schedules=[NIGHTLY], sensors=[files])])
    api.store.locations.publish("ingest", found, python_version="3.11", library_version="0.1", start="fork")
    return api


def switch(api: Api, *ids: str, **rest: Any) -> tuple[list[tuple[str, str, bool]], list[dict[str, Any]]]:
    """What was switched, and what was said against it."""
    made = api.ask(SWITCH, input={"automationIds": list(ids), **rest})["setAutomationStatus"]
    return [(each["name"], each["status"], each["isOverridden"]) for each in made["automations"]], made["errors"]


def test_schedules_and_sensors_are_listed_and_stand_as_their_code_says(timed: Api) -> None:
    data = timed.ask(
        "{ schedules { totalCount nodes { name cron status defaultStatus isOverridden lastTick { id } } } sensors { nodes { name status } } }"
    )

    fresh = {"status": "ON", "defaultStatus": "ON", "isOverridden": False, "lastTick": None}
    assert data["schedules"] == {"totalCount": 1, "nodes": [{"name": "each_night", "cron": ["0 2 * * *"], **fresh}]}
    assert data["sensors"]["nodes"] == [{"name": "files", "status": "OFF"}]


def test_a_schedule_is_found_by_name_path_and_id(timed: Api) -> None:
    document = "query($name: String!) { schedule(name: $name) { id name } sensor(name: $name) { name } }"
    by_name = timed.ask(document, name="each_night")

    assert by_name["sensor"] is None
    node_id = by_name["schedule"]["id"]
    assert timed.ask(document, name="ingest/main/each_night") == by_name
    assert timed.ask(document, name=node_id) == by_name
    assert timed.ask("query($id: ID!) { node(id: $id) { __typename id } }", id=node_id)["node"] == {"__typename": "Schedule", "id": node_id}
    assert timed.ask(document, name="nothing")["schedule"] is None


def test_switching_overrides_the_code_until_it_counts_again(timed: Api) -> None:
    assert switch(timed, "each_night", status="OFF") == ([("each_night", "OFF", True)], [])
    assert switch(timed, "each_night") == ([("each_night", "ON", False)], [])


def test_an_unknown_name_switches_none_and_tells_the_nearest(timed: Api) -> None:
    switched, (error,) = switch(timed, "files", "each_nigth", status="ON")

    assert switched == []
    assert error["path"] == ["automationIds"]
    assert "each_nigth" in error["message"]
    assert "each_night" in error["message"].replace("each_nigth", "")
    assert timed.ask('{ sensor(name: "files") { status } }')["sensor"] == {"status": "OFF"}


def test_one_that_is_named_twice_is_switched_once(timed: Api) -> None:
    assert switch(timed, "files", "ingest/main/files", status="ON") == ([("files", "ON", True)], [])
    assert switch(timed, status="ON") == ([], [])


def test_a_schedule_has_no_cursor_and_is_told_so(timed: Api) -> None:
    for verb, kind in (("setSensorCursor", "SetSensorCursorInput"), ("evaluateSensor", "EvaluateSensorInput")):
        document = f"mutation($input: {kind}!) {{ {verb}(input: $input) {{ errors {{ code message path }} }} }}"
        [error] = timed.ask(document, input={"sensorId": "each_night"})[verb]["errors"]
        assert (error["code"], error["path"]) == ("INVALID_INPUT", ["sensorId"])
        assert error["message"].startswith("'each_night' is a schedule")


def test_ticks_of_one_are_its_own_whatever_a_filter_says(timed: Api) -> None:
    timed.store.ticks.request_dry_run("ingest/main/files")
    document = 'query($f: TickFilter) { sensor(name: "files") { ticks(filter: $f) { totalCount } } }'

    def count(*names: str) -> int:
        found: int = timed.ask(document, f={"isDryRun": True, "automationIds": names})["sensor"]["ticks"]["totalCount"]
        return found

    assert (count("files"), count("each_night", "files"), count("each_night")) == (1, 1, 0)


def test_a_cursor_is_set_and_taken_back(timed: Api) -> None:
    document = "mutation($input: SetSensorCursorInput!) { setSensorCursor(input: $input) { sensor { cursor } errors { message path } } }"

    assert timed.ask(document, input={"sensorId": "files", "cursor": "42"})["setSensorCursor"] == {"sensor": {"cursor": "42"}, "errors": []}
    assert timed.ask(document, input={"sensorId": "files"})["setSensorCursor"] == {"sensor": {"cursor": None}, "errors": []}
    refused = timed.ask(document, input={"sensorId": "each_night", "cursor": "42"})["setSensorCursor"]
    assert refused["sensor"] is None
    assert refused["errors"][0]["path"] == ["sensorId"]


def test_the_tick_of_a_sensor_shows_what_it_launched_and_a_dry_run_is_kept_apart(timed: Api) -> None:
    sensor = timed.store.automations.set_on(["ingest/main/files"], True)[0]
    now = timed.store.now()
    timed.store.ticks.request(sensor, due_at=now, next_due_at=now + timedelta(seconds=30))
    [claim] = timed.store.ticks.claim(owner="worker", location="ingest", limit=1, lease=LEASE)
    asked = Asked(RunRequest(location="ingest", repository="main", job="hello"), "k")
    tick = timed.store.ticks.finish(claim, Outcome(asks=(asked,), sets_cursor=True, cursor="7"))
    timed.store.ticks.request_dry_run(sensor.id)

    shown = timed.ask(
        '{ sensor(name: "files") { cursor lastTick { id } ticks { totalCount nodes { id status cursor runCount'
        " requests { runKey jobName run { id } } runs { id tick { id } launchedBy { __typename ... on Sensor { name } } } } }"
        " dry: ticks(filter: { isDryRun: true }) { totalCount } } }"
    )["sensor"]

    run_id = tick.requests[0].run_id
    by = {"__typename": "Sensor", "name": "files"}
    assert (shown["cursor"], shown["lastTick"]) == ("7", {"id": tick.id})
    assert shown["ticks"]["nodes"] == [
        {
            "id": tick.id,
            "status": "SUCCEEDED",
            "cursor": "7",
            "runCount": 1,
            "requests": [{"runKey": "k", "jobName": "hello", "run": {"id": run_id}}],
            "runs": [{"id": run_id, "tick": {"id": tick.id}, "launchedBy": by}],
        }
    ]
    assert (shown["ticks"]["totalCount"], shown["dry"]["totalCount"]) == (1, 1)


def test_a_sensor_without_a_worker_is_refused_at_once(timed: Api) -> None:
    name = location_lease("ingest")
    epoch = timed.store.leases.acquire(name, owner="worker", ttl=LEASE)
    assert epoch is not None
    timed.store.leases.release(name, owner="worker", epoch=epoch)

    document = "mutation($input: EvaluateSensorInput!) { evaluateSensor(input: $input) { tick { id } errors { code } } }"
    made = timed.ask(document, input={"sensorId": "files"})["evaluateSensor"]

    assert made == {"tick": None, "errors": [{"code": "CODE_LOCATION_UNAVAILABLE"}]}
    assert timed.store.ticks.count(TickFilter(is_dry_run=None)) == 0
