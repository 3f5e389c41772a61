"""The graphql-transport-ws protocol, frame by frame."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from partita.api.limits import LIMITS
from support.api import Api

VERSION = "{ server { version } }"
FOLLOW = "subscription { runs { cursor run { id } } }"


def test_a_greeting_is_acknowledged(api: Api) -> None:
    payloads: list[dict[str, Any]] = [{}, {"payload": None}, {"payload": {}}]
    for payload in payloads:
        with api.socket(init=False) as socket:
            socket.send({"type": "connection_init", **payload})
            assert socket.receive() == {"type": "connection_ack"}


def test_a_ping_is_answered(api: Api) -> None:
    with api.socket() as socket:
        socket.send({"type": "ping"})
        assert socket.receive() == {"type": "pong"}


def test_a_query_gives_one_result_and_completes(api: Api) -> None:
    with api.socket() as socket:
        socket.subscribe(VERSION, "a")

        assert socket.next()["server"]["version"]
        assert socket.receive() == {"id": "a", "type": "complete"}


def test_a_mutation_is_done_once(api: Api) -> None:
    with api.socket() as socket:
        socket.subscribe('mutation { launchRun(input: {jobName: "nightly", repository: "main"}) { run { id } } }')

        assert socket.next()["launchRun"]["run"]["id"] == api.store.runs.list().items[0].id


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("not json", 4400),
        (None, 4400),
        ([], 4400),
        (5, 4400),
        ({"type": "nonsense"}, 4400),
        ({"id": "1"}, 4400),
        ({"type": "connection_init"}, 4429),
        ({"type": "subscribe", "id": 1, "payload": {"query": VERSION}}, 4400),
        ({"type": "subscribe", "id": "1", "payload": {"query": 7}}, 4400),
        ({"type": "subscribe", "id": "1", "payload": {"query": VERSION, "variables": []}}, 4400),
        ({"type": "subscribe", "id": "1"}, 4400),
    ],
)
def test_a_malformed_frame_closes_the_socket_with_its_code(api: Api, message: Any, code: int) -> None:
    with api.socket() as socket:
        socket.connection.send(message if message == "not json" else json.dumps(message))
        assert socket.close_code() == code


def test_a_binary_frame_closes_the_socket(api: Api) -> None:
    with api.socket() as socket:
        socket.connection.send(b"{}")
        assert socket.close_code() == 4400


def test_nothing_is_done_before_the_greeting(api: Api) -> None:
    with api.socket(init=False) as socket:
        socket.subscribe(VERSION)
        assert socket.close_code() == 4401


def test_two_operations_cannot_share_an_id(api: Api) -> None:
    with api.socket() as socket:
        socket.subscribe(FOLLOW, "a")
        socket.subscribe(FOLLOW, "a")
        assert socket.close_code() == 4409


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { server { version } } query B { server { version } }", "OPERATION_RESOLUTION_FAILURE"),
        ("subscription { runs { cursor } workspace { cursor } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription($n: Int!) { runs { cursor } }", "GRAPHQL_VALIDATION_FAILED"),
        ('subscription { runEvents(runId: "nope") { cursor } }', "BAD_USER_INPUT"),
        ('subscription { runs(after: "nonsense") { cursor } }', "BAD_USER_INPUT"),
    ],
)
def test_a_bad_document_ends_its_operation_and_not_the_socket(api: Api, document: str, code: str) -> None:
    with api.socket() as socket:
        socket.subscribe(document, "bad")
        message = socket.receive()
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]

        assert (message["id"], {error["extensions"]["code"] for error in errors}) == ("bad", {code})
        if message["type"] == "next":
            assert socket.receive() == {"id": "bad", "type": "complete"}
        socket.subscribe(VERSION, "good")
        assert socket.next()["server"]["version"]


def test_a_client_may_end_an_operation_and_use_its_id_again(api: Api) -> None:
    with api.socket() as socket:
        socket.subscribe(FOLLOW, "a")
        socket.send({"id": "a", "type": "complete"})
        socket.send({"id": "never", "type": "complete"})
        socket.subscribe(VERSION, "a")

        assert socket.receive()["payload"]["data"]["server"]["version"]


def test_a_socket_carries_only_so_many_operations(api: Api) -> None:
    with api.socket() as socket:
        for number in range(LIMITS.max_subscriptions):
            socket.subscribe(FOLLOW, f"s{number}")
        socket.subscribe(FOLLOW, "one more")

        message = socket.receive()
        assert (message["id"], message["type"]) == ("one more", "error")
        assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


def test_a_message_that_is_too_large_closes_the_socket(api: Api) -> None:
    with api.socket() as socket:
        socket.connection.send(" " * (LIMITS.max_message_bytes + 1))
        assert socket.close_code() == 1009


@pytest.mark.parametrize("protocol", ["graphql-ws", "soap"])
def test_only_one_protocol_is_spoken(api: Api, protocol: str) -> None:
    with api.socket(init=False, protocols=(protocol,)) as socket:
        assert socket.close_code() == 4406


@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"origin": "null"}])
def test_a_page_from_elsewhere_gets_no_socket(api: Api, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        api.socket(init=False, **headers)

    assert refused.value.response.status_code == 403


def test_a_socket_for_a_foreign_host_is_refused(api: Api) -> None:
    handshake = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-key": "eHh4eHh4eHh4eHh4eHh4eA==", "sec-websocket-version": "13"}

    assert api.request("GET", "/graphql", headers={**handshake, "host": "evil.example"}).status == 403
    assert api.request("GET", "/graphql", headers={**handshake, "host": "localhost", "sec-websocket-protocol": "graphql-transport-ws"}).status == 101


def test_our_own_page_gets_a_socket(api: Api) -> None:
    with api.socket(origin=f"http://127.0.0.1:{api.port}") as socket:
        socket.subscribe(VERSION)
        assert socket.next()["server"]["version"]


def test_operations_of_one_socket_run_side_by_side(api: Api) -> None:
    with api.socket() as socket:
        socket.subscribe(FOLLOW, "slow")
        socket.subscribe(VERSION, "quick")

        assert socket.receive()["id"] == "quick"
