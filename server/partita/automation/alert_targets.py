"""Telling somebody: an address, by the library that speaks to them all, or a command."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from typing import Any

from partita.errors import ExecutionError
from partita.execution.extras import needed
from partita.planning.alerts import Message
from partita.workspace.alert_settings import AlertTarget

LIBRARY = logging.getLogger("apprise")
COMMAND_LIMIT = 30.0
"""Seconds that a command may take."""
LISTEN = 0.02
"""Seconds between looks at whether a command has ended."""
TITLE = 200
"""Characters of a title."""
MOST_IN_VARIABLE = 8_000
"""Characters of what a command has in its environment; all of it is on its standard input."""
MOST_READ = 64 * 1024
"""Bytes of what a command has printed that are looked at."""
MOST_PRINTED = 1024 * 1024
"""Bytes of it after which what came before is dropped: one that prints without end must not fill the disk."""
MOST_SAID = 300
"""Characters kept of why a target refuses."""


def tell(target: AlertTarget, message: Message, is_ending: threading.Event | None = None) -> str | None:
    """Send a message; why it was not taken, or None when it was. Takes as long as the target does, which its library or we limit.

    A command is killed when `is_ending` is set.
    """
    try:
        refusal = _run(target, message, is_ending or threading.Event()) if target.command else _notify(target, message)
    except ExecutionError as error:
        return str(error)
    except Exception as error:  # of whatever plugin: the rule must learn of it, the daemon go on
        return _short(f"{type(error).__name__}: {error}")
    return None if refusal is None else _short(refusal)


def _instance(target: AlertTarget) -> Any:
    url = target.url if target.variable is None else os.environ.get(target.variable)
    if not url:
        raise ExecutionError(f"Alert target {target.name}: the environment variable {target.variable} is not set.")
    apprise = needed("apprise", extra="alerts", who=f"Alert target {target.name}")
    LIBRARY.propagate = False  # what it says of an address that it cannot read holds the address
    instance = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if instance is None:
        scheme = url.partition("://")[0]
        raise ExecutionError(f"Alert target {target.name}: Apprise does not know such an address of {scheme}://. See its list of services.")
    return instance


def _notify(target: AlertTarget, message: Message) -> str | None:
    apprise = needed("apprise", extra="alerts", who=f"Alert target {target.name}")
    instance = _instance(target)
    kind = apprise.NotifyType.SUCCESS if message.is_good_news else apprise.NotifyType.FAILURE
    said = _Said()
    LIBRARY.addHandler(said)
    try:
        taken = instance.notify(title=f"Partita: {message.title}"[:TITLE], body=_cut(message.body, instance.body_maxlen), notify_type=kind)
    finally:
        LIBRARY.removeHandler(said)
    if taken:
        return None
    return said.lines[-1] if said.lines else "it was not taken, and nothing was said of why"


class _Said(logging.Handler):
    """What the library complains of in this thread: others may be sending too."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.lines: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        if record.thread == self._thread:
            self.lines.append(record.getMessage())


def _run(target: AlertTarget, message: Message, is_ending: threading.Event) -> str | None:
    environ = {**os.environ, "PARTITA_ALERT_TITLE": message.title[:TITLE], "PARTITA_ALERT_BODY": _cut(message.body, MOST_IN_VARIABLE)}
    # Files, not pipes: what the command leaves behind in the background may hold those open for ever.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output:
        given.write(json.dumps(document(message)).encode())
        given.seek(0)
        fcntl.fcntl(output, fcntl.F_SETFL, os.O_APPEND)  # so that it goes on at the beginning once that was cut
        try:
            process = subprocess.Popen(
                target.command, stdin=given, stdout=output, stderr=output, cwd=target.directory, env=environ, start_new_session=True
            )
        except OSError as error:
            return f"{target.command[0]} cannot be started: {error.strerror or error}"
        give_up_at = time.monotonic() + COMMAND_LIMIT
        while process.poll() is None:
            if is_ending.is_set() or time.monotonic() >= give_up_at:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                why = "the daemon ended" if is_ending.is_set() else f"it did not end within {COMMAND_LIMIT:g} s"
                return f"{target.command[0]} was killed: {why}"
            if os.fstat(output.fileno()).st_size > MOST_PRINTED:
                output.truncate(0)
            time.sleep(LISTEN)
        if process.returncode == 0:
            return None
        output.seek(max(0, output.seek(0, os.SEEK_END) - MOST_READ))
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


def _cut(text: str, most: int) -> str:
    """As much of a text as there is room for."""
    return text if len(text) <= most else f"{text[: max(0, most - 3)]}..."


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_SAID else f"{line[:MOST_SAID]}..."
