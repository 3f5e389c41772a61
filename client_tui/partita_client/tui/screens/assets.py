"""All assets: by group and filter, with the lineage of the one under the cursor."""

from __future__ import annotations

from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from partita_client.tui.actions import Action
from partita_client.tui.desk import Desk
from partita_client.tui.render.text import plain
from partita_client.tui.routes import Route
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.chrome import Pane
from partita_client.tui.screens.filter_bar import FilterBar
from partita_client.tui.screens.targets import Target, launch_or_ask, open_backfill, open_launch
from partita_client.tui.store.asset_rows import active_keys, asset_cells, can_run, list_assets, list_groups, parse_asset_filter, summary
from partita_client.tui.store.filters import Filter
from partita_client.tui.store.lineage import edges_of, nodes_of
from partita_client.tui.store.topics import Changes, Topic
from partita_client.tui.store.world import active_runs
from partita_client.tui.widgets.dag_view import DagNode, DagView
from partita_client.tui.widgets.line_text import LineText
from partita_client.tui.widgets.virtual_table import Column, KeyedSource, Row, VirtualTable

ALL = "(all)"


class AssetsScreen(PlaceScreen):
    """The table of assets, their groups and their lineage."""

    TOPICS = frozenset({Topic.ASSETS, Topic.RUNS})
    OFFERS = ("list.open", "list.mark", "asset.materialize", "asset.launch", "asset.backfill", "asset.lineage", "app.filter", "app.next_tab")
    AUTO_FOCUS = "#assets"

    def __init__(self, desk: Desk, route: Route) -> None:
        super().__init__(desk, route)
        self._wanted = Filter()
        self._group = ""
        self._keys: list[str] = []
        self._active: frozenset[str] = frozenset()
        self._drawn: tuple[object, ...] = ()

    def body(self) -> ComposeResult:
        """The filter, groups beside the table, and the lineage."""
        yield FilterBar("status: group: kind: owner: location: check: or words", id="filter")
        with Horizontal(classes="row"):
            with Pane(id="groups-pane") as pane:
                pane.set_title("Groups")
                yield VirtualTable(
                    Column("group", "group", max_width=20, is_flexible=True),
                    Column("count", "", align="right", width=3, max_width=6),
                    Column("state", "", max_width=14),
                    empty="No assets.",
                    id="groups",
                )
            with Pane(id="assets-pane"):
                yield VirtualTable(
                    Column("asset", "asset", width=12, max_width=60, is_flexible=True),
                    Column("status", "status", width=9, max_width=14),
                    Column("last", "last", width=4, max_width=5),
                    Column("by", "by", max_width=8, drop=3),
                    Column("part", "part.", max_width=11),
                    Column("checks", "checks", width=6, max_width=8),
                    Column("group", "group", max_width=16, drop=2),
                    Column("kinds", "kinds", max_width=16, drop=4),
                    empty="No assets.",
                    id="assets",
                )
        with Pane(id="lineage-pane"):
            yield DagView(id="lineage")
            yield LineText(id="asset-summary")

    def crumbs(self) -> list[str]:
        """The filter is part of where one is."""
        return [part for part in (self._group and f"group:{self._group}", self.route.filter) if part]

    @property
    def _table(self) -> VirtualTable:
        return self.query_one("#assets", VirtualTable)

    # The filter.

    def visit(self, route: Route) -> None:
        """Come here with another filter."""
        super().visit(route)
        self.query_one(FilterBar).set_text(route.filter)
        self._wanted = parse_asset_filter(route.filter)
        self._list()

    def begin_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).begin()

    def do_app_filter(self) -> None:
        """Type a filter."""
        self.begin_filter()

    @on(FilterBar.Changed)
    def _filtered(self, event: FilterBar.Changed) -> None:
        event.stop()
        self._wanted = parse_asset_filter(event.text)
        self._list()
        if event.is_done:
            self._table.focus()
            if event.text != self.route.filter:
                self.desk.go(Route("assets", filter=event.text))

    # What is shown.

    def show(self, changes: Changes) -> None:
        """List and draw anew; what looks the same is not drawn again."""
        active = active_keys(active_runs(self.desk.world))
        if changes and Topic.ASSETS not in changes and active == self._active:
            return
        self._active = active
        self._list()

    def show_clock(self, now: datetime) -> None:
        """Ages grow once a minute."""
        if now.second == 0:
            self._table.changed()

    def _list(self) -> None:
        assets = self.desk.world.assets
        if Topic.ASSETS not in self.desk.world.loaded:
            self._table.set_empty("Asking the server …" if self.desk.is_connected else "Not connected yet.")
        else:
            self._table.set_empty("No asset fits the filter." if assets else "The workspace has no assets.")
        self._keys = list_assets(assets, self._wanted, self._active, group=self._group)
        self._table.set_source(KeyedSource(self._keys, self._row))
        groups = list_groups(assets.values(), self._active)
        rows = [Row(ALL, ((("all", "strong"),), str(len(assets)), ""))]
        rows += [Row(name, (plain(name, 40), str(number), state)) for name, number, state in groups]
        self.put_rows("#groups", rows)
        self.query_one(FilterBar).say(f"{len(self._keys)} of {len(assets)}", self._wanted.problem)
        self.query_one("#assets-pane", Pane).set_title(f"Assets{f'  group {self._group}' if self._group else ''}")
        self._say_row()
        self._show_lineage()

    def _row(self, key: str) -> Row | None:
        asset = self.desk.world.assets.get(key)
        return None if asset is None else Row(key, asset_cells(asset, self.desk.now(), self._active))

    def _say_row(self) -> None:
        table = self._table
        marked = f"{len(table.marked)} marked · " if table.marked else ""
        self.query_one("#assets-pane", Pane).set_note(f"{marked}row {min(table.cursor_index + 1, len(self._keys))}/{len(self._keys)}")

    def _show_lineage(self) -> None:
        assets, key = self.desk.world.assets, self._table.cursor_id
        pane = self.query_one("#lineage-pane", Pane)
        asset = assets.get(key or "")
        self.put_lines("#asset-summary", summary(asset, self.desk.now(), self._active) if asset else [])
        pane.set_title(f"Lineage of {key}" if key else "Lineage")
        nodes = [DagNode(*node) for node in nodes_of(assets, self._active)]
        edges = edges_of(assets.values())
        drawn = (tuple(edges), key)
        view = self.query_one("#lineage", DagView)
        if drawn != self._drawn:
            self._drawn = drawn
            view.show(nodes, edges, focus=key)
        else:
            view.update_nodes(nodes)

    # Moving.

    @on(VirtualTable.RowHighlighted, "#assets")
    def _highlighted(self) -> None:
        self._say_row()
        self.set_timer(0.08, self._show_lineage)

    @on(VirtualTable.MarksChanged, "#assets")
    def _marked(self) -> None:
        self._say_row()

    @on(VirtualTable.RowHighlighted, "#groups")
    def _group_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        if not self.query_one("#groups").has_focus:
            return
        group = "" if event.row_id == ALL else event.row_id
        if group != self._group:
            self._group = group
            self._list()
            self.show_frame()

    @on(VirtualTable.RowSelected, "#groups")
    def _group_selected(self) -> None:
        self._table.focus()

    @on(VirtualTable.RowSelected, "#assets")
    def _selected(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        self.desk.go(Route("assets", id=event.row_id))

    @on(DagView.NodeSelected, "#lineage")
    def _node_selected(self, event: DagView.NodeSelected) -> None:
        event.stop()
        self.desk.go(Route("assets", id=event.node_id))

    def page_tabs(self, way: int) -> None:
        """The next pane."""
        self.focus_next() if way > 0 else self.focus_previous()

    def do_app_next_tab(self) -> None:
        """The next pane."""
        self.page_tabs(1)

    def do_asset_lineage(self) -> None:
        """Walk over the lineage."""
        self.query_one("#lineage", DagView).focus()

    # Actions.

    def chosen(self) -> list[str]:
        """The marked assets; in the lineage the node, else the row under the cursor."""
        if self._table.marked:
            return sorted(self._table.marked)
        view = self.query_one("#lineage", DagView)
        key = view.cursor_id if view.has_focus else self._table.cursor_id
        return [key] if key else []

    def why_not(self, action: Action) -> str | None:
        """Assets that no code location writes cannot be written."""
        if action.id not in ("asset.materialize", "asset.launch", "asset.backfill"):
            return None
        assets = [self.desk.world.assets[key] for key in self.chosen() if key in self.desk.world.assets]
        if not assets:
            return "there is no asset here"
        if not any(can_run(asset) for asset in assets):
            return "no code location writes it"
        if action.id == "asset.backfill" and not any(asset.partitions for asset in assets):
            return "it has no partitions"
        return None

    def do_asset_materialize(self) -> None:
        """Write the chosen assets; asks which partitions where there are any."""
        launch_or_ask(self, Target.of_assets(self.chosen()))

    def do_asset_launch(self) -> None:
        """Write them with partitions, config and tags."""
        open_launch(self, Target.of_assets(self.chosen()))

    def do_asset_backfill(self) -> None:
        """Write many partitions of them."""
        open_backfill(self, Target.of_assets(self.chosen()))
