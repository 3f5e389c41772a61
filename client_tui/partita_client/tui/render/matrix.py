"""Assets against partitions: a row for each asset, a cell for one or several partitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise

from partita_client.tui.render.grid import MONTHS
from partita_client.tui.render.states import Kind, mark, worst
from partita_client.tui.render.text import Line, Piece, fit, plain


def buckets(size: int, each: int) -> list[range]:
    """The partitions that each cell stands for."""
    return [range(start, min(size, start + each)) for start in range(0, size, each)]


def fitting(size: int, cells: int) -> int:
    """The least number of partitions for a cell with which all of them have room."""
    return max(1, -(-size // max(1, cells)))


def cell_state(statuses: Sequence[str], cell: range) -> str:
    """The state of a cell: the worst of its partitions."""
    return worst(statuses[at] for at in cell)


def paint_row(name: str, statuses: Sequence[str], cells: Sequence[range], *, kind: Kind, indent: int, chosen: Callable[[int], str]) -> Line:
    """A row of the picture; `chosen` says the style that a cell has for being under the cursor, or nothing."""
    pieces: list[Piece] = [(fit(plain(name, 200), indent - 1) + " ", "")]
    for place, cell in enumerate(cells):
        glyph, _, style = mark(kind, cell_state(statuses, cell))
        style = f"{style} {chosen(place)}".strip()
        if pieces[-1][1] == style:
            pieces[-1] = (pieces[-1][0] + glyph, style)
        else:
            pieces.append((glyph, style))
    return tuple(pieces)


def titles(keys: Sequence[str], cells: Sequence[range], indent: int) -> str:
    """What stands above the cells: months where the keys are days, else some of the keys."""
    text = " " * indent
    starts = [keys[cell.start] for cell in cells]
    for place, label in _labels(starts):
        if len(text) <= indent + place and label:
            text = fit(text, indent + place) + label + " "
    return text.rstrip()


def _labels(starts: Sequence[str]) -> list[tuple[int, str]]:
    try:
        days = [date.fromisoformat(key[:10]) for key in starts]
    except ValueError:
        return list(enumerate(plain(key, 40) for key in starts))
    changes = [(at + 1, MONTHS[b.month - 1] if b.month > 1 else str(b.year)) for at, (a, b) in enumerate(pairwise(days)) if a.month != b.month]
    return [(0, MONTHS[days[0].month - 1]), *changes] if days else []
