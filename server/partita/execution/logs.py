"""Log records as events of the run."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from partita.definitions.texts import storable
from partita.records.events import Event, LogLevel, LogWritten
from partita.records.failures import MAX_MESSAGE

NAME = "partita.step"
"""Name of the logger that contexts give; the root handler below leaves its records alone, they are told already."""

_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
MAX_LOGGED = 8 * 1024**2
"""Characters of one logger's records, and as many again of errors, that become events in one attempt: a log is read, files are for floods."""
RECORD_SIZE = 100
"""What a record counts for besides its message."""
MAX_INT = 2**63
"""Numbers beyond it are written as text: many readers of JSON could not hold them."""


def new_logger(handler: logging.Handler) -> logging.Logger:
    """A logger of its own: records go to `handler`, and to whatever the process logs to."""
    logger = logging.Logger(NAME, logging.DEBUG)
    logger.parent = logging.root
    logger.addHandler(handler)
    return logger


class EventHandler(logging.Handler):
    """Turns records into `LogWritten` events."""

    def __init__(self, tell: Callable[[Event], None], *, step: str | None = None, attempt: int = 1) -> None:
        super().__init__()
        self._tell = tell
        self._place = (step, attempt)
        self._room: dict[tuple[str | None, bool], int] = {}
        """Characters that there is still room for, of a step's errors and of its other records."""

    def place(self) -> tuple[str | None, int]:
        """The step and the attempt that a record comes from."""
        return self._place

    def emit(self, record: logging.LogRecord) -> None:
        """Tell the record; one that cannot be formatted is reported as `logging` does, and harms nobody."""
        step, attempt = self.place()
        try:
            event = LogWritten(
                at=datetime.fromtimestamp(record.created, UTC),
                step=step,
                attempt=attempt,
                level=_level(record.levelno),
                logger=clean(record.name),
                message=_message(record),
                fields=_fields(record),
            )
        except Exception:
            self.handleError(record)
            return
        self._tell_bounded(event, is_error=record.levelno >= logging.ERROR)

    def _tell_bounded(self, event: LogWritten, *, is_error: bool) -> None:
        room = self._room.get((event.step, is_error), MAX_LOGGED)
        if room <= 0:
            return
        self._room[event.step, is_error] = room = room - len(event.message) - RECORD_SIZE
        self._tell(event)
        if room <= 0:
            what = "errors" if is_error else "records below ERROR"
            told = f"More than {MAX_LOGGED // 1024**2} MiB were logged: further {what} of this attempt are left out. Print what is so long."
            self._tell(msgspec.structs.replace(event, level=LogLevel.WARNING, message=told, fields={}))


@contextmanager
def root_records(handler: EventHandler) -> Iterator[None]:
    """While this lasts, records that reach the root logger are events too: libraries log there."""
    handler.addFilter(lambda record: record.name != NAME)
    logging.root.addHandler(handler)
    try:
        yield
    finally:
        logging.root.removeHandler(handler)


def _level(number: int) -> LogLevel:
    if number >= logging.CRITICAL:
        return LogLevel.CRITICAL
    if number >= logging.ERROR:
        return LogLevel.ERROR
    if number >= logging.WARNING:
        return LogLevel.WARNING
    return LogLevel.INFO if number >= logging.INFO else LogLevel.DEBUG


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info:
        text += "\n" + logging.Formatter().formatException(record.exc_info)
    return clean(text)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra`."""
    extra = {name: value for name, value in vars(record).items() if name not in _ORDINARY}
    return {clean(name): _plain(value) for name, value in extra.items()}


def _plain(value: Any) -> Any:
    match value:
        case bool() | None:
            return value
        case int() if abs(value) < MAX_INT:
            return value
        case float() if math.isfinite(value):
            return value
        case _:
            return clean(str(value))


def clean(text: str) -> str:
    """`text` as it can be stored and shown: valid Unicode, of bounded length."""
    text = storable(text)
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}... ({len(text) - MAX_MESSAGE} more characters)"
