"""Queries and mutations over a real connection: what is sent, what is repeated, what is refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from partita_client import Client, ConnectionFailedError, PartitaClientError, RequestRefusedError, RunFailedError
from support.client_answers import RUN_ID, launched, refused, run
from support.fake_server import AnswerError, DropError, FakeServer, RefusalError


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


@pytest.fixture
def client(server: FakeServer) -> Iterator[Client]:
    with Client(server.url, token="secret", patience=10) as made:
        yield made


def failing(times: int, error: Exception, then: Any) -> Callable[[dict[str, Any]], Any]:
    """An answer that goes wrong so many times first."""
    left = [error] * times

    def answer(_: dict[str, Any]) -> Any:
        if left:
            raise left.pop()
        return then

    return answer


VERSION = "query { server { version } }"


def test_a_launch_says_what_is_asked_and_carries_a_key_of_its_own(server: FakeServer, client: Client) -> None:
    server.answers["LaunchRun"] = lambda _: launched()

    made = client.launch("nightly", config={"steps": {"a": {"n": 1}}}, tags={"team": "bees"}, location="hive", priority=3)

    (asked,) = server.asked("LaunchRun")
    key = asked["input"].pop("idempotencyKey")
    assert len(key) == 32
    assert asked["input"] == {
        "jobName": "nightly",
        "codeLocation": "hive",
        "config": {"steps": {"a": {"n": 1}}},
        "tags": [{"key": "team", "value": "bees"}],
        "priority": 3,
    }
    assert (made.id, made.short_id, made.status, made.job, made.tags) == (RUN_ID, RUN_ID[-8:], "queued", "nightly", {"team": "bees"})


def test_the_token_identifies_the_caller(server: FakeServer, client: Client) -> None:
    server.answers["server"] = lambda _: {"server": {"version": "1"}}

    client.execute(VERSION)

    assert server.headers["Authorization"] == "Bearer secret"


def test_address_and_token_come_from_the_environment(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTITA_URL", f"{server.url}/graphql")
    monkeypatch.setenv("PARTITA_TOKEN", "from-env")
    server.answers["server"] = lambda _: {"server": {"version": "1"}}

    with Client() as client:
        answer = client.execute(VERSION)

    assert answer == {"server": {"version": "1"}}
    assert server.headers["Authorization"] == "Bearer from-env"


def test_a_launch_whose_answer_was_lost_is_sent_again_with_the_same_key(server: FakeServer, client: Client) -> None:
    server.answers["LaunchRun"] = failing(2, DropError(), launched(is_replay=True))

    made = client.launch("nightly")

    keys = [asked["input"]["idempotencyKey"] for asked in server.asked("LaunchRun")]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert made.is_replay


def test_a_query_whose_answer_was_lost_is_sent_again(server: FakeServer, client: Client) -> None:
    server.answers["GetRun"] = failing(1, RefusalError(503), {"run": run("RUNNING")})

    assert client.run(RUN_ID).status == "running"
    assert len(server.asked("GetRun")) == 2


def test_a_mutation_without_a_key_is_never_sent_twice(server: FakeServer, client: Client) -> None:
    server.answers["cancelRuns"] = failing(1, DropError(), {"cancelRuns": {"errors": []}})

    with pytest.raises(ConnectionFailedError):
        client.execute('mutation { cancelRuns(input: {runIds: ["x"]}) { errors { code } } }')

    assert len(server.asked("cancelRuns")) == 1


def test_a_server_that_comes_back_is_waited_for(server: FakeServer, client: Client) -> None:
    server.answers["server"] = lambda _: {"server": {"version": "1"}}
    server.answers["LaunchRun"] = lambda _: launched()
    client.execute(VERSION)
    server.stop()
    server.start_later(0.3)

    assert client.launch("nightly").id == RUN_ID


def test_a_server_that_is_not_there_is_named_at_once() -> None:
    began = time.monotonic()

    with (
        pytest.raises(ConnectionFailedError, match=r"http://127\.0\.0\.1:9: connection refused.*partita dev") as caught,
        Client("http://127.0.0.1:9") as client,
    ):
        client.server()

    assert time.monotonic() - began < 3
    assert caught.value.code == "CONNECTION_FAILED"
    assert isinstance(caught.value, ConnectionError)


def test_something_else_at_the_address_is_told_apart(server: FakeServer, client: Client) -> None:
    server.answers["server"] = failing(1, RefusalError(404), None)

    with pytest.raises(ConnectionFailedError, match="not Partita"):
        client.execute(VERSION)


def test_a_status_that_means_no_is_a_refusal(server: FakeServer, client: Client) -> None:
    server.answers["server"] = failing(1, RefusalError(401), None)

    with pytest.raises(RequestRefusedError) as caught:
        client.execute(VERSION)

    assert caught.value.code == "UNAUTHENTICATED"


def test_errors_of_an_answer_keep_code_path_and_request(server: FakeServer, client: Client) -> None:
    error = {"message": "broken", "path": ["server"], "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": "r7"}}
    server.answers["server"] = failing(1, AnswerError(error), None)

    with pytest.raises(RequestRefusedError, match=r"broken \(request r7") as caught:
        client.execute(VERSION)

    assert (caught.value.code, caught.value.path, caught.value.errors) == ("INTERNAL_SERVER_ERROR", ("server",), (error,))


def test_errors_of_a_payload_are_one_exception_with_all_of_them(server: FakeServer, client: Client) -> None:
    wrong = refused("RUN_CONFIG_INVALID", "steps.a.limt: unknown. Did you mean 'limit'?", path=["config", "steps"], kind="InvalidInput")
    other = refused("SOMETHING_NEW", "and more")
    server.answers["LaunchRun"] = lambda _: {"launchRun": {"isReplay": False, "run": None, "errors": [wrong, other]}}

    with pytest.raises(RequestRefusedError, match="Did you mean 'limit'") as caught:
        client.launch("nightly", config={"steps": {"a": {"limt": 1}}})

    assert caught.value.code == "RUN_CONFIG_INVALID"
    assert caught.value.path == ("config", "steps")
    assert [error.code for error in caught.value.errors] == ["run_config_invalid", "unknown"]


def test_a_document_that_cannot_be_read_is_refused_without_asking(server: FakeServer, client: Client) -> None:
    with pytest.raises(RequestRefusedError) as caught:
        client.execute("query {")

    assert caught.value.code == "GRAPHQL_PARSE_FAILED"
    assert not server.received


def test_variables_that_are_no_json_are_refused_without_asking(server: FakeServer, client: Client) -> None:
    with pytest.raises(RequestRefusedError, match="cannot be written as JSON") as caught:
        client.launch("nightly", config={"steps": {"a": {"n": object()}}})

    assert caught.value.code == "BAD_USER_INPUT"
    assert not server.received


def test_a_config_may_hold_an_instant(server: FakeServer, client: Client) -> None:
    server.answers["LaunchRun"] = lambda _: launched()

    client.launch("nightly", config={"steps": {"a": {"since": datetime.fromisoformat("2026-11-22T08:00:00+00:00")}}})

    assert server.asked("LaunchRun")[0]["input"]["config"]["steps"]["a"]["since"] == "2026-11-22T08:00:00+00:00"


def test_a_run_that_does_not_exist_is_not_found(server: FakeServer, client: Client) -> None:
    server.answers["GetRun"] = lambda _: {"run": None}

    with pytest.raises(RequestRefusedError, match="There is no run 'abcdefgh'") as caught:
        client.run("abcdefgh")

    assert caught.value.code == "NOT_FOUND"


def test_a_job_that_does_not_exist_suggests_the_nearest(server: FakeServer, client: Client) -> None:
    job: dict[str, Any] = {
        "id": "j",
        "name": "nightly",
        "description": None,
        "selection": None,
        "tags": [],
        "repository": {"name": "r", "codeLocation": {"name": "l"}},
    }
    server.answers["FindJob"] = lambda _: {"job": None}
    server.answers["ListJobs"] = lambda _: {"jobs": {"nodes": [job], "pageInfo": {"hasNextPage": False, "endCursor": None}}}

    with pytest.raises(RequestRefusedError, match="Did you mean 'nightly'"):
        client.job("nigthly")


def test_runs_are_asked_for_page_by_page_and_no_further_than_wanted(server: FakeServer, client: Client) -> None:
    def page(variables: dict[str, Any]) -> Any:
        start = int(variables.get("after") or 0)
        nodes = [run(id=f"run_{number}") for number in range(start, start + variables["first"])]
        return {"runs": {"nodes": nodes, "pageInfo": {"hasNextPage": True, "endCursor": str(start + len(nodes))}}}

    server.answers["ListRuns"] = page

    found = list(client.runs(status=["failed", "queued"], job="nightly", tags={"team": "bees"}, limit=250))

    assert [each.id for each in found] == [f"run_{number}" for number in range(250)]
    asked = server.asked("ListRuns")
    assert [(each["first"], each.get("after")) for each in asked] == [(100, None), (100, "100"), (50, "200")]
    assert asked[0]["filter"] == {"statuses": ["FAILED", "QUEUED"], "jobNames": ["nightly"], "tags": [{"key": "team", "value": "bees"}]}


def test_a_selection_that_takes_several_runs_is_refused_with_advice(server: FakeServer, client: Client) -> None:
    error = refused("TOO_MANY", "This takes 3 runs.", path=["isSingleRun"])
    server.answers["MaterializeAssets"] = lambda _: {"materializeAssets": {"isReplay": False, "runs": [], "errors": [error]}}

    with pytest.raises(RequestRefusedError, match=r"takes 3 runs.*materialize_all") as caught:
        client.materialize("*")

    assert caught.value.code == "TOO_MANY"
    assert server.asked("MaterializeAssets")[0]["input"]["isSingleRun"] is True


def test_several_runs_are_launched_with_one_mutation(server: FakeServer, client: Client) -> None:
    runs = [run(id="run_a"), run(id="run_b")]
    server.answers["MaterializeAssets"] = lambda _: {"materializeAssets": {"isReplay": False, "runs": runs, "errors": []}}

    made = client.materialize_all("flights", partition=("2013-01-01", "2013-01-02"), idempotency_key="once")

    assert [each.id for each in made] == ["run_a", "run_b"]
    assert server.asked("MaterializeAssets") == [
        {"input": {"selection": "flights", "partitions": {"range": {"from": "2013-01-01", "to": "2013-01-02"}}, "tags": [], "idempotencyKey": "once"}}
    ]


def test_a_log_is_read_to_its_end(server: FakeServer, client: Client) -> None:
    text = "one\ntwo\nthree\n"

    def chunk(variables: dict[str, Any]) -> Any:
        start = variables["afterByte"]
        return {"run": {"log": {"text": text[start : start + 5], "nextByte": min(start + 5, len(text)), "isComplete": start + 5 >= len(text)}}}

    server.answers["GetRun"] = lambda _: {"run": run("RUNNING")}
    server.answers["ReadLog"] = chunk

    assert client.run(RUN_ID).log("step", stream="stderr") == text
    assert server.asked("ReadLog")[0]["stream"] == "STDERR"


def test_a_run_that_has_ended_cannot_be_cancelled(server: FakeServer, client: Client) -> None:
    error = refused("ALREADY_FINISHED", "Run has already ended (succeeded).", kind="Conflict")
    server.answers["GetRun"] = lambda _: {"run": run("SUCCEEDED")}
    server.answers["CancelRuns"] = lambda _: {"cancelRuns": {"results": [{"runId": RUN_ID, "error": error}], "errors": []}}

    with pytest.raises(RequestRefusedError, match="already ended") as caught:
        client.run(RUN_ID).cancel()

    assert caught.value.code == "ALREADY_FINISHED"


def test_a_retry_is_a_new_run(server: FakeServer, client: Client) -> None:
    server.answers["GetRun"] = lambda _: {"run": run("FAILED")}
    server.answers["RetryRun"] = lambda _: {"retryRun": {"isReplay": False, "run": run(id="run_2"), "errors": []}}

    again = client.run(RUN_ID).retry(from_failure=False)

    assert again.id == "run_2"
    asked = server.asked("RetryRun")[0]["input"]
    assert (asked["runId"], asked["strategy"], len(asked["idempotencyKey"])) == (RUN_ID, "ALL_STEPS", 32)
    assert "assetKeys" not in asked  # an older server does not know it


@pytest.mark.parametrize(("given", "said"), [({"steps": ["a"]}, (["a"], None)), ({"assets": ["b"]}, (None, ["b"]))])
def test_chosen_steps_or_assets_of_a_run_are_retried(server: FakeServer, client: Client, given: dict[str, Any], said: tuple[Any, Any]) -> None:
    server.answers["GetRun"] = lambda _: {"run": run("SUCCEEDED")}
    server.answers["RetryRun"] = lambda _: {"retryRun": {"isReplay": False, "run": run(id="run_2"), "errors": []}}

    client.run(RUN_ID).retry(**given)

    asked = server.asked("RetryRun")[0]["input"]
    assert (asked.get("stepKeys"), asked.get("assetKeys")) == said


def test_waiting_for_a_failure_can_raise_it_with_the_error_of_the_step(server: FakeServer, client: Client) -> None:
    error: dict[str, Any] = {"className": "ValueError", "message": "no bees", "stack": [], "cause": None}
    step = {"key": "a", "status": "FAILED", "attempts": 1, "startedAt": None, "endedAt": None, "duration": None, "worker": None, "error": error}
    server.answers["GetRun"] = lambda _: {"run": run("FAILED")}
    server.answers["GetRunSteps"] = lambda _: {"run": {"steps": [step]}}

    with pytest.raises(RunFailedError, match="has failed: ValueError: no bees") as caught:
        client.run(RUN_ID).wait(raise_on_failure=True)

    assert isinstance(caught.value, PartitaClientError)
    assert (caught.value.code, caught.value.run.id) == ("RUN_FAILED", RUN_ID)
    assert caught.value.error is not None
    assert caught.value.error.message == "no bees"


def test_a_closed_client_opens_again_when_it_is_used(server: FakeServer, client: Client) -> None:
    server.answers["server"] = lambda _: {"server": {"version": "1"}}
    client.execute(VERSION)

    client.close()

    assert client.execute(VERSION) == {"server": {"version": "1"}}
