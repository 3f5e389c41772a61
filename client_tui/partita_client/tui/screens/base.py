"""The screen that all others are made of: a frame, actions from the registry, and what is shown kept up to date."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.events import DescendantFocus, Resize, ScreenResume
from textual.screen import Screen

from partita_client.errors import PartitaClientError
from partita_client.tui.actions import ACTIONS, ALWAYS, COMMON, Action, why_disconnected
from partita_client.tui.desk import Desk
from partita_client.tui.feed import problem_of
from partita_client.tui.render.text import Line, plain
from partita_client.tui.routes import TITLES, Route
from partita_client.tui.screens.chrome import NARROW, Banner, ClickLine, Crumbs, Hints, Sections
from partita_client.tui.store.topics import Changes, Topic
from partita_client.tui.widgets.line_text import LineText
from partita_client.tui.widgets.line_view import ViewMessage
from partita_client.tui.widgets.virtual_table import Row, VirtualTable


class PlaceScreen(Screen[None]):
    """A place in a section.

    A subclass says what is in it (`body`), which actions it offers (`OFFERS`, with a method for each), and which topics it shows.
    """

    OFFERS: ClassVar[tuple[str, ...]] = ()
    """Ids of actions, in the order in which the footer names them."""
    TOPICS: ClassVar[frozenset[Topic]] = frozenset()
    BINDINGS: ClassVar[list[Any]] = []

    def __init_subclass__(cls, **options: Any) -> None:
        offered = (ACTIONS[action_id] for action_id in cls.OFFERS if not action_id.startswith("list."))
        own = list(cls.__dict__.get("BINDINGS", ()))
        cls.BINDINGS = [*own, *(Binding(action.keys, f"offered('{action.id}')", action.title, show=False, id=action.id) for action in offered)]
        super().__init_subclass__(**options)

    def __init__(self, desk: Desk, route: Route) -> None:
        super().__init__()
        self.desk, self.route = desk, route
        self._put: dict[str, Sequence[Any]] = {}
        self.is_ready = False
        """Whether everything is there that `show` draws on."""

    # What a subclass says.

    def body(self) -> ComposeResult:
        """What is between the frame's rows."""
        raise NotImplementedError

    def crumbs(self) -> list[str]:
        """The way here after the section."""
        return [self.route.id] if self.route.id else []

    def show(self, changes: Changes) -> None:
        """Show what is known now; `changes` says what is different from the last time, everything when it is empty."""

    def show_clock(self, now: datetime) -> None:
        """Show the time that has passed; called once a second."""

    def why_not(self, action: Action) -> str | None:  # noqa: ARG002  for those that know reasons
        """Why an action of this screen cannot be done now."""
        return None

    def stands_for(self, route: Route) -> bool:
        """Whether a place is this one; of ids the last eight characters are enough."""
        return route.section == self.route.section and (route.id == self.route.id or (len(route.id) == 8 and self.route.id.endswith(route.id)))

    def visit(self, route: Route) -> None:
        """Come here again with another filter or tab."""
        self.route = route

    # The frame.

    def compose(self) -> ComposeResult:
        """The frame and the body."""
        yield Crumbs(id="crumbs")
        yield Sections(id="sections")
        yield Banner(id="banner")
        with Vertical(id="body"):
            yield from self.body()
        yield Hints(id="hints")

    def on_mount(self) -> None:
        """Show what is known already."""
        self.is_ready = True
        self.show({})
        self.show_frame()

    @on(ScreenResume)
    def _resumed(self) -> None:
        """Something may have changed while nobody looked."""
        if self.is_ready:
            self.show({})
            self.show_frame()

    def on_resize(self, event: Resize) -> None:
        """Titles may have to be shorter."""
        self.set_class(event.size.width < NARROW, "-narrow")
        self.show_frame(width=event.size.width)

    @property
    def is_narrow(self) -> bool:
        """Whether second panes are tabs."""
        return self.size.width < NARROW

    def world_changed(self, changes: Changes) -> None:
        """Take what is new."""
        if not self.is_ready:
            return
        mine = {topic: ids for topic, ids in changes.items() if topic in self.TOPICS}
        if mine:
            self.show(mine)
        if mine or Topic.CONNECTION in changes:
            self.show_frame()

    def clock_ticked(self, now: datetime) -> None:
        """A second has passed."""
        if self.is_ready:
            self.show_clock(now)
            self.show_frame()

    def show_frame(self, *, width: int = 0) -> None:
        """Draw the rows of the frame as things stand."""
        if not self.is_ready:
            return
        width = width or self.size.width
        now, connection = self.desk.now(), self.desk.world.connection
        self.query_one(Crumbs).show_place([TITLES[self.route.section], *self.crumbs()], connection, now, width=width)
        self.query_one(Sections).show_section(self.route.section, width=width)
        self.query_one(Banner).show_connection(connection, self.desk.feed.link.url, now)
        self.set_class(connection.is_stale, "-stale")
        self.show_hints()

    def show_hints(self) -> None:
        """Draw what the keys do."""
        offered = [(action, self.reason(action)) for action in self.offered() if action.is_shown]
        self.query_one(Hints).show_actions(offered)

    def offered(self) -> list[Action]:
        """The actions of this screen, and those of all."""
        return [ACTIONS[action_id] for action_id in (*self.OFFERS, *COMMON)]

    def every_action(self) -> list[Action]:
        """What can be done here, also what the footer does not name."""
        return [*self.offered(), *(ACTIONS[action_id] for action_id in ALWAYS)]

    def reason(self, action: Action) -> str | None:
        """Why an action cannot be done now; None when it can."""
        return why_disconnected(action, is_connected=self.desk.is_connected) or self.why_not(action)

    @on(ClickLine.Clicked)
    async def _clicked(self, event: ClickLine.Clicked) -> None:
        event.stop()
        if event.name in TITLES:
            self.desk.go(Route(event.name))
        elif event.name in self.OFFERS and not event.name.startswith("list."):
            await self.run_action(f"offered('{event.name}')")
        elif event.name in ACTIONS and event.name.startswith("app."):
            await self.run_action(f"app.{event.name.removeprefix('app.')}")

    def on_descendant_focus(self, _: DescendantFocus) -> None:
        """Another pane may offer other things."""
        self.show_frame()

    @on(ViewMessage)
    def _view_told(self, _: ViewMessage) -> None:
        if self.is_ready:
            self.show_hints()

    # Actions.

    async def action_offered(self, action_id: str) -> None:
        """Do an action of the registry, or say why not."""
        action = ACTIONS[action_id]
        reason = self.reason(action)
        if reason is not None:
            self.say(f"{action.title}: {reason}", is_bad=True)
            return
        result = getattr(self, action.method)()
        if isinstance(result, Coroutine):
            await result

    def put_lines(self, selector: str, lines: Sequence[Line]) -> None:
        """Show a text, unless it is what is shown: that would take a reader back to its beginning, and paint for nothing."""
        if self._put.get(selector) != lines:
            self._put[selector] = lines
            self.query_one(selector, LineText).show(lines)

    def put_rows(self, selector: str, rows: Sequence[Row]) -> None:
        """Show the rows of a table, unless they are what is shown."""
        if self._put.get(selector) != rows:
            self._put[selector] = rows
            self.query_one(selector, VirtualTable).set_rows(rows)

    def say(self, text: str, *, is_bad: bool = False) -> None:
        """Tell something in passing; it may be text of the server."""
        self.notify(plain(text, 400), severity="error" if is_bad else "information", markup=False, timeout=6)

    async def asked(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What the server answers; None when it refused or does not answer, which is then said."""
        try:
            return await work
        except PartitaClientError as error:
            self.say(problem_of(error), is_bad=True)
            return None

    def page_tabs(self, way: int) -> None:
        """Show the next or the previous tab, where there are any."""
