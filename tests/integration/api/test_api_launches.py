"""Launching, retrying, cancelling, reloading: done, or refused whole with the reason as data."""

from __future__ import annotations

from typing import Any

import pytest

from partita.api.ids import CHECK, JOB, LOCATION, encode_id
from partita.definitions.keys import AssetKey
from partita.records.events import StepFailed, StepSucceeded
from partita.records.failures import PythonError
from partita.records.runs import RunStatus
from partita.workspace.loader import describe
from support.api import Api
from support.stores import at, status

PROBLEM = "errors { __typename code message path ... on NotFound { id suggestions } ... on RunConfigInvalid { expected suggestions }"
PROBLEM += " ... on Conflict { run { id } } ... on CodeLocationUnavailable { error { className } } }"
RETRIED = "run { id status attempt parent { id } root { id } tags { key value } }"
LAUNCH = f"mutation($i: LaunchRunInput!) {{ launchRun(input: $i) {{ run {{ id status }} isReplay {PROBLEM} }} }}"
RETRY = f"mutation($i: RetryRunInput!) {{ retryRun(input: $i) {{ {RETRIED} isReplay {PROBLEM} }} }}"
CANCEL = f"mutation($i: CancelRunsInput!) {{ cancelRuns(input: $i) {{ results {{ runId run {{ status }} error {{ code message }} }} {PROBLEM} }} }}"
RELOAD = f"mutation($i: ReloadCodeLocationInput!) {{ reloadCodeLocation(input: $i) {{ codeLocation {{ name status }} {PROBLEM} }} }}"
NIGHTLY = encode_id(JOB, "ingest", "main", "nightly")
REFRESH = encode_id(JOB, "ingest", "main", "refresh")
DAILY = encode_id(JOB, "ingest", "main", "daily")
BOOM = PythonError(class_name="ValueError", message="boom")


def launch(api: Api, **given: Any) -> dict[str, Any]:
    payload: dict[str, Any] = api.ask(LAUNCH, i=given)["launchRun"]
    return payload


def refused(api: Api, **given: Any) -> dict[str, Any]:
    """The only problem of a launch, which must have written nothing."""
    before = api.store.runs.count()
    payload = launch(api, **given)
    assert payload["run"] is None
    assert not payload["isReplay"]
    assert api.store.runs.count() == before
    [problem] = payload["errors"]
    found: dict[str, Any] = problem
    return found


def test_a_job_is_launched_by_its_id(api: Api) -> None:
    payload = launch(api, job=NIGHTLY, config={"steps": {"fetch": {"limit": 2}}}, tags=[{"key": "by", "value": "me"}], priority=4)

    assert payload["errors"] == []
    assert payload["run"]["status"] == "QUEUED"
    run = api.store.runs.get(payload["run"]["id"])
    assert (run.request.location, run.request.repository, run.request.job) == ("ingest", "main", "nightly")
    assert run.request.config == {"steps": {"fetch": {"limit": 2}}}
    assert run.request.tags == {"kind": "ops", "by": "me"}
    assert run.request.priority == 4
    assert run.request.launched_by == "user"


@pytest.mark.parametrize("named", [{"jobName": "daily"}, {"jobName": "daily", "repository": "main", "codeLocation": "ingest"}])
def test_a_job_is_launched_by_its_name(api: Api, named: dict[str, str]) -> None:
    payload = launch(api, partitionKey="2026-01-05", **named)

    assert api.store.runs.get(payload["run"]["id"]).request.partition_keys == ("2026-01-05",)


def test_a_part_of_a_job_is_launched(api: Api) -> None:
    steps = launch(api, job=NIGHTLY, stepKeys=["fetch"])
    assets = launch(api, job=REFRESH, assetKeys=["raw/customers"], checkIds=[])
    checks = launch(api, job=REFRESH, assetKeys=["raw/customers"], checkIds=[encode_id(CHECK, "raw/customers", "not_empty")])

    assert api.store.runs.get(steps["run"]["id"]).request.steps == ("fetch",)
    assert api.store.runs.get(assets["run"]["id"]).request.checks == ()
    assert api.store.runs.get(checks["run"]["id"]).request.checks == ("raw/customers:not_empty",)


