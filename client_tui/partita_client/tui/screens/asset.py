"""One asset: its latest write, its partitions, checks, condition, lineage and past writes, and how it is defined."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.app import ComposeResult

from partita_client.errors import PartitaClientError, did_you_mean
from partita_client.models.generated import operations
from partita_client.tui.actions import Action
from partita_client.tui.desk import Desk
from partita_client.tui.feed import problem_of
from partita_client.tui.render.states import mark
from partita_client.tui.render.text import Line, ago, clock, fit, plain, plain_lines
from partita_client.tui.routes import Route
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.screens.partitions import PartitionsPane
from partita_client.tui.screens.tabs import Tabbed
from partita_client.tui.screens.targets import Target, launch_or_ask, open_backfill, open_launch
from partita_client.tui.store.asset_rows import active_keys, can_run, summary
from partita_client.tui.store.conditions import condition_lines, freshness_line
from partita_client.tui.store.lineage import edges_of, nodes_of
from partita_client.tui.store.run_rows import short_id
from partita_client.tui.store.topics import AssetsSeen, Changes, Topic
from partita_client.tui.store.values import value_line
from partita_client.tui.store.world import active_runs
from partita_client.tui.widgets.dag_view import DagNode, DagView
from partita_client.tui.widgets.line_text import LineText
from partita_client.tui.widgets.virtual_table import Column, Row, VirtualTable

if TYPE_CHECKING:
    from partita_client.models import MaterializationRecord, ObservationRecord, TuiAsset, TuiAssetDetail, TuiAssetDetailAsset


class AssetScreen(PlaceScreen):
    """An asset as it stands."""

    TOPICS = frozenset({Topic.ASSETS, Topic.RUNS})
    OFFERS = ("asset.materialize", "asset.launch", "asset.backfill", "asset.partitions", "asset.lineage", "asset.condition", "app.next_tab")
    AUTO_FOCUS = "#asset-facts"

    def __init__(self, desk: Desk, route: Route) -> None:
        super().__init__(desk, route)
        self._told: TuiAssetDetail | None = None
        self._problem = ""
        self._drawn: Any = None

    def body(self) -> ComposeResult:
        """How it stands, and the rest in tabs."""
        with Pane(id="asset-head") as pane:
            pane.set_title(self.route.id)
            yield LineText(id="asset-state")
        with Pane(id="asset-tabs-pane"):
            yield Tabbed(
                ("Overview", LineText(id="asset-facts")),
                ("Partitions", PartitionsPane(self.desk, id="partitions")),
                ("Checks", LineText(empty="It has no checks.", id="checks")),
                ("Condition", LineText(id="condition")),
                ("Lineage", DagView(id="asset-lineage")),
                ("Writes", VirtualTable(*_WRITES, empty="It was never written.", id="writes")),
                ("Definition", LineText(id="definition")),
                id="asset-tabs",
            )

    def on_mount(self) -> None:
        """Ask for what the list does not know."""
        if self.route.tab:
            self.query_one(Tabbed).turn_to(self.route.tab)

    def visit(self, route: Route) -> None:
        """Come here with another tab."""
        super().visit(route)
        if route.tab:
            self.query_one(Tabbed).turn_to(route.tab)

    @property
    def asset(self) -> TuiAsset | None:
        """Its record as last told."""
        return self.desk.world.assets.get(self.route.id)

    @work(group="asset", exclusive=True, exit_on_error=False)
    async def _load(self) -> None:
        try:
            answer = await self.desk.feed.ask(operations.tui_asset_detail(key=self.route.id))
        except PartitaClientError as error:
            self._problem = problem_of(error)
            self._draw()
            return
        if answer.record is None:
            await self.desk.feed.until_loaded(Topic.ASSETS)
            self._problem = f"There is no asset {self.route.id!r}.{did_you_mean(self.route.id, self.desk.world.assets)}"
        else:
            self._told, self._problem = answer, ""
            self.desk.world.apply_all([AssetsSeen([answer.record])])
        self._draw()
        if answer.record is not None and answer.record.partitions is not None:
            self.query_one(PartitionsPane).load(self.route.id)

    # What is shown.

    def show(self, changes: Changes) -> None:
        """It was written, or a run of it began or ended."""
        if not self.is_ready:
            return
        if not changes or self.route.id in changes.get(Topic.ASSETS, ()) or self._is_touched(changes):
            self._load()
        self._draw()

    def _is_touched(self, changes: Changes) -> bool:
        """Whether a run of it has just ended, or been asked for, by its condition perhaps."""
        runs = (self.desk.world.runs.get(run_id) for run_id in changes.get(Topic.RUNS, ()))
        told = [run for run in runs if run is not None and (run.ended_at is not None or run.status.value == "queued")]
        return any(asset.key == self.route.id for run in told for asset in run.assets)

    def show_clock(self, now: datetime) -> None:
        """Ages grow."""
        self._draw_head(now)

    def _draw(self) -> None:
        now = self.desk.now()
        self._draw_head(now)
        told = self._told.asset if self._told else None
        if told is None:
            return
        tabs = self.query_one(Tabbed)
        asset = self.asset
        hidden = {"partitions": asset is None or asset.partitions is None, "condition": told.condition is None}
        tabs.hide(*(tab for tab, is_hidden in hidden.items() if is_hidden))
        bad = sum(1 for check in told.checks if check.latest_result is not None and not check.latest_result.passed)
        tabs.set_note("checks", f"{len(told.checks)}{f' ✗{bad}' if bad else ''}" if told.checks else "")
        self.put_lines("#asset-facts", list(_facts(told, now)))
        self.put_lines("#checks", list(_checks(told, now)))
        self.put_lines("#condition", list(condition_lines(told, now)))
        self.put_lines("#definition", list(_definition(told, asset)))
        self.put_rows("#writes", [_write_row(each, now) for each in _history(told)])
        self._draw_lineage()
        self.show_frame()

    def _draw_head(self, now: datetime) -> None:
        asset = self.asset
        if asset is None:
            text = self._problem or "asking the server …"
            self.put_lines("#asset-state", [((text, "failed" if self._problem else "dim"),)])
            return
        active = active_keys(active_runs(self.desk.world))
        self.put_lines("#asset-state", summary(asset, now, active))

    def _draw_lineage(self) -> None:
        assets = self.desk.world.assets
        active = active_keys(active_runs(self.desk.world))
        nodes = [DagNode(*node) for node in nodes_of(assets, active)]
        edges = edges_of(assets.values())
        view = self.query_one("#asset-lineage", DagView)
        if self._drawn != edges:
            self._drawn = edges
            view.show(nodes, edges, focus=self.route.id)
        else:
            view.update_nodes(nodes)

    # Moving.

    @on(DagView.NodeSelected)
    def _node_selected(self, event: DagView.NodeSelected) -> None:
        event.stop()
        if event.node_id != self.route.id:
            self.desk.go(Route("assets", id=event.node_id))

    @on(VirtualTable.RowSelected, "#writes")
    def _write_selected(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        told = self._told.asset if self._told else None
        found = next((each for each in _history(told) if each.id == event.row_id), None) if told else None
        if found is not None and found.run is not None:
            self.desk.go(Route("runs", id=found.run.id))

    def page_tabs(self, way: int) -> None:
        """The next or the previous tab."""
        self.query_one(Tabbed).turn(way)

    def do_app_next_tab(self) -> None:
        """The next tab."""
        self.page_tabs(1)

    def do_asset_partitions(self) -> None:
        """Its partitions."""
        self.query_one(Tabbed).turn_to("partitions")

    def do_asset_lineage(self) -> None:
        """Its lineage."""
        self.query_one(Tabbed).turn_to("asset-lineage")

    # Actions.

    def why_not(self, action: Action) -> str | None:
        """What no code location writes cannot be written."""
        asset = self.asset
        if asset is None:
            return "the asset is not known yet" if action.id.startswith("asset.") else None
        if action.id in ("asset.materialize", "asset.launch", "asset.backfill") and not can_run(asset):
            return "no code location writes it"
        if action.id == "asset.backfill" and asset.is_external:
            return "it is observed, not written"
        if action.id in ("asset.partitions", "asset.backfill") and asset.partitions is None:
            return "it has no partitions"
        if action.id == "asset.condition" and self._told is not None and (self._told.asset is None or self._told.asset.condition is None):
            return "it has no condition"
        return None

    def do_asset_materialize(self) -> None:
        """Write it; asks which partitions where there are any."""
        launch_or_ask(self, Target.of_assets([self.route.id]))

    @work(group="action", exit_on_error=False)
    async def do_asset_condition(self) -> None:
        """Let the daemon act on its condition, or not any more."""
        told = self._told.asset if self._told else None
        if told is None or told.condition_status is None:
            return
        is_on = told.condition_status.value == "on"
        given = {"assetKeys": [self.route.id], "status": "OFF" if is_on else "ON"}
        answer = await self.asked(self.desk.feed.execute(operations.set_condition_status(input=given)))  # type: ignore[arg-type]
        if answer is None:
            return
        errors = answer.set_condition_status.errors
        if errors:
            self.say(errors[0].message, is_bad=True)
            return
        self.say("its condition is off now · t to undo" if is_on else "its condition is on again: it acts from now on")
        self._load()

    def do_asset_launch(self) -> None:
        """Write it with partitions, config and tags."""
        open_launch(self, Target.of_assets([self.route.id]), partitions=self.query_one(PartitionsPane).chosen_text)

    def do_asset_backfill(self) -> None:
        """Write many partitions of it."""
        open_backfill(self, Target.of_assets([self.route.id]), partitions=self.query_one(PartitionsPane).chosen_text)


_WRITES = (
    Column("at", "when", max_width=12),
    Column("partition", "partition", max_width=24),
    Column("run", "run", max_width=8),
    Column("version", "data version", max_width=16, drop=2),
    Column("metadata", "metadata", max_width=120, is_flexible=True),
)


def _history(told: TuiAssetDetailAsset) -> list[MaterializationRecord | ObservationRecord]:
    """Writes of it, and looks at it where it is written elsewhere, newest first."""
    return sorted([*told.materializations.nodes, *told.observations.nodes], key=lambda each: each.at, reverse=True)


def _write_row(each: Any, now: datetime) -> Row:
    metadata = "  ".join(f"{entry.label}={plain(str(entry.value), 60)}" for entry in each.metadata)
    run = ((short_id(each.run.id), "accent"),) if each.run else "–"
    return Row(each.id, (clock(each.at, now), each.partition_key or "–", run, (((each.data_version or "–")[:16], "dim"),), metadata))


def _facts(told: TuiAssetDetailAsset, now: datetime) -> Iterator[Line]:
    for number, reason in enumerate(told.health_reasons):
        yield ((fit("" if number else "health", 18), "dim"), (f"▲ {plain(reason, 200)}", "warning"))
    if told.freshness is not None:
        yield freshness_line(told.freshness, now)
    history = _history(told)
    if not history:
        yield (("It was never written.", "dim"),)
        return
    latest = history[0]
    is_look = latest in told.observations.nodes
    code_version = None if is_look else told.materializations.nodes[0].code_version
    yield (("latest look" if is_look else "latest write", "title"), (f"   {clock(latest.at, now)}  {ago(latest.at, now)} ago", ""))
    if latest.run is not None:
        yield ((fit("run", 18), "dim"), (short_id(latest.run.id), "accent"))
    for label, value in (("partition", latest.partition_key), ("data version", latest.data_version), ("code version", code_version)):
        if value:
            yield ((fit(label, 18), "dim"), (plain(value, 200), ""))
    for entry in latest.metadata:
        yield from value_line(entry)


def _checks(told: TuiAssetDetailAsset, now: datetime) -> Iterator[Line]:
    for check in told.checks:
        result = check.latest_result
        word = "missing" if result is None else "passed" if result.passed else "warned" if result.severity.value == "warn" else "failed"
        glyph, text, style = mark("check", word)
        blocking = "  blocking" if check.is_blocking else ""
        when = f"  {ago(result.at, now)} ago" if result else "  never evaluated"
        cut = f"  [{result.partition_key}]" if result and result.partition_key else ""
        yield ((f"{glyph} ", style), (plain(check.name, 100), "strong"), (f"  {text}", style), (f"{when}{cut}{blocking}", "dim"))
        if check.description:
            yield from (((f"    {line}", "dim"),) for line in plain_lines(check.description))
        if result is not None:
            yield from (((f"    {line}", ""),) for line in plain_lines(result.description or ""))
            for entry in result.metadata:
                yield from ((("    ", ""), *line) for line in value_line(entry))


def _definition(told: TuiAssetDetailAsset, asset: TuiAsset | None) -> Iterator[Line]:
    if asset is not None:
        yield from (((line, ""),) for line in plain_lines(asset.description or ""))
        yield (("", ""),)
        place = f"{asset.repository.code_location.name} / {asset.repository.name}" if asset.repository else "no code location defines it"
        cut = asset.partitions.description if asset.partitions else "not partitioned"
        rows = [
            ("defined in", place),
            ("group", asset.group_name),
            ("kinds", ", ".join(asset.kinds)),
            ("owners", ", ".join(asset.owners)),
            ("partitions", cut),
        ]
        rows += [("upstream", ", ".join(each.key for each in asset.upstream)), ("downstream", ", ".join(each.key for each in asset.downstream))]
        yield from (((fit(label, 18), "dim"), (plain(value) or "–", "")) for label, value in rows)
    source = told.source_location
    rows = [
        ("code", f"{source.file}:{source.line}" if source else "–"),
        ("code version", told.code_version or "–"),
        ("jobs", ", ".join(job.name for job in told.jobs) or "–"),
        ("tags", ", ".join(f"{tag.key}={tag.value}" for tag in told.tags) or "–"),
    ]
    yield from (((fit(label, 18), "dim"), (plain(value), "")) for label, value in rows)
    for entry in told.metadata:
        yield from value_line(entry)
