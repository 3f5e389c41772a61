"""Text of the server, shown as it is: blocks, captured output, and single lines."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from textual.app import RenderResult
from textual.strip import Strip
from textual.widget import Widget

from partita_client.tui.render.text import Line, fit_line, line_of, plain_lines
from partita_client.tui.widgets.line_view import Brush
from partita_client.tui.widgets.log_view import MOST_LINES, LogLine, LogView

LONGEST_REST = 8_192
"""Characters after which a line without an end is left as it is, and goes on in the next."""


class LineText(LogView):
    """A block of text that can be scrolled, wrapped and searched."""

    def __init__(
        self, text: str | Sequence[Line] = "", *, wraps: bool = True, empty: str = "", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(empty=empty, id=id, classes=classes)
        self.set_reactive(LogView.is_following, False)
        self.set_reactive(LogView.wraps, wraps)
        self._text = text

    def on_mount(self) -> None:
        """Show the text that it was made with."""
        if self._text:
            self.show(self._text)

    def show(self, text: str | Sequence[Line]) -> None:
        """Show another text from its beginning."""
        self._text = text
        self.clear()
        self.append(text)
        self._cursor = self._ring.first
        self.jump_to(0)

    def append(self, text: str | Sequence[Line]) -> None:
        """Add lines at the end."""
        lines = [((line, ""),) for line in plain_lines(text)] if isinstance(text, str) else [line_of(line) for line in text]
        self.add([LogLine(str(number), line) for number, line in enumerate(lines, self._ring.after)])
        self._unseen = 0

    def _find_first(self) -> None:
        """Go to the first line that was searched for from what is seen on, else to the last before it."""
        if len(self._ring):
            self._cursor = self._ring.at_line(min(self.top, self._ring.lines - 1))[0]
        if not self._find(1, include_here=True):
            self._find(-1)

    def action_cursor_move(self, lines: int) -> None:
        """A text is scrolled: there is nothing in it to choose."""
        self.jump_to(self.top + lines)

    def action_cursor_first(self) -> None:
        """Go to the beginning."""
        self.jump_to(0)

    def action_cursor_last(self) -> None:
        """Go to the end."""
        self.jump_to(self.line_count())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """A text that does not grow by itself is never followed."""
        super(LogView, self).watch_scroll_y(old_value, new_value)

    def _is_chosen(self, number: int) -> bool:
        return bool(self._search.text) and number == self._cursor


class CapturedOutput(LogView):
    """What a process wrote, as it comes in: bytes in any portions."""

    def __init__(self, *, limit: int = MOST_LINES, empty: str = "Nothing was written.", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(limit=limit, empty=empty, id=id, classes=classes)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self.is_ended = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes; a character that they cut in two waits for its other half."""
        self.feed_text(self._decoder.decode(data))

    def feed_text(self, text: str) -> None:
        """Take the next characters; a line without its end is shown as far as it came."""
        if not text:
            return
        self._take_back_rest()
        whole, found, self._rest = (self._rest + text).rpartition("\n")
        lines = plain_lines(whole + "\n") if found else []
        self._show([*lines, self._rest] if self._rest else lines)
        if len(self._rest) > LONGEST_REST:
            self._rest = ""

    def _take_back_rest(self) -> None:
        if self._rest:
            self.take_back()

    def end(self) -> None:
        """Nothing will follow."""
        self.feed_text(self._decoder.decode(b"", final=True))
        self.is_ended = True

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._decoder.reset()
        self._rest, self.is_ended = "", False

    def _show(self, lines: Sequence[str]) -> None:
        # A line that grew is another line to whoever knows lines by their ids.
        self.add([LogLine(f"{number}:{len(line)}", ((line, ""),)) for number, line in enumerate(lines, self._ring.after)])


class PlainLine(Widget):
    """One line of pieces, for titles, counts and notices."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "PlainLine { height: 1; width: 1fr; }"

    def __init__(self, line: str | Line = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._line = line_of(line)
        self.brush = Brush(self)

    def show(self, line: str | Line) -> None:
        """Show another line."""
        cleaned = line_of(line)
        if cleaned != self._line:
            self._line = cleaned
            self.refresh()

    @property
    def line(self) -> Line:
        """What is shown."""
        return self._line

    def render(self) -> RenderResult:
        """Nothing: lines are drawn one by one."""
        return ""

    def render_line(self, y: int) -> Strip:
        """The line, cut where the room ends."""
        width = self.size.width
        return self.brush.strip(fit_line(self._line, width)) if y == 0 else Strip.blank(width, self.brush.style(""))

    def notify_style_update(self) -> None:
        """Styles have changed."""
        super().notify_style_update()
        self.brush.renew()