@pytest.mark.parametrize(
    ("given", "code", "path", "said"),
    [
        ({}, "INVALID_INPUT", ["job"], "jobName"),
        ({"job": NIGHTLY, "jobName": "nightly"}, "INVALID_INPUT", ["job"], "either"),
        ({"job": "nonsense"}, "NOT_FOUND", ["job"], "not the id of a job"),
        ({"job": encode_id(JOB, "ingest", "main", "nightlyy")}, "NOT_FOUND", ["job"], "'nightly'"),
        ({"job": encode_id(JOB, "ingst", "main", "nightly")}, "NOT_FOUND", ["job"], "'ingest'"),
        ({"jobName": "nightli"}, "NOT_FOUND", ["jobName"], "'nightly'"),
        ({"jobName": "nightly"}, "INVALID_INPUT", ["jobName"], "ingest/main"),
        ({"jobName": "nightly", "repository": "mian"}, "NOT_FOUND", ["jobName"], "'main'"),
        ({"job": REFRESH, "assetKeys": ["raw/customrs"]}, "NOT_FOUND", ["assetKeys"], "'raw/customers'"),
        ({"job": REFRESH, "assetKeys": ["not a key"]}, "INVALID_INPUT", ["assetKeys"], "not a key"),
        ({"job": REFRESH, "checkIds": ["nonsense"]}, "NOT_FOUND", ["checkIds"], "asset check"),
        ({"job": REFRESH, "checkIds": [encode_id(CHECK, "raw/customers", "not_emty")]}, "NOT_FOUND", ["checkIds"], "not_empty"),
        ({"job": NIGHTLY, "stepKeys": ["fetsh"]}, "NOT_FOUND", ["stepKeys"], "'fetch'"),
        ({"job": NIGHTLY, "stepKeys": []}, "INVALID_INPUT", ["stepKeys"], "nothing to run"),
        ({"job": NIGHTLY, "assetKeys": ["raw/customers"]}, "INVALID_INPUT", ["assetKeys"], "made of ops"),
        ({"job": NIGHTLY, "stepKeys": ["report"]}, "INVALID_INPUT", ["stepKeys"], "middle.halve_2"),
        ({"job": NIGHTLY, "stepKeys": ["fetch and ("]}, "INVALID_INPUT", ["stepKeys"], "column"),
        ({"job": NIGHTLY, "partitionKey": "2026-01-05"}, "INVALID_INPUT", ["partitionKey"], "no partitions"),
        ({"job": DAILY}, "INVALID_INPUT", ["partitionKey"], "partition"),
        ({"job": DAILY, "partitionKey": "2025-12-31"}, "PARTITION_UNKNOWN", ["partitionKey"], "2025-12-31"),
        ({"job": DAILY, "partitionKey": "2026-02-10"}, "PARTITION_UNKNOWN", ["partitionKey"], "2026-02-09"),
        ({"job": NIGHTLY, "config": [1]}, "INVALID_INPUT", ["config"], "mapping"),
        ({"job": NIGHTLY, "tags": [{"key": "", "value": "x"}]}, "INVALID_INPUT", ["tags"], "key"),
        ({"job": NIGHTLY, "tags": [{"key": str(n), "value": ""} for n in range(101)]}, "TOO_MANY", ["tags"], "101"),
        ({"job": NIGHTLY, "stepKeys": ["x"] * 101}, "TOO_MANY", ["stepKeys"], "101"),
        ({"job": NIGHTLY, "idempotencyKey": ""}, "INVALID_INPUT", ["idempotencyKey"], "1 to 200"),
        ({"jobName": "x", "codeLocation": "broken"}, "CODE_LOCATION_UNAVAILABLE", None, "never loaded"),
        ({"job": encode_id(JOB, "broken", "main", "x")}, "CODE_LOCATION_UNAVAILABLE", None, "ImportError"),
    ],
)
def test_a_launch_that_cannot_be_is_refused_before_anything_is_written(
    api: Api, given: dict[str, Any], code: str, path: list[str] | None, said: str
) -> None:
    problem = refused(api, **given)

    assert problem["code"] == code
    assert problem["path"] == path
    assert said in problem["message"]


def test_a_name_that_is_nearly_right_is_suggested_as_data(api: Api) -> None:
    problem = refused(api, jobName="dayly")

    assert problem["__typename"] == "NotFound"
    assert problem["id"] == "dayly"
    assert problem["suggestions"] == ["daily"]


