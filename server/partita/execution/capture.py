"""What a step prints, kept in files of its own: everything that reaches descriptors 1 and 2, whoever writes it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Literal

from partita.execution.paths import file_name
from partita.execution.processes import flush_c_streams

Stream = Literal["stdout", "stderr"]
_ENDINGS: dict[Stream, str] = {"stdout": "out", "stderr": "err"}
_DESCRIPTORS: dict[Stream, int] = {"stdout": 1, "stderr": 2}


def captured_path(directory: Path, step: str, *, attempt: int, stream: Stream) -> Path:
    """Where what one attempt at a step printed is kept."""
    return directory / f"{file_name(step)}.{attempt}.{_ENDINGS[stream]}"


@contextmanager
def capture(step: str, *, attempt: int, directory: Path) -> Iterator[None]:
    """While this lasts, descriptors 1 and 2 of this process write to the step's files.

    They are opened for appending, so that processes which the step has started and which share them do not overwrite each other.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _flush()
    before = {number: os.dup(number) for number in _DESCRIPTORS.values()}
    try:
        for stream, number in _DESCRIPTORS.items():
            path = captured_path(directory, step, attempt=attempt, stream=stream)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            os.dup2(file, number)
            os.close(file)
        _show_at_once()
        yield
    finally:
        _flush()
        for number, saved in before.items():
            os.dup2(saved, number)
            os.close(saved)


def _flush() -> None:
    """Push out what Python and C libraries still hold back, so that it lands in the file it was meant for."""
    for stream in (sys.stdout, sys.stderr):
        # user code may have closed or replaced them
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    flush_c_streams()


def _show_at_once() -> None:
    """Lines are to be seen while the step runs, though a file is not a terminal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            with suppress(OSError, ValueError):
                stream.reconfigure(line_buffering=True)
