"""The partitions of an asset as a picture, and what became of the one under the cursor."""

from __future__ import annotations

import asyncio

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical

from partita_client.errors import PartitaClientError
from partita_client.models.generated import operations
from partita_client.tui.desk import Desk
from partita_client.tui.feed import problem_of
from partita_client.tui.render.states import mark
from partita_client.tui.render.text import Line, ago, plain
from partita_client.tui.routes import Route
from partita_client.tui.store.run_rows import short_id
from partita_client.tui.widgets.line_text import LineText, PlainLine
from partita_client.tui.widgets.partition_grid import PartitionGrid

PAGE = 500
MOST = 50_000
REST = 0.12
"""Seconds that the cursor rests before the server is asked about the partition under it."""


class PartitionsPane(Vertical):
    """Counts, the picture, and the story of one partition."""

    def __init__(self, desk: Desk, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._desk = desk
        self._asset = ""
        self._run_id = ""

    def compose(self) -> ComposeResult:
        """The counts above the picture, one partition below."""
        yield PlainLine(id="partition-counts")
        yield PartitionGrid(id="partition-grid")
        yield LineText(id="partition-story")

    @property
    def chosen_text(self) -> str:
        """What is chosen, as the launch dialog takes it: the range that is drawn, or nothing."""
        chosen = self.query_one(PartitionGrid).selected
        return "" if not chosen else chosen[0] if len(chosen) == 1 else f"{chosen[0]}..{chosen[-1]}"

    @work(group="partitions", exclusive=True, exit_on_error=False)
    async def load(self, asset: str) -> None:
        """Ask for all partitions of an asset."""
        self._asset = asset
        keys: list[str] = []
        statuses: list[str] = []
        after = None
        while len(keys) < MOST:
            try:
                answer = await self._desk.feed.execute(operations.tui_partitions(key=asset, first=PAGE, after=after))
            except PartitaClientError as error:
                self.query_one("#partition-counts", PlainLine).show(((plain(problem_of(error)), "failed"),))
                return
            cut = answer.asset.partitions if answer.asset else None
            if cut is None:
                return
            keys += [node.key for node in cut.keys.nodes]
            statuses += [node.status.value for node in cut.keys.nodes]
            if not cut.keys.page_info.has_next_page:
                break
            after = cut.keys.page_info.end_cursor
        grid = self.query_one(PartitionGrid)
        grid.show(keys, statuses)
        asset_record = self._desk.world.assets.get(asset)
        what = asset_record.partitions.description if asset_record and asset_record.partitions else ""
        self.query_one("#partition-counts", PlainLine).show(((f" {plain(what, 80)}   ", "strong"), *grid.counts()))

    @on(PartitionGrid.CellHighlighted)
    def _highlighted(self, event: PartitionGrid.CellHighlighted) -> None:
        self._tell(event.key, event.status)

    @work(group="partition-story", exclusive=True, exit_on_error=False)
    async def _tell(self, key: str, status: str) -> None:
        """Ask what became of a partition."""
        glyph, word, style = mark("partition", status)
        first: Line = (("▸ ", "accent"), (key, "strong"), (f"  {glyph} {word}", style))
        story = self.query_one("#partition-story", LineText)
        story.show([first])
        self._run_id = ""
        await asyncio.sleep(REST)
        try:
            answer = await self._desk.feed.execute(operations.tui_partition_run(key=self._asset, partition_keys=[key]))
        except PartitaClientError as error:
            story.show([first, ((plain(problem_of(error)), "failed"),)])
            return
        now = self._desk.now()
        lines = [first]
        runs = answer.runs.nodes
        self._run_id = runs[0].id if runs else ""
        for run in runs[:3]:
            glyph, word, style = mark("run", run.status.value)
            why = f"  {run.error.class_name}: {run.error.message}" if run.error else ""
            lines.append(
                (
                    ("  run ", "dim"),
                    (short_id(run.id), "accent"),
                    (f"  {glyph} {word}", style),
                    (f"  {ago(run.created_at, now)} ago", "dim"),
                    (why, "failed"),
                )
            )
        for written in (answer.asset.materializations.nodes if answer.asset else ())[:1]:
            said = "  ".join(f"{entry.label}={plain(str(entry.value), 40)}" for entry in written.metadata)
            lines.append(((f"  written {ago(written.at, now)} ago  ", "dim"), (said, "")))
        story.show(lines)

    @on(PartitionGrid.CellSelected)
    def _selected(self, event: PartitionGrid.CellSelected) -> None:
        event.stop()
        if self._run_id:
            self._desk.go(Route("runs", id=self._run_id))
