"""The events of a run as they come in."""

from __future__ import annotations

from collections.abc import Iterable

from partita_client.tui.render.text import Line, line_of
from partita_client.tui.widgets.log_view import MOST_LINES, LogLine, LogView

__all__ = ["EventLog", "LogLine"]

_LEVELS = {"debug": "dim", "warning": "warning", "error": "failed", "critical": "failed"}


class EventLog(LogView):
    """Events, coloured by level; enter unfolds the details of one."""

    def __init__(self, *, limit: int = MOST_LINES, empty: str = "No events yet.", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(limit=limit, empty=empty, id=id, classes=classes)

    def extend(self, lines: Iterable[LogLine]) -> None:
        """Add events at the end."""
        self.add(list(lines))

    def set_lines(self, lines: Iterable[LogLine]) -> None:
        """Show these events and no others."""
        self.clear()
        self.extend(lines)

    def shown(self, entry: LogLine) -> Line:
        """The line of an event in the style of its level, with a sign where there is more to see."""
        return (("▸" if entry.details else " ", "dim"), *line_of(entry.pieces, _LEVELS.get(entry.level, "")))
