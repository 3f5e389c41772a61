"""How answers become models: tolerant of what a newer server adds, exact about the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from partita_client import UnexpectedAnswerError
from partita_client.models import LogEvent, RunEvent, RunStatus
from partita_client.models.generated import operations
from partita_client.models.reading import read
from partita_client.models.requests import given

EVENT = {
    "cursor": "7",
    "runId": "run_1",
    "at": "2026-11-22T08:00:00.123Z",
    "level": "INFO",
    "message": "hello",
    "stepKey": None,
    "attempt": 1,
}


def batch(*events: dict[str, Any], status: str = "RUNNING") -> Any:
    data = {"runEvents": {"cursor": "7", "runStatus": status, "isCaughtUp": True, "events": list(events)}}
    return read(operations.follow_run(id="run_1"), data).run_events


def test_events_are_of_the_class_that_the_server_names() -> None:
    (event,) = batch({**EVENT, "__typename": "LogEvent", "logger": "orders", "fields": {"rows": 3}}).events

    assert isinstance(event, LogEvent)
    assert (event.logger, event.fields, event.level) == ("orders", {"rows": 3}, "info")
    assert event.at == datetime(2026, 11, 22, 8, 0, 0, 123000, tzinfo=UTC)


def test_an_event_of_a_kind_that_is_not_known_yet_is_still_an_event() -> None:
    (event,) = batch({**EVENT, "__typename": "TeleportEvent", "destination": "Mars"}).events

    assert type(event) is RunEvent
    assert event.message == "hello"


def test_a_word_that_is_not_known_yet_reads_as_unknown() -> None:
    assert batch(status="HIBERNATING").run_status is RunStatus.UNKNOWN


def test_durations_are_time_spans() -> None:
    step = {"__typename": "StepEvent", "kind": "SUCCEEDED", "duration": 1.5, "retryAfter": None, "error": None, "metadata": []}

    (event,) = batch({**EVENT, **step}).events

    assert event.duration == timedelta(seconds=1.5)


def test_what_was_read_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        batch().cursor = "8"


def test_an_answer_that_does_not_fit_names_the_place() -> None:
    with pytest.raises(UnexpectedAnswerError, match=r"FollowRun.*runEvents\.cursor") as caught:
        read(operations.follow_run(id="run_1"), {"runEvents": {"runStatus": "RUNNING", "isCaughtUp": True, "events": []}})

    assert caught.value.code == "UNEXPECTED_ANSWER"


def test_what_is_not_given_is_not_sent_but_nulls_in_a_config_are() -> None:
    sent = given({"filter": None, "input": {"config": {"steps": {"a": None}}, "partitionKey": None}})

    assert sent == {"input": {"config": {"steps": {"a": None}}}}


@pytest.mark.parametrize(
    ("request_", "can_repeat"),
    [
        (operations.get_run(id="run_1"), True),
        (operations.launch_run(input={"jobName": "nightly", "idempotencyKey": "k"}), True),
        (operations.launch_run(input={"jobName": "nightly"}), False),
        (operations.cancel_runs(input={"runIds": ["run_1"]}), False),
    ],
)
def test_only_queries_and_mutations_with_a_key_are_sent_twice(request_: Any, can_repeat: bool) -> None:
    assert request_.can_repeat is can_repeat
