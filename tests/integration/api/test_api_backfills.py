"""Backfills through the API: started, refused in words, cancelled, retried, shown."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import partita as pt
from partita.definitions.keys import AssetKey
from partita.records.backfills import BackfillStatus
from partita.storage.backfills import BackfillStep
from support.api import Api

START = (
    "mutation($input: StartBackfillInput!) { startBackfill(input: $input) { isReplay errors { code message path }"
    " backfill { id status partitionCount jobName selection statusCounts { status count }"
    " partitions(first: 2) { totalCount nodes { assetKey partitionKey status } } } } }"
)
TWO = {"range": {"from": "2026-01-01", "to": "2026-01-02"}}


def an_hour(context: pt.AssetContext) -> str:
    return context.partition_key


def start(api: Api, **given: Any) -> dict[str, Any]:
    """The answer to a request for a backfill."""
    made: dict[str, Any] = api.ask(START, input=given)["startBackfill"]
    return made


def act(api: Api, verb: str, backfill_id: str, **rest: Any) -> tuple[str | None, list[str]]:
    """How a backfill stands after a mutation, and the codes of what was said against it."""
    kind = verb[0].upper() + verb[1:]
    document = f"mutation($input: {kind}Input!) {{ {verb}(input: $input) {{ backfill {{ status }} errors {{ code }} }} }}"
    made = api.ask(document, input={"backfillId": backfill_id, **rest})[verb]
    return made["backfill"] and made["backfill"]["status"], [error["code"] for error in made["errors"]]


@pytest.mark.parametrize(("given", "asset"), [({"selection": "raw/orders"}, "raw/orders"), ({"jobName": "daily"}, None)])
def test_partitions_of_assets_or_of_a_job_are_asked_for(api: Api, given: dict[str, str], asset: str | None) -> None:
    backfill = start(api, **given, partitions=TWO)["backfill"]

    assert (backfill["status"], backfill["partitionCount"]) == ("REQUESTED", 2)
    assert (backfill["jobName"], backfill["selection"]) == (given.get("jobName"), given.get("selection"))
    assert backfill["statusCounts"] == [{"status": "WAITING", "count": 2}]
    waiting = [{"assetKey": asset, "partitionKey": key, "status": "WAITING"} for key in ("2026-01-01", "2026-01-02")]
    assert backfill["partitions"] == {"totalCount": 2, "nodes": waiting}


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"partitions": TWO}, ["selection"]),
        ({"selection": "raw/orders", "jobName": "daily", "partitions": TWO}, ["selection"]),
        ({"jobName": "refresh"}, ["jobName"]),
        ({"selection": "raw/orders", "partitions": {"keys": []}}, ["partitions", "keys"]),
        ({"selection": "raw/orders", "partitions": {"keys": ["2026-13-01"]}}, ["partitions"]),
        ({"selection": "raw/orders", "partitions": {"keys": ["2026-02-10"]}}, ["partitions"]),
        ({"selection": "raw/orders"}, ["partitions"]),
        ({"selection": "raw/customers", "partitions": TWO}, ["partitions"]),
        ({"selection": "raw/orders", "partitions": {"range": {"from": "2026-01-02", "to": "2026-01-01"}}}, ["partitions"]),
        ({"selection": "raw/customers", "partitions": {"statuses": ["MISSING"]}}, ["partitions"]),
        ({"jobName": "daily"}, ["partitions"]),
        ({"jobName": "daily", "partitions": {"keys": ["2025-12-31"]}}, ["partitions"]),
        ({"jobName": "daily", "partitions": {"statuses": ["FAILED"]}}, ["partitions"]),
        ({"selection": "raw/ordrs", "partitions": TWO}, ["selection"]),
        ({"selection": "raw/orders", "partitions": TWO, "repository": "main"}, ["repository"]),
        ({"selection": "raw/orders", "partitions": TWO, "codeLocation": "ingest"}, ["codeLocation"]),
        ({"selection": "raw/orders", "partitions": TWO, "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}, ["tags"]),
        ({"selection": "raw/orders", "partitions": TWO, "tags": [{"key": "", "value": "1"}]}, ["tags"]),
        ({"selection": "raw/orders and (", "partitions": TWO}, ["selection"]),
        ({"selection": "source/orders", "partitions": TWO}, ["selection"]),
        ({"selection": "raw/orders", "partitions": TWO, "config": {"steps": {"raw/orders": {"limit": -1}}}}, ["steps", "raw/orders", "limit"]),
        ({"selection": "raw/orders", "partitions": TWO, "config": {"steps": {"raw/ordrs": {}}}}, ["steps", "raw/ordrs"]),
        ({"selection": "raw/orders", "partitions": TWO, "config": []}, ["config"]),
        ({"selection": "raw/orders", "partitions": {"all": False}}, ["partitions", "all"]),
        ({"selection": "raw/orders", "partitions": TWO, "policy": {"runsOf": 0}}, ["policy", "runsOf"]),
    ],
)
def test_what_cannot_be_written_is_refused_with_its_place(api: Api, given: dict[str, Any], path: list[str]) -> None:
    made = start(api, **given)

    assert made["backfill"] is None
    assert [error["path"] for error in made["errors"]] == [path]
    assert api.store.backfills.count() == 0


@pytest.mark.parametrize(
    ("selection", "partitions", "count"),
    [
        ("sensors", {"all": True}, "141,228"),
        ("readings", {"statuses": ["MISSING"]}, "141,228"),
        ("*", {"all": True}, "423,684"),
        ("*", {"range": {"from": "2010-01-01-00:00", "to": "2014-12-31-23:00"}}, "131,472"),
    ],
)
def test_a_backfill_that_is_too_large_is_refused_with_its_size(api: Api, selection: str, partitions: dict[str, Any], count: str) -> None:
    hours = pt.HourlyPartitions(start="2010-01-01")
    specs = [pt.asset(key=key, partitions=hours)(an_hour) for key in ("sensors", "readings", "summary")]
    api.publish("ingest", assets=specs)
    api.publish("analytics")

    [error] = start(api, selection=selection, partitions=partitions)["errors"]

    assert (error["code"], error["path"]) == ("TOO_MANY", ["partitions"])
    assert error["message"].startswith(f"This would be {count} partitions; a backfill writes at most 100,000.")
    assert api.store.backfills.count() == 0
    assert api.ask("{ server { limits { maxBackfillPartitions } } }")["server"]["limits"]["maxBackfillPartitions"] == 100_000


def test_the_same_key_starts_one_backfill_and_another_request_is_a_conflict(api: Api) -> None:
    given = {"selection": "raw/orders", "partitions": TWO, "idempotencyKey": "k"}
    first, again = start(api, **given), start(api, **given)

    assert (first["isReplay"], again["isReplay"]) == (False, True)
    assert again["backfill"]["id"] == first["backfill"]["id"]
    refused = start(api, **{**given, "priority": 1})["errors"]
    assert [(error["code"], error["path"]) for error in refused] == [("CONFLICT", ["idempotencyKey"])]
    assert api.store.backfills.count() == 1


def test_requests_with_one_key_that_come_at_once_start_one_backfill(api: Api) -> None:
    given = {"selection": "raw/orders", "partitions": {"all": True}, "idempotencyKey": "k"}
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: start(api, **given), range(8)))

    assert [answer["errors"] for answer in answers] == [[]] * 8
    assert len({answer["backfill"]["id"] for answer in answers}) == 1
    assert [answer["isReplay"] for answer in answers].count(False) == 1


def test_a_request_that_comes_again_gets_its_first_answer_whatever_became_of_the_code(api: Api) -> None:
    given = {"selection": "raw/orders", "partitions": TWO, "idempotencyKey": "k"}
    first = start(api, **given)
    api.publish("ingest")

    assert [error["code"] for error in start(api, **{**given, "idempotencyKey": "new"})["errors"]] == ["INVALID_INPUT"]
    again = start(api, **given)
    assert (again["isReplay"], again["errors"], again["backfill"]["id"]) == (True, [], first["backfill"]["id"])


def test_what_was_cancelled_is_retried_and_what_succeeded_is_not(api: Api) -> None:
    backfill_id = start(api, selection="raw/orders", partitions=TWO)["backfill"]["id"]
    act(api, "cancelBackfill", backfill_id)
    end(api, backfill_id, BackfillStatus.CANCELED, cancels_waiting=True)

    assert act(api, "cancelBackfill", backfill_id) == ("CANCELED", ["ALREADY_FINISHED"])
    assert act(api, "retryBackfill", backfill_id) == ("REQUESTED", [])
    document = "query($id: ID!) { backfill(id: $id) { endedAt canCancel canRetry statusCounts { status count } } }"
    again = {"endedAt": None, "canCancel": True, "canRetry": False, "statusCounts": [{"status": "WAITING", "count": 2}]}
    assert api.ask(document, id=backfill_id)["backfill"] == again

    end(api, backfill_id, BackfillStatus.SUCCEEDED)
    assert act(api, "retryBackfill", backfill_id) == ("SUCCEEDED", ["CONFLICT"])


def end(api: Api, backfill_id: str, status: BackfillStatus, **rest: Any) -> None:
    """As if the daemon had ended a backfill."""
    assert api.store.backfills.advance(api.store.backfills.get(backfill_id), BackfillStep(status=status, **rest))


@pytest.mark.parametrize("config", [{"steps": {"raw/orders": {"limit": 1}}}, {"resources": {"place": {"path": "there"}}}])
def test_a_config_must_fit_every_run_that_there_will_be(api: Api, config: dict[str, Any]) -> None:
    [error] = start(api, selection="raw/orders or marts/revenue", partitions=TWO, config=config)["errors"]

    assert (error["code"], error["path"][0]) == ("RUN_CONFIG_INVALID", next(iter(config)))
    assert "Every run of a backfill gets its config" in error["message"]
    assert start(api, selection="raw/orders", partitions=TWO, config=config)["errors"] == []


def test_a_backfill_says_who_started_it(api: Api) -> None:
    backfill_id = start(api, selection="raw/customers")["backfill"]["id"]

    document = "query($id: ID!) { backfill(id: $id) { launchedBy { __typename ... on User { name } } } }"
    assert api.ask(document, id=backfill_id)["backfill"]["launchedBy"] == {"__typename": "User", "name": "user"}


def test_what_goes_on_is_cancelled_and_not_retried(api: Api) -> None:
    backfill_id = start(api, selection="raw/orders", partitions=TWO)["backfill"]["id"]

    assert act(api, "retryBackfill", backfill_id) == ("REQUESTED", ["CONFLICT"])
    assert act(api, "cancelBackfill", backfill_id) == ("CANCELING", [])
    assert act(api, "cancelBackfill", "backfill_nothing") == (None, ["NOT_FOUND"])


def test_the_runs_of_a_backfill_are_its_own_whatever_a_filter_says(api: Api) -> None:
    backfill_id = start(api, selection="raw/customers")["backfill"]["id"]
    run = api.run(assets=("raw/customers",), backfill_id=backfill_id)
    document = "query($id: ID!, $f: RunFilter) { backfill(id: $id) { runs(filter: $f) { nodes { id } } } }"

    def runs(**where: Any) -> list[str]:
        return [each["id"] for each in api.ask(document, id=backfill_id, f=where)["backfill"]["runs"]["nodes"]]

    assert runs() == runs(backfill=backfill_id, statuses=["QUEUED"]) == [run.id]
    assert runs(statuses=["FAILED"]) == runs(backfill="backfill_other") == []


def test_a_backfill_is_paused_and_resumed_and_says_what_can_be_done(api: Api) -> None:
    backfill_id = start(api, selection="raw/orders", partitions=TWO)["backfill"]["id"]
    document = "query($id: ID!) { backfill(id: $id) { canPause canResume canCancel canRetry endedAt } }"

    def can() -> list[str]:
        return [name for name, is_so in api.ask(document, id=backfill_id)["backfill"].items() if is_so]

    assert can() == ["canPause", "canCancel"]
    assert act(api, "pauseBackfill", backfill_id) == ("PAUSED", [])
    assert act(api, "pauseBackfill", backfill_id) == ("PAUSED", [])
    assert can() == ["canResume", "canCancel"]
    assert act(api, "retryBackfill", backfill_id) == ("PAUSED", ["CONFLICT"])
    listed = "{ backfills(filter: { statuses: [PAUSED] }) { nodes { id } } }"
    assert api.ask(listed)["backfills"]["nodes"] == [{"id": backfill_id}]
    assert act(api, "resumeBackfill", backfill_id) == ("REQUESTED", [])
    assert act(api, "resumeBackfill", backfill_id) == ("REQUESTED", [])


def test_a_backfill_is_found_and_acted_on_by_its_short_id(api: Api) -> None:
    backfill_id = start(api, selection="raw/orders", partitions=TWO)["backfill"]["id"]
    start(api, selection="raw/orders", partitions=TWO)
    short = backfill_id[-8:]

    assert api.ask("query($id: ID!) { backfill(id: $id) { id } }", id=short.upper()) == {"backfill": {"id": backfill_id}}
    assert act(api, "pauseBackfill", short) == ("PAUSED", [])
    assert act(api, "setBackfillPriority", short, priority=3) == ("PAUSED", [])
    assert act(api, "retryBackfill", short) == ("PAUSED", ["CONFLICT"])
    for word in ("zzzzzzzz", "________", "%%%%%%%%"):
        assert act(api, "cancelBackfill", word) == (None, ["NOT_FOUND"])
        assert api.ask("query($id: ID!) { backfill(id: $id) { id } }", id=word) == {"backfill": None}


def test_what_ends_or_has_ended_is_neither_paused_nor_resumed(api: Api) -> None:
    backfill_id = start(api, selection="raw/orders", partitions=TWO)["backfill"]["id"]
    act(api, "cancelBackfill", backfill_id)
    for verb in ("pauseBackfill", "resumeBackfill"):
        assert act(api, verb, backfill_id) == ("CANCELING", ["CONFLICT"])
    end(api, backfill_id, BackfillStatus.CANCELED, cancels_waiting=True)

    for verb in ("pauseBackfill", "resumeBackfill"):
        assert act(api, verb, backfill_id) == ("CANCELED", ["ALREADY_FINISHED"])
        assert act(api, verb, "backfill_nothing") == (None, ["NOT_FOUND"])


def test_a_retry_may_take_only_what_failed(api: Api) -> None:
    backfill_id = start(api, selection="raw/orders", partitions=TWO)["backfill"]["id"]
    act(api, "cancelBackfill", backfill_id)
    end(api, backfill_id, BackfillStatus.CANCELED, skipped=[(AssetKey("raw/orders"), "2026-01-01")], cancels_waiting=True)

    for wrong in ([], ["SUCCEEDED"], ["FAILED", "RUNNING"]):
        assert act(api, "retryBackfill", backfill_id, statuses=wrong) == ("CANCELED", ["INVALID_INPUT"])
    assert act(api, "retryBackfill", backfill_id, statuses=["FAILED"]) == ("CANCELED", ["CONFLICT"])
    assert act(api, "retryBackfill", backfill_id, statuses=["FAILED", "SKIPPED"]) == ("REQUESTED", [])
    document = "query($id: ID!) { backfill(id: $id) { statusCounts { status count } } }"
    counts = api.ask(document, id=backfill_id)["backfill"]["statusCounts"]
    assert counts == [{"status": "WAITING", "count": 1}, {"status": "CANCELED", "count": 1}]


def test_the_priority_of_a_backfill_is_changed_with_that_of_its_queued_runs(api: Api) -> None:
    backfill_id = start(api, selection="raw/customers")["backfill"]["id"]
    run = api.run(assets=("raw/customers",), backfill_id=backfill_id)
    document = "mutation($i: SetBackfillPriorityInput!) { setBackfillPriority(input: $i) { backfill { priority } errors { code path } } }"

    def prefer(priority: int, of: str = backfill_id) -> dict[str, Any]:
        answer: dict[str, Any] = api.ask(document, i={"backfillId": of, "priority": priority})["setBackfillPriority"]
        return answer

    assert prefer(5) == {"backfill": {"priority": 5}, "errors": []}
    assert api.store.runs.get(run.id).request.priority == 5
    assert prefer(1, of="backfill_nothing") == {"backfill": None, "errors": [{"code": "NOT_FOUND", "path": ["backfillId"]}]}
    end(api, backfill_id, BackfillStatus.CANCELED, cancels_waiting=True)
    assert prefer(6) == {"backfill": {"priority": 5}, "errors": [{"code": "ALREADY_FINISHED", "path": ["backfillId"]}]}


PREVIEW = (
    "query($input: StartBackfillInput!) { backfillPreview(input: $input) { partitionCount runCount errors { code path }"
    " assets { asset { key } partitionCount firstPartitionKey lastPartitionKey } } }"
)


def preview(api: Api, **given: Any) -> dict[str, Any]:
    """What a backfill would do."""
    found: dict[str, Any] = api.ask(PREVIEW, input=given)["backfillPreview"]
    return found


def test_a_preview_counts_partitions_and_runs_and_starts_nothing(api: Api) -> None:
    found = preview(api, selection="raw/orders or marts/revenue or raw/customers", partitions={"range": {"from": "2026-01-01", "to": "2026-01-10"}})

    counts = {each["asset"]["key"]: (each["partitionCount"], each["firstPartitionKey"], each["lastPartitionKey"]) for each in found["assets"]}
    ten = (10, "2026-01-01", "2026-01-10")
    assert counts == {"raw/orders": ten, "marts/revenue": (1, "2026-01-01", "2026-01-01"), "raw/customers": (1, None, None)}
    assert (found["partitionCount"], found["runCount"], found["errors"]) == (12, 12, [])
    assert api.store.backfills.count() == 0


@pytest.mark.parametrize(
    ("policy", "count"), [(None, 10), ({"runsOf": 4}, 3), ({"singleRun": True}, 1)], ids=["one each", "runs of four", "single run"]
)
def test_a_preview_tells_how_many_runs_a_policy_makes(api: Api, policy: Any, count: int) -> None:
    ten = {"range": {"from": "2026-01-01", "to": "2026-01-10"}}

    assert preview(api, jobName="daily", partitions=ten, policy=policy)["runCount"] == count
    assert preview(api, selection="raw/orders", partitions=ten, policy=policy)["runCount"] == count


def test_what_would_be_refused_is_refused_in_its_preview_with_the_same_words(api: Api) -> None:
    for given in ({"partitions": TWO}, {"selection": "raw/ordrs", "partitions": TWO}, {"selection": "raw/orders", "partitions": {"keys": ["x"]}}):
        told = [(each["code"], each["path"]) for each in start(api, **given)["errors"]]
        assert preview(api, **given) == {"partitionCount": 0, "runCount": 0, "assets": [], "errors": [{"code": c, "path": p} for c, p in told]}
        assert told


def test_the_last_partitions_come_first_where_that_is_asked_for(api: Api) -> None:
    for given in ({"selection": "raw/orders"}, {"jobName": "daily"}):
        made = start(api, **given, partitions=TWO, order="DESC")["backfill"]
        assert [each["partitionKey"] for each in made["partitions"]["nodes"]] == ["2026-01-02", "2026-01-01"]
        assert api.ask("query($id: ID!) { backfill(id: $id) { order } }", id=made["id"])["backfill"] == {"order": "DESC"}
    assert [each["firstPartitionKey"] for each in preview(api, selection="raw/orders", partitions=TWO, order="DESC")["assets"]] == ["2026-01-02"]


def test_progress_is_counted_by_asset(api: Api) -> None:
    ten = {"range": {"from": "2026-01-01", "to": "2026-01-10"}}
    backfill_id = start(api, selection="raw/orders or marts/revenue", partitions=ten)["backfill"]["id"]
    skipped = [(AssetKey("raw/orders"), "2026-01-01")]
    assert api.store.backfills.advance(api.store.backfills.get(backfill_id), BackfillStep(skipped=skipped, status=BackfillStatus.RUNNING))
    document = "query($id: ID!) { backfill(id: $id) { assetProgress { asset { key } partitionCount statusCounts { status count } } } }"

    orders, revenue = api.ask(document, id=backfill_id)["backfill"]["assetProgress"]

    counts = [{"status": "WAITING", "count": 9}, {"status": "SKIPPED", "count": 1}]
    assert orders == {"asset": {"key": "raw/orders"}, "partitionCount": 10, "statusCounts": counts}
    assert revenue == {"asset": {"key": "marts/revenue"}, "partitionCount": 1, "statusCounts": [{"status": "WAITING", "count": 1}]}
    of_job = start(api, jobName="daily", partitions=TWO)["backfill"]["id"]
    assert api.ask(document, id=of_job)["backfill"]["assetProgress"] == []
