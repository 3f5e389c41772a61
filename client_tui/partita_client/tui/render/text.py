"""The one way text of the server gets on the screen: cleaned, measured in cells, never read as markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Literal, TypeAlias

from rich.cells import cell_len, set_cell_size

__all__ = [
    "Align", "Line", "Piece", "ago", "clean", "clock", "count", "cut", "duration", "fit", "fit_line", "line_of", "line_text", "line_width",
    "plain", "plain_lines", "until", "wrap",
]  # fmt: skip

Piece: TypeAlias = tuple[str, str]
"""Text and the name of its style; the empty name means the style of its surroundings."""
Line: TypeAlias = tuple[Piece, ...]
Align: TypeAlias = Literal["left", "right"]

LONGEST = 2_000
"""Cells of one line that anybody would read; beyond them a line only costs time."""
ELLIPSIS = "…"
TAB = "    "

# A whole escape sequence goes, not only its first byte: what is left of a colour code would be noise.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])")
_ODD = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f"  # control characters
    "\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # invisible, or turning the reading direction
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variation selectors: terminals disagree on the width of what they follow
    "\ud800-\udfff]"  # halves of characters, which no terminal can be sent
)
_BREAKS = re.compile(r"\r\n?|\x0b|\x0c|\x85|\u2028|\u2029")


def clean(text: str) -> str:
    """`text` without anything that a terminal would obey or miscount; lines are kept."""
    if text.isascii() and text.isprintable():
        return text
    text = _BREAKS.sub("\n", _ESCAPES.sub("", text)).replace("\t", TAB)
    return _ODD.sub("", text)


def plain(text: str, limit: int = LONGEST) -> str:
    """`text` as one line of at most `limit` characters."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    # Cut first, so that a text of megabytes costs no more than what is shown of it; escapes may take some of the room.
    text = clean(text[: limit * 4]).strip("\n").replace("\n", "⏎")
    return text if len(text) <= limit else text[: max(0, limit - 1)] + ELLIPSIS


def plain_lines(text: str, limit: int = LONGEST) -> list[str]:
    """The lines of `text`, each of at most `limit` characters; no line for an end of line at the end."""
    lines = clean(text).split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line if len(line) <= limit else line[: limit - 1] + ELLIPSIS for line in lines]


def cut(text: str, width: int) -> str:
    """`text` in at most `width` cells, with an ellipsis where something was left out."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS if width > 0 else ""


def fit(text: str, width: int, align: Align = "left") -> str:
    """`text` in exactly `width` cells."""
    text = cut(text, width)
    space = " " * (width - cell_len(text))
    return space + text if align == "right" else text + space


def line_of(text: str | Line, style: str = "") -> Line:
    """`text` cleaned; pieces of a line are cleaned one by one and keep their styles."""
    if isinstance(text, str):
        return ((plain(text), style),)
    return tuple((plain(part), name or style) for part, name in text)


def line_text(line: Line) -> str:
    """The text of `line` without its styles."""
    return "".join(text for text, _ in line)


def line_width(line: Line) -> int:
    """Cells that `line` takes."""
    return sum(cell_len(text) for text, _ in line)


def fit_line(line: Line, width: int, align: Align = "left") -> Line:
    """`line` in exactly `width` cells."""
    missing = width - line_width(line)
    if missing > 0:
        space = (" " * missing, "")
        return (space, *line) if align == "right" else (*line, space)
    return tuple(_shortened(line, width)) if missing < 0 else line


def _shortened(line: Line, width: int) -> Iterator[Piece]:
    """Pieces of `line` in exactly `width` cells, an ellipsis in the last."""
    left = width
    for place, (text, style) in enumerate(line):
        cells = cell_len(text)
        if cells < left or (cells == left and not line_width(line[place + 1 :])):
            yield text, style
            left -= cells
            continue
        yield fit(text + ELLIPSIS if cells <= left else text, left), style
        return


def wrap(line: Line, width: int) -> list[Line]:
    """`line` over as many rows of at most `width` cells as it takes, at least one; broken after a space where there is one not too far back."""
    width = max(2, width)
    if line_width(line) <= width:
        return [line]
    letters = [(character, style) for text, style in line for character in text]
    rows: list[Line] = []
    start = 0
    while start < len(letters):
        end = _row_end(letters, start, width)
        rows.append(_joined(letters[start:end]))
        start = end
    return rows


def _row_end(letters: Sequence[Piece], start: int, width: int) -> int:
    """Where a row that begins at `start` ends."""
    end, cells = start, 0
    while end < len(letters) and cells + cell_len(letters[end][0]) <= width:
        cells += cell_len(letters[end][0])
        end += 1
    if end == len(letters):
        return end
    spaces = (at + 1 for at in range(end - 1, start + (end - start) // 2, -1) if letters[at][0] == " ")
    return next(spaces, end)


def _joined(letters: Sequence[Piece]) -> Line:
    """Letters of one style as one piece."""
    return tuple(("".join(text for text, _ in group), style) for style, group in groupby(letters, key=itemgetter(1)))


def duration(span: timedelta | float | None) -> str:
    """How long, in at most six characters: `45ms`, `0.3s`, `41s`, `1m13s`, `2h05m`, `3d04h`."""
    if span is None:
        return "–"
    seconds = max(0.0, span.total_seconds() if isinstance(span, timedelta) else float(span))
    if seconds < 0.0995:
        return f"{1000 * seconds:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3_600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3_600}h{whole % 3_600 // 60:02}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3_600:02}h"


def size(count: int) -> str:
    """A number of bytes, in one unit: `64M`, `1.5G`."""
    return f"{count / 1024**2:.0f}M" if count < 1024**3 else f"{count / 1024**3:.1f}G"


def ago(then: datetime | None, now: datetime) -> str:
    """How long before `now`, in one unit: `12s`, `4m`, `2h`, `3d`."""
    return _one_unit((now - then).total_seconds()) if then else "–"


def until(then: datetime | None, now: datetime) -> str:
    """How long after `now`: `in 57s`, `in 23h`; `due` when it is over."""
    if then is None:
        return "–"
    seconds = (then - now).total_seconds()
    return f"in {_one_unit(seconds)}" if seconds > 0 else "due"


def _one_unit(seconds: float) -> str:
    whole = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def clock(at: datetime | None, now: datetime) -> str:
    """When, as short as it can be said: the time of this day, else the day and the time."""
    if at is None:
        return "–"
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%m-%d %H:%M}"


def count(number: int) -> str:
    """A number with its digits in groups: `1 204 331`."""
    return f"{number:,}".replace(",", " ")


def joined(lines: Iterable[Line], between: str = "  ") -> Line:
    """Lines after one another, with space between."""
    pieces: list[Piece] = []
    for line in lines:
        pieces += [(between, ""), *line] if pieces else line
    return tuple(pieces)
