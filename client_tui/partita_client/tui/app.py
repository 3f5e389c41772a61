"""The app: sections with their screens, the way through them, and the one place that data comes in at."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.events import Event, Key, Resize
from textual.screen import Screen

from partita_client.link import AsyncLink
from partita_client.tui.actions import ACTIONS, ALWAYS, COMMON
from partita_client.tui.desk import Desk
from partita_client.tui.feed import Feed
from partita_client.tui.keyboard import Keyboard
from partita_client.tui.palette import jumps, search_everything
from partita_client.tui.render.text import plain
from partita_client.tui.routes import SECTIONS, TITLES, Route, UnknownRouteError, parse_route
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.modals.chooser import Chooser
from partita_client.tui.screens.modals.help import Help
from partita_client.tui.screens.places import detail_of, root_of
from partita_client.tui.store.topics import Changes, Topic
from partita_client.tui.store.world import World
from partita_client.tui.widgets.line_text import PlainLine
from partita_client.tui.widgets.styles import state_colours

T = TypeVar("T")
LEAVE = "ctrl+c"
SMALLEST = (60, 16)
STYLES = Path(__file__).parent / "styles"
THEMES = ("textual-dark", "textual-light", "nord", "gruvbox", "catppuccin-mocha", "tokyo-night", "solarized-light")


class TooSmall(Screen[None]):
    """What a terminal shows that has no room for more."""

    def compose(self) -> ComposeResult:
        """One line."""
        yield PlainLine(id="too-small")

    def on_resize(self, event: Resize) -> None:
        """Say how much there is."""
        columns, rows = SMALLEST
        width, height = event.size
        self.query_one(PlainLine).show(f"terminal too small ({width}x{height}, need {columns}x{rows})")


def utc_now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


class PartitaApp(App[None]):
    """Everything that the server can do, on a terminal."""

    TITLE = "Partita"
    CSS_PATH = [STYLES / "base.tcss", STYLES / "screens.tcss"]  # noqa: RUF012  Textual reads it as it is
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[Any]] = [
        *(Binding(str(number), f"section('{section}')", TITLES[section], show=False) for number, section in enumerate(SECTIONS, 1)),
        *(
            Binding(ACTIONS[action_id].keys, action_id.removeprefix("app."), ACTIONS[action_id].title, show=False, id=action_id)
            for action_id in (*COMMON, *ALWAYS, "app.previous_tab", "app.next_tab")
        ),
        Binding(LEAVE, "leave", "Quit", show=False, priority=True),
    ]

    def __init__(
        self, url: str | None = None, *, token: str | None = None, route: Route | None = None, clock: Callable[[], datetime] = utc_now
    ) -> None:
        """`route` is the place to begin at."""
        super().__init__()
        self._begin_at = route or Route("overview")
        self._history: list[Route] = []
        self._at = -1
        self._wanted: Route | None = None
        self._opening = asyncio.Lock()
        self._keyboard = Keyboard(super().on_event, lambda: self.focused or self.screen, self._opened_all)
        world = World()
        feed = Feed(AsyncLink(url, token=token, patience=0), world, tell=self._tell, clock=clock)
        self.desk = Desk(world, feed, clock, self.go)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours of states, from what the theme calls success, error and warning."""
        return state_colours(self.current_theme)

    # Start and end.

    def on_mount(self) -> None:
        """Show the first place; only then load what talks to the server."""
        for section in SECTIONS:
            self.add_mode(section, self._root(section))
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.exit)
        self.set_interval(1.0, self._clock_ticked)
        self.go(self._begin_at)
        self.call_after_refresh(self._start_feed)

    def _root(self, section: str) -> Callable[[], Screen[Any]]:
        return lambda: root_of(section)(self.desk, Route(section))

    def _start_feed(self) -> None:
        # A full collection over all that was imported takes 0.1 s, which is seen as a stall: what is here now stays anyway.
        gc.collect()
        gc.freeze()
        self.run_worker(self.desk.feed.run(), group="feed", exclusive=True)

    async def on_unmount(self) -> None:
        """Leave nothing open."""
        await self.desk.feed.close()

    async def action_leave(self) -> None:
        """Quit from anywhere."""
        self.exit()

    async def on_event(self, event: Event) -> None:
        """Take keys in turn; the one that leaves waits for nothing."""
        if not isinstance(event, Key) or event.is_forwarded or event.key == LEAVE or not self._is_ready():
            await super().on_event(event)
        elif self._keyboard.is_busy:
            self._keyboard.keep(event)
        else:
            await self._keyboard.take(event)
            self.run_worker(self._keyboard.follow(), group="keys")

    # What is new.

    def _tell(self, changes: Changes) -> None:
        """Give what is new to the screen that is seen; the others look when they are."""
        place = self._place()
        if place is not None:
            place.world_changed(changes)

    def _clock_ticked(self) -> None:
        place = self._place()
        if place is not None:
            place.clock_ticked(self.desk.now())

    def _place(self) -> PlaceScreen | None:
        """The place that is seen, also behind a dialog."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, PlaceScreen)), None) if self._is_ready() else None

    def _is_ready(self) -> bool:
        # While the app ends, its screens lose their widgets before the feed is closed.
        return self.is_running and self.current_mode in SECTIONS and bool(self._screen_stacks.get(self.current_mode))

    # Places.

    def go(self, route: Route) -> None:
        """Open a place and remember it."""
        if self._at < 0 or self._history[self._at] != route:
            del self._history[self._at + 1 :]
            self._history.append(route)
            self._at = len(self._history) - 1
        self._open(route)

    def _open(self, route: Route) -> None:
        self._wanted = route
        self.run_worker(self._open_wanted(), group="places")

    async def _open_wanted(self) -> None:
        """Open one place after another; of those that were asked for meanwhile only the last."""
        async with self._opening:
            if self._wanted is not None:
                route, self._wanted = self._wanted, None
                await self._opened(route)

    async def _opened_all(self) -> None:
        """Wait until everything is open that was asked for."""
        if opening := [worker for worker in self.workers if worker.group == "places"]:
            await self.workers.wait_for_complete(opening)

    async def _opened(self, route: Route) -> None:
        """Make `route` the place that is seen."""
        while self.current_mode in SECTIONS and not isinstance(self.screen, PlaceScreen | TooSmall):
            await self.pop_screen()
        if self.current_mode != route.section:
            await self.switch_mode(route.section)
        while len(self.screen_stack) > 1 and not self._is_at(route):
            await self.pop_screen()
        detail = detail_of(route.section) if route.id else None
        if detail is not None and not self._is_at(route):
            await self.push_screen(detail(self.desk, route))
        elif isinstance(self.screen, PlaceScreen):
            self.screen.visit(route)

    def _is_at(self, route: Route) -> bool:
        top = self.screen
        return isinstance(top, PlaceScreen) and bool(route.id) and top.stands_for(route)

    def action_section(self, section: str) -> None:
        """Go to a section, as it was left; at its list when one is there already."""
        stack = self._screen_stacks.get(section, [])
        top = stack[-1] if stack else None
        is_here = self.current_mode == section
        self.go(top.route if isinstance(top, PlaceScreen) and not is_here else Route(section))

    async def action_up(self) -> None:
        """From one thing to its list."""
        place = self._place()
        if place is not None and len(self.screen_stack) > 1:
            await self.pop_screen()
            above = self._place()
            if above is not None:
                self.go(above.route)

    async def action_back(self) -> None:
        """To the place before."""
        self._move_in_history(-1)

    def action_forward(self) -> None:
        """To the place that one came back from."""
        self._move_in_history(1)

    def _move_in_history(self, way: int) -> None:
        if 0 <= self._at + way < len(self._history):
            self._at += way
            self._open(self._history[self._at])

    async def action_quit(self) -> None:
        """Quit at the root of a section; elsewhere go up."""
        if len(self.screen_stack) > 1:
            await self.action_up()
        else:
            self.exit()

    # What is everywhere.

    def action_next_tab(self) -> None:
        """The next pane of the place."""
        self._turn(1)

    def action_previous_tab(self) -> None:
        """The pane before."""
        self._turn(-1)

    def _turn(self, way: int) -> None:
        place = self._place()
        if place is not None:
            place.page_tabs(way)

    def action_refetch(self) -> None:
        """Ask the server for everything again; at once, when it did not answer."""
        feed = self.desk.feed
        feed.retry_now()
        feed.reload(*Topic)

    def action_theme(self) -> None:
        """The next theme."""
        place = THEMES.index(self.theme) if self.theme in THEMES else -1
        self.theme = THEMES[(place + 1) % len(THEMES)]
        self.notify(f"theme {self.theme}", markup=False, timeout=2)

    def _ask(self, dialog: Screen[T], answered: Callable[[T | None], Any] | None = None) -> None:
        """Show a dialog once the place that is being opened is there, which would close it again."""
        self.run_worker(self._asked(dialog, answered), group="places")

    async def _asked(self, dialog: Screen[T], answered: Callable[[T | None], Any] | None) -> None:
        async with self._opening:
            await self.push_screen(dialog, answered)

    def action_help(self) -> None:
        """What can be done here."""
        place = self._place()
        if place is not None:
            actions = [(action, place.reason(action)) for action in place.every_action()]
            self._ask(Help(TITLES[place.route.section], actions))

    def action_jump(self) -> None:
        """Go to a place by its name."""
        chooser = Chooser(
            "jump", lambda text: jumps(self.desk.world, text), takes_text=True, hint="runs status:failed, asset raw/orders, run 8f3a, quit"
        )
        self._ask(chooser, self._jumped)

    def _jumped(self, text: str | None) -> None:
        if not text or not text.strip():
            return
        if text.strip().lstrip(":") in ("q", "quit", "exit"):
            self.exit()
            return
        try:
            self.go(parse_route(text))
        except UnknownRouteError as error:
            self.notify(plain(str(error), 300), severity="error", markup=False)

    def action_palette(self) -> None:
        """Search everything: actions of the place, assets, runs, jobs, automation."""
        place = self._place()
        actions = [] if place is None else [(action, place.reason(action)) for action in place.every_action()]
        chooser = Chooser("palette", lambda text: search_everything(self.desk.world, actions, text), hint="assets, runs, jobs, schedules, actions")
        self._ask(chooser, self._picked)

    async def _picked(self, chosen: str | None) -> None:
        if chosen is None:
            return
        kind, _, rest = chosen.partition("\0")
        if kind == "route":
            self.go(parse_route(rest))
        elif rest.startswith("app."):
            await self.run_action(f"app.{rest.removeprefix('app.')}")
        else:
            place = self._place()
            if place is not None:
                await place.action_offered(rest)

    # The terminal.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be done where nothing can be seen, but to leave."""
        if isinstance(self._top(), TooSmall) and action not in ("leave", "quit"):
            return False
        return super().check_action(action, parameters)

    def _top(self) -> Screen[Any] | None:
        stack = self._screen_stacks.get(self.current_mode)
        return stack[-1] if stack else None

    async def on_resize(self, event: Resize) -> None:
        """Say so when there is no room, and come back when there is."""
        is_small = event.size.width < SMALLEST[0] or event.size.height < SMALLEST[1]
        if is_small and not isinstance(self.screen, TooSmall):
            await self.push_screen(TooSmall())
        elif not is_small and isinstance(self.screen, TooSmall):
            await self.pop_screen()
