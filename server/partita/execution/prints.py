"""What steps print and log when several of them run beside each other in one process: each line finds its step.

Descriptors belong to the process, so they can be given to one step at a time (`capture`). Of steps beside each other, what
goes through `sys.stdout`, `sys.stderr` and `logging` is told apart; what C code and other programs write goes to the process.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from partita.execution.capture import Stream, capture, captured_path
from partita.execution.current import current_context
from partita.execution.logs import EventHandler, root_records
from partita.records.events import Event

Tell = Callable[[Event], None]


class Prints(Protocol):
    """Where what steps print goes."""

    def alone(self, step: str, attempt: int) -> AbstractContextManager[None]:
        """While this lasts, nothing but this step runs."""

    def together(self) -> AbstractContextManager[None]:
        """While this lasts, several steps run."""


class Untouched:
    """What steps print goes where the process prints."""

    @contextmanager
    def alone(self, step: str, attempt: int) -> Iterator[None]:  # noqa: ARG002 (the protocol's)
        """Nothing is changed."""
        yield

    @contextmanager
    def together(self) -> Iterator[None]:
        """Nothing is changed."""
        yield


class Captured:
    """What steps print goes to files of their own, and records of libraries become their events."""

    def __init__(self, tell: Tell, directory: Path) -> None:
        self._tell = tell
        self._directory = directory

    @contextmanager
    def alone(self, step: str, attempt: int) -> Iterator[None]:
        """Whatever the process prints is the step's."""
        with capture(step, attempt=attempt, directory=self._directory), root_records(EventHandler(self._tell, step=step, attempt=attempt)):
            yield

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is printed through Python's streams, or logged, is the step's that runs there."""
        before = sys.stdout, sys.stderr
        with ExitStack() as stack:
            files = Files(self._directory)
            stack.callback(files.close)
            stack.enter_context(root_records(OfCurrent(self._tell)))
            sys.stdout, sys.stderr = Shared(before[0], "stdout", lambda: files), Shared(before[1], "stderr", lambda: files)
            try:
                yield
            finally:
                sys.stdout, sys.stderr = before


class OfCurrent(EventHandler):
    """Records are those of the step that runs where they are made."""

    def place(self) -> tuple[str | None, int]:
        """The step that runs here."""
        context = current_context()
        return (context.step_key, context.attempt) if context is not None else (None, 1)


class Files:
    """The open files of attempts at steps of one run."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._open: dict[tuple[str, int, Stream], BinaryIO] = {}

    def current(self, stream: Stream) -> BinaryIO | None:
        """The file of the step that runs here; None: no step does."""
        context = current_context()
        if context is None:
            return None
        place = (context.step_key, context.attempt, stream)
        if place not in self._open:
            path = captured_path(self._directory, context.step_key, attempt=context.attempt, stream=stream)
            # opened for appending and without a buffer: two that race for it write to the same file, whole lines each
            self._open.setdefault(place, path.open("ab", buffering=0))
        return self._open[place]

    def close(self) -> None:
        """Close them all."""
        for file in self._open.values():
            file.close()
        self._open.clear()


class _Bytes(io.RawIOBase):
    """The stream of bytes below a shared stream."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._shared.write_bytes(bytes(data))


class Shared(io.TextIOBase):
    """A stream whose lines go to the step that writes them, and to the process's own stream where none does."""

    def __init__(self, own: Any, stream: Stream, find: Callable[[], Files | None]) -> None:
        self._own = own
        self._stream = stream
        self._find = find
        """The files of the run that what runs here belongs to."""

    @property
    def buffer(self) -> _Bytes:
        """For those who write bytes."""
        return _Bytes(self)

    encoding = "utf-8"

    def writable(self) -> bool:
        """It is there to be written to."""
        return True

    def fileno(self) -> int:
        """The descriptor of the step's file, for programs that it starts with `stdout=sys.stdout`; the process's own where no step runs."""
        file = self._current()
        number: int = self._own.fileno() if file is None else file.fileno()
        return number

    def write(self, text: str) -> int:
        """Write text."""
        if self._current() is None:
            self._own.write(text)
        else:
            self.write_bytes(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def write_bytes(self, data: bytes) -> int:
        """Write bytes."""
        file = self._current()
        if file is None:
            self._own.buffer.write(data)
            return len(data)
        with suppress(ValueError):  # a thread that outlives its step
            while data:
                data = data[file.write(data) or 0 :]
        return len(data)

    def _current(self) -> BinaryIO | None:
        files = self._find()
        return files.current(self._stream) if files is not None else None

    def flush(self) -> None:
        """Write out what is held back."""
        with suppress(ValueError, OSError):
            self._own.flush()
