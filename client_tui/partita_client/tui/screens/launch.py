"""Launch a job or write assets: partitions, config and tags, checked by the server before anything starts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import yaml
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Input, TextArea

from partita_client.errors import PartitaClientError
from partita_client.models.generated import operations
from partita_client.tui.actions import Action
from partita_client.tui.desk import Desk
from partita_client.tui.feed import problem_of
from partita_client.tui.render.text import Line, plain
from partita_client.tui.routes import Route
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.store.launching import Chosen, Target, parse_partitions, parse_tags, parse_ways, schema_lines
from partita_client.tui.store.words import many
from partita_client.tui.widgets.line_text import LineText, PlainLine
from partita_client.tui.widgets.partition_grid import PartitionGrid

if TYPE_CHECKING:
    from partita_client.models import TuiLaunchJob

PAUSE = 0.25
"""Seconds of rest before what was typed is checked."""
KEY_PAGE = 500
MOST_KEYS = 20_000


class LaunchScreen(PlaceScreen):
    """The dialog, as a screen of its own because it needs the room."""

    OFFERS = ("launch.go",)
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[Any]] = [Binding("f5,ctrl+s", "offered('launch.go')", "Launch", show=False, priority=True)]

    def __init__(self, desk: Desk, target: Target, *, section: str, is_backfill: bool = False, partitions: str = "") -> None:
        super().__init__(desk, Route(section, id=f"launch {target.title}"))
        self._target, self._is_backfill, self._partitions = target, is_backfill, partitions
        self._job: TuiLaunchJob | None = None
        self._job_id = ""
        self._known: dict[str, str] = {}
        self._is_cut = False
        self._chosen = Chosen()
        self._config: Any = None
        self._problems: list[Line] = []
        self._key = uuid4().hex
        self._is_sent = False
        self._counting: dict[str, Any] = {}
        self._counted: list[Line] = []

    def body(self) -> ComposeResult:
        """What is launched, the partitions, the config beside its schema, tags, and what would happen."""
        yield PlainLine(id="launch-target")
        with Pane(id="partitions-pane") as pane:
            pane.set_title("Partitions")
            with Horizontal(classes="line"):
                yield PlainLine(((" partitions ", "dim"),), classes="label")
                yield Input(
                    self._partitions,
                    placeholder="2026-11-19..2026-11-22 · a,b · latest · missing · failed · stale · all",
                    id="partitions",
                    compact=True,
                )
            yield PartitionGrid(id="keys")
            with Horizontal(classes="line", id="ways-line"):
                yield PlainLine(((" runs       ", "dim"),), classes="label")
                yield Input(placeholder="runs of 30 · single run · last first · priority 5", id="ways", compact=True)
        with Horizontal(id="config-row"):
            with Pane(id="config-pane") as pane:
                pane.set_title("Run config (YAML or JSON)")
                yield TextArea(id="config", show_line_numbers=True, tab_behavior="indent", compact=True)
            with Pane(id="schema-pane") as pane:
                pane.set_title("What it may hold")
                yield LineText(wraps=False, empty="The server checks it when it is launched.", id="schema")
        with Horizontal(classes="line"):
            yield PlainLine(((" tags ", "dim"),), classes="label")
            yield Input(placeholder="team=core, reason=late data", id="tags", compact=True)
        with Pane(id="verdict-pane") as pane:
            pane.set_title("Launch")
            yield LineText(id="verdict")

    def crumbs(self) -> list[str]:
        """What is launched."""
        return [f"{'Backfill' if self._is_backfill else 'Launch'} {self._target.title}"]

    def stands_for(self, route: Route) -> bool:  # noqa: ARG002  none is
        """It is no place to come back to."""
        return False

    def on_mount(self) -> None:
        """Ask what it takes."""
        self.query_one("#partitions-pane").display = False
        self.query_one("#ways-line").display = self._is_backfill
        self._judge()
        self._ask()

    # What it takes.

    @work(group="launch-ask", exclusive=True, exit_on_error=False)
    async def _ask(self) -> None:
        await self.desk.feed.until_connected()
        target = self._target
        what = f"job {target.job}" if target.job else f"{many(len(target.keys), 'asset')}: {', '.join(target.keys)}"
        self.query_one("#launch-target", PlainLine).show(((" ", ""), (plain(what, 300), "strong")))
        try:
            if target.job:
                await self._ask_job()
            await self._ask_partitions()
        except PartitaClientError as error:
            self._problems = [((plain(problem_of(error)), "failed"),)]
        self._judge()
        first = "#partitions" if self._is_cut else "#config"
        self.query_one(first).focus()

    async def _ask_job(self) -> None:
        target = self._target
        answer = await self.desk.feed.execute(
            operations.tui_launch(name=target.job, repository=target.repository or None, location=target.location or None)
        )
        self._job = answer.job
        if answer.record is None or answer.job is None:
            self._problems = [((f"There is no job {target.job!r} any more.", "failed"),)]
            return
        self._job_id = answer.record.id
        schema = answer.job.config_schema
        self.put_lines("#schema", list(schema_lines(schema.json_schema)))
        defaults = schema.defaults if isinstance(schema.defaults, Mapping) else {}
        text = yaml.safe_dump(dict(defaults), sort_keys=False, allow_unicode=True) if defaults else ""
        self.query_one("#config", TextArea).load_text(text)

    async def _ask_partitions(self) -> None:
        """All keys with their states, page by page."""
        keys = [key for key in self._target.keys if key in self.desk.world.assets and self.desk.world.assets[key].partitions]
        if not self._target.job and not keys:
            return
        after = None
        while len(self._known) < MOST_KEYS:
            nodes, info = await self._page_of_keys(keys[0] if keys else "", after)
            self._known |= {node.key: node.status.value for node in nodes}
            self._is_cut = self._is_cut or bool(nodes)
            if info is None or not info.has_next_page:
                break
            after = info.end_cursor
        self.query_one("#partitions-pane").display = self._is_cut
        self.query_one("#keys", PartitionGrid).show(list(self._known), list(self._known.values()))
        if self._known:
            first, *_, last = [*self._known, *self._known]
            self.query_one("#partitions", Input).placeholder = plain(f"{first}..{last} · latest · missing · failed · stale · all · {first},…", 200)

    async def _page_of_keys(self, asset: str, after: str | None) -> tuple[Sequence[Any], Any]:
        if self._target.job:
            target = self._target
            told = await self.desk.feed.execute(
                operations.tui_partitions_of_job(
                    name=target.job, repository=target.repository or None, location=target.location or None, first=KEY_PAGE, after=after
                )
            )
            page: Any = told.job.partitions.keys if told.job and told.job.partitions else None
        else:
            answer = await self.desk.feed.execute(operations.tui_partitions(key=asset, first=KEY_PAGE, after=after))
            page = answer.asset.partitions.keys if answer.asset and answer.asset.partitions else None
        return (page.nodes, page.page_info) if page is not None else ((), None)

    # What was typed.

    @on(Input.Changed, "#partitions")
    def _partitions_typed(self, event: Input.Changed) -> None:
        event.stop()
        self._judge()

    @on(Input.Changed, "#ways")
    def _ways_typed(self, event: Input.Changed) -> None:
        event.stop()
        self._judge()

    @on(Input.Changed, "#tags")
    def _tags_typed(self, event: Input.Changed) -> None:
        event.stop()
        self._judge()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_next()

    @on(PartitionGrid.RangeChanged)
    def _range_drawn(self, event: PartitionGrid.RangeChanged) -> None:
        event.stop()
        if event.keys:
            self.query_one("#partitions", Input).value = event.keys[0] if len(event.keys) == 1 else f"{event.keys[0]}..{event.keys[-1]}"

    @on(PartitionGrid.CellSelected)
    def _cell_chosen(self, event: PartitionGrid.CellSelected) -> None:
        event.stop()
        self.query_one("#partitions", Input).value = event.key

    @on(TextArea.Changed, "#config")
    def _config_typed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._check()

    @work(group="launch-check", exclusive=True, exit_on_error=False)
    async def _check(self) -> None:
        """Read the config, and have the server check it, once the typing rests."""
        await asyncio.sleep(PAUSE)
        text = self.query_one("#config", TextArea).text
        self._problems, self._config = [], None
        try:
            self._config = yaml.safe_load(text) if text.strip() else None
        except yaml.YAMLError as error:
            self._problems = [_yaml_problem(error)]
        if self._config is not None and not isinstance(self._config, dict):
            self._problems = [(("✗ ", "failed"), (f"a run config is a mapping, not a {type(self._config).__name__}", "failed"))]
        if not self._problems and self._job_id and self.desk.is_connected:
            try:
                answer = await self.desk.feed.execute(operations.tui_check_config(job=self._job_id, config=self._config or {}))
                self._problems = [_config_problem(each, text) for each in answer.validate_run_config]
            except PartitaClientError as error:
                self._problems = [(("✗ ", "failed"), (plain(problem_of(error)), "failed"))]
        self._judge()

    # What would happen.

    def _judge(self) -> None:
        self._chosen = parse_partitions(self.query_one("#partitions", Input).value, self._known) if self._is_cut else Chosen()
        lines = list(self._problems)
        number = len(self._problems)
        self.query_one("#config-pane", Pane).set_note(many(number, "error") if number else "")
        if self._chosen.problem:
            lines.append((("✗ ", "failed"), (self._chosen.problem, "failed")))
        tags, wrong_tags = parse_tags(self.query_one("#tags", Input).value)
        wrong_ways = parse_ways(self.query_one("#ways", Input).value)[1]
        if wrong_ways:
            lines.append((("✗ ", "failed"), (wrong_ways, "failed")))
        if wrong_tags:
            lines.append((("✗ ", "failed"), (wrong_tags, "failed")))
        reason = self._why_not()
        if reason is None:
            lines.append((("✓ ", "ok"), (self._what(), "")))
            if self._as_backfill:
                lines += self._counted_lines()
            if tags:
                lines.append((("  tags ", "dim"), (", ".join(f"{tag['key']}={tag['value']}" for tag in tags), "")))
        elif not lines:
            lines.append(((reason, "dim"),))
        self.put_lines("#verdict", lines)
        self.query_one("#partitions-pane", Pane).set_note(f"{many(len(self._known), 'partition')} · V range · ↵ one")
        self.show_hints()

    def _what(self) -> str:
        target = f"job {self._target.job}" if self._target.job else self._target.title
        keys = self._chosen.keys
        cut = f" for {keys[0]}" if len(keys) == 1 else f" for {many(len(keys), 'partition')}" if keys else ""
        if self._is_cut and not keys:
            cut = " for what is stale"
        return f"launches {target}{cut} {'as a backfill' if self._as_backfill else 'as a run'}"

    @property
    def _as_backfill(self) -> bool:
        """Several partitions are a backfill: it goes on when the server is started again, and its failures can be retried."""
        return self._is_cut and (self._is_backfill or len(self._chosen.keys) != 1)

    def _why_not(self) -> str | None:
        if self._is_sent:
            return "it is being launched"
        if self._problems:
            number = len(self._problems)
            return f"the config has {many(number, 'error')}"
        if self._chosen.problem:
            return self._chosen.problem
        if self._is_cut and self._chosen.selection is None:
            return "choose partitions first"
        return parse_tags(self.query_one("#tags", Input).value)[1] or parse_ways(self.query_one("#ways", Input).value)[1] or None

    def why_not(self, action: Action) -> str | None:
        """What is wrong has to be mended first."""
        return self._why_not() if action.id == "launch.go" else None

    @work(group="action", exit_on_error=False)
    async def do_launch_go(self) -> None:
        """Launch it. The same key is sent until it worked, so that a lost answer launches nothing twice."""
        self._is_sent = True
        try:
            run_ids, problems = await self._send()
        except PartitaClientError as error:
            run_ids, problems = [], [((plain(problem_of(error)), "failed"),)]
        self._is_sent = False
        if problems:
            self._problems = [*problems]
            self._judge()
            self._problems = []
            return
        self.dismiss()
        if len(run_ids) == 1:
            self.desk.go(run_ids[0])
        else:
            self.say(f"{len(run_ids)} runs are queued")
            self.desk.go(Route("runs"))

    def _backfilled(self) -> dict[str, Any]:
        """What a backfill would write, and how, as the API takes it."""
        if self._target.job:
            return {"job": self._job_id, "partitions": self._chosen.selection, **parse_ways(self.query_one("#ways", Input).value)[0]}
        word = self.query_one("#partitions", Input).value.strip()
        # of several assets each has missing ones of its own
        chosen = {"statuses": [word.upper()]} if word in ("missing", "failed") else self._chosen.selection
        return {"selection": self._target.selection, "partitions": chosen, **parse_ways(self.query_one("#ways", Input).value)[0]}

    def _counted_lines(self) -> list[Line]:
        """What the server counts of the backfill; asked for where it is not known of what is typed now."""
        wanted = self._backfilled()
        if wanted != self._counting:
            self._counting, self._counted = wanted, []
            self._count(wanted)
        return self._counted

    @work(group="launch-count", exclusive=True, exit_on_error=False)
    async def _count(self, wanted: dict[str, Any]) -> None:
        """Have the server count, once the typing rests."""
        await asyncio.sleep(PAUSE)
        try:
            given: Any = wanted
            found = (await self.desk.feed.execute(operations.tui_preview_backfill(input=given))).backfill_preview
        except PartitaClientError:
            return  # that the server does not answer is said elsewhere
        if wanted != self._counting:
            return
        assets = f" of {many(len(found.assets), 'asset')}" if found.assets else ""
        count: Line = ((f"  {many(found.partition_count, 'partition')}{assets} in {many(found.run_count, 'run')}", "strong"),)
        self._counted = _problem_lines(found.errors) or [count]
        self._judge()

    async def _send(self) -> tuple[list[Route], list[Line]]:
        tags = parse_tags(self.query_one("#tags", Input).value)[0]
        common: dict[str, Any] = {"config": self._config, "tags": tags, "idempotencyKey": self._key}
        if self._as_backfill:
            wanted: Any = {**self._backfilled(), **common}
            begun = (await self.desk.feed.execute(operations.tui_start_backfill(input=wanted))).start_backfill
            return [Route("backfills", id=begun.backfill.id)] if begun.backfill else [], _problem_lines(begun.errors)
        if self._target.job:
            cut = {"partitionKey": self._chosen.keys[0]} if self._chosen.keys else {}
            answer = await self.desk.feed.execute(operations.launch_run(input={"job": self._job_id, **cut, **common}))  # type: ignore[typeddict-item]
            payload = answer.launch_run
            runs = [payload.run] if payload.run else []
            return [Route("runs", id=run.id) for run in runs], _problem_lines(payload.errors)
        given: Any = {"selection": self._target.selection, **common}
        if self._chosen.selection:
            given["partitions"] = self._chosen.selection
        done = (await self.desk.feed.execute(operations.materialize_assets(input=given))).materialize_assets
        return [Route("runs", id=run.id) for run in done.runs], _problem_lines(done.errors)


def _problem_lines(errors: Sequence[Any]) -> list[Line]:
    found: list[Line] = []
    for error in errors:
        path = ".".join(error.path or ())
        where = f"{path}: " if path and path not in error.message else ""
        found.append((("✗ ", "failed"), (f"{where}{error.message}", "failed")))
    return found


def _config_problem(each: Any, text: str) -> Line:
    """A problem of the config at its path, with the line where that path is."""
    path = [part for part in each.path or () if part not in ("config", "input")]
    line = _line_of(path, text)
    where = f"line {line}: " if line else ""
    hint = f" Did you mean {each.suggestions[0]!r}?" if each.suggestions and each.suggestions[0] not in each.message else ""
    return (
        ("✗ ", "failed"),
        (where, "strong"),
        (".".join(path) + ": " if path and ".".join(path) not in each.message else "", "strong"),
        (each.message + hint, "failed"),
    )


def _line_of(path: Sequence[str], text: str) -> int | None:
    """The line that the last key of a path stands on, counted from 1."""
    try:
        node = yaml.compose(text)
    except yaml.YAMLError:
        return None
    line = None
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == part), None)
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            pair = (node.value[int(part)], node.value[int(part)])
        else:
            pair = None
        if pair is None:
            break
        line, node = pair[0].start_mark.line + 1, pair[1]
    return line


def _yaml_problem(error: yaml.YAMLError) -> Line:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark is not None else ""
    return (("✗ ", "failed"), (where, "strong"), (plain(str(getattr(error, "problem", error)), 200), "failed"))
