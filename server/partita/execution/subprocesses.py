"""External programs as part of a step: they find what it is about in one file and tell what they do in another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import Field

from partita.definitions.resources import Resource
from partita.definitions.results import CheckResult, Failure, Materialization, Severity
from partita.errors import ExecutionError, PartitaError, RequestError
from partita.execution.context import AssetContext, CheckContext, StepContext
from partita.execution.current import current_context
from partita.execution.prints import Shared
from partita.external import EVENTS, STEP

__all__ = ["Subprocess", "SubprocessResult"]
INTERVAL = 0.05
"""Seconds between looks at what a program has told."""
MAX_LINE = 1 << 20
"""Bytes of one message; a longer one is not read."""
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


@dataclass(kw_only=True)
class SubprocessResult:
    """What became of a program."""

    exit_code: int = 0
    """Minus the number of the signal that ended it, if one did."""
    duration: float = 0.0
    """Seconds."""
    metadata: dict[str, Any] = field(default_factory=dict)
    data_version: str | None = None
    checks: list[CheckResult] = field(default_factory=list)

    def materialization(self) -> Materialization[Any]:
        """What an asset may return whose program has stored the value itself."""
        return Materialization(metadata=self.metadata, data_version=self.data_version, checks=self.checks)


class Subprocess(Resource):
    """Runs external programs for a step. What they print is the step's output; what they tell becomes events and metadata.

    The program reads the step's facts and its `extras` from the file that `PARTITA_STEP` names and writes JSON lines to the
    one that `PARTITA_EVENTS` names. In Python `partita.external` does both.

    Args:
        env: variables for every program.
        grace: seconds between SIGTERM and SIGKILL when the step is cancelled or out of time.

    Example:
        ```python
        @pt.asset
        def model(context: pt.AssetContext, sub: pt.Subprocess) -> pt.Materialization:
            return sub.run(["Rscript", "fit.R"], extras={"day": context.partition_key}).materialization()
        ```
    """

    env: dict[str, str] = Field(default_factory=dict)
    grace: float = Field(default=5.0, ge=0)

    def run(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        extras: Mapping[str, Any] | None = None,
        check: bool = True,
    ) -> SubprocessResult:
        """Run a program to its end, in the step that calls this.

        Args:
            command: the program and its arguments; no shell reads them.
            env: variables over those of this process and of the resource.
            cwd: its directory; this process's own unless given.
            extras: plain JSON that the program finds beside the step's facts.
            check: raise when its exit code is not 0.

        Raises:
            Failure: it ended with another exit code than 0, or by a signal; what it told is in the metadata.
            ExecutionError: it cannot be started.
            RequestError: the command is text, or the extras are no plain JSON.
        """
        if isinstance(command, str) or not command:
            raise RequestError(f"command={command!r}: give the program and its arguments as a list, such as ['python', 'fit.py'].")
        context = current_context()
        with tempfile.TemporaryDirectory(prefix="partita-") as scratch:
            step, events = Path(scratch, "step.json"), Path(scratch, "events.jsonl")
            step.write_text(_facts(context, extras or {}), encoding="utf-8")
            events.touch()
            environ = {**os.environ, **self.env, **(env or {}), STEP: str(step), EVENTS: str(events)}
            with events.open("rb") as told:
                result = self._run([os.fspath(part) for part in command], environ, cwd, _Listener(told, context))
        if check and result.exit_code:
            raise Failure(f"{os.fspath(command[0])!r} {_ending(result.exit_code)}.", metadata={**result.metadata, "exit_code": result.exit_code})
        return result

    def _run(self, command: list[str], environ: dict[str, str], cwd: str | os.PathLike[str] | None, listener: _Listener) -> SubprocessResult:
        began = time.monotonic()
        try:
            # A session of its own, so that the whole of it can be ended.
            process = subprocess.Popen(command, env=environ, cwd=cwd, stdin=subprocess.DEVNULL, start_new_session=True, **_shared_streams())
        except OSError as error:
            raise ExecutionError(f"{command[0]!r} cannot be started: {error.strerror or error}{_place(error, command)}.") from error
        try:
            while process.returncode is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(INTERVAL)
                listener.read()
        finally:
            if process.returncode is None:
                self._end(process)
        listener.read(is_last=True)
        result = listener.result
        result.exit_code, result.duration = process.returncode, time.monotonic() - began
        return result

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """The step is to stop: tell the program, and kill it and what it started when it takes too long."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(self.grace)
                return


