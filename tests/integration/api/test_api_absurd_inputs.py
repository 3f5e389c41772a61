"""What no client should send: refused in words with its place, and never a fault of the server."""

from __future__ import annotations

import json
from typing import Any

import pytest

import partita as pt
from partita.api.ids import CHECK, JOB, LOCATION, SENSOR, encode_id
from support.api import Api

LONG = "x" * 450_000
NUL = "a\0b"
MUTATIONS = {
    "launchRun": "LaunchRunInput",
    "materializeAssets": "MaterializeAssetsInput",
    "retryRun": "RetryRunInput",
    "reportAssetEvent": "ReportAssetEventInput",
    "cancelRuns": "CancelRunsInput",
    "reloadCodeLocation": "ReloadCodeLocationInput",
    "startBackfill": "StartBackfillInput",
    "cancelBackfill": "CancelBackfillInput",
    "retryBackfill": "RetryBackfillInput",
    "pauseBackfill": "PauseBackfillInput",
    "resumeBackfill": "ResumeBackfillInput",
    "setBackfillPriority": "SetBackfillPriorityInput",
    "setAutomationStatus": "SetAutomationStatusInput",
    "setSensorCursor": "SetSensorCursorInput",
    "evaluateSensor": "EvaluateSensorInput",
    "addDynamicPartitions": "AddDynamicPartitionsInput",
}


@pt.op
def greet() -> None:
    return None


@pt.job
def hello() -> None:
    greet()


@pt.sensor(target="hello")
def files(context: pt.SensorContext) -> pt.Skip:
    return pt.Skip("nothing there")


@pytest.fixture
def timed(api: Api) -> Api:
    api.publish("ingest", jobs=[hello], sensors=[files])
    return api


def problems(api: Api, verb: str, given: dict[str, Any]) -> list[tuple[str, list[str] | None]]:
    """Codes and places of what is said against a mutation; none of it echoes what was absurd."""
    document = f"mutation($i: {MUTATIONS[verb]}!) {{ {verb}(input: $i) {{ errors {{ code message path }} }} }}"
    errors = api.ask(document, i=given)[verb]["errors"]
    assert all(len(error["message"]) < 500 for error in errors)
    return [(error["code"], error["path"]) for error in errors]


@pytest.mark.parametrize(
    ("verb", "given", "path"),
    [
        ("launchRun", {"jobName": ...}, ["jobName"]),
        ("launchRun", {"jobName": "hello", "partitionKey": ...}, ["partitionKey"]),
        ("launchRun", {"jobName": "hello", "stepKeys": [...]}, ["stepKeys"]),
        ("launchRun", {"jobName": "hello", "tags": [{"key": "a", "value": ...}]}, ["tags", "value"]),
        ("launchRun", {"jobName": "hello", "idempotencyKey": ...}, ["idempotencyKey"]),
        ("materializeAssets", {"selection": ...}, ["selection"]),
        ("materializeAssets", {"selection": "*", "partitions": {"keys": [...]}}, ["partitions", "keys"]),
        ("retryRun", {"runId": ...}, ["runId"]),
        ("cancelRuns", {"runIds": [...]}, ["runIds"]),
        ("reloadCodeLocation", {"codeLocationId": ...}, ["codeLocationId"]),
        ("startBackfill", {"selection": ...}, ["selection"]),
        ("startBackfill", {"selection": "*", "partitions": {"range": {"from": ..., "to": "x"}}}, ["partitions", "range", "from"]),
        ("startBackfill", {"selection": "*", "idempotencyKey": ...}, ["idempotencyKey"]),
        ("startBackfill", {"selection": "*", "title": ...}, ["title"]),
        ("cancelBackfill", {"backfillId": ...}, ["backfillId"]),
        ("retryBackfill", {"backfillId": ...}, ["backfillId"]),
        ("pauseBackfill", {"backfillId": ...}, ["backfillId"]),
        ("resumeBackfill", {"backfillId": ...}, ["backfillId"]),
        ("setBackfillPriority", {"backfillId": ..., "priority": 1}, ["backfillId"]),
        ("setAutomationStatus", {"automationIds": ["files", ...], "status": "ON"}, ["automationIds"]),
        ("setSensorCursor", {"sensorId": ...}, ["sensorId"]),
        ("evaluateSensor", {"sensorId": ...}, ["sensorId"]),
        ("reportAssetEvent", {"assetKey": ...}, ["assetKey"]),
        ("reportAssetEvent", {"assetKey": "source/orders", "partitionKey": ...}, ["partitionKey"]),
        ("addDynamicPartitions", {"setName": ..., "keys": ["a"]}, ["setName"]),
        ("addDynamicPartitions", {"setName": "customers", "keys": [...]}, ["keys"]),
    ],
)
def test_a_text_that_cannot_be_is_refused_with_its_place(timed: Api, verb: str, given: dict[str, Any], path: list[str]) -> None:
    for text in (LONG, NUL):
        assert problems(timed, verb, filled(given, text)) == [("INVALID_INPUT", path)]


