"""Reading a drawn graph as a person does: follow the characters, knowing nothing of how they were made."""

from __future__ import annotations

from collections.abc import Sequence

OPEN = {
    "│": "NS", "─": "EW", "╭": "SE", "╮": "SW", "╰": "NE", "╯": "NW",
    "├": "NSE", "┤": "NSW", "┬": "EWS", "┴": "EWN", "┼": "NSEW",
}  # fmt: skip
STEP = {"N": (-1, 0), "S": (1, 0), "E": (0, 1), "W": (0, -1)}
BACK = {"N": "S", "S": "N", "E": "W", "W": "E"}
ARROW = "▶"


def read_edges(rows: Sequence[str], starts: dict[str, tuple[int, int]], labels: dict[tuple[int, int], str]) -> set[tuple[str, str]]:
    """The edges of a drawing from left to right.

    `starts` says where the line of a node would begin, `labels` which node stands right after an arrow.
    """
    found: set[tuple[str, str]] = set()
    for name, (row, column) in starts.items():
        found |= {(name, labels[end]) for end in _ends(rows, row, column)}
    return found


def _ends(rows: Sequence[str], row: int, column: int) -> set[tuple[int, int]]:
    """Cells right after the arrows that a line leads to; none when what stands there is not open to the left."""
    ends: set[tuple[int, int]] = set()
    first = rows[row][column] if column < len(rows[row]) else " "
    if "W" not in OPEN.get(first, "W" if first == ARROW else ""):
        return ends
    todo, seen = [(row, column, "E")], set()
    while todo:
        at = row, column, heading = todo.pop()
        sign = rows[row][column] if 0 <= row < len(rows) and column < len(rows[row]) else " "
        if at in seen:
            continue
        seen.add(at)
        if sign == ARROW and heading == "E":
            ends.add((row, column + 1))
        todo += [(row + STEP[way][0], column + STEP[way][1], way) for way in _ways(sign, heading)]
    return ends


def _ways(sign: str, heading: str) -> str:
    """Where a line goes on from a sign that it comes to; lines never lead to the left."""
    sides = OPEN.get(sign, "")
    if BACK[heading] in sides:
        return "".join(side for side in sides if side not in (BACK[heading], "W"))
    # It meets a line that is closed to it: straight on, past an upright or joined by what curves in.
    return "E" if heading == "E" and sides and sides != "EW" else ""