def _shared_streams() -> dict[str, Any]:
    """Where steps run beside each other in one process, its descriptors are nobody's: the program is given those of the step's files."""
    streams = {"stdout": sys.stdout, "stderr": sys.stderr}
    return {name: stream for name, stream in streams.items() if isinstance(stream, Shared)}


class _Listener:
    """Reads what a program tells, and tells it on."""

    def __init__(self, told: BinaryIO, context: StepContext | None) -> None:
        self.result = SubprocessResult()
        self._told = told
        self._context = context
        self._rest = b""

    def read(self, *, is_last: bool = False) -> None:
        """Take what is there; the last line counts without its end when nothing follows."""
        *lines, self._rest = (self._rest + self._told.read()).split(b"\n")
        if is_last:
            lines.append(self._rest)
        elif len(self._rest) > MAX_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            if line.strip():
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            said = json.loads(line) if len(line) <= MAX_LINE else None
            if not isinstance(said, dict):
                raise ValueError("it is no JSON object" if said is not None else f"it is longer than {MAX_LINE:,} bytes")
            self._heed(said)
        except (ValueError, TypeError, KeyError, PartitaError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            self._log(LEVELS["warning"], f"The program told what is not understood: {line[:200].decode(errors='replace')!r}: {reason}")

    def _heed(self, said: dict[str, Any]) -> None:
        match said.get("kind"):
            case "log":
                self._log(LEVELS.get(said.get("level", "info"), LEVELS["info"]), str(said["message"]))
            case "progress":
                if self._context is not None:
                    self._context.progress(said["done"], said.get("total"), said.get("message"))
            case "metadata":
                if self._context is not None:
                    self._context.add_metadata(said["metadata"])
                self.result.metadata.update(said["metadata"])
            case "data_version":
                self.result.data_version = str(said["data_version"])
            case "check":
                self.result.checks.append(_verdict(said))
            case kind:
                raise ValueError(f"there is no kind {kind!r}")

    def _log(self, level: int, message: str) -> None:
        if self._context is not None:
            self._context.log.log(level, "%s", message)


def _verdict(said: dict[str, Any]) -> CheckResult:
    return CheckResult(
        name=said["check"],
        passed=bool(said["passed"]),
        severity=Severity(said.get("severity", "error")),
        description=said.get("description"),
        metadata=said.get("metadata") or {},
    )


def _facts(context: StepContext | None, extras: Mapping[str, Any]) -> str:
    facts: dict[str, Any] = {"extras": dict(extras)}
    if context is not None:
        facts |= {
            "run_id": context.run_id,
            "job_name": context.job_name,
            "step_key": context.step_key,
            "attempt": context.attempt,
            "asset_key": str(context.asset_key) if isinstance(context, AssetContext | CheckContext) else None,
            "partition_keys": list(context.partition_keys),
            "partition_window": _window(context),
            "tags": dict(context.tags),
        }
    try:
        return json.dumps(facts)
    except (TypeError, ValueError) as error:
        raise RequestError(f"extras={dict(extras)!r}: {error}. Give plain JSON.") from error


def _window(context: StepContext) -> list[str] | None:
    if not context.partition_keys or not context.is_partitioned_by_time:
        return None
    window = context.partition_window
    return [window.start.isoformat(), window.end.isoformat()]


def _ending(exit_code: int) -> str:
    if exit_code > 0:
        return f"exited with code {exit_code}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"was ended by signal {-exit_code}"


def _place(error: OSError, command: list[str]) -> str:
    """What is not there, when it is not the program itself."""
    return f" ({error.filename})" if error.filename not in (None, command[0]) else ""
