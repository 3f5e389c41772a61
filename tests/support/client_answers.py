"""Answers of a server as JSON, for `FakeServer`."""

from __future__ import annotations

from typing import Any

RUN_ID = "run_01jdabcdefghjkmnpqrstvwxyz"


def run(status: str = "QUEUED", **fields: Any) -> dict[str, Any]:
    """What a `RunRecord` selects."""
    plain = {
        "id": RUN_ID,
        "jobName": "nightly",
        "status": status,
        "config": {},
        "priority": 0,
        "attempt": 1,
        "createdAt": "2026-11-22T08:00:00Z",
        "startedAt": None,
        "endedAt": None,
        "duration": None,
        "canCancel": True,
        "canRetry": False,
        "tags": [{"key": "team", "value": "bees"}],
        "codeLocation": {"name": "hive"},
        "assets": [],
        "partitions": None,
        "error": None,
    }
    return plain | fields


def launched(status: str = "QUEUED", *, is_replay: bool = False) -> dict[str, Any]:
    """What `launchRun` answers."""
    return {"launchRun": {"isReplay": is_replay, "run": run(status), "errors": []}}


def refused(code: str, message: str, *, path: list[str] | None = None, kind: str = "InvalidInput", **fields: Any) -> dict[str, Any]:
    """One member of a mutation's `errors`."""
    return {"__typename": kind, "code": code, "message": message, "path": path, **fields}


def event(seq: int) -> dict[str, Any]:
    """A log event of the run."""
    return {
        "__typename": "LogEvent",
        "cursor": str(seq),
        "runId": RUN_ID,
        "at": "2026-11-22T08:00:00Z",
        "level": "INFO",
        "message": f"event {seq}",
        "stepKey": "step",
        "attempt": 1,
        "logger": "hive",
        "fields": None,
    }


def batch(*seqs: int, status: str = "RUNNING", is_caught_up: bool = True) -> dict[str, Any]:
    """An item of `runEvents` with the events of these numbers."""
    events = [event(seq) for seq in seqs]
    return {"runEvents": {"cursor": str(seqs[-1]), "runStatus": status, "isCaughtUp": is_caught_up, "events": events}}
