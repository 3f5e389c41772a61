"""The widget that all lists and pictures are made of: it draws the lines that are seen, and no line twice."""

from __future__ import annotations

from collections.abc import Hashable

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.events import MouseEvent
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from partita_client.tui.render.glyphs import to_ascii
from partita_client.tui.render.text import Line, fit_line, line_of
from partita_client.tui.widgets.styles import FOCUSED, STYLES

MOST_STRIPS = 2_000


class Brush:
    """The styles of a widget by name, and lines as strips in them."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._styles: dict[str, Style] = {}
        self.is_ascii = False
        self.epoch = 0
        """Changes when all that was drawn before looks different now."""

    def renew(self) -> None:
        """Forget the styles: the theme, the focus or the class of the app has changed."""
        self._styles.clear()
        self.is_ascii = self._widget.app.has_class("ascii")
        self.epoch += 1

    def style(self, names: str) -> Style:
        """The style of one or several names, on the background of the widget."""
        found = self._styles.get(names)
        if found is None:
            found = self._widget.rich_style
            for name in names.split():
                found += self._one(name)
            self._styles[names] = found
        return found

    def _one(self, name: str) -> Style:
        """One style alone."""
        look = FOCUSED.get(name) if self._widget.has_focus else None
        if look is None and (look := STYLES.get(name)) is None:
            raise AssertionError(f"There is no style {name!r}.")
        _, behind = self._widget.background_colors
        return look.on(behind, self._widget.app.theme_variables)

    def strip(self, line: Line, *, under: str = "") -> Strip:
        """`line` as a strip; `under` is the style beneath all its pieces."""
        draw = to_ascii if self.is_ascii else str
        return Strip([Segment(draw(text), self.style(f"{under} {style}" if under else style)) for text, style in line if text])


class LineView(ScrollView, can_focus=True):
    """Lines by number, drawn when they are seen.

    A subclass says how many there are, what each is, and by what its drawing can be known again.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = "LineView { scrollbar-size: 1 1; background: $surface; }"

    HEAD = 0
    """Lines at the top that do not scroll."""

    def __init__(self, *, empty: str = "", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.empty = empty
        """What stands there when there are no lines."""
        self.brush = Brush(self)
        self.drawn = 0
        """Lines that had to be drawn so far."""
        self.painted = 0
        """Lines that were shown so far, drawn or known."""
        self._strips: LRUCache[Hashable, Strip] = LRUCache(MOST_STRIPS)

    # What a subclass says.

    def line_count(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def line_width(self) -> int:
        """Cells that the widest line takes; 0 for lines that are as wide as the widget."""
        return 0

    def line_key(self, index: int) -> Hashable:
        """What the look of a line depends on beside its width."""
        raise NotImplementedError

    def line_at(self, index: int, width: int) -> Line:
        """A line, at most `width` cells of it."""
        raise NotImplementedError

    def line_under(self, index: int) -> str:  # noqa: ARG002  for those that have a cursor
        """The style beneath a whole line."""
        return ""

    def head_line(self, width: int) -> Line:
        """A line that does not scroll."""
        raise NotImplementedError

    def overlay(self, y: int) -> Line | None:
        """What covers the right end of a row of the widget, or all of it: by itself what stands there when there are no lines."""
        if y == self.HEAD and self.empty and not self.line_count():
            return fit_line(((" ", ""), *line_of(self.empty, "dim")), self.size.width)
        return None

    # What a subclass calls.

    @property
    def shown_rows(self) -> int:
        """Lines that there is room for."""
        return max(1, self.scrollable_content_region.height - self.HEAD)

    @property
    def view_width(self) -> int:
        """Cells that there is room for."""
        return max(1, self.scrollable_content_region.width)

    @property
    def top(self) -> int:
        """The first line that is seen."""
        return round(self.scroll_y)

    def resized(self) -> None:
        """The number of lines or their width has changed."""
        size = Size(self.line_width(), self.line_count() + self.HEAD)
        if size != self.virtual_size:
            self.virtual_size = size
        self.refresh()

    def set_empty(self, text: str) -> None:
        """Say something else when there are no lines."""
        self.empty = text
        self.refresh()

    def redraw(self, *indexes: int) -> None:
        """Some lines look different now."""
        height = self.size.height
        for index in indexes:
            y = index - self.top + self.HEAD
            if self.HEAD <= y < height:
                self.refresh(Region(0, y, self.size.width, 1))

    def reveal(self, index: int) -> None:
        """Scroll as little as needed to see a line."""
        if index < self.top:
            self.jump_to(index)
        elif index >= self.top + self.shown_rows:
            self.jump_to(index - self.shown_rows + 1)

    def jump_to(self, top: int) -> None:
        """Scroll so that `top` is the first line."""
        if self.is_mounted:
            self.scroll_to(y=max(0, top), animate=False, force=True)

    def spot(self, event: MouseEvent) -> Offset | None:
        """The cell inside the border that the mouse is at, sideways scrolling counted in; None for the border and what is outside."""
        inside = event.get_content_offset(self)
        return None if inside is None else Offset(inside.x + round(self.scroll_x), inside.y)

    def index_at(self, y: int) -> int | None:
        """The line at a row of the widget."""
        index = y - self.HEAD + self.top
        return index if y >= self.HEAD and 0 <= index < self.line_count() else None

    # What Textual calls.

    def render_line(self, y: int) -> Strip:
        """A line of the widget."""
        self.painted += 1
        width = self.size.width
        if y < self.HEAD:
            line = self._scrolled(self._known(("head", y, self.head_key()), y, head=True), width)
        elif (index := self.index_at(y)) is not None:
            line = self._scrolled(self._known(self.line_key(index), index), width)
        else:
            line = Strip.blank(width, self.brush.style(""))
        cover = self.overlay(y)
        return line if cover is None else self._covered(line, self.brush.strip(cover), width)

    def head_key(self) -> Hashable:
        """What the look of the lines that do not scroll depends on."""
        return None

    def _known(self, key: Hashable, index: int, *, head: bool = False) -> Strip:
        """The strip of a line, drawn if it is not known."""
        width = max(self.view_width, self.line_width())
        known = (key, width, self.brush.epoch)
        strip = self._strips.get(known)
        if strip is None:
            self.drawn += 1
            under = "" if head else self.line_under(index)
            line = self.head_line(width) if head else self.line_at(index, width)
            strip = self.brush.strip(fit_line(line, width), under=under)
            self._strips[known] = strip
        return strip

    def _scrolled(self, strip: Strip, width: int) -> Strip:
        left = round(self.scroll_x)
        return strip.crop_extend(left, left + width, self.brush.style(""))

    def _covered(self, strip: Strip, cover: Strip, width: int) -> Strip:
        return Strip.join([strip.crop(0, width - cover.cell_length), cover])

    def notify_style_update(self) -> None:
        """Styles have changed: what is known looks different."""
        super().notify_style_update()
        self.brush.renew()
        self._strips.clear()

    def on_resize(self) -> None:
        """Lines may have to be laid out anew."""
        self.resized()


class ViewMessage(Message):
    """A fact about a view; `control` is the view, so that handlers can be told apart by its id."""

    def __init__(self, view: Widget) -> None:
        super().__init__()
        self.view = view

    @property
    def control(self) -> Widget:
        """The view that it is about."""
        return self.view
