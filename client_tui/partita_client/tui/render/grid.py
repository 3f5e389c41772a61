"""Partitions as a picture: a cell for each, laid out by what their keys say of time.

Days make a calendar, one block for each year with weeks as columns; hours a row for each day; weeks and months a row for each year;
anything else runs on from row to row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

from partita_client.tui.render.states import Kind, mark, words
from partita_client.tui.render.text import Line, Piece, count, fit, plain

Direction = Literal["left", "right", "up", "down"]
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOUR = re.compile(r"(\d{4}-\d\d-\d\d)-(\d\d):\d\d(?:[+-]\d{4})?")
GAP = -1


@dataclass(frozen=True, slots=True)
class GridRow:
    """One row of the picture: a title, or cells after a label."""

    label: str
    cells: tuple[int, ...] = ()
    """Numbers of the partitions; -1 where there is none."""
    text: str = ""
    """What a title row says after its label."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Where each partition has its cell."""

    rows: tuple[GridRow, ...]
    places: tuple[tuple[int, int], ...]
    """Row and cell of each partition."""
    indent: int
    """Cells that the labels take."""
    pitch: int = 1
    """Cells from one partition to the next."""
    runs_down: bool = False
    """Whether the next partition is the one below, not the one on the right."""
    width: int = 0
    """Cells that the widest row takes."""

    def at(self, row: int, x: int) -> int | None:
        """The partition that is drawn at a cell of the picture."""
        if not 0 <= row < len(self.rows) or x < self.indent:
            return None
        column = (x - self.indent) // self.pitch
        cells = self.rows[row].cells
        return cells[column] if column < len(cells) and cells[column] != GAP else None

    def beside(self, index: int, direction: Direction) -> int:
        """The partition that a step leads to; itself where there is none."""
        forward = direction in ("right", "down")
        if (direction in ("up", "down")) == self.runs_down:
            return min(max(0, index + (1 if forward else -1)), len(self.places) - 1)
        row, column = self.places[index]
        ahead = self._in_row(row, column, forward=forward) if self.runs_down else self._in_column(row, column, forward=forward)
        return index if ahead is None else ahead

    def _in_row(self, row: int, column: int, *, forward: bool) -> int | None:
        cells = self.rows[row].cells
        ahead = cells[column + 1 :] if forward else reversed(cells[:column])
        found = next((cell for cell in ahead if cell != GAP), None)
        if found is not None:
            return found
        # Past the edge of a year its neighbour goes on with the same day of the week.
        for other in self.rows[row + 1 :] if forward else reversed(self.rows[:row]):
            if other.cells and other.label == self.rows[row].label:
                return next((cell for cell in (other.cells if forward else reversed(other.cells)) if cell != GAP), None)
        return None

    def _in_column(self, row: int, column: int, *, forward: bool) -> int | None:
        for other in self.rows[row + 1 :] if forward else reversed(self.rows[:row]):
            here = [at for at, cell in enumerate(other.cells) if cell != GAP]
            if here:
                return other.cells[min(here, key=lambda at: abs(at - column))]
        return None


def lay_out(keys: Sequence[str], width: int) -> Grid:
    """The grid for partitions of these keys, which are in order; `width` is what rows that run on may take."""
    if days := _days(keys):
        return _of_days(days)
    if hours := _hours(keys):
        return _by_hour(hours)
    return _wrapped(keys, width)


def _days(keys: Sequence[str]) -> list[date]:
    """The days that all keys name, in order; none if some key names something else."""
    try:
        days = [date.fromisoformat(key) for key in keys if len(key) == 10]
    except ValueError:
        return []
    return days if len(days) == len(keys) and _rises(days) else []


def _hours(keys: Sequence[str]) -> list[tuple[date, int]]:
    """Day and hour of all keys; an hour that clocks show twice is there twice."""
    found = [_HOUR.fullmatch(key) for key in keys]
    try:
        hours = [(date.fromisoformat(match[1]), int(match[2])) for match in found if match is not None]
    except ValueError:
        return []
    return hours if len(hours) == len(keys) and all(a <= b for a, b in pairwise(hours)) else []


def _rises(days: Sequence[date]) -> bool:
    return all(a < b for a, b in pairwise(days))


