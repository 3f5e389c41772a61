"""Lines on the console of the services: who speaks comes first, the facts of a log record come last."""

from __future__ import annotations

import logging
import sys
import traceback

import click

WIDTH = 8
COLORS = ("cyan", "green", "yellow", "magenta", "blue")
STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def prefix(name: str) -> str:
    """`name` as the first column of a line."""
    return click.style(f"{name:<{WIDTH}} | ", fg=COLORS[sum(map(ord, name)) % len(COLORS)])


def say(name: str, text: str) -> None:
    """Print `text` with `name` before each of its lines."""
    first = prefix(name)
    click.echo("\n".join(first + line for line in text.splitlines()))
    sys.stdout.flush()


def start_logging(name: str, *, level: int = logging.INFO) -> None:
    """Send every log record of this process to standard error, prefixed with `name`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line(name))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("partita").setLevel(level)


class _Line(logging.Formatter):
    """One record as a line, its extra fields as `key=value`."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{key}={value}" for key, value in vars(record).items() if key not in STANDARD_FIELDS)
        level = "" if record.levelno == logging.INFO else f"{record.levelname}: "
        text = f"{level}{record.getMessage()}{' ' + facts if facts else ''}"
        if record.exc_info and record.exc_info[0] is not None:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        first = prefix(self._name) if sys.stderr.isatty() else click.unstyle(prefix(self._name))
        return "\n".join(first + line for line in text.splitlines())
