"""Small decisions about HTTP and WebSocket: media types, hosts, frames, metrics."""

from __future__ import annotations

from typing import Any

import pytest

from partita.api.guard import name_of
from partita.api.health import render_metrics
from partita.api.sockets import fault_of
from partita.api.view import PLAIN_JSON, RESPONSE_JSON, media_of


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, PLAIN_JSON),
        ("*/*", PLAIN_JSON),
        (RESPONSE_JSON, RESPONSE_JSON),
        ("application/json", PLAIN_JSON),
        ("application/*", RESPONSE_JSON),
        (f"{RESPONSE_JSON}; charset=utf-8, application/json; q=0.9", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=0.5, application/json", PLAIN_JSON),
        (f"{RESPONSE_JSON};q=nonsense", PLAIN_JSON),
        ("text/html", PLAIN_JSON),
    ],
)
def test_the_client_gets_the_media_type_that_it_likes_best(accept: str | None, media: str) -> None:
    assert media_of(accept) == media


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost:4400", "localhost"),
        ("LOCALHOST", "localhost"),
        ("[::1]:4400", "[::1]"),
        ("[::1]", "[::1]"),
        ("evil.example", "evil.example"),
        ("", ""),
    ],
)
def test_a_host_is_known_without_its_port(host: str, name: str) -> None:
    assert name_of(host) == name


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        "text",
        7,
        {},
        {"type": 5},
        {"type": "ping", "payload": []},
        {"type": "connection_init", "payload": "token"},
        {"type": "complete"},
        {"type": "complete", "id": 1},
        {"type": "subscribe", "payload": {"query": "{ a }"}},
        {"type": "subscribe", "id": "", "payload": {"query": "{ a }"}},
        {"type": "subscribe", "id": "1"},
        {"type": "subscribe", "id": "1", "payload": {"query": 1}},
        {"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": []}},
        {"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "operationName": 1}},
        {"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "extensions": "x"}},
    ],
)
def test_a_malformed_frame_is_seen_before_it_does_harm(message: Any) -> None:
    assert fault_of(message) is not None


@pytest.mark.parametrize(
    "message",
    [
        {"type": "connection_init"},
        {"type": "connection_init", "payload": None},
        {"type": "ping", "payload": {}},
        {"type": "complete", "id": "1"},
        {"type": "subscribe", "id": "1", "payload": {"query": "{ a }"}},
        {"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": None, "operationName": None, "extensions": None}},
    ],
)
def test_a_sound_frame_passes(message: Any) -> None:
    assert fault_of(message) is None


def test_metrics_are_explained_once_and_labels_are_escaped() -> None:
    text = render_metrics([("partita_runs", {"state": 'odd"\\\n'}, 2), ("partita_runs", {"state": "active"}, 1)])

    assert text.count("# HELP partita_runs ") == 1
    assert 'partita_runs{state="odd\\"\\\\\\n"} 2\n' in text
