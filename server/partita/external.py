"""The other side of `pt.Subprocess`: what an external program finds of its step, and how it tells what it does.

This file needs nothing but Python 3.8: where Partita is not installed, copy it beside the program. Programs in other languages
read and write the same two files; docs/subprocesses.md says how.

Example:
    ```python
    from partita.external import current_step

    step = current_step()
    step.log("loading %s" % step.partition_key)
    step.progress(1, 2)
    step.metadata({"rows": 3})
    ```
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

__all__ = ["ExternalStep", "current_step"]
STEP, EVENTS = "PARTITA_STEP", "PARTITA_EVENTS"
"""Variables with the paths of the file to read and of the file to write to."""


class ExternalStep:
    """The step that a program is part of; outside of one, what is told goes to standard error."""

    def __init__(self, facts: dict[str, Any], events: str | None) -> None:
        self.run_id: str | None = facts.get("run_id")
        self.job_name: str | None = facts.get("job_name")
        self.step_key: str | None = facts.get("step_key")
        self.attempt: int = facts.get("attempt", 1)
        self.asset_key: str | None = facts.get("asset_key")
        self.partition_keys: list[str] = facts.get("partition_keys", [])
        self.partition_window: list[str] | None = facts.get("partition_window")
        """Start and end, as ISO 8601 text with their UTC offset; None: not partitioned by time."""
        self.tags: dict[str, str] = facts.get("tags", {})
        self.extras: dict[str, Any] = facts.get("extras", {})
        """What the step gave the program besides."""
        self._events = events

    @property
    def partition_key(self) -> str | None:
        """The partition, where it is exactly one."""
        return self.partition_keys[0] if len(self.partition_keys) == 1 else None

    def log(self, message: str, level: str = "info") -> None:
        """Write a log record: `debug`, `info`, `warning`, `error` or `critical`."""
        self._tell({"kind": "log", "level": level, "message": message})

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Tell how far the work is."""
        self._tell({"kind": "progress", "done": done, "total": total, "message": message})

    def metadata(self, metadata: dict[str, Any]) -> None:
        """Show this with what the step writes. Values are plain JSON."""
        self._tell({"kind": "metadata", "metadata": metadata})

    def data_version(self, version: str) -> None:
        """Name the version of the data that was written."""
        self._tell({"kind": "data_version", "data_version": version})

    def check(self, name: str, passed: bool, severity: str = "error", description: str | None = None, metadata: dict[str, Any] | None = None) -> None:
        """Give the verdict of a check of the asset; `severity` is `error` or `warn`."""
        said = {"kind": "check", "check": name, "passed": passed, "severity": severity, "description": description, "metadata": metadata or {}}
        self._tell(said)

    def _tell(self, said: dict[str, Any]) -> None:
        line = (json.dumps(said) + "\n").encode()
        if self._events is None:
            sys.stderr.write(line.decode())
            return
        # One write at the end of the file: several processes may tell at once.
        file = os.open(self._events, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, line)
        finally:
            os.close(file)


def current_step() -> ExternalStep:
    """The step that this program is part of."""
    facts: dict[str, Any] = {}
    path = os.environ.get(STEP)
    if path is not None:
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
    return ExternalStep(facts, os.environ.get(EVENTS))