def test_a_location_that_never_loaded_says_why(api: Api) -> None:
    problem = refused(api, jobName="x", codeLocation="broken")

    assert problem["__typename"] == "CodeLocationUnavailable"
    assert problem["error"] == {"className": "ImportError"}


def test_every_wrong_value_of_a_config_is_told_with_its_path(api: Api) -> None:
    config = {"steps": {"fetch": {"limt": 1, "limit": "many"}}, "resources": {"place": {"path": 5}, "plase": {}}}

    payload = launch(api, job=NIGHTLY, config=config)

    found = {".".join(each["path"]): each for each in payload["errors"]}
    assert set(found) == {"steps.fetch.limt", "steps.fetch.limit", "resources.place.path", "resources.plase"}
    assert all((each["__typename"], each["code"]) == ("RunConfigInvalid", "RUN_CONFIG_INVALID") for each in payload["errors"])
    assert found["steps.fetch.limt"]["suggestions"] == ["limit"]
    assert found["steps.fetch.limt"]["expected"] is None
    assert found["steps.fetch.limit"]["expected"]["type"] == "integer"
    assert found["resources.place.path"]["expected"]["type"] == "string"
    assert found["resources.plase"]["suggestions"] == ["place"]


def test_the_same_idempotency_key_launches_once(api: Api) -> None:
    given = {"job": NIGHTLY, "idempotencyKey": "k1", "config": {"steps": {"fetch": {"limit": 1}}}}

    first = launch(api, **given)
    again = launch(api, **given)

    assert not first["isReplay"]
    assert again["isReplay"]
    assert again["run"]["id"] == first["run"]["id"]
    assert api.store.runs.count() == 1


@pytest.mark.parametrize(
    "changed", [{"config": {"steps": {"fetch": {"limit": 2}}}}, {"priority": 1}, {"job": None, "jobName": "daily", "partitionKey": "2026-01-01"}]
)
def test_the_same_idempotency_key_for_another_request_is_a_conflict(api: Api, changed: dict[str, Any]) -> None:
    launch(api, job=NIGHTLY, idempotencyKey="k1")

    problem = refused(api, **{"job": NIGHTLY, "idempotencyKey": "k1", **changed})

    assert (problem["__typename"], problem["code"]) == ("Conflict", "CONFLICT")
    assert "k1" in problem["message"]


def test_a_request_that_comes_again_gets_its_first_answer_though_its_job_is_gone(api: Api) -> None:
    first = launch(api, job=NIGHTLY, idempotencyKey="k1")
    empty = describe("ingest", [])
    api.store.locations.publish("ingest", empty, python_version="3.11", library_version="0.1.0", start="fork")

    again = launch(api, job=NIGHTLY, idempotencyKey="k1")

    assert (again["run"], again["isReplay"], again["errors"]) == ({"id": first["run"]["id"], "status": "QUEUED"}, True, [])
    assert refused(api, job=NIGHTLY, idempotencyKey="k2")["code"] == "NOT_FOUND"


def test_a_refused_launch_does_not_use_up_its_key(api: Api) -> None:
    refused(api, job=DAILY, idempotencyKey="k1")

    assert launch(api, job=DAILY, partitionKey="2026-01-01", idempotencyKey="k1")["errors"] == []


def retry(api: Api, run_id: str, **given: Any) -> dict[str, Any]:
    payload: dict[str, Any] = api.ask(RETRY, i={"runId": run_id, **given})["retryRun"]
    return payload


def a_failed_run(api: Api) -> str:
    writer = api.begin("fetch", "middle.halve", "middle.halve_2", "report", tags={"team": "blue"}, config={"steps": {"fetch": {"limit": 1}}})
    writer.send(StepSucceeded(at=at(1), step="fetch", duration=1.0), StepFailed(at=at(2), step="middle.halve", error=BOOM, duration=1.0))
    writer.send(status(RunStatus.FAILED, 3))
    return writer.run_id


