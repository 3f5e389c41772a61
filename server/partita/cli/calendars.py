"""Calendars drawn with characters: weeks as columns, or days as rows of hours, the darker the more was launched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from partita.planning.simulation_summary import Cells, Scale

SHADES = "░▒▓█"
NONE, FAILED, OUTSIDE = "·", "×", " "
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MARGIN = 4
"""For the days of the week."""
WIDEST = 120
"""Columns that are used: a year has 53 weeks, and a longer line is hard to follow."""
DAY, WEEK = timedelta(days=1), timedelta(days=7)


class _Shades:
    """From the least of what there was to the most, so that small differences between large numbers can be seen."""

    def __init__(self, least: int, most: int) -> None:
        self._least = least
        self._span = most - least + 1
        self._levels = SHADES[-min(self._span, len(SHADES)) :]
        self._is_empty = most == 0

    def of(self, count: int) -> str:
        """The shade of a number."""
        return self._levels[(count - self._least) * len(self._levels) // self._span]

    def legend(self, span: str) -> str:
        """Which numbers each shade stands for."""
        if self._is_empty:
            return f"{NONE} none"
        starts = [self._least - (-level * self._span // len(self._levels)) for level in range(len(self._levels) + 1)]
        ends = [(shade, starts[level], starts[level + 1] - 1) for level, shade in enumerate(self._levels)]
        shown = [f"{shade} {low:,}" if low == high else f"{shade} {low:,}-{high:,}" for shade, low, high in ends]
        return f"{NONE} none  {'  '.join(shown)} {span}"


def draw_calendar(cells: Cells, first: datetime, last: datetime, *, scale: Scale, width: int) -> Iterator[Text]:
    """The lines of a calendar from `first` until before `last`, and what its shades mean.

    Args:
        cells: how much there was, by day or by hour.
        first: on the wall clock that the cells were counted by.
        last: likewise.
        scale: what the cells are.
        width: of the terminal.
    """
    counts = [cell.run_count for cell in cells.values()]
    shades = _Shades(min(counts, default=0), max(counts, default=0))
    until = (last - timedelta(microseconds=1)).date()
    if scale == "hour":
        yield from _hours(cells, first, last, shades)
    else:
        yield from _weeks(cells, first.date(), until, shades, min(width, WIDEST))
    yield Text(shades.legend("an hour" if scale == "hour" else "a day"), style="dim")
    if any(cell.failed_count for cell in cells.values()):
        yield _failures(cells, "hours" if scale == "hour" else "days")


def _hours(cells: Cells, first: datetime, last: datetime, shades: _Shades) -> Iterator[Text]:
    """A row for each day, two columns for each hour."""
    begin, end = f"{first:%Y-%m-%dT%H}", f"{last - timedelta(microseconds=1):%Y-%m-%dT%H}"
    yield Text(" " * 12 + "".join(f"{hour:02}    " for hour in range(0, 24, 3)).rstrip(), style="dim")
    day = first.date()
    while day.isoformat() <= end:
        row = Text(f"{WEEKDAYS[day.weekday()]} {day.day:2} {MONTHS[day.month - 1]}  ", style="dim")
        for hour in range(24):
            place = f"{day.isoformat()}T{hour:02}"
            row.append_text(_cell(cells, place, shades, is_inside=begin <= place <= end) + " ")
        yield _stripped(row)
        day += DAY


def _weeks(cells: Cells, first: date, last: date, shades: _Shades, width: int) -> Iterator[Text]:
    """A column for each week, in as many blocks as the width asks for."""
    monday = first - first.weekday() * DAY
    count = (last - monday) // WEEK + 1
    cell_width = 2 if MARGIN + 2 * count <= width else 1
    per_block = max(1, (width - MARGIN) // cell_width)
    for start in range(0, count, per_block):
        mondays = [monday + number * WEEK for number in range(start, min(count, start + per_block))]
        if start:
            yield Text("")
        yield Text(" " * MARGIN + _months(mondays, last, cell_width=cell_width, room=width - MARGIN), style="dim")
        for weekday, label in enumerate(WEEKDAYS):
            row = Text(f"{label} ", style="dim")
            for each in mondays:
                day = each + weekday * DAY
                cell = _cell(cells, day.isoformat(), shades, is_inside=first <= day <= last)
                row.append_text(cell + " " * (cell_width - 1))
            yield _stripped(row)


def _months(mondays: Sequence[date], last: date, *, cell_width: int, room: int) -> str:
    """The names of months over the weeks in which they begin, where there is room; a year over its January."""
    line = ""
    for number, monday in enumerate(mondays):
        sunday = min(last, monday + 6 * DAY)
        is_new = number == 0 or (sunday - 7 * DAY).month != sunday.month
        place = number * cell_width
        label = MONTHS[sunday.month - 1] + (f" {sunday.year}" if number and sunday.month == 1 else "")
        if is_new and len(line) <= place and place + len(label) <= room:
            line = f"{line.ljust(place)}{label} "
    return line.rstrip()


def _stripped(row: Text) -> Text:
    row.rstrip()
    return row


def _cell(cells: Cells, place: str, shades: _Shades, *, is_inside: bool) -> Text:
    found = cells.get(place)
    if found is None:
        return Text(NONE if is_inside else OUTSIDE, style="dim")
    if found.failed_count == found.run_count:
        return Text(FAILED, style="red")
    return Text(shades.of(found.run_count), style="red" if found.failed_count else "green")


def _failures(cells: Cells, unit: str) -> Text:
    """What one character cannot say, and who sees no red."""
    worst = max(cells, key=lambda place: cells[place].failed_count)
    many = sum(1 for cell in cells.values() if cell.failed_count)
    total = sum(cell.failed_count for cell in cells.values())
    if (most := cells[worst].failed_count) == 1:
        return Text(f"{FAILED} all failed; {total:,} failed in {many:,} of {len(cells):,} {unit} with runs", style="red")
    when = worst.replace("T", " ") + (":00" if "T" in worst else "")
    return Text(f"{FAILED} all failed; {total:,} failed in {many:,} of {len(cells):,} {unit} with runs; most at {when}: {most:,}", style="red")
