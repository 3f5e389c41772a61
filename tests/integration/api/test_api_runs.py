"""Runs as the API shows them: lists in both directions, steps, events, logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from partita.api.ids import JOB, encode_id
from partita.definitions.keys import AssetKey
from partita.execution.archive import LogArchive
from partita.execution.capture import captured_path
from partita.records.events import (
    LogLevel,
    LogWritten,
    OutputSaved,
    ProcessStarted,
    ProgressMade,
    StepFailed,
    StepStarted,
    StepSucceeded,
    StepUpstreamFailed,
)
from partita.records.failures import PythonError
from partita.records.runs import RunStatus
from support.api import Api, serving
from support.stores import NOON, at, checked, materialized, status

BOOM = PythonError(class_name="ValueError", message="boom", stack=("frame",), cause=PythonError(class_name="KeyError", message="'a'"))


def finish(api: Api, **rest: Any) -> str:
    """A run of two steps of which the second failed."""
    writer = api.begin("fetch", "report", "after", **rest)
    writer.send(
        ProcessStarted(at=at(1), step="fetch", pid=7, host="box", how="fork", startup=0.005),
        StepStarted(at=at(1), step="fetch"),
        OutputSaved(at=at(2), step="fetch", output="result"),
        StepSucceeded(at=at(3), step="fetch", duration=2.0),
        StepStarted(at=at(4), step="report"),
        LogWritten(at=at(4), step="report", level=LogLevel.WARNING, logger="mine", message="Careful", fields={"rows": 3}),
        ProgressMade(at=at(4), step="report", done=1, total=2),
        StepFailed(at=at(5), step="report", error=BOOM, duration=1.0),
        StepUpstreamFailed(at=at(5), step="after", causes=("report",)),
        status(RunStatus.FAILED, 6),
    )
    return writer.run_id


def test_a_run_shows_how_it_went(api: Api) -> None:
    run_id = finish(api, tags={"b": "2", "a": "1"}, config={"steps": {"fetch": {"limit": 1}}}, priority=3)

    run = api.ask(
        "query($id: ID!) { run(id: $id) { id jobName status config priority attempt tags { key value } createdAt startedAt endedAt duration"
        " job { name } codeLocation { name } canCancel canRetry parent { id } root { id } partitions { count } assets { key }"
        " steps { key status duration attempts worker error { className message stack cause { message } } }"
        " stats { totalSteps succeededSteps failedSteps skippedSteps materializations } } }",
        id=run_id,
    )["run"]

    assert (run["jobName"], run["status"], run["priority"], run["attempt"]) == ("nightly", "FAILED", 3, 1)
    assert run["tags"] == [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    assert run["config"] == {"steps": {"fetch": {"limit": 1}}}
    assert (run["startedAt"], run["endedAt"]) == ("2026-03-01T12:00:00Z", "2026-03-01T12:00:06Z")
    assert run["duration"] == 6.0
    assert (run["job"], run["codeLocation"]) == ({"name": "nightly"}, {"name": "ingest"})
    assert (run["canCancel"], run["canRetry"]) == (False, True)
    assert (run["parent"], run["root"], run["partitions"], run["assets"]) == (None, None, None, [])
    assert [(each["key"], each["status"]) for each in run["steps"]] == [("fetch", "SUCCEEDED"), ("report", "FAILED"), ("after", "UPSTREAM_FAILED")]
    assert run["steps"][0]["worker"].startswith("box 7")
    assert run["steps"][1]["error"] == {"className": "ValueError", "message": "boom", "stack": ["frame"], "cause": {"message": "'a'"}}
    assert run["stats"] == {"totalSteps": 3, "succeededSteps": 1, "failedSteps": 1, "skippedSteps": 1, "materializations": 0}


def test_a_run_is_found_by_its_short_id(api: Api) -> None:
    run = api.run()

    assert api.ask("query($id: ID!) { run(id: $id) { id } }", id=run.id[-8:]) == {"run": {"id": run.id}}


def test_a_run_of_assets_shows_what_it_writes(api: Api) -> None:
    run = api.run(assets=(AssetKey("raw/orders"),), partition_keys=("2026-01-01", "2026-01-02", "2026-01-03"))

    shown = api.ask(
        "query($id: ID!) { run(id: $id) { jobName job { name } assets { key }"
        ' partitions { count range keys(first: 1) rest: keys(after: "2026-01-01") } } }',
        id=run.id,
    )["run"]

    assert (shown["jobName"], shown["job"], shown["assets"]) == (None, None, [{"key": "raw/orders"}])
    assert shown["partitions"] == {"count": 3, "range": ["2026-01-01", "2026-01-03"], "keys": ["2026-01-01"], "rest": ["2026-01-02", "2026-01-03"]}


def test_partitions_that_are_no_range_have_none(api: Api) -> None:
    run = api.run(assets=(AssetKey("raw/orders"),), partition_keys=("2026-01-01", "2026-01-03"))

    assert api.ask("query($id: ID!) { run(id: $id) { partitions { range } } }", id=run.id)["run"]["partitions"] == {"range": None}


def test_a_run_whose_code_is_gone_is_still_shown(api: Api) -> None:
    run = api.run(job="removed", repository="gone")
    api.store.runs.request_cancel(run.id)

    shown = api.ask("query($id: ID!) { run(id: $id) { jobName job { name } canRetry } }", id=run.id)["run"]

    assert shown == {"jobName": "removed", "job": None, "canRetry": False}


def test_runs_are_read_page_by_page_in_both_directions(api: Api) -> None:
    ids = [api.run().id for _ in range(5)][::-1]
    document = (
        "query($f: Int, $a: String, $l: Int, $b: String) { runs(first: $f, after: $a, last: $l, before: $b)"
        " { totalCount nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
    )

    first = api.ask(document, f=2)["runs"]
    second = api.ask(document, f=2, a=first["pageInfo"]["endCursor"])["runs"]
    tail = api.ask(document, l=2)["runs"]
    before = api.ask(document, l=2, b=tail["pageInfo"]["startCursor"])["runs"]

    assert [each["id"] for each in first["nodes"]] == ids[:2]
    assert [each["id"] for each in second["nodes"]] == ids[2:4]
    assert [each["id"] for each in tail["nodes"]] == ids[3:]
    assert [each["id"] for each in before["nodes"]] == ids[1:3]
    assert first["totalCount"] == 5
    assert (first["pageInfo"]["hasNextPage"], first["pageInfo"]["hasPreviousPage"]) == (True, False)
    assert (tail["pageInfo"]["hasNextPage"], tail["pageInfo"]["hasPreviousPage"]) == (False, True)
    assert first["edges"][1] == {"cursor": first["pageInfo"]["endCursor"], "node": {"id": ids[1]}}


def test_a_page_does_not_move_when_runs_are_added(api: Api) -> None:
    ids = [api.run().id for _ in range(4)][::-1]
    document = "query($a: String) { runs(first: 2, after: $a) { nodes { id } pageInfo { endCursor } } }"
    first = api.ask(document)["runs"]
    api.run()

    second = api.ask(document, a=first["pageInfo"]["endCursor"])["runs"]

    assert [each["id"] for each in second["nodes"]] == ids[2:]


def test_runs_can_be_filtered_and_sorted(api: Api) -> None:
    failed = finish(api, tags={"team": "blue", "x": "1"})
    low = api.run(priority=1, tags={"team": "blue"}).id
    high = api.run(priority=9, job="daily", partition_keys=("2026-01-01",)).id
    asset = api.run(assets=(AssetKey("raw/orders"),), partition_keys=("2026-01-02",)).id
    retried = api.run(parent_id=failed).id
    document = "query($f: RunFilter, $o: RunOrder) { runs(filter: $f, orderBy: $o) { nodes { id } } }"

    def ids(f: dict[str, Any], o: dict[str, Any] | None = None) -> list[str]:
        return [each["id"] for each in api.ask(document, f=f, o=o)["runs"]["nodes"]]

    assert ids({"statuses": ["FAILED"]}) == [failed]
    assert ids({"ids": [low, high]}) == [high, low]
    assert ids({"tags": [{"key": "team", "value": "blue"}]}) == [low, failed]
    assert ids({"tags": [{"key": "team", "value": "blue"}, {"key": "x", "value": "1"}]}) == [failed]
    assert ids({"jobs": [encode_id(JOB, "ingest", "main", "daily")]}) == [high]
    assert ids({"jobNames": ["daily", "nope"]}) == [high]
    assert ids({"assetKeys": ["raw/orders"]}) == [asset]
    assert ids({"partitionKeys": ["2026-01-01", "2026-01-02"]}) == [asset, high]
    assert ids({"rootId": failed}) == [retried, failed]
    assert ids({"createdBefore": "2020-01-01T00:00:00Z"}) == []
    assert ids({"statuses": ["QUEUED"], "jobNames": ["nightly"]}, {"field": "PRIORITY", "direction": "DESC"}) == [low, retried]
    assert ids({"statuses": []}) == []


def test_a_retried_run_knows_the_runs_before_it(api: Api) -> None:
    first = api.run().id
    second = api.run(parent_id=first).id
    third = api.run(parent_id=second).id

    shown = api.ask("query($id: ID!) { run(id: $id) { attempt parent { id } root { id } } }", id=third)["run"]

    assert shown == {"attempt": 3, "parent": {"id": second}, "root": {"id": first}}


def test_runs_of_a_job_are_only_its_own(api: Api) -> None:
    mine = api.run(job="daily", partition_keys=("2026-01-01",)).id
    api.run()

    found = api.ask('{ job(name: "daily") { runs { totalCount nodes { id } } } }')["job"]["runs"]

    assert found == {"totalCount": 1, "nodes": [{"id": mine}]}


def test_events_tell_what_happened_in_order(api: Api) -> None:
    run_id = finish(api)

    events = api.ask(
        "query($id: ID!) { run(id: $id) { events { totalCount nodes { __typename cursor runId at level message stepKey attempt"
        " ... on StatusEvent { status } ... on StepEvent { kind duration retryAfter failure: error { message } metadata { label } }"
        " ... on PlanEvent { stepKeys reusedStepKeys } ... on LogEvent { logger fields } ... on ProgressEvent { done total } } } } }",
        id=run_id,
    )["run"]["events"]

    nodes = events["nodes"]
    assert events["totalCount"] == len(nodes) == 14
    assert [each["cursor"] for each in nodes] == [str(seq) for seq in range(1, 15)]
    assert [each["__typename"] for each in nodes][:5] == ["StatusEvent", "StatusEvent", "PlanEvent", "StatusEvent", "StepEvent"]
    assert nodes[2]["stepKeys"] == ["fetch", "report", "after"]
    assert [each["kind"] for each in nodes if each["__typename"] == "StepEvent"] == [
        "WORKER",
        "STARTED",
        "OUTPUT",
        "SUCCEEDED",
        "STARTED",
        "FAILED",
        "UPSTREAM_FAILED",
    ]
    [log] = [each for each in nodes if each["__typename"] == "LogEvent"]
    assert (log["logger"], log["fields"], log["level"], log["message"], log["stepKey"]) == ("mine", {"rows": 3}, "WARNING", "Careful", "report")
    [progress] = [each for each in nodes if each["__typename"] == "ProgressEvent"]
    assert (progress["done"], progress["total"]) == (1.0, 2.0)
    failed = next(each for each in nodes if each.get("kind") == "FAILED")
    assert (failed["failure"], failed["duration"], failed["retryAfter"]) == ({"message": "boom"}, 1.0, None)
    assert nodes[-1]["status"] == "FAILED"


def test_events_of_assets_lead_to_what_they_tell_of(api: Api) -> None:
    writer = api.begin("raw/customers", assets=(AssetKey("raw/customers"),))
    writer.send(materialized("raw/customers"), checked("raw/customers", "not_empty", passed=False), checked("gone", "old", passed=True))

    nodes = api.ask(
        "query($id: ID!) { run(id: $id) { events(last: 3) { nodes {"
        " ... on MaterializationEvent { materialization { id asset { key groupName } run { id } } }"
        " ... on CheckEvent { check { name isBlocking asset { key } } result { passed } } } } } }",
        id=writer.run_id,
    )["run"]["events"]["nodes"]

    written, told, old = nodes
    assert written["materialization"]["asset"] == {"key": "raw/customers", "groupName": "raw"}
    assert written["materialization"]["run"] == {"id": writer.run_id}
    assert told == {"check": {"name": "not_empty", "isBlocking": True, "asset": {"key": "raw/customers"}}, "result": {"passed": False}}
    assert old["check"] == {"name": "old", "isBlocking": False, "asset": {"key": "gone"}}
    same = api.ask("query($id: ID!) { node(id: $id) { ... on Materialization { asset { key } } } }", id=written["materialization"]["id"])
    assert same == {"node": {"asset": {"key": "raw/customers"}}}


def test_events_are_read_page_by_page_in_both_directions(api: Api) -> None:
    run_id = finish(api)
    document = (
        "query($id: ID!, $f: Int, $a: String, $l: Int, $b: String) { run(id: $id) { events(first: $f, after: $a, last: $l, before: $b)"
        " { nodes { cursor } pageInfo { hasNextPage hasPreviousPage } } } }"
    )

    def cursors(**asked: Any) -> list[int]:
        return [int(each["cursor"]) for each in api.ask(document, id=run_id, **asked)["run"]["events"]["nodes"]]

    assert cursors(f=3) == [1, 2, 3]
    assert cursors(f=3, a="3") == [4, 5, 6]
    assert cursors(l=2) == [13, 14]
    assert cursors(l=2, b="13") == [11, 12]
    assert cursors(f=1000, a="12") == [13, 14]


@pytest.mark.parametrize(
    ("filter", "messages"),
    [
        ({"levels": ["WARNING"]}, ["Careful", "Not run because of report"]),
        ({"stepKeys": ["report"], "levels": ["ERROR"]}, ["Failed: ValueError: boom"]),
        ({"kinds": ["FAILED", "SUCCEEDED"]}, ["Succeeded in 2.000 s", "Failed: ValueError: boom"]),
        ({"text": "CAREF"}, ["Careful"]),
    ],
)
def test_events_can_be_filtered(api: Api, filter: dict[str, Any], messages: list[str]) -> None:
    run_id = finish(api)

    events = api.ask(
        "query($id: ID!, $f: RunEventFilter) { run(id: $id) { events(filter: $f) { totalCount nodes { message } } } }", id=run_id, f=filter
    )

    assert [each["message"] for each in events["run"]["events"]["nodes"]] == messages
    assert events["run"]["events"]["totalCount"] == len(messages)


def test_what_a_step_printed_is_read_piece_by_piece(api: Api) -> None:
    run_id = finish(api)
    path = captured_path(api.settings.logs_directory / run_id, "report", attempt=1, stream="stdout")
    path.parent.mkdir(parents=True)
    path.write_text("hällo\n" * 3)
    document = (
        'query($id: ID!, $a: Long, $m: Int) { run(id: $id) { log(stepKey: "report", stream: STDOUT, afterByte: $a, maxBytes: $m)'
        " { text nextByte isComplete } } }"
    )

    text, start = "", 0
    while True:
        chunk = api.ask(document, id=run_id, a=start, m=4)["run"]["log"]
        text, start = text + chunk["text"], chunk["nextByte"]
        if chunk["isComplete"]:
            break

    assert text == "hällo\n" * 3
    assert start == len(text.encode())


def test_what_another_machine_printed_is_read_from_the_archive(tmp_path: Path) -> None:
    document = 'query($id: ID!) { run(id: $id) { log(stepKey: "report", stream: STDOUT) { text nextByte isComplete } } }'
    with serving(tmp_path, logs=f"file://{tmp_path}/archive") as api:
        run_id = finish(api)
        before = api.ask(document, id=run_id)["run"]["log"]
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "report.1.out").write_text("said far away\n")
        LogArchive(f"file://{tmp_path}/archive").put(run_id, tmp_path / "elsewhere")

        after = api.ask(document, id=run_id)["run"]["log"]

    assert before == {"text": "", "nextByte": 0, "isComplete": True}, "it ended long ago: nothing is waited for"
    assert after == {"text": "said far away\n", "nextByte": 14, "isComplete": True}


def test_a_log_is_complete_only_when_the_step_has_ended(api: Api) -> None:
    writer = api.begin("fetch")
    writer.send(StepStarted(at=NOON, step="fetch"))
    document = 'query($id: ID!) { run(id: $id) { log(stepKey: "fetch", stream: STDERR) { text isComplete } } }'

    during = api.ask(document, id=writer.run_id)["run"]["log"]
    writer.send(StepSucceeded(at=at(1), step="fetch", duration=1.0))
    after = api.ask(document, id=writer.run_id)["run"]["log"]

    assert during == {"text": "", "isComplete": False}
    assert after == {"text": "", "isComplete": True}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('stepKey: "fech", stream: STDOUT', "fetch"),
        ('stepKey: "fetch", stream: STDOUT, afterByte: -1', "negative"),
        ('stepKey: "fetch", stream: STDOUT, maxBytes: 0', "maxBytes"),
        ('stepKey: "fetch", stream: STDOUT, maxBytes: 1000000', "maxBytes"),
        ('stepKey: "fetch", stream: STDOUT, attempt: 0', "attempt"),
    ],
)
def test_a_log_that_cannot_be_is_refused(api: Api, arguments: str, said: str) -> None:
    writer = api.begin("fetch")

    [error] = api.refuse(f"query($id: ID!) {{ run(id: $id) {{ log({arguments}) {{ text }} }} }}", id=writer.run_id)

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert said in error["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        "first: -1",
        "first: 501",
        "first: 1, last: 1",
        'after: "Ó"',
        'after: "WzFd"',
        'filter: {jobs: ["nonsense"]}',
        'filter: {assetKeys: ["not a key"]}',
        "filter: {ids: [" + '"x", ' * 101 + "]}",
    ],
)
def test_a_list_that_cannot_be_is_refused(api: Api, arguments: str) -> None:
    [error] = api.refuse(f"{{ runs({arguments}) {{ nodes {{ id }} }} }}")

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["path"] == ["runs"]


def test_events_have_larger_pages(api: Api) -> None:
    run_id = api.run().id
    document = "query($id: ID!, $n: Int) { run(id: $id) { events(first: $n) { nodes { cursor } } } }"

    assert api.ask(document, id=run_id, n=1000)["run"]["events"]["nodes"] == [{"cursor": "1"}]
    assert api.refuse(document, id=run_id, n=1001)[0]["extensions"]["code"] == "BAD_USER_INPUT"
