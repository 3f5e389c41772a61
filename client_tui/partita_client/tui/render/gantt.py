"""The steps of a run over time: one row for each, an eighth of a cell fine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rich.cells import cell_len

from partita_client.tui.render.spark import EIGHTHS
from partita_client.tui.render.states import mark
from partita_client.tui.render.text import Line, Piece, cut, duration, fit, plain

# Seconds between two labels of the axis, of which the first that leaves room for them is taken.
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 172_800, 604_800)
_ROOM = 9
_STEP = 1.06
"""How much longer the window of a whole run is than the one before it."""
SHORTEST = 1.0
"""Seconds that a window spans at least."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a step."""

    started_at: datetime | None
    ended_at: datetime | None
    status: str
    queued_at: datetime | None = None
    """Since when it could have run."""


@dataclass(frozen=True, slots=True)
class GanttRow:
    """One step."""

    id: str
    name: str
    status: str
    attempts: tuple[Attempt, ...] = ()
    note: str = ""
    """What is said of it beside its bar: an error, what it waits for."""

    @property
    def is_running(self) -> bool:
        """Whether its bar grows."""
        return self.status in ("running", "waiting_retry")

    def seconds(self, now: datetime) -> float | None:
        """How long its last attempt took, or takes so far."""
        for attempt in reversed(self.attempts):
            if attempt.started_at is not None:
                return ((attempt.ended_at or now) - attempt.started_at).total_seconds()
        return None


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time that is shown, and in how many cells."""

    origin: datetime
    """What the axis counts from: when the run began."""
    start: datetime
    seconds: float
    width: int

    def eighths(self, at: datetime) -> int:
        """Where an instant is, in eighths of a cell from the left edge; outside for what is not shown."""
        return round((at - self.start).total_seconds() / self.seconds * self.width * 8)

    def zoomed(self, factor: float, around: float = 0.5) -> Window:
        """`factor` times finer, about the point `around` (0: left edge, 1: right edge) that stays where it is."""
        seconds = max(SHORTEST, self.seconds / factor)
        return replace(self, start=self.start + timedelta(seconds=(self.seconds - seconds) * around), seconds=seconds)

    def panned(self, share: float) -> Window:
        """Moved by a share of its width, never to before the run."""
        start = self.start + timedelta(seconds=self.seconds * share)
        return replace(self, start=max(start, self.origin))


def whole(rows: Sequence[GanttRow], width: int, *, now: datetime, started_at: datetime | None = None) -> Window:
    """The window that shows all of `rows`, with a little room on the right; it grows by steps, so that what is over keeps its place for a while."""
    instants = [at for row in rows for attempt in row.attempts for at in (attempt.queued_at, attempt.started_at, attempt.ended_at) if at is not None]
    is_live = any(row.is_running for row in rows)
    first = min([*instants, *([started_at] if started_at else [])], default=now)
    last = max([*instants, *([now] if is_live else [])], default=now)
    seconds = max(SHORTEST, (last - first).total_seconds() * 1.03)
    return Window(first, first, _STEP ** math.ceil(math.log(seconds, _STEP)), max(1, width))


def axis(window: Window, now: datetime, *, is_live: bool) -> Line:
    """Times since the run began; where now is, while it goes on."""
    cells = [" "] * window.width
    step = next((step for step in _STEPS if step / window.seconds * window.width >= _ROOM), _STEPS[-1])
    passed = (window.start - window.origin).total_seconds()
    number = max(0, -(-int(passed) // step))
    while True:
        at = window.eighths(window.origin + timedelta(seconds=number * step)) // 8
        if at >= window.width:
            break
        label = _offset(number * step)
        if at >= 0 and at + len(label) <= window.width:
            cells[at : at + len(label)] = label
        number += 1
    text, here = "".join(cells), window.eighths(now) // 8
    if not is_live or not 0 <= here < window.width:
        return ((text, "dim"),)
    tail = fit("┃now", min(4, window.width - here))
    return tuple(piece for piece in ((text[:here], "dim"), (tail, "accent"), (text[here + len(tail) :], "dim")) if piece[0])


def _offset(seconds: int) -> str:
    """A time since the start, as short as it is round."""
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3_600:
        return f"{seconds // 60}m{seconds % 60:02}s" if seconds % 60 else f"{seconds // 60}m"
    if seconds < 86_400:
        return f"{seconds // 3_600}h{seconds % 3_600 // 60:02}m" if seconds % 3_600 else f"{seconds // 3_600}h"
    return f"{seconds // 86_400}d"


def bar(row: GanttRow, window: Window, now: datetime, *, is_critical: bool = False) -> Line:
    """The cells of one step: what it waited, how long it ran, each attempt by itself, and its note where there is room."""
    cells: list[Piece] = [(" ", "")] * window.width
    last = 0
    for attempt in row.attempts:
        last = max(last, _draw(cells, attempt, window, now, is_critical=is_critical))
    note = plain(row.note, 200)
    if len(row.attempts) > 1:
        note = f"↻ attempt {len(row.attempts)}" + (f"  {note}" if note else "")
    room = window.width - last - 1
    if note and room >= 6:
        text = cut(note, room)
        # A cell that a wide character fills to half is left empty: the line keeps its width.
        return (*_merged(cells[: last + 1]), (text, "dim"), (" " * (room - cell_len(text)), ""))
    return tuple(_merged(cells))


def _draw(cells: list[Piece], attempt: Attempt, window: Window, now: datetime, *, is_critical: bool) -> int:
    """Draw one attempt; the first cell after it."""
    edge, width = 0, len(cells)
    if attempt.queued_at is not None:
        left, right = _clamped(window, attempt.queued_at, attempt.started_at or now)
        for cell in range(left // 8, min(width, -(-right // 8))):
            cells[cell] = ("░", "queued")
            edge = cell + 1
    if attempt.started_at is None:
        return edge
    left, right = _clamped(window, attempt.started_at, attempt.ended_at or now)
    first = min(left // 8, width - 1)
    full, part = divmod(max(right - first * 8, 1), 8)
    if window.eighths(attempt.ended_at or now) < 0 or left >= width * 8:
        return edge
    _, _, style = mark("step", attempt.status)
    style = "critical" if is_critical and style == "ok" else style
    for cell in range(first, min(width, first + full)):
        cells[cell] = ("█", style)
    end = first + full
    if part and end < width:
        cells[end] = (EIGHTHS[part], style)
        end += 1
    return max(edge, _tip(cells, attempt, min(end, width), style))


def _tip(cells: list[Piece], attempt: Attempt, end: int, style: str) -> int:
    """What is at the right end of a bar: a failure says so, a running one is seen to grow; the first cell after it."""
    if attempt.status == "failed" and attempt.ended_at is not None and end < len(cells):
        cells[end] = ("✗", style)
        return end + 1
    if attempt.ended_at is None and end:
        cells[end - 1] = ("▒", style)
    return end


def _clamped(window: Window, start: datetime, end: datetime) -> tuple[int, int]:
    """Two instants in eighths, inside the window."""
    most = window.width * 8
    return min(max(window.eighths(start), 0), most), min(max(window.eighths(end), 0), most)


def _merged(cells: Iterable[Piece]) -> list[Piece]:
    """Neighbours of one style as one piece."""
    pieces: list[Piece] = []
    for text, style in cells:
        if pieces and pieces[-1][1] == style:
            pieces[-1] = (pieces[-1][0] + text, style)
        else:
            pieces.append((text, style))
    return pieces


def head(row: GanttRow, width: int, now: datetime) -> Line:
    """What stands left of a bar, in `width` cells: the name of the step, its state, how long."""
    glyph, word, style = mark("step", row.status)
    seconds = row.seconds(now)
    said = duration(seconds) if seconds is not None else word if width >= 34 else ""
    said = fit(said, min(10, max(0, width // 4)), "right" if seconds is not None else "left")
    name = fit(plain(row.name, 200), max(1, width - cell_len(said) - 4))
    return ((name, ""), (" ", ""), (glyph, style), (" ", ""), (said, "dim" if seconds is None else ""), (" ", ""))