def test_a_run_is_retried_from_where_it_failed(api: Api) -> None:
    run_id = a_failed_run(api)

    payload = retry(api, run_id, tags=[{"key": "again", "value": "yes"}])

    assert payload["errors"] == []
    assert payload["run"]["attempt"] == 2
    assert payload["run"]["parent"] == payload["run"]["root"] == {"id": run_id}
    assert payload["run"]["tags"] == [{"key": "again", "value": "yes"}, {"key": "team", "value": "blue"}]
    request = api.store.runs.get(payload["run"]["id"]).request
    assert request.is_resumed
    assert request.steps is None
    assert request.config == {"steps": {"fetch": {"limit": 1}}}


def test_every_step_of_a_run_is_executed_again(api: Api) -> None:
    payload = retry(api, a_failed_run(api), strategy="ALL_STEPS")

    assert not api.store.runs.get(payload["run"]["id"]).request.is_resumed


def test_chosen_steps_of_a_run_are_executed_again(api: Api) -> None:
    payload = retry(api, a_failed_run(api), stepKeys=["report"])

    request = api.store.runs.get(payload["run"]["id"]).request
    assert request.steps == ("report",)
    assert not request.is_resumed


def a_refresh_that_succeeded(api: Api) -> str:
    writer = api.begin("raw/customers", "raw/customers:not_empty", job="refresh")
    writer.send(*(StepSucceeded(at=at(1), step=each, duration=1.0) for each in ("raw/customers", "raw/customers:not_empty")))
    writer.send(status(RunStatus.SUCCEEDED, 2))
    return writer.run_id


def test_chosen_assets_of_a_run_are_executed_again_with_their_checks(api: Api) -> None:
    run_id = a_refresh_that_succeeded(api)

    payload = retry(api, run_id, assetKeys=["raw/customers"])

    assert payload["errors"] == []
    assert payload["run"]["parent"] == payload["run"]["root"] == {"id": run_id}
    assert api.store.runs.get(payload["run"]["id"]).request.steps == ("raw/customers", "raw/customers:not_empty")


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({"assetKeys": ["raw/customrs"]}, "NOT_FOUND", "'raw/customers'"),
        ({"assetKeys": ["raw/orders"]}, "NOT_FOUND", "There is no asset of run run_"),
        ({"assetKeys": []}, "INVALID_INPUT", "nothing to run"),
        ({"assetKeys": ["raw/customers"], "stepKeys": ["raw/customers"]}, "INVALID_INPUT", "either"),
        ({"assetKeys": ["x"] * 101}, "TOO_MANY", "101"),
    ],
)
def test_assets_that_cannot_be_chosen_from_a_run_are_refused(api: Api, given: dict[str, Any], code: str, said: str) -> None:
    [problem] = retry(api, a_refresh_that_succeeded(api), **given)["errors"]

    assert (problem["code"], problem["path"]) == (code, ["assetKeys"])
    assert said in problem["message"]


def test_assets_are_not_chosen_from_a_run_of_ops(api: Api) -> None:
    [problem] = retry(api, a_failed_run(api), assetKeys=["raw/customers"])["errors"]

    assert (problem["code"], problem["path"]) == ("INVALID_INPUT", ["assetKeys"])
    assert "is made of ops" in problem["message"]


def test_a_retried_retry_stays_in_its_group(api: Api) -> None:
    first = a_failed_run(api)
    second = retry(api, first)["run"]["id"]
    api.store.runs.request_cancel(second)

    third = retry(api, second, strategy="ALL_STEPS")["run"]

    assert (third["attempt"], third["parent"], third["root"]) == (3, {"id": second}, {"id": first})


def test_a_retry_replays_under_its_key(api: Api) -> None:
    run_id = a_failed_run(api)

    first = retry(api, run_id, idempotencyKey="r1")
    again = retry(api, run_id, idempotencyKey="r1")
    other = retry(api, run_id, idempotencyKey="r1", strategy="ALL_STEPS")

    assert again["isReplay"]
    assert again["run"]["id"] == first["run"]["id"]
    assert other["errors"][0]["code"] == "CONFLICT"


def test_a_run_that_has_not_ended_is_not_retried(api: Api) -> None:
    run = api.run()

    [problem] = retry(api, run.id)["errors"]

    assert (problem["code"], problem["run"]) == ("CONFLICT", {"id": run.id})


