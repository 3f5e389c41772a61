"""Small charts of one row: values over time, progress, ticks."""

from __future__ import annotations

from collections.abc import Sequence

from partita_client.tui.render.states import Kind, mark, worst
from partita_client.tui.render.text import Line, Piece

LEVELS = "▁▂▃▄▅▆▇█"
EIGHTHS = " ▏▎▍▌▋▊▉█"


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The last values as columns, one cell each, fewer cells than `width` when there are fewer; a gap for None."""
    shown = values[-width:] if width > 0 else ()
    known = [value for value in shown if value is not None]
    if not known:
        return " " * len(shown)
    low, high = min(known), max(known)
    scale = (len(LEVELS) - 1) / (high - low) if high > low else 0.0
    return "".join(" " if value is None else LEVELS[round((value - low) * scale)] for value in shown)


def progress(done: int, total: int, width: int, failed: int = 0) -> Line:
    """A bar of `width` cells: what succeeded, what failed (at least a cell if anything did), and the rest."""
    if width <= 0:
        return ()
    if total <= 0:
        return (("░" * width, "missing"),)
    bad = min(width, max(1, round(width * failed / total))) if failed > 0 else 0
    eighths = min((width - bad) * 8, max(0, done) * width * 8 // total)
    full, part = divmod(eighths, 8)
    bar = "█" * full + (EIGHTHS[part] if part else "")
    pieces = ((bar, "ok"), ("✗" * bad, "failed"), ("░" * (width - bad - len(bar)), "missing"))
    return tuple((text, style) for text, style in pieces if text)


def tick_cells(statuses: Sequence[str], width: int, kind: Kind = "tick") -> Line:
    """The last states, oldest first, one cell each; when they are too many a cell stands for several and shows the worst."""
    if width <= 0 or not statuses:
        return ()
    each = -(-len(statuses) // width)
    pieces: list[Piece] = []
    for start in range(0, len(statuses), each):
        group = statuses[start : start + each]
        glyph, _, style = mark(kind, group[0] if each == 1 else _loudest(group))
        if pieces and pieces[-1][1] == style:
            pieces[-1] = (pieces[-1][0] + glyph, style)
        else:
            pieces.append((glyph, style))
    return tuple(pieces)


def _loudest(statuses: Sequence[str]) -> str:
    """Of ticks, one that launched something says more than those that had nothing to do."""
    spoken = [status for status in statuses if status != "skipped"]
    return worst(spoken) if spoken else statuses[0]
