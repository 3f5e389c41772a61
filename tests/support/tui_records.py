"""Records as the API would have answered them, for what is pure in the terminal app."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from partita_client.models.generated.types import Alert, TuiAsset, TuiBackfill, TuiRun, TuiTick

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_run(number: int = 1, state: str = "SUCCEEDED", **rest: Any) -> TuiRun:
    """A run, asked for so many seconds after noon."""
    answer: dict[str, Any] = {
        "id": f"run_{number:08}",
        "jobName": "nightly",
        "status": state,
        "createdAt": NOON + timedelta(seconds=number),
        "attempt": 1,
        "priority": 0,
        "canCancel": state == "RUNNING",
        "canRetry": state == "FAILED",
        "tags": [],
        "assets": [],
        "stats": {"totalSteps": 0, "succeededSteps": 0, "failedSteps": 0, "skippedSteps": 0, "peakMemory": None},
        **rest,
    }
    return TuiRun.model_validate(answer)


def an_asset(key: str, *, upstream: tuple[str, ...] = (), **rest: Any) -> TuiAsset:
    """An asset that was never written."""
    answer: dict[str, Any] = {
        "id": key,
        "key": key,
        "groupName": "raw",
        "kinds": [],
        "owners": [],
        "isExternal": False,
        "isObservable": False,
        "health": "UNKNOWN",
        "upstream": [{"key": each} for each in upstream],
        "downstream": [],
        "checks": [],
        **rest,
    }
    return TuiAsset.model_validate(answer)


def an_alert(number: int, state: str, **rest: Any) -> Alert:
    """An alert of so many seconds after noon."""
    at = NOON + timedelta(seconds=number)
    answer: dict[str, Any] = {
        "id": f"alert_{number:08}",
        "rule": "oncall",
        "kind": "RUN_FAILED",
        "subject": "nightly",
        "title": "Run of job nightly failed",
        "details": [],
        "at": at,
        "lastAt": at,
        "count": 1,
        "status": state,
        "waitingFor": [],
        "attempts": 0,
        "isOpen": False,
        "isEnd": False,
        **rest,
    }
    return Alert.model_validate(answer)


def a_tick(number: int, state: str = "SUCCEEDED", *, name: str = "files", **rest: Any) -> TuiTick:
    """A tick of a sensor, due so many seconds after noon."""
    answer: dict[str, Any] = {
        "id": f"tick_{number:08}",
        "status": state,
        "dueAt": NOON + timedelta(seconds=number),
        "attempt": 1,
        "isDryRun": False,
        "runCount": 0,
        "logs": "",
        "requests": [],
        "addedPartitions": [],
        "automation": {"name": name, "repository": {"name": "main", "codeLocation": {"name": "ingest"}}},
        **rest,
    }
    return TuiTick.model_validate(answer)


def a_backfill(number: int = 1, state: str = "RUNNING", counts: dict[str, int] | None = None, **rest: Any) -> TuiBackfill:
    """A backfill of one asset."""
    counted = counts or {}
    answer: dict[str, Any] = {
        "id": f"backfill_{number:08}",
        "status": state,
        "createdAt": NOON + timedelta(seconds=number),
        "assets": [{"key": "raw/orders"}],
        "priority": 0,
        "order": "ASC",
        "partitionCount": sum(counted.values()),
        "statusCounts": [{"status": word, "count": count} for word, count in counted.items()],
        "canCancel": True,
        "canPause": True,
        "canResume": False,
        "canRetry": False,
        **rest,
    }
    return TuiBackfill.model_validate(answer)