def filled(given: Any, text: str) -> Any:
    """The input with a text where it leaves one open."""
    match given:
        case dict():
            return {name: filled(each, text) for name, each in given.items()}
        case list():
            return [filled(each, text) for each in given]
        case _:
            return text if given is ... else given


def test_a_cursor_may_be_long_but_holds_no_nul(timed: Api) -> None:
    assert problems(timed, "setSensorCursor", {"sensorId": "files", "cursor": LONG}) == []
    assert problems(timed, "setSensorCursor", {"sensorId": "files", "cursor": NUL}) == [("INVALID_INPUT", ["cursor"])]
    assert problems(timed, "evaluateSensor", {"sensorId": "files", "cursor": NUL}) == [("INVALID_INPUT", ["cursor"])]


@pytest.mark.parametrize("title", ["two\nlines", "\x1b[31mred", "bell\a", "x" * 201])
def test_a_title_is_one_line_of_plain_text(api: Api, title: str) -> None:
    assert problems(api, "startBackfill", {"selection": "raw/customers", "title": title}) == [("INVALID_INPUT", ["title"])]
    assert problems(api, "startBackfill", {"selection": "raw/customers", "title": "Größe 数 👨‍👩‍👧"}) == []


ODD = [LONG, NUL, "", " ", "9" * 400, "AAAA", "W10", "W251bGxd", "WyJqb2IiXQ", "run_" + NUL, "tick_" + LONG, "backfill_" + LONG, "mat_" + NUL]
ODD += [encode_id(SENSOR, NUL, "main", "files"), encode_id(JOB, "x", LONG[:9000], "y"), encode_id(LOCATION, NUL), encode_id(CHECK, "", "")]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_names_and_ids_find_nothing_or_are_refused(timed: Api, text: str) -> None:
    found = timed.ask(
        "query($t: String!, $id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } run(id: $id) { id } tick(id: $id) { id }"
        " backfill(id: $id) { id } job(name: $t) { id } asset(key: $t) { id } schedule(name: $t) { id } sensor(name: $t) { id } }",
        t=text,
        id=text,
    )
    assert found.pop("nodes") == [None]
    assert set(found.values()) == {None}

    lists = ["selectAssets(selection: $t) { id }", "dynamicPartitions(setName: $t)", "ticks(filter: {automationIds: [$id]}) { totalCount }"]
    lists += [f"{name}(after: $t) {{ totalCount }}" for name in ("jobs", "assets", "runs", "ticks", "backfills", "schedules", "sensors")]
    lists += ["backfills(filter: {assetKeys: [$t]}) { totalCount }", "runs(filter: {ids: [$id], tags: [{key: $t, value: $t}]}) { totalCount }"]
    for each in lists:
        used = ", ".join(name for name in ("$t: String!", "$id: ID!") if name.split(":")[0] in each.replace("ids", ""))
        answer = timed.send(f"query({used}) {{ {each} }}", {"t": text, "id": text})
        assert {error["extensions"]["code"] for error in answer.get("errors", ())} <= {"BAD_USER_INPUT"}, each
        assert len(json.dumps(answer)) < 20_000, each


