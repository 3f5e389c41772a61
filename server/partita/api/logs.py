"""What steps printed, read from their files piece by piece."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from partita.api.context import Context
from partita.api.errors import ApiError
from partita.errors import did_you_mean
from partita.execution.archive import ArchivedFile, LogArchive
from partita.execution.capture import captured_path
from partita.execution.printed import PrintedFile, notice
from partita.records.runs import Run, RunStep

MIN_BYTES = 4
"""The longest character in UTF-8: a smaller piece might never get past one."""
MAX_BYTES = 262_144
ARCHIVED_WITHIN = timedelta(minutes=1)
"""Output that is not in the archive so long after its run has ended is not waited for any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which piece is wanted."""

    step: str
    stream: Literal["stdout", "stderr"]
    attempt: int | None
    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChunk:
    """The value behind a `LogChunk`."""

    text: str
    next_byte: int
    is_complete: bool


async def read_log(context: Context, run: Run, asked: Asked) -> ShownChunk:
    """A piece of what a step printed.

    Raises:
        ApiError: the run has no such step, or the numbers make no sense.
    """
    if asked.start < 0:
        raise ApiError(f"`afterByte` must not be negative, as {asked.start} is.")
    if not MIN_BYTES <= asked.size <= MAX_BYTES:
        raise ApiError(f"`maxBytes` must be between {MIN_BYTES} and {MAX_BYTES}, not {asked.size}.")
    if asked.attempt is not None and asked.attempt < 1:
        raise ApiError(f"`attempt` counts from 1; {asked.attempt} is none.")
    # Steps are read anew, not through the loader: whether the stream has ended must be known before the file is read.
    return await context.read(lambda: _read(context, run.id, asked))


def _read(context: Context, run_id: str, asked: Asked) -> ShownChunk:
    run = context.store.runs.get(run_id)
    step = _step(context.store.runs.steps([run_id]).get(run_id, []), run, asked.step)
    if step is None:
        return ShownChunk(text="", next_byte=asked.start, is_complete=run.status.is_finished)
    attempt = asked.attempt or max(1, step.attempt)
    has_ended = run.status.is_finished or step.status.is_finished or attempt < step.attempt
    directory = context.server.settings.logs_directory / run_id
    path = captured_path(directory, asked.step, attempt=attempt, stream=asked.stream)
    archive = context.server.archive
    if archive is not None and run.status.is_finished and not path.exists():
        return _read_archived(archive, run, path.name, asked)
    return read_chunk(path, start=asked.start, size=asked.size, has_ended=has_ended)


def _read_archived(archive: LogArchive, run: Run, name: str, asked: Asked) -> ShownChunk:
    file = archive.find(run.id, name)
    if file is not None:
        return cut_chunk(file, start=asked.start, size=asked.size, has_ended=True)
    # what a run has printed is stored when it has ended, which takes a moment
    is_late = run.ended_at is None or datetime.now(UTC) - run.ended_at > ARCHIVED_WITHIN
    return ShownChunk(text="", next_byte=asked.start, is_complete=is_late or archive.has(run.id))


def _step(steps: list[RunStep], run: Run, key: str) -> RunStep | None:
    """The step; None while the run has no plan yet."""
    if not steps:
        return None
    found = next((step for step in steps if step.key == key), None)
    if found is None:
        raise ApiError(f"Run {run.id} has no step {key[:200]!r}.{did_you_mean(key, [step.key for step in steps])}")
    return found


def read_chunk(path: Path, *, start: int, size: int, has_ended: bool) -> ShownChunk:
    """Up to `size` bytes of a file that may still grow, without cutting a character in two."""
    try:
        with path.open("rb") as file:
            return cut_chunk(PrintedFile(file), start=start, size=size, has_ended=has_ended)
    except FileNotFoundError:
        return ShownChunk(text="", next_byte=start, is_complete=has_ended)


def cut_chunk(file: PrintedFile | ArchivedFile, *, start: int, size: int, has_ended: bool) -> ShownChunk:
    """Up to `size` bytes of a file, without cutting a character in two; where something was left out, a notice in its place."""
    if gap := file.gap_at(start):
        return ShownChunk(text=notice(gap), next_byte=start + gap, is_complete=False)
    end = file.next_gap(start)
    raw = file.read(start, size if end is None else min(size, end - start))
    is_end = len(raw) < size or not file.read(start + len(raw), 1)
    if end == start + len(raw):  # what was left out begins in the middle of a character, perhaps
        return ShownChunk(text=raw.decode("utf-8", "replace"), next_byte=end, is_complete=False)
    is_complete = is_end and has_ended
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(raw, final=is_complete)
    pending, _ = decoder.getstate()
    return ShownChunk(text=text, next_byte=start + len(raw) - len(pending), is_complete=is_complete)
