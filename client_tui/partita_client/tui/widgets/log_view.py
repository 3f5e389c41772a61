"""Text that grows at its end: followed, scrolled back, searched, wrapped or cut."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.binding import Binding
from textual.events import Key
from textual.reactive import reactive

from partita_client.tui.render.text import Line, count, fit_line, line_of, line_text, line_width, wrap
from partita_client.tui.widgets.cursor_view import CursorView
from partita_client.tui.widgets.line_view import ViewMessage
from partita_client.tui.widgets.ring import Ring
from partita_client.tui.widgets.search import Search, marked

MOST_LINES = 20_000


WIDTH_STEP = 40
"""Cells by which the room for long lines grows, so that it does not grow with every line."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One entry of a log, as it came: it is cleaned when it is drawn, which most never are."""

    id: str
    pieces: Line
    """What its line says; pieces without a style take that of the level."""
    level: str = "info"
    details: tuple[str, ...] = ()
    """What is unfolded below it."""


class LogView(CursorView):
    """The last entries of a log. It follows the end until somebody scrolls up, and says how much has come since."""

    # A long line is said by its cut; a bar below for it would take a row from what is read.
    DEFAULT_CSS = "LogView { scrollbar-size-horizontal: 0; }"
    BINDINGS: ClassVar[list[Any]] = [
        Binding("f", "follow", "Follow", show=False, id="log.follow"),
        Binding("w", "wrap", "Wrap", show=False, id="log.wrap"),
        Binding("slash", "search", "Search", show=False, id="log.search"),
        Binding("n", "next_match", "Next match", show=False, id="log.next"),
        Binding("N", "previous_match", "Previous match", show=False, id="log.previous"),
        Binding("escape", "end_search", "End search", show=False, id="log.end_search"),
    ]

    is_following: reactive[bool] = reactive(True, init=False)
    """Whether the end is kept in sight."""
    wraps: reactive[bool] = reactive(False, init=False)
    """Whether long lines go on in the next row; else they are cut, and seen by scrolling sideways."""

    class FollowChanged(ViewMessage):
        """Following began or stopped."""

        def __init__(self, view: LogView, *, is_following: bool) -> None:
            super().__init__(view)
            self.is_following = is_following

    class LineSelected(ViewMessage):
        """An entry was opened."""

        def __init__(self, view: LogView, line_id: str) -> None:
            super().__init__(view)
            self.line_id = line_id

    def __init__(self, *, limit: int = MOST_LINES, empty: str = "", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(empty=empty, id=id, classes=classes)
        self._ring: Ring[LogLine] = Ring(limit)
        self._cursor = 0
        """Number of the entry under the cursor."""
        self._widest = 0
        self._unfolded: set[int] = set()
        self._unseen = 0
        self._search = Search()
        self._wrap_width = 0

    # Entries.

    def add(self, entries: Sequence[LogLine]) -> None:
        """Add entries at the end; one repaint, however many they are."""
        if not entries:
            return
        self._search.count_more(line_text(entry.pieces) for entry in entries)
        self._wrap_width = self._wrap_width or self.view_width
        gone = self._ring.extend(entries, self._height)
        self._unfolded = {number for number in self._unfolded if number >= self._ring.first} if self._unfolded else set()
        if self.is_following:
            self._cursor = self._ring.after - 1
        else:
            self._unseen += len(entries)
            self._cursor = max(self._cursor, self._ring.first)
        self.resized()
        if self.is_following:
            self._to_end()
        elif gone:
            self.jump_to(self.top - gone)

    def take_back(self) -> None:
        """Forget the newest entry; what takes its place must have another id."""
        self._search.count_less(line_text(self._ring[self._ring.after - 1].pieces))
        self._unfolded.discard(self._ring.after - 1)
        self._unseen -= 0 if self.is_following else 1
        self._ring.drop_last()

    def clear(self) -> None:
        """Forget all entries."""
        self._ring.clear()
        self._unfolded.clear()
        self._cursor, self._unseen, self._widest = self._ring.first, 0, 0
        self._search.restart()
        self.resized()

    def entries(self) -> Iterable[LogLine]:
        """All entries that are kept, oldest first."""
        return (self._ring[number] for number in range(self._ring.first, self._ring.after))

    def shown(self, entry: LogLine) -> Line:
        """The line of an entry, cleaned."""
        return line_of(entry.pieces)

    def _height(self, entry: LogLine) -> int:
        """Lines that a folded entry takes."""
        return len(wrap(self.shown(entry), self._wrap_width)) if self.wraps else 1

    def _measure(self) -> None:
        self._wrap_width = self.view_width
        self._ring.measure(self._height)
        for number in self._unfolded:
            self._ring.set_height(number, self._ring.height_of(number) + len(self._ring[number].details))
        self._widest = 0

    # Following.

    def _to_end(self) -> None:
        self.jump_to(self._ring.lines - self.shown_rows)

    def watch_is_following(self, is_following: bool) -> None:
        """Go to the end, or stay."""
        if is_following:
            self._unseen = 0
            self._cursor = max(self._ring.first, self._ring.after - 1)
            self._to_end()
        self.refresh()
        self.post_message(self.FollowChanged(self, is_following=is_following))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling up ends following, reaching the end begins it."""
        super().watch_scroll_y(old_value, new_value)
        is_at_end = new_value >= self.max_scroll_y - 0.5
        if self.is_following and not is_at_end and new_value < old_value:
            self.is_following = False
        elif not self.is_following and is_at_end and new_value > old_value and self.max_scroll_y > 0:
            self.is_following = True

    def action_follow(self) -> None:
        """Begin or stop to follow the end."""
        self.is_following = not self.is_following

    # The cursor.

    @property
    def cursor_id(self) -> str | None:
        """The entry under the cursor."""
        return self._ring[self._cursor].id if len(self._ring) else None

    def cursor_line(self) -> int:
        """The first line of the entry under the cursor."""
        return self._ring.line_of(self._cursor) if len(self._ring) else 0

    def cursor_to(self, index: int) -> None:
        """Put the cursor on the entry at a line."""
        self._cursor_to_entry(self._ring.at_line(index)[0])

    def _cursor_to_entry(self, number: int) -> None:
        before, self._cursor = self._cursor, number
        line = self._ring.line_of(number)
        self.reveal(line + self._ring.height_of(number) - 1)
        self.reveal(line)
        if before != number:
            self.refresh()
            is_last = number == self._ring.after - 1
            if is_last != self.is_following:
                self.is_following = is_last

    def action_cursor_move(self, lines: int) -> None:
        """Move by entries, not by the rows that they take."""
        if len(self._ring):
            self._cursor_to_entry(min(max(self._ring.first, self._cursor + lines), self._ring.after - 1))

    def action_cursor_last(self) -> None:
        """Move to the end and follow it."""
        super().action_cursor_last()
        self.is_following = True

    def action_choose(self) -> None:
        """Unfold the entry under the cursor, or fold it again."""
        if not len(self._ring):
            return
        entry = self._ring[self._cursor]
        if entry.details:
            change = -len(entry.details) if self._cursor in self._unfolded else len(entry.details)
            self._unfolded ^= {self._cursor}
            self._ring.set_height(self._cursor, self._ring.height_of(self._cursor) + change)
            self.resized()
            self.reveal(self.cursor_line() + self._ring.height_of(self._cursor) - 1)
            self.reveal(self.cursor_line())
        self.post_message(self.LineSelected(self, entry.id))

    # Wrapping.

    def watch_wraps(self) -> None:
        """Lay all lines out anew, the entry under the cursor in sight."""
        self._measure()
        self.scroll_to(x=0, animate=False, force=True)
        self.resized()
        if self.is_following:
            self._to_end()
        elif len(self._ring):
            self.reveal(self.cursor_line())

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.wraps = not self.wraps

    def on_resize(self) -> None:
        """A line may take more rows or fewer."""
        if self.wraps and self.view_width != self._wrap_width:
            self._measure()
        self.resized()
        if self.is_following:
            self._to_end()

    # Searching.

    def search(self, text: str) -> int:
        """Mark all entries with `text`, whatever the case, and go to the last before the cursor or the next after it; how many there are."""
        self._search.begin(text, (line_text(entry.pieces) for entry in self.entries()))
        self.refresh()
        if text:
            self._find_first()
        return self._search.found

    def _find_first(self) -> None:
        """Go to the entry that was searched for and is nearest above the cursor, else to the next below it."""
        if not self._find(-1, include_here=True):
            self._find(1)

    def next_match(self) -> bool:
        """Go to the next entry that was searched for; whether there is one."""
        return self._find(1)

    def previous_match(self) -> bool:
        """Go to the previous entry that was searched for; whether there is one."""
        return self._find(-1)

    def _find(self, way: int, *, include_here: bool = False) -> bool:
        if not self._search.text or not len(self._ring):
            return False
        start = self._cursor if include_here else self._cursor + way
        numbers = range(start, self._ring.after) if way > 0 else range(start, self._ring.first - 1, -1)
        number = next((number for number in numbers if self._search.matches(line_text(self._ring[number].pieces))), None)
        if number is not None:
            self._cursor_to_entry(number)
        return number is not None

    def action_search(self) -> None:
        """Ask on the last line what to search for."""
        self._search.ask()
        self.refresh()

    def action_next_match(self) -> None:
        """Go to the next match."""
        self.next_match()

    def action_previous_match(self) -> None:
        """Go to the previous match."""
        self.previous_match()

    def action_end_search(self) -> None:
        """Mark nothing any more."""
        self.search("")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape and the keys of the search are the screen's as long as nothing is searched for."""
        if action in ("end_search", "next_match", "previous_match"):
            return bool(self._search.text)
        return super().check_action(action, parameters)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """While it is asked what to search for, keys are letters."""
        return self._search.is_asking and (key in ("enter", "escape", "backspace") or (character is not None and character.isprintable()))

    def on_key(self, event: Key) -> None:
        """Take the letters of a search."""
        if self._search.is_asking and self.check_consume_key(event.key, event.character):
            event.stop()
            event.prevent_default()
            typed = self._search.type(event.key, event.character)
            if typed is not None:
                self.search(typed)
            self.refresh()

    # Lines.

    def line_count(self) -> int:
        """Lines that all entries take."""
        return self._ring.lines

    def line_width(self) -> int:
        """The longest line that was seen when lines are cut."""
        return 0 if self.wraps or self._widest <= self.view_width else self._widest

    def line_key(self, index: int) -> Hashable:
        """What the look of a line depends on."""
        number, part = self._ring.at_line(index)
        return (
            number,
            self._ring[number].id,
            part,
            self._is_chosen(number),
            number in self._unfolded,
            self._wrap_width if self.wraps else 0,
            self._search.text,
        )

    def line_at(self, index: int, width: int) -> Line:  # noqa: ARG002  its base knows the width
        """A line of an entry, or one of its details."""
        number, part = self._ring.at_line(index)
        entry = self._ring[number]
        line = self.shown(entry)
        rows = wrap(line, self._wrap_width) if self.wraps else [line]
        if not self.wraps:
            self._make_room(line_width(line) + 1)
        if part < len(rows):
            return marked(rows[part], self._search.text)
        last = part - len(rows) == len(entry.details) - 1
        return ((f"   {'╰' if last else '├'} ", "line"), *line_of(entry.details[part - len(rows)], "dim"))

    def _make_room(self, cells: int) -> None:
        """A line was seen that is longer than any before."""
        if cells > max(self._widest, self.view_width):
            self._widest = -(-cells // WIDTH_STEP) * WIDTH_STEP
            self.call_after_refresh(self.resized)

    def line_under(self, index: int) -> str:
        """The entry under the cursor stands out, unless the end is followed."""
        return "cursor" if self._is_chosen(self._ring.at_line(index)[0]) else ""

    def _is_chosen(self, number: int) -> bool:
        return number == self._cursor and not self.is_following

    def overlay(self, y: int) -> Line | None:
        """What is searched for, or how much has come below what is seen."""
        if y == self.scrollable_content_region.height - 1:
            if self._search.is_asking:
                return fit_line(self._search.prompt(), self.size.width)
            if self._unseen > 0 and not self.is_following:
                return ((f" {count(self._unseen)} new ▼ ", "pill"),)
            if said := self._search.said():
                return ((f" {said} ", "pill"),)
        return super().overlay(y)
