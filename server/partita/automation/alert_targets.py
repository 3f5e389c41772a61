"""Telling somebody: an address, by the library that speaks to them all, or a command."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from typing import Any

from partita.errors import ExecutionError
from partita.execution.extras import needed
from partita.planning.alerts import Message
from partita.workspace.alert_settings import AlertTarget

COMMAND_LIMIT = 30.0
"""Seconds that a command may take."""
MOST_READ = 64 * 1024
"""Bytes of what a command has printed that are looked at."""
MOST_SAID = 300
"""Characters kept of why a target refuses."""


def tell(target: AlertTarget, message: Message) -> str | None:
    """Send a message; why it was not taken, or None when it was. Takes as long as the target does, which its library or we limit."""
    try:
        refusal = _run(target, message) if target.command else _notify(target, message)
    except ExecutionError as error:
        return str(error)
    except Exception as error:  # of whatever plugin: the rule must learn of it, the daemon go on
        return _short(f"{type(error).__name__}: {error}")
    return None if refusal is None else _short(refusal)


def check_target(target: AlertTarget) -> str | None:
    """Why a target cannot be used at all, as far as that is known without sending anything; None when it can."""
    if target.command:
        return None
    try:
        _instance(target)
    except ExecutionError as error:
        return str(error)
    return None


def _instance(target: AlertTarget) -> Any:
    apprise = needed("apprise", extra="alerts", who=f"Alert target {target.name}")
    instance = apprise.Apprise.instantiate(target.url, suppress_exceptions=True)
    if instance is None:
        scheme = (target.url or "").partition("://")[0]
        raise ExecutionError(f"Alert target {target.name}: Apprise does not know such an address of {scheme}://. See its list of services.")
    return instance


def _notify(target: AlertTarget, message: Message) -> str | None:
    apprise = needed("apprise", extra="alerts", who=f"Alert target {target.name}")
    instance = _instance(target)
    kind = apprise.NotifyType.SUCCESS if message.is_good_news else apprise.NotifyType.FAILURE
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
        taken = instance.notify(title=f"Partita: {message.title}", body=message.body, notify_type=kind)
        lines = [line for line in said.getvalue().splitlines() if line.strip()]
    if taken:
        return None
    return lines[-1] if lines else "it was not taken, and nothing was said of why"


def _run(target: AlertTarget, message: Message) -> str | None:
    environ = {**os.environ, "PARTITA_ALERT_TITLE": message.title, "PARTITA_ALERT_BODY": message.body}
    # Files, not pipes: what the command leaves behind in the background may hold those open for ever.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output:
        given.write(json.dumps(document(message)).encode())
        given.seek(0)
        try:
            process = subprocess.Popen(
                target.command, stdin=given, stdout=output, stderr=output, cwd=target.directory, env=environ, start_new_session=True
            )
        except OSError as error:
            return f"{target.command[0]} cannot be started: {error.strerror or error}"
        try:
            process.wait(COMMAND_LIMIT)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"{target.command[0]} did not end within {COMMAND_LIMIT:g} s and was killed"
        if process.returncode == 0:
            return None
        output.seek(0)
        said = output.read(MOST_READ).decode(errors="replace").strip().splitlines()
    return f"{target.command[0]} ended with {process.returncode}" + (f": {said[-1]}" if said else "")


def document(message: Message) -> dict[str, Any]:
    """What a command is given on its standard input."""
    return {
        "id": message.id,
        "rule": message.rule.name,
        "title": message.title,
        "body": message.body,
        "is_good_news": message.is_good_news,
        "alerts": [
            {
                "id": alert.id,
                "kind": alert.kind.value,
                "subject": alert.subject,
                "title": alert.title,
                "details": list(alert.details),
                "at": alert.at.isoformat(),
                "count": alert.count,
                "is_end": alert.is_end,
                "run_id": alert.run_id,
            }
            for alert in message.alerts
        ],
    }


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_SAID else f"{line[:MOST_SAID]}..."