def _of_days(days: Sequence[date]) -> Grid:
    """A calendar for days, a row for each year when their keys are those of months or weeks."""
    if len(days) > 1 and all(day.day == 1 for day in days):
        return _by_year(days, lambda day: day.month - 1, pitch=4, title=" ".join(MONTHS))
    if len(days) > 1 and min((b - a).days for a, b in pairwise(days)) >= 7:
        return _by_year(days, lambda day: (day.timetuple().tm_yday - 1) // 7, pitch=1, title=_ruler(range(1, 54, 4), 4))
    return _calendar(days)


def _built(lines: Iterable[tuple[str, Mapping[int, int], str]], size: int, *, indent: int, pitch: int = 1, runs_down: bool = False) -> Grid:
    """The grid of rows given as label, partition by cell, and title."""
    rows: list[GridRow] = []
    places = [(0, 0)] * size
    for label, cells, text in lines:
        for column, index in cells.items():
            places[index] = (len(rows), column)
        rows.append(GridRow(label, tuple(cells.get(column, GAP) for column in range(max(cells, default=-1) + 1)), text))
    width = indent + max((max(len(row.cells) * pitch, len(row.text)) for row in rows), default=0)
    return Grid(tuple(rows), tuple(places), indent, pitch, runs_down, width)


def _calendar(days: Sequence[date]) -> Grid:
    """A block for each year: weeks as columns, days of the week as rows, months set apart."""
    blocks: dict[int, list[dict[int, int]]] = {}
    for index, day in enumerate(days):
        rows = blocks.setdefault(day.year, [{} for _ in DAYS])
        rows[day.weekday()][_week_column(day)] = index
    first = min((column for rows in blocks.values() for row in rows for column in row), default=0)
    lines: list[tuple[str, Mapping[int, int], str]] = []
    for year, rows in blocks.items():
        last = max(column for row in rows for column in row)
        lines.append((str(year), {}, _month_names(year, first, last)))
        lines += ((name, {column - first: index for column, index in row.items()}, "") for name, row in zip(DAYS, rows, strict=True))
    return _built(lines, len(days), indent=6, runs_down=True)


def _week_column(day: date) -> int:
    """The column of the week of `day` in its year; the week belongs to the month of its first day, and each month is one column further right."""
    begin = max(day - timedelta(days=day.weekday()), date(day.year, 1, 1))
    week = (begin.timetuple().tm_yday - 1 + date(day.year, 1, 1).weekday()) // 7
    return week + begin.month - 1


def _month_names(year: int, first: int, last: int) -> str:
    text = ""
    for month, name in enumerate(MONTHS, start=1):
        begin = date(year, month, 1)
        monday = begin + timedelta(days=-begin.weekday() % 7) if month > 1 else begin
        column = _week_column(monday) - first
        if 0 <= column <= last - first:
            text = fit(text, column) + name
    return text


def _by_year(days: Sequence[date], column: Callable[[date], int], *, pitch: int, title: str) -> Grid:
    """A row for each year."""
    rows: dict[int, dict[int, int]] = {}
    for index, day in enumerate(days):
        cells = rows.setdefault(day.year, {})
        at = column(day)
        cells[at if at not in cells else at + 1] = index
    return _built([("", {}, title), *((str(year), cells, "") for year, cells in rows.items())], len(days), indent=6, pitch=pitch)


def _by_hour(hours: Sequence[tuple[date, int]]) -> Grid:
    """A row for each day; what a clock shows twice comes after the last hour."""
    rows: dict[date, dict[int, int]] = {}
    for index, (day, hour) in enumerate(hours):
        cells = rows.setdefault(day, {})
        at = _hour_column(hour)
        cells[at if at not in cells else _hour_column(24)] = index
    title = "".join(fit(f"{hour:02}", 7) for hour in (0, 6, 12, 18))
    return _built([("", {}, title), *((f"{day}", cells, "") for day, cells in rows.items())], len(hours), indent=12)


def _hour_column(hour: int) -> int:
    return hour + hour // 6


def _wrapped(keys: Sequence[str], width: int) -> Grid:
    """Rows that run on, each with the key of its first partition before it."""
    indent = min(26, max((len(key) for key in keys[:200]), default=0)) + 2
    each = max(1, width - indent)
    each = each // 10 * 10 or each
    starts = range(0, len(keys), each)
    lines = ((keys[start], {at: start + at for at in range(min(each, len(keys) - start))}, "") for start in starts)
    return _built(lines, len(keys), indent=indent)


def _ruler(numbers: Iterable[int], pitch: int) -> str:
    return "".join(fit(str(number), pitch) for number in numbers)


def paint(grid: Grid, row: int, statuses: Sequence[str], kind: Kind, chosen: Callable[[int], str]) -> Line:
    """One row of the picture; `chosen` says the style that a cell has for being under the cursor or in the range, or nothing."""
    line = grid.rows[row]
    label: Piece = (fit(plain(line.label, 40), grid.indent - 1) + " ", "dim")
    if not line.cells:
        return (label, (line.text, "dim"))
    pieces: list[Piece] = [label]
    for cell in line.cells:
        glyph, style = (" ", "") if cell == GAP else _sign(statuses[cell], kind)
        extra = "" if cell == GAP else chosen(cell)
        if extra:
            style = f"{style} {extra}".strip()
        text = glyph + " " * (grid.pitch - 1)
        if pieces[-1][1] == style:
            pieces[-1] = (pieces[-1][0] + text, style)
        elif extra and grid.pitch > 1:
            pieces += [(glyph, style), (text[1:], "")]
        else:
            pieces.append((text, style))
    return tuple(pieces)


def _sign(status: str, kind: Kind) -> tuple[str, str]:
    glyph, _, style = mark(kind, status)
    return glyph, style


def counts_line(counts: Mapping[str, int], kind: Kind) -> Line:
    """How many there are of each state that occurs: `■ materialized 319  ✗ failed 3`."""
    pieces: list[Piece] = []
    for word in (*(word for word in words(kind) if word in counts), *(word for word in counts if word not in words(kind))):
        if number := counts[word]:
            glyph, text, style = mark(kind, word)
            pieces += [("  ", "")] if pieces else []
            pieces += [(f"{glyph} {text}", style), (f" {count(number)}", "")]
    return tuple(pieces)


def tally(statuses: Iterable[str]) -> Counter[str]:
    """How many there are of each state."""
    return Counter(statuses)
