"""A run as its events tell it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pydantic

from partita_client.models.generated.types import AnyRunEvent, RunStep
from partita_client.tui.render.text import line_text
from partita_client.tui.store.run_detail import RunDetail
from support.tui_records import NOON

EVENT: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(AnyRunEvent)
BOOM = {
    "className": "ValueError",
    "message": "boom",
    "stack": ['  File "x.py", line 3\n'],
    "cause": {"className": "KeyError", "message": "k", "stack": []},
}


def event(type_name: str, second: float = 0, **rest: Any) -> Any:
    """An event, so many seconds after noon."""
    basis = {"cursor": str(second), "runId": "run_1", "at": NOON + timedelta(seconds=second), "level": "INFO", "message": type_name, "attempt": 1}
    return EVENT.validate_python({"__typename": type_name, **basis, **rest})


def step(kind: str, second: float, key: str = "a", **rest: Any) -> Any:
    return event("StepEvent", second, stepKey=key, kind=kind, metadata=[], **rest)


def test_steps_come_from_the_plan_and_change_with_what_happens() -> None:
    detail = RunDetail()
    detail.take([event("PlanEvent", stepKeys=["a", "b"], reusedStepKeys=["c"]), event("StatusEvent", 1, status="RUNNING"), step("STARTED", 2)])

    assert {key: each.status for key, each in detail.steps.items()} == {"a": "running", "b": "pending", "c": "succeeded"}
    assert [row.id for row in detail.rows()] == ["a", "b", "c"]
    detail.take([step("SUCCEEDED", 5)])
    assert detail.steps["a"].duration == timedelta(seconds=3)
    assert detail.counts() == {"succeeded": 2, "pending": 1}


def test_each_attempt_has_its_own_bar() -> None:
    detail = RunDetail()
    detail.take([step("STARTED", 1), step("FAILED", 2, error=BOOM, retryAfter=3)])
    assert detail.steps["a"].status == "waiting_retry"
    assert detail.rows()[0].note.startswith("again in 3.0s: ValueError: boom")
    detail.take([step("STARTED", 5), step("FAILED", 6, error=BOOM)])

    assert [each.status for each in detail.steps["a"].attempts] == ["failed", "failed"]
    assert [each.key for each in detail.failures()] == ["a"]


def test_what_was_only_listed_is_told_from_its_beginning_by_events() -> None:
    detail = RunDetail()
    listed = {"key": "a", "status": "SUCCEEDED", "attempts": 1, "startedAt": NOON, "endedAt": NOON + timedelta(seconds=1)}
    detail.take_steps([RunStep.model_validate(listed)])
    assert len(detail.rows()[0].attempts) == 1

    detail.take([step("STARTED", 0), step("SUCCEEDED", 1)])

    assert len(detail.rows()[0].attempts) == 1


def test_steps_of_a_fan_out_stand_in_place_of_the_one_that_was_planned() -> None:
    detail = RunDetail()
    detail.take(
        [event("PlanEvent", stepKeys=["list", "load", "sum"], reusedStepKeys=[]), step("STARTED", 1, "load[x]"), step("STARTED", 1, "load[y]")]
    )

    assert [row.id for row in detail.rows()] == ["load[x]", "load[y]", "list", "sum"]


def test_a_failure_unfolds_into_its_frames_and_its_cause() -> None:
    [line] = RunDetail().take([step("FAILED", 2, error=BOOM, level="ERROR")])

    assert line.level == "error"
    assert "FAILED" in line_text(line.line)
    assert line.details == ('  File "x.py", line 3', "ValueError: boom", "caused by", "KeyError: k")


def test_kinds_that_a_newer_server_adds_are_lines_too() -> None:
    detail = RunDetail()

    [line] = detail.take([event("NoveltyEvent", 1)])

    assert "NoveltyEvent" in line_text(line.line)
    assert detail.event_count == 1