def test_a_run_without_a_failure_is_only_executed_whole(api: Api) -> None:
    writer = api.begin("fetch", "middle.halve", "middle.halve_2", "report")
    writer.send(*(StepSucceeded(at=at(1), step=each, duration=1.0) for each in ("fetch", "middle.halve", "middle.halve_2", "report")))
    writer.send(status(RunStatus.SUCCEEDED, 2))

    [problem] = retry(api, writer.run_id)["errors"]

    assert (problem["code"], problem["path"]) == ("INVALID_INPUT", ["strategy"])
    assert "ALL_STEPS" in problem["message"]
    assert retry(api, writer.run_id, strategy="ALL_STEPS")["errors"] == []


@pytest.mark.parametrize(
    ("given", "code", "path"), [({"stepKeys": ["fetsh"]}, "NOT_FOUND", ["stepKeys"]), ({"stepKeys": ["x"] * 101}, "TOO_MANY", ["stepKeys"])]
)
def test_a_retry_that_cannot_be_is_refused(api: Api, given: dict[str, Any], code: str, path: list[str]) -> None:
    [problem] = retry(api, a_failed_run(api), **given)["errors"]

    assert (problem["code"], problem["path"]) == (code, path)


def test_a_run_that_is_unknown_or_whose_code_is_gone_is_not_retried(api: Api) -> None:
    gone = api.run(job="removed", repository="gone")
    api.store.runs.request_cancel(gone.id)

    [unknown] = retry(api, "run_nope")["errors"]
    [removed] = retry(api, gone.id)["errors"]

    assert (unknown["code"], unknown["path"]) == ("NOT_FOUND", ["runId"])
    assert (removed["code"], removed["path"]) == ("NOT_FOUND", ["runId"])


def test_runs_are_cancelled_each_with_its_own_result(api: Api) -> None:
    queued, active, ended = api.run().id, api.begin("fetch").run_id, a_failed_run(api)

    payload = api.ask(CANCEL, i={"runIds": [queued, active, ended, "run_nope", queued]})["cancelRuns"]

    assert payload["errors"] == []
    results = {each["runId"]: each for each in payload["results"]}
    assert len(payload["results"]) == 4
    assert results[queued]["run"] == {"status": "CANCELED"}
    assert results[active]["run"] == {"status": "CANCELING"}
    assert results[ended]["error"]["code"] == "ALREADY_FINISHED"
    assert results[ended]["run"] == {"status": "FAILED"}
    assert results["run_nope"]["error"]["code"] == "NOT_FOUND"
    assert results["run_nope"]["run"] is None


@pytest.mark.parametrize("force", [True, False])
def test_a_run_may_be_ended_by_force(api: Api, force: bool) -> None:
    run_id = api.begin("fetch").run_id

    api.ask(CANCEL, i={"runIds": [run_id], "force": force})

    assert api.store.runs.cancel_requests([run_id]) == {run_id: force}


def test_too_many_runs_are_not_cancelled_at_once(api: Api) -> None:
    payload = api.ask(CANCEL, i={"runIds": ["x"] * 101})["cancelRuns"]

    assert payload["results"] == []
    assert payload["errors"][0]["code"] == "TOO_MANY"


@pytest.mark.parametrize("name", ["ingest", encode_id(LOCATION, "ingest")])
def test_a_location_is_reloaded(api: Api, name: str) -> None:
    payload = api.ask(RELOAD, i={"codeLocationId": name})["reloadCodeLocation"]

    assert payload["errors"] == []
    assert payload["codeLocation"]["name"] == "ingest"
    assert api.store.locations.get("ingest").reload_requested_at is not None


def test_an_unknown_location_is_not_reloaded(api: Api) -> None:
    payload = api.ask(RELOAD, i={"codeLocationId": "ingst"})["reloadCodeLocation"]

    assert payload["codeLocation"] is None
    assert (payload["errors"][0]["code"], payload["errors"][0]["suggestions"]) == ("NOT_FOUND", ["ingest"])


def test_a_run_of_assets_is_retried_with_its_partitions(api: Api) -> None:
    run = api.run(assets=(AssetKey("raw/orders"),), partition_keys=("2026-01-03",))
    api.store.runs.request_cancel(run.id)

    payload = retry(api, run.id)

    request = api.store.runs.get(payload["run"]["id"]).request
    assert (request.assets, request.partition_keys) == ((AssetKey("raw/orders"),), ("2026-01-03",))
