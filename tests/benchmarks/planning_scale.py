"""What decisions cost by the thousand: staleness of a whole workspace, the next batch of a large backfill."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

import partita as pt
from benchmarks.definitions_scale import ASSETS, assets_in_layers
from benchmarks.figures import Figure, timed
from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.planning.backfill import BackfillScope, PartitionsChosen, plan_assets
from partita.planning.backfill_batches import take_batch
from partita.planning.backfill_progress import Ended, Progress
from partita.planning.staleness import Writes, assess
from partita.records.assets import InputVersion, Write
from partita.records.backfills import BackfillItem, BackfillItemStatus, BackfillRequest

NOW = datetime(2050, 1, 1, tzinfo=UTC)
CHAIN, DAYS = 100, 10_000
ROOM = 100


def measure_planning() -> Iterator[Figure]:
    """10,000 assets with three dependencies each; a backfill of a chain of 100 assets over 10,000 days, half of it done."""
    yield _staleness()
    gc.collect()
    yield from _measure_backfill()


def _staleness() -> Figure:
    graph = pt.Repository("scale", assets=assets_in_layers(ASSETS)).graph
    writes = _writes_of(graph)
    _ = graph.order
    gc.collect()
    values = [timed(lambda: assess(graph, writes, now=NOW)) for _ in range(10)]
    return Figure(what=f"staleness of {ASSETS:,} assets, a quarter of them stale", incumbent="", reach="< 200 ms", values=values)


def _writes_of(graph: AssetGraph) -> Writes:
    """Every asset written after those before it; every tenth has been written again since, with other data."""
    found: dict[AssetKey, dict[str | None, Write]] = {}
    for number, key in enumerate(graph.order):
        at = NOW - timedelta(days=2) + timedelta(seconds=number)
        inputs = tuple(InputVersion(asset=each, version="1") for each in graph.upstream(key))
        version = "2" if number % 10 == 0 else "1"
        found[key] = {None: Write(id=f"mat_{number}", at=at, version=version, changed_at=at, read_at=at, inputs=inputs)}
    return found


def _measure_backfill() -> Iterator[Figure]:
    days = pt.DailyPartitions("2013-01-01", end=(datetime(2013, 1, 1, tzinfo=UTC) + timedelta(days=DAYS)).date())
    specs = [pt.AssetSpec(f"a{number}", partitions=days, deps=[f"a{number - 1}"] if number else []) for number in range(CHAIN)]
    graph = AssetGraph(specs)
    scope = BackfillScope(graph=graph, owners=dict.fromkeys(graph.keys, ("here", "main")), now=NOW, dynamic={})
    items = _half_done(plan_assets(graph.keys, PartitionsChosen(is_all=True), scope, states_of=lambda _: {}))
    request = BackfillRequest()
    progress: list[Progress] = []
    taken_up = timed(lambda: _take_up(progress, Progress(request, items, scope), request))
    what = f"a backfill of {len(items):,} items, half done, taken up again, with its first batch"
    yield Figure(what=what, incumbent="", reach="", values=[taken_up])
    items.clear()  # the daemon keeps none of them either
    gc.collect()
    values = [timed(lambda: _go_on(progress[0], request, number)) for number in range(40)]  # noqa: B023 (called at once)
    yield Figure(what=f"its next batch: {ROOM} runs ended, {ROOM} launched", incumbent="", reach="< 100 ms", values=values)


def _half_done(items: tuple[BackfillItem, ...]) -> list[BackfillItem]:
    ended = frozenset(sorted({item.partition for item in items if item.partition is not None})[: DAYS // 2])
    return [msgspec.structs.replace(item, status=BackfillItemStatus.SUCCEEDED) if item.partition in ended else item for item in items]


def _take_up(taken: list[Progress], progress: Progress, request: BackfillRequest) -> None:
    taken.append(progress)
    _launch(progress, request, "first")


def _go_on(progress: Progress, request: BackfillRequest, number: int) -> None:
    """What the daemon does when runs have ended: all of the batch before."""
    for run_id, assets in list(progress.running.items()):
        for asset, places in list(assets.items()):
            progress.settle(Ended(run_id, asset, BackfillItemStatus.SUCCEEDED, len(places)))
    _launch(progress, request, str(number))


def _launch(progress: Progress, request: BackfillRequest, name: str) -> None:
    batch = take_batch("backfill_1", request, progress, room=ROOM)
    assert len(batch.launches) == ROOM
    for place, launch in enumerate(batch.launches):
        progress.launched(launch.chunk, f"run_{name}_{place}")
