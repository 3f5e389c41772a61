"""How fast the widgets of the terminal app are: `python tests/benchmarks/tui_widgets.py`."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from textual.events import Key
from textual.widget import Widget

from partita_client.tui.render.dag import draw
from partita_client.tui.render.graph import Graph
from partita_client.tui.render.states import mark_line
from partita_client.tui.widgets.event_log import EventLog, LogLine
from partita_client.tui.widgets.partition_grid import PartitionGrid
from partita_client.tui.widgets.virtual_table import Column, Row, VirtualTable
from support.screens import WIDE, Stage

COLUMNS = (Column("run", "run", width=8), *(Column(name, name, width=10) for name in ("job", "target", "status", "part", "started", "dur", "by")))


class TimedStage(Stage):
    """A stage that knows when it was last painted."""

    painted_at = 0.0

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        self.painted_at = time.perf_counter()


def settle() -> None:
    """As the app does once it has started: what lives as long as it does is never looked through for garbage again."""
    gc.collect()
    gc.freeze()


async def painted(app: TimedStage, since: float) -> float:
    """Milliseconds from `since` to the next paint."""
    while app.painted_at <= since:  # noqa: ASYNC110  an event would be set before the loop comes back to it
        await asyncio.sleep(0.0005)
    return (app.painted_at - since) * 1000


def runs(number: int) -> list[Row]:
    """Rows as those of a list of runs."""
    words = ("succeeded", "failed", "running")
    return [
        Row(f"r{at}", (f"{at:08x}", "nightly_marts", "fct_orders +29", mark_line("run", words[at % 3]), "2026-11-22", "13:55:02", "1m13s", "alice"))
        for at in range(number)
    ]


async def key_to_repaint(rows: int, keys: int = 300) -> dict[str, float]:
    """From a key to the painted screen, in a table of so many rows."""
    table = VirtualTable(*COLUMNS)
    table.set_rows(runs(rows))
    app = TimedStage(table)
    spans: list[float] = []
    async with app.run_test(size=WIDE) as pilot:
        table.focus()
        await pilot.pause()
        settle()
        for _ in range(keys):
            await asyncio.sleep(0.004)
            began = time.perf_counter()
            app.post_message(Key("j", "j"))
            spans.append(await painted(app, began))
    cuts = quantiles(spans, n=20)
    return {"p50 ms": cuts[9], "p95 ms": cuts[18]}


async def first_paint(make: Callable[[], Widget]) -> float:
    """Milliseconds until a widget that is put on a running screen is painted."""
    app = TimedStage()
    async with app.run_test(size=WIDE) as pilot:
        # The first widget of a kind also has its style sheet read, which an app does when it starts.
        first, then = make(), make()
        await app.screen.mount(first)
        await pilot.pause()
        await first.remove()
        await pilot.pause()
        began = time.perf_counter()
        await app.screen.mount(then)
        return await painted(app, began)


def a_table(rows: int) -> VirtualTable:
    """A table of so many runs."""
    table = VirtualTable(*COLUMNS)
    table.set_rows(runs(rows))
    return table


def a_grid(partitions: int) -> PartitionGrid:
    """A grid of so many partitions."""
    grid = PartitionGrid()
    grid.show([f"K{at:06}" for at in range(partitions)], ["failed" if at % 97 == 0 else "materialized" for at in range(partitions)])
    return grid


async def followed_events(rate: int, seconds: float = 5.0, batches: int = 10) -> dict[str, float]:
    """A log that follows so many events a second, taken in batches: how long the loop was held up at most, and what memory it took."""
    log = EventLog()
    app = TimedStage(log)
    stalls: list[float] = []

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            stalls.append((time.perf_counter() - began) * 1000 - 1)

    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        settle()
        before = psutil.Process().memory_info().rss
        watcher = asyncio.create_task(watch())
        number, began = 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            due = int(passed * rate)
            log.extend([an_event(at) for at in range(number, due)])
            number = due
            await asyncio.sleep(1 / batches)
        watcher.cancel()
    stalls.sort()
    grown = (psutil.Process().memory_info().rss - before) / 2**20
    return {"events": number, "longest stall ms": stalls[-1], "p99 stall ms": stalls[len(stalls) * 99 // 100], "grown MB": grown}


def an_event(number: int) -> LogLine:
    """An event as it is shown."""
    pieces = (("14:02:09.114 ", "dim"), ("INFO     ", ""), ("fct_orders  ", ""), (f"loaded input int_order_items {number}", ""))
    return LogLine(str(number), pieces, "warning" if number % 50 == 0 else "info")


def drawn_graph(size: int) -> float:
    """Milliseconds to lay out and draw a layered graph of so many nodes."""
    layers = max(3, round(size**0.5))
    names = [f"asset_{at:04}" for at in range(size)]
    edges = [(names[at - layers + step], name) for at, name in enumerate(names) if at >= layers for step in (0, 1)]
    began = time.perf_counter()
    graph = Graph.of(names, edges)
    draw(graph, dict.fromkeys(names, 12))
    return (time.perf_counter() - began) * 1000


def figures() -> dict[str, float]:
    """All figures by name."""
    found: dict[str, float] = {}
    for rows in (10_000, 100_000):
        found |= {f"key to repaint, {rows} rows, {name}": value for name, value in asyncio.run(key_to_repaint(rows)).items()}
    for rows in (1_000, 100_000):
        found[f"table of {rows} rows, first paint ms"] = asyncio.run(first_paint(lambda rows=rows: a_table(rows)))
    found["grid of 100000 partitions, first paint ms"] = asyncio.run(first_paint(lambda: a_grid(100_000)))
    for rate in (2_000, 20_000):
        found |= {f"{rate} events/s, {name}": value for name, value in asyncio.run(followed_events(rate)).items()}
    for size in (30, 1_000):
        found[f"graph of {size} nodes, ms"] = drawn_graph(size)
    return found


def main() -> None:
    """Print all figures."""
    for name, value in figures().items():
        print(f"{name:55} {value:10.1f}")  # noqa: T201


if __name__ == "__main__":
    main()
