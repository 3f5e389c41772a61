"""One run: its steps over time, its events as they come, what its steps wrote, why it failed, and what it was given."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import yaml
from textual import on, work
from textual.app import ComposeResult

from partita_client.errors import PartitaClientError
from partita_client.models.generated import operations
from partita_client.tui.actions import Action
from partita_client.tui.desk import Desk
from partita_client.tui.feed import problem_of
from partita_client.tui.render.text import Line, plain_lines
from partita_client.tui.routes import Route
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.screens.output import OutputPane
from partita_client.tui.screens.run_actions import cancel_runs, retry_runs
from partita_client.tui.screens.tabs import Tabbed
from partita_client.tui.store.run_detail import EventLine, RunDetail, error_lines
from partita_client.tui.store.run_rows import short_id, summary, tags_line, title_of
from partita_client.tui.store.topics import Changes, RunsSeen, Topic
from partita_client.tui.widgets.event_log import EventLog, LogLine
from partita_client.tui.widgets.gantt_view import GanttView
from partita_client.tui.widgets.line_text import LineText, PlainLine

if TYPE_CHECKING:
    from partita_client.models import TuiRun, TuiRunDetail

MOST_EVENTS = 20_000


class RunScreen(PlaceScreen):
    """A run as it goes on."""

    TOPICS = frozenset({Topic.RUNS})
    OFFERS = ("run.retry", "run.rerun", "run.cancel", "run.step_events", "run.output", "run.stream", "run.assets", "app.next_tab")
    AUTO_FOCUS = "#gantt"

    def __init__(self, desk: Desk, route: Route) -> None:
        super().__init__(desk, route)
        self._detail = RunDetail()
        self._events: deque[EventLine] = deque(maxlen=MOST_EVENTS)
        self._told: TuiRunDetail | None = None
        self._only = ""
        self._problem = ""

    def body(self) -> ComposeResult:
        """How it stands, the steps, and the rest in tabs."""
        yield PlainLine(id="run-state")
        yield PlainLine(id="run-error")
        with Pane(id="gantt-pane") as pane:
            pane.set_title("Steps")
            yield GanttView(empty="No steps yet: the plan is made when a worker takes the run.", id="gantt")
        with Pane(id="run-tabs-pane"):
            yield Tabbed(
                ("Events", EventLog(empty="No events yet.", id="events")),
                ("Output", OutputPane(id="output")),
                ("Errors", LineText(empty="Nothing has failed.", id="errors")),
                ("Config", LineText(wraps=False, id="config")),
                id="run-tabs",
            )

    @property
    def run_id(self) -> str:
        """Its whole id, once the server has told it."""
        return self._told.record.id if self._told and self._told.record else self.route.id

    @property
    def run(self) -> TuiRun | None:
        """Its record as last told."""
        return self.desk.world.runs.get(self.run_id)

    def crumbs(self) -> list[str]:
        """Its short id, job and partition."""
        return [title_of(self.run) if self.run else short_id(self.route.id)]

    def visit(self, route: Route) -> None:
        """Come here with another tab."""
        super().visit(Route("runs", id=self.run_id, tab=route.tab))
        if route.tab:
            self.query_one(Tabbed).turn_to(route.tab)

    def on_mount(self) -> None:
        """Ask what it is, and follow it."""
        self.query_one("#run-error").display = False
        self._follow()

    # What the server tells.

    @work(group="run", exclusive=True, exit_on_error=False)
    async def _follow(self) -> None:
        """Load the run, then follow its events until its last."""
        try:
            if not await self._load():
                return
            request = operations.follow_run(id=self.run_id)
            items = self.desk.feed.follow(request, lambda item: item.run_events.cursor, ended=_has_ended)
            async for item in items:
                batch = item.run_events
                lines = self._detail.take(batch.events)
                self._detail.status, self._detail.is_caught_up = batch.run_status.value, batch.is_caught_up
                self._add(lines)
            await self._load()
        except PartitaClientError as error:
            self._problem = problem_of(error)
            self._show_all()

    async def _load(self) -> bool:
        """Ask for the record; whether there is such a run."""
        answer = await self.desk.feed.ask(operations.tui_run_detail(id=self.route.id))
        if answer.record is None or answer.run is None:
            self._problem = f"There is no run {self.route.id!r}. It may have been deleted."
            self._show_all()
            return False
        self._told = answer
        self.route = Route("runs", id=answer.record.id, tab=self.route.tab)
        self.desk.world.apply_all([RunsSeen([answer.record])])
        self._detail.take_steps(answer.run.steps)
        self._show_all()
        return True

    def _add(self, lines: list[EventLine]) -> None:
        self._events.extend(lines)
        shown = [line for line in lines if not self._only or line.step == self._only]
        self.query_one("#events", EventLog).extend(_log_line(line) for line in shown)
        self._show_all()

    # What is shown.

    def show(self, changes: Changes) -> None:
        """Its record changed."""
        if not changes or self.run_id in changes.get(Topic.RUNS, ()):
            self._show_all()

    def show_clock(self, now: datetime) -> None:
        """What runs takes longer."""
        self._show_state()
        if not self._detail.is_finished:
            self.query_one(GanttView).tick(now)
            self.query_one(OutputPane).look_again()

    def _show_all(self) -> None:
        if not self.is_ready:
            return
        self._show_state()
        detail = self._detail
        started = detail.started_at or (self.run.started_at if self.run else None)
        now = detail.ended_at if detail.is_finished and detail.ended_at else self.desk.now()
        self.query_one(GanttView).show(detail.rows(), now=now, started_at=started, is_live=not detail.is_finished)
        counts = detail.counts()
        self.query_one("#gantt-pane", Pane).set_note(" · ".join(f"{number} {word.replace('_', ' ')}" for word, number in counts.items()))
        tabs = self.query_one(Tabbed)
        failures = detail.failures()
        tabs.set_note("events", str(detail.event_count) if detail.event_count else "")
        tabs.set_note("errors", str(len(failures)) if failures else "")
        self._show_texts()
        self._point_output()
        self.show_frame()

    def _show_state(self) -> None:
        run = self.run
        if run is None:
            self.query_one("#run-state", PlainLine).show(((f" {self._problem or 'asking the server …'}", "failed" if self._problem else "dim"),))
            return
        lines = summary(run, self.desk.now(), width=self.size.width)
        follow = "" if self._detail.is_finished else "   following" if self.query_one("#events", EventLog).is_following else "   not following (f)"
        self.query_one("#run-state", PlainLine).show(((" ", ""), *lines[0], (follow, "dim")))
        self.query_one("#run-error").display = len(lines) > 1 or bool(self._problem)
        self.query_one("#run-error", PlainLine).show(((" ", ""), *(lines[1] if len(lines) > 1 else ((self._problem, "failed"),))))

    def _show_texts(self) -> None:
        self.put_lines("#errors", list(self._error_text()))
        self.put_lines("#config", list(self._config_text()))

    def _error_text(self) -> Iterator[Line]:
        told = self._told.run if self._told else None
        if told is not None and told.error is not None:
            yield (("the run", "title"),)
            yield from (((f"  {line}", ""),) for line in error_lines(told.error))
        for step in self._detail.failures():
            yield ((f"step {step.key}", "title"), (f"  attempt {max(1, len(step.attempts))}", "dim"))
            if step.error is not None:
                lines = list(error_lines(step.error))
                yield from (((f"  {line}", ""),) for line in lines[:-1])
                yield ((f"  {lines[-1]}", "failed"),)

    def _config_text(self) -> Iterator[Line]:
        run, told = self.run, self._told.run if self._told else None
        if run is None or told is None:
            return
        yield (("id        ", "dim"), (run.id, ""))
        yield (("priority  ", "dim"), (str(run.priority), ""))
        yield (("tags      ", "dim"), *tags_line([(tag.key, tag.value) for tag in run.tags]))
        if run.parent is not None:
            yield (("retry of  ", "dim"), (short_id(run.parent.id), "accent"))
        yield (("config", "dim"),)
        for line in plain_lines(yaml.safe_dump(told.config, sort_keys=False, allow_unicode=True)):
            yield ((f"  {line}", ""),)

    # Steps and output.

    @on(GanttView.StepHighlighted)
    def _step_highlighted(self) -> None:
        self._point_output()
        if self._only:
            self._filter_events(self.query_one(GanttView).cursor_id or "")

    @on(GanttView.StepSelected)
    def _step_selected(self, event: GanttView.StepSelected) -> None:
        event.stop()
        self._filter_events(event.step_id)
        self.query_one(Tabbed).turn_to("events")

    @on(Tabbed.Turned)
    def _turned(self) -> None:
        self._point_output()

    def _point_output(self) -> None:
        """Show what the step under the cursor wrote, while somebody looks."""
        if self.query_one(Tabbed).current != "output":
            return
        step = self._detail.steps.get(self.query_one(GanttView).cursor_id or "")
        if step is not None:
            self.query_one(OutputPane).point(self.desk.feed, self.run_id, step.key, is_running=step.status == "running")

    def _filter_events(self, step: str) -> None:
        self._only = step
        log = self.query_one("#events", EventLog)
        log.set_lines(_log_line(line) for line in self._events if not step or line.step == step)
        self.query_one("#run-tabs-pane", Pane).set_note(f"only {step} · t all steps" if step else "")

    def do_run_step_events(self) -> None:
        """Events of the step under the cursor, or of all steps again."""
        self._filter_events("" if self._only else self.query_one(GanttView).cursor_id or "")

    def do_run_output(self) -> None:
        """What the step under the cursor wrote."""
        self.query_one(Tabbed).turn_to("output")

    def do_run_stream(self) -> None:
        """The other of the two streams."""
        self.query_one(Tabbed).turn_to("output")
        self.query_one(OutputPane).other_stream()
        self._point_output()

    def do_app_next_tab(self) -> None:
        """The next tab."""
        self.page_tabs(1)

    def page_tabs(self, way: int) -> None:
        """The next or the previous tab."""
        self.query_one(Tabbed).turn(way)

    # Actions on the run.

    def why_not(self, action: Action) -> str | None:
        """What can be done depends on whether it has ended."""
        run = self.run
        if action.id not in ("run.cancel", "run.retry", "run.rerun", "run.assets"):
            return None
        if run is None:
            return "the run is not known yet"
        if action.id == "run.cancel" and not run.can_cancel:
            return f"it has {run.status.value}"
        if action.id == "run.assets" and not run.assets:
            return "it writes no assets"
        if action.id in ("run.retry", "run.rerun") and not run.can_retry:
            return "it has not ended, or what it ran is gone"
        return "nothing of it failed" if action.id == "run.retry" and run.status.value == "succeeded" else None

    @work(group="action", exit_on_error=False)
    async def do_run_cancel(self) -> None:
        """End it, after asking."""
        if self.run is not None:
            await cancel_runs(self, [self.run])

    @work(group="action", exit_on_error=False)
    async def do_run_retry(self) -> None:
        """Run again what failed."""
        if self.run is not None:
            await retry_runs(self, [self.run], strategy="FROM_FAILURE", key=uuid4().hex)

    @work(group="action", exit_on_error=False)
    async def do_run_rerun(self) -> None:
        """Run everything again."""
        if self.run is not None:
            await retry_runs(self, [self.run], strategy="ALL_STEPS", key=uuid4().hex)

    def do_run_assets(self) -> None:
        """The assets that it writes."""
        run = self.run
        if run is not None and len(run.assets) == 1:
            self.desk.go(Route("assets", id=run.assets[0].key))
        elif run is not None:
            self.desk.go(Route("assets", filter="key:" + ",".join(asset.key for asset in run.assets)))


def _log_line(line: EventLine) -> LogLine:
    return LogLine(line.cursor, line.line, line.level, line.details)


def _has_ended(item: object) -> bool:
    batch = item.run_events  # type: ignore[attr-defined]  # an answer of FollowRun
    return batch.is_caught_up and batch.run_status.value in ("succeeded", "failed", "canceled")