@pytest.mark.parametrize("size", [-1, -(2**31), 501, 2**31 - 1, 2**31, 2**63, 1.5, "1"])
def test_a_page_size_that_cannot_be_is_refused(timed: Api, size: Any) -> None:
    for name in ("ticks", "backfills", "schedules", "sensors", "assets", "jobs", "runs"):
        errors = timed.refuse(f"query($n: Int) {{ {name}(first: $n) {{ totalCount }} }}", n=size)

        assert [error["extensions"]["code"] for error in errors] == ["BAD_USER_INPUT"], name


def test_half_a_character_is_refused(api: Api) -> None:
    for raw in (b'"\\ud800"', b'"\xff"', b'"\xed\xa0\x80"'):
        answer = api.post(b'{"query": "query($t: String!) { sensor(name: $t) { id } }", "variables": {"t": ' + raw + b"}}")
        assert answer.codes == ["BAD_REQUEST"]
    [error] = api.refuse('{ sensor(name: "\\ud800") { id } }')
    assert error["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"


@pytest.mark.parametrize("levels", [101, 300, 900])
def test_a_config_that_is_nested_without_end_is_refused(api: Api, levels: int) -> None:
    config: Any = 1
    for _ in range(levels):
        config = {"a": config}
    document = "mutation($i: LaunchRunInput!) { launchRun(input: $i) { errors { code } } }"

    [error] = api.refuse(document, i={"jobName": "hello", "config": config, "idempotencyKey": "k"})

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "100 levels" in error["message"]


@pytest.mark.parametrize("number", ["18446744073709551617", "1e400", "9" * 4000])
def test_a_number_in_a_config_that_could_not_be_shown_again_is_refused(api: Api, number: str) -> None:
    document = f'mutation {{ launchRun(input: {{jobName: "daily", config: {{steps: {{fetch: {{limit: {number}}}}}}}}}) {{ run {{ id config }} }} }}'

    assert [error["extensions"]["code"] for error in api.refuse(document)] == ["GRAPHQL_VALIDATION_FAILED"]
    assert api.store.runs.count() == 0


def test_what_a_program_recorded_is_shown_however_odd_it_is(api: Api) -> None:
    run = api.run(config={"steps": {"fetch": {"limit": 2**70}}})

    assert api.ask("query($id: ID!) { run(id: $id) { config } }", id=run.id)["run"]["config"]["steps"]["fetch"]["limit"] == 2**70


@pytest.mark.parametrize("name", ["ticks", "backfills", "automations", "assets", "daemons", "workspace", "runs"])
def test_what_is_no_cursor_of_a_stream_ends_it_in_words(timed: Api, name: str) -> None:
    with timed.socket() as socket:
        for cursor in (LONG[:200_000], NUL, "", "-1", "x", "9" * 20, "１"):
            socket.subscribe(f"subscription($a: String) {{ {name}(after: $a) {{ cursor }} }}", a=cursor)
            errors = socket.receive()["payload"]["errors"]
            assert [error["extensions"]["code"] for error in errors] == ["BAD_USER_INPUT"], cursor[:20]
            assert socket.receive()["type"] == "complete"


@pytest.mark.parametrize("keys", [["not a key"], ["x" * 1001], ["a"] * 101])
def test_keys_of_a_stream_of_assets_that_cannot_be_are_refused(timed: Api, keys: list[str]) -> None:
    with timed.socket() as socket:
        socket.subscribe("subscription($k: [String!]) { assets(keys: $k) { cursor } }", k=keys)

        assert [error["extensions"]["code"] for error in socket.receive()["payload"]["errors"]] == ["BAD_USER_INPUT"]
