"""Code locations: where they stand, why one does not load, and what each declares."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult

from partita_client.models.generated import operations
from partita_client.tui.actions import Action
from partita_client.tui.desk import Desk
from partita_client.tui.render.states import mark_line
from partita_client.tui.render.text import Line, ago, fit, plain
from partita_client.tui.routes import Route
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.screens.tabs import Tabbed
from partita_client.tui.screens.targets import Target, open_launch
from partita_client.tui.store.asset_rows import location_of
from partita_client.tui.store.run_detail import error_lines
from partita_client.tui.store.topics import Changes, LocationsSeen, Topic
from partita_client.tui.widgets.line_text import LineText
from partita_client.tui.widgets.virtual_table import Column, Row, VirtualTable

if TYPE_CHECKING:
    from partita_client.models import CodeLocation, TuiJob


class WorkspaceScreen(PlaceScreen):
    """The list of code locations above what the one under the cursor says."""

    TOPICS = frozenset({Topic.WORKSPACE, Topic.JOBS, Topic.ASSETS, Topic.AUTOMATIONS})
    OFFERS = ("location.reload", "job.launch", "app.next_tab")
    AUTO_FOCUS = "#locations"

    def __init__(self, desk: Desk, route: Route) -> None:
        super().__init__(desk, route)
        self._wanted = ""
        """The location to put the cursor on, once it is known."""

    def body(self) -> ComposeResult:
        """The list, and tabs on one of them."""
        with Pane(id="locations-pane") as pane:
            pane.set_title("Code locations")
            yield VirtualTable(
                Column("name", "location", width=12, max_width=40, is_flexible=True),
                Column("status", "status", width=12, max_width=16),
                Column("loaded", "loaded", width=6, max_width=6),
                Column("assets", "assets", align="right", width=6, max_width=7),
                Column("jobs", "jobs", align="right", width=4, max_width=6),
                Column("auto", "auto", align="right", width=4, max_width=6),
                Column("python", "python", max_width=8, drop=1),
                Column("partita", "partita", max_width=12, drop=2),
                Column("start", "processes", max_width=40, drop=3),
                empty="No code location yet.",
                id="locations",
            )
        with Pane(id="location-pane"):
            yield Tabbed(
                ("Load", LineText(id="load")),
                ("Jobs", VirtualTable(*_JOBS, empty="It declares no jobs.", id="jobs")),
                id="location-tabs",
            )

    def visit(self, route: Route) -> None:
        """Come here for one location; a place of its own it has not."""
        super().visit(Route("workspace"))
        self._wanted = route.id
        self.show({})

    @property
    def _locations(self) -> VirtualTable:
        return self.query_one("#locations", VirtualTable)

    @property
    def chosen(self) -> CodeLocation | None:
        """The location under the cursor."""
        return self.desk.world.locations.get(self._locations.cursor_id or "")

    def jobs(self) -> list[TuiJob]:
        """What can be launched of it."""
        name = self._locations.cursor_id
        return [job for job in self.desk.world.jobs.values() if job.repository.code_location.name == name]

    def show(self, changes: Changes) -> None:  # noqa: ARG002  all is drawn anew
        """List anew."""
        world, now = self.desk.world, self.desk.now()
        self._locations.set_rows([self._row(place, now) for place in world.locations.values()])
        if self._wanted and self._locations.move_to(self._wanted):
            self._wanted = ""
        self._show_chosen()

    def show_clock(self, now: datetime) -> None:
        """Ages grow once a minute."""
        if now.second == 0:
            self.show({})

    def _row(self, place: CodeLocation, now: datetime) -> Row:
        world = self.desk.world
        assets = sum(1 for asset in world.assets.values() if location_of(asset) == place.name)
        jobs = sum(1 for job in world.jobs.values() if job.repository.code_location.name == place.name)
        automations = sum(1 for each in world.automations.values() if each.location == place.name)
        status = (("▓ reloading", "running"),) if place.is_reloading else mark_line("location", place.status.value)
        return Row(
            place.name,
            (
                place.name,
                status,
                ago(place.loaded_at, now),
                str(assets),
                str(jobs),
                str(automations),
                place.python_version or "–",
                place.library_version or "–",
                ((place.start or "–", "dim"),),
            ),
        )

    def _show_chosen(self) -> None:
        place = self.chosen
        pane, tabs = self.query_one("#location-pane", Pane), self.query_one(Tabbed)
        if place is None:
            pane.set_title("")
            return
        pane.set_title(place.name)
        self.put_lines("#load", list(_load_lines(place, self.desk.now())))
        jobs = self.jobs()
        tabs.set_note("jobs", str(len(jobs)))
        tabs.set_note("load", "✗" if place.error else "⚠" if place.warnings else "")
        self.put_rows("#jobs", [_job_row(job) for job in jobs])
        self.show_hints()

    @on(VirtualTable.RowHighlighted, "#locations")
    def _highlighted(self) -> None:
        self._show_chosen()

    @on(VirtualTable.RowSelected, "#locations")
    def _selected(self) -> None:
        self.query_one(Tabbed).turn_to("load" if self.chosen and self.chosen.error else "jobs")

    @on(VirtualTable.RowSelected, "#jobs")
    def _job_selected(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        job = self.desk.world.jobs.get(event.row_id)
        if job is not None:
            self.desk.go(Route("runs", filter=f"job:{job.name}"))

    def page_tabs(self, way: int) -> None:
        """The next or the previous tab."""
        self.query_one(Tabbed).turn(way)

    def do_app_next_tab(self) -> None:
        """The next tab."""
        self.page_tabs(1)

    def why_not(self, action: Action) -> str | None:
        """A job must be under the cursor to be launched."""
        if action.id == "location.reload":
            place = self.chosen
            return "there is no code location here" if place is None else "it is being loaded" if place.is_reloading else None
        if action.id == "job.launch" and (self.query_one(Tabbed).current != "jobs" or not self.query_one("#jobs", VirtualTable).cursor_id):
            return "choose a job first: ] shows the jobs"
        return None

    @work(group="action", exit_on_error=False)
    async def do_location_reload(self) -> None:
        """Load its code anew."""
        place = self.chosen
        if place is None:
            return
        answer = await self.asked(self.desk.feed.execute(operations.reload_code_location(input={"codeLocationId": place.id})))
        if answer is None:
            return
        payload = answer.reload_code_location
        if payload.code_location is not None:
            self.desk.feed.put(LocationsSeen([payload.code_location]))
            self.say(f"{place.name} is loaded anew; the old code serves until then")
        elif payload.errors:
            self.say(payload.errors[0].message, is_bad=True)

    def do_job_launch(self) -> None:
        """Launch the job under the cursor."""
        job = self.desk.world.jobs.get(self.query_one("#jobs", VirtualTable).cursor_id or "")
        if job is not None:
            place = job.repository
            open_launch(self, Target(job=job.name, repository=place.name, location=place.code_location.name))


_JOBS = (
    Column("job", "job", width=10, max_width=40),
    Column("what", "writes", max_width=40),
    Column("partitions", "partitions", max_width=40, drop=1),
    Column("description", "", max_width=120, is_flexible=True, drop=2),
)


def _job_row(job: TuiJob) -> Row:
    what = f"{len(job.assets)} assets" if job.assets else "ops"
    cut = job.partitions.description if job.partitions else "–"
    first = (job.description or "").strip().split("\n")[0]
    return Row(job.id, (job.name, f"{what}  {job.selection or ''}".strip(), cut, ((plain(first, 120), "dim"),)))


def _load_lines(place: CodeLocation, now: datetime) -> Iterator[Line]:
    yield (*mark_line("location", place.status.value), (f"   loaded {ago(place.loaded_at, now)} ago" if place.loaded_at else "   never loaded", ""))
    if place.error is not None:
        serving = f"the code of {ago(place.loaded_at, now)} ago serves until it is mended" if place.loaded_at else "nothing of it can run"
        yield ((f"its newest code did not load; {serving}", "warning"),)
        yield (("", ""),)
        lines = list(error_lines(place.error))
        yield from (((f"  {line}", ""),) for line in lines[:-1])
        yield ((f"▸ {lines[-1]}", "failed"),)
    for warning in place.warnings:
        yield (("⚠ ", "warning"), (warning, ""))
    yield (("", ""),)
    rows = [
        ("repositories", ", ".join(each.name for each in place.repositories)),
        ("python", place.python_version),
        ("partita", place.library_version),
        ("processes", place.start),
    ]
    yield from (((fit(label, 16), "dim"), (plain(value or "–"), "")) for label, value in rows)
