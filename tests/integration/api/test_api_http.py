"""The API over HTTP: what it speaks, what it refuses, and that nothing leaks."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from partita.api.limits import LIMITS
from partita.records.alerts import Alert, AlertKind
from partita.storage.alerts import AlertTurn
from partita.storage.runs import Runs
from support.api import Answer, Api, serving
from support.stores import NOON

VERSION = {"query": "{ server { version } }"}
RESPONSE = "application/graphql-response+json"


def get(api: Api, preflight: bool = True, **parameters: str) -> Answer:
    return api.request("GET", f"/graphql?{urlencode(parameters)}", headers={"GraphQL-Require-Preflight": "1"} if preflight else {})


def test_an_answer_is_json_and_carries_safe_headers(api: Api) -> None:
    answer = api.post(VERSION)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers
    assert "data" in answer.json


def test_a_client_that_knows_the_newer_media_type_gets_it(api: Api) -> None:
    good = api.post(VERSION, accept=RESPONSE)
    bad = api.post({"query": "{ nope }"}, accept=RESPONSE)

    assert (good.status, good.headers["content-type"]) == (200, f"{RESPONSE}; charset=utf-8")
    assert bad.status == 400
    assert "data" not in bad.json


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nope }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ server { version(a: 1) } }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query($n: Int!) { runs(first: $n) { totalCount } }"}, "BAD_USER_INPUT"),
        ({"query": "query($n: Int!) { runs(first: $n) { totalCount } }", "variables": {"n": "many"}}, "BAD_USER_INPUT"),
        ({"query": "query($f: RunFilter) { runs(filter: $f) { totalCount } }", "variables": {"f": {"statuses": ["LOST"]}}}, "BAD_USER_INPUT"),
        ({"query": "query($f: RunFilter) { runs(filter: $f) { totalCount } }", "variables": {"f": {"createdAfter": "yesterday"}}}, "BAD_USER_INPUT"),
        ({"query": "{ server { ...a } } fragment a on Server { ...a }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ " + 'asset(key: "a") ' + "{ upstream " * 15 + "{ key }" + " }" * 15 + " }"}, "QUERY_TOO_COMPLEX"),
        ({"query": "{ server { " + " ".join(f"a{n}: version" for n in range(40)) + " } }"}, "QUERY_TOO_COMPLEX"),
        ({"query": "{ server { " + "version " * 5000 + " } }"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ runs(first: 500) { nodes { assets { upstream { key } } } } }"}, "QUERY_TOO_COMPLEX"),
        ({"query": "query A { server { version } } query B { server { version } }"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query A { server { version } }", "operationName": "C"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "fragment a on Server { version }"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "subscription { runs { cursor } }"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": ""}, "BAD_REQUEST"),
        ({}, "BAD_REQUEST"),
        ({"query": 1}, "BAD_REQUEST"),
        ({"query": "{ server { version } }", "variables": [1]}, "BAD_REQUEST"),
        ({"query": "{ server { version } }", "variables": "x"}, "BAD_REQUEST"),
        ({"query": "{ server { version } }", "operationName": 5}, "BAD_REQUEST"),
        ({"query": "{ server { version } }", "extensions": []}, "BAD_REQUEST"),
        ([VERSION, VERSION], "BAD_REQUEST"),
        ("text", "BAD_REQUEST"),
        (None, "BAD_REQUEST"),
        (b"{not json", "BAD_REQUEST"),
        (b"\xff\xfe", "BAD_REQUEST"),
        (b"[" * 50_000, "BAD_REQUEST"),
        (b"", "BAD_REQUEST"),
    ],
)
def test_a_malformed_request_gets_a_coded_error(api: Api, body: Any, code: str) -> None:
    answer = api.post(body)

    assert answer.status in {200, 400}
    assert set(answer.codes) == {code}
    assert all(error["message"] for error in answer.json["errors"])
    assert "Traceback" not in answer.body.decode()


def test_at_most_eight_mistakes_are_told(api: Api) -> None:
    answer = api.post({"query": "{ " + " ".join(f"wrong{n}" for n in range(15)) + " }"})

    assert len(answer.json["errors"]) == LIMITS.max_errors + 1


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain; application/json", ""]
)
def test_only_json_is_taken(api: Api, media: str) -> None:
    answer = api.request("POST", "/graphql", json.dumps(VERSION).encode(), {"content-type": media})

    assert answer.status == 415
    assert answer.codes == ["BAD_REQUEST"]


def test_a_content_type_may_name_its_charset(api: Api) -> None:
    assert api.request("POST", "/graphql", json.dumps(VERSION).encode(), {"content-type": "application/json; charset=utf-8"}).status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(api: Api, method: str) -> None:
    answer = api.request(method, "/graphql", b"{}", {"content-type": "application/json"})

    assert answer.status == 405
    assert answer.headers["allow"] == "GET, POST"
    assert answer.codes == ["BAD_REQUEST"]


def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    answer = api.post({"query": "{ server { version } }", "variables": {"x": "y" * LIMITS.max_body_bytes}})

    assert answer.status == 413
    assert answer.codes == ["BAD_REQUEST"]


def test_a_body_of_unsaid_length_is_read_only_so_far(api: Api) -> None:
    chunk = b"x" * 65_536
    body = b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for _ in range(17)) + b"0\r\n\r\n"

    answer = api.request("POST", "/graphql", body, {"content-type": "application/json", "transfer-encoding": "chunked"})

    assert answer.status == 413


def test_a_query_may_be_asked_by_get_with_a_header_that_no_page_can_forge(api: Api) -> None:
    good = get(api, query="query A($n: Int) { runs(first: $n) { totalCount } }", variables='{"n": 1}', operationName="A")
    bare = get(api, preflight=False, query="{ server { version } }")
    wrong = get(api, query="{ server { version } }", variables="[")

    assert good.json == {"data": {"runs": {"totalCount": 0}}}
    assert (bare.status, bare.codes) == (400, ["BAD_REQUEST"])
    assert (wrong.status, wrong.codes) == (400, ["BAD_REQUEST"])


def test_a_mutation_is_never_done_by_get(api: Api) -> None:
    answer = get(api, query='mutation { launchRun(input: {jobName: "nightly", repository: "main"}) { run { id } } }')

    assert answer.status == 400
    assert answer.codes == ["OPERATION_RESOLUTION_FAILURE"]
    assert api.store.runs.count() == 0


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4400", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_is_refused(api: Api, host: str) -> None:
    answer = api.request("POST", "/graphql", json.dumps(VERSION).encode(), {"content-type": "application/json", "host": host})

    assert answer.status == 400
    assert answer.codes == ["BAD_REQUEST"]


@pytest.mark.parametrize("host", ["localhost", "localhost:80", "127.0.0.1", "[::1]:4400"])
def test_this_machine_goes_by_several_names(api: Api, host: str) -> None:
    assert api.request("POST", "/graphql", json.dumps(VERSION).encode(), {"content-type": "application/json", "host": host}).status == 200


def test_further_hosts_can_be_allowed(tmp_path: Path) -> None:
    with serving(tmp_path, allowed_hosts=["partita.example"]) as api:
        headers = {"content-type": "application/json", "host": "partita.example:443"}
        assert api.request("POST", "/graphql", json.dumps(VERSION).encode(), headers).status == 200
        assert api.post(VERSION).status == 400


def test_what_went_wrong_inside_is_masked_and_found_in_the_log(api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(Runs, "list", broken)

    with caplog.at_level(logging.ERROR):
        answer = api.post({"query": "{ runs { nodes { id } } server { version } }"})

    [error] = answer.json["errors"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert error["path"] == ["runs"]
    assert "hunter2" not in answer.body.decode()
    [record] = [each for each in caplog.records if getattr(each, "request_id", None) == error["extensions"]["requestId"]]
    assert "hunter2" in str(record.exc_info)


def test_mistakes_of_callers_are_not_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="partita"), caplog.at_level(logging.DEBUG, logger="strawberry"):
        api.post({"query": "{ nope }"})
        api.post({"query": "{"})
        api.post({"query": "{ runs(first: -1) { totalCount } }"})

    assert not [record for record in caplog.records if record.name.startswith(("partita", "strawberry"))]


def test_an_operation_that_takes_too_long_ends(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partita.api.operations.LIMITS", replace(LIMITS, max_seconds=0.0))

    answer = api.post({"query": "{ runs { totalCount } }"})

    assert answer.codes == ["TIMEOUT"]


def test_the_cost_is_told_to_whoever_asks(api: Api) -> None:
    asked = api.post({"query": "{ runs(first: 10) { nodes { id } } }"}, x_graphql_cost="1")

    assert asked.json["extensions"] == {"cost": {"requested": 11, "limit": LIMITS.max_cost}}
    assert "extensions" not in api.post({"query": "{ runs(first: 10) { nodes { id } } }"}).json


def test_tools_can_introspect(api: Api) -> None:
    from graphql import build_client_schema, get_introspection_query

    answer = api.send(get_introspection_query(specified_by_url=True, input_value_deprecation=True))

    made = build_client_schema(answer["data"])
    assert made.type_map["DateTime"].specified_by_url  # type: ignore[attr-defined]


def test_the_server_is_alive_and_ready(api: Api) -> None:
    alive, ready = api.request("GET", "/healthz"), api.request("GET", "/readyz")

    assert (alive.status, alive.json["status"]) == (200, "ok")
    assert (ready.status, ready.json["status"]) == (200, "ready")


def test_a_server_whose_database_is_gone_is_alive_but_not_ready(api: Api) -> None:
    api.store.database_path.rename(api.store.database_path.with_suffix(".away"))

    assert api.request("GET", "/healthz").status == 200
    ready = api.request("GET", "/readyz")
    assert ready.status == 503
    assert "deleted or replaced" in ready.json["reason"]
    assert api.request("GET", "/metrics").status == 503


def test_metrics_are_real_numbers(api: Api) -> None:
    api.run()
    api.store.leases.heartbeat("sensors", owner="box", lateness=timedelta(seconds=1.5))
    alert = Alert(id="alert_1", rule="all", kind=AlertKind.RUN_FAILED, subject="x", title="x", at=NOON, last_at=NOON)
    assert api.store.alerts.commit(api.store.alerts.turn(), AlertTurn(run=1, check=1), [alert]) is not None

    answer = api.request("GET", "/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.body.decode().splitlines()
    assert 'partita_runs{state="queued"} 1' in lines
    assert 'partita_code_locations{status="loaded"} 2' in lines
    assert 'partita_code_locations{status="failed"} 1' in lines
    assert "partita_subscriptions 0" in lines
    assert 'partita_daemon_lateness_seconds{role="sensors"} 1.5' in lines
    assert "partita_alerts_waiting 1" in lines


def test_the_query_page_loads_nothing_from_elsewhere(api: Api) -> None:
    page = api.request("GET", "/")

    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    text = page.body.decode()
    assert "http" not in text.replace("https", "http").replace("http-equiv", "") or "://" not in text
    for path in [part.split('"')[0] for part in text.split('="')[1:] if part.startswith("/static/")]:
        plain = api.request("GET", path)
        packed = api.request("GET", path, headers={"accept-encoding": "gzip"})
        assert plain.status == packed.status == 200
        assert plain.headers["content-type"].split(";")[0] in {"text/javascript", "text/css"}
        assert packed.headers["content-encoding"] == "gzip"
        assert len(plain.body) > 0


@pytest.mark.parametrize("path", ["/nope", "/static/nope.js", "/static/..%2fapp.py", "/static/README.md"])
def test_other_paths_are_not_found(api: Api, path: str) -> None:
    answer = api.request("GET", path)

    assert answer.status == 404
    assert answer.codes == ["BAD_REQUEST"]
