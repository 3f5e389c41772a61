"""Backfills played without a daemon: what is launched ends as the test says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

import msgspec

import partita as pt
from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.definitions.policies import BackfillPolicy
from partita.planning.backfill import BackfillScope, PartitionsChosen, plan_assets
from partita.planning.backfill_batches import Launch, take_batch
from partita.planning.backfill_chunks import Place
from partita.planning.backfill_progress import Ended, Progress
from partita.records.backfills import BackfillItem, BackfillItemStatus, BackfillRequest
from partita.records.pages import Direction

NOW = datetime(2024, 6, 1, tzinfo=UTC)
WEEK = pt.DailyPartitions(start="2024-01-01", end="2024-01-08")
ALL = PartitionsChosen(is_all=True)
SUCCEEDED, FAILED, CANCELED = BackfillItemStatus.SUCCEEDED, BackfillItemStatus.FAILED, BackfillItemStatus.CANCELED


def scope_of(*specs: pt.AssetSpec, external: Collection[str] = ()) -> BackfillScope:
    """A workspace of these assets, which one repository writes but for those that are external."""
    graph = AssetGraph(specs)
    owners = {key: ("here", "main") for key in graph.keys if key not in external}
    return BackfillScope(graph=graph, owners=owners, now=NOW, dynamic={})


def items_of(scope: BackfillScope, *keys: str, chosen: PartitionsChosen = ALL, order: Direction = Direction.ASC) -> tuple[BackfillItem, ...]:
    """What a backfill of some assets, of all unless they are named, is to write."""
    return plan_assets([AssetKey(key) for key in keys] or scope.graph.keys, chosen, scope, states_of=lambda _: {}, order=order)


class Played:
    """A backfill of assets under way.

    Args:
        scope: the workspace.
        items: what is to be written.
        policy: how it is cut into runs.
        room: runs that may be under way at once.
        order: whether the first partitions come first.
    """

    def __init__(
        self,
        scope: BackfillScope,
        items: Iterable[BackfillItem] | None = None,
        *,
        policy: BackfillPolicy | None = None,
        room: int = 100,
        order: Direction = Direction.ASC,
    ) -> None:
        self.items = tuple(items_of(scope, order=order) if items is None else items)
        self.room, self.order = room, order
        self.launches: list[Launch] = []
        self.skipped: list[Place] = []
        self.reasons: list[str] = []
        self.under_way: dict[str, Launch] = {}
        self.statuses: dict[Place, BackfillItemStatus] = {(item.asset, item.partition): item.status for item in self.items}
        self._request = BackfillRequest(policy=policy, order=order)
        self.progress = Progress(self._request, self.items, scope)

    def launch(self) -> list[Launch]:
        """Launch what can be launched now."""
        batch = take_batch("backfill_1", self._request, self.progress, room=self.room - len(self.under_way))
        for launch in batch.launches:
            run_id = f"run_{len(self.launches)}"
            self.launches.append(launch)
            self.under_way[run_id] = launch
            self.progress.launched(launch.chunk, run_id)
            self.statuses.update(dict.fromkeys(launch.chunk.items, BackfillItemStatus.RUNNING))
        self.skipped += batch.skipped
        self.statuses.update(dict.fromkeys(batch.skipped, BackfillItemStatus.SKIPPED))
        self.reasons += batch.reasons
        return list(batch.launches)

    def end(self, launch: Launch, status: BackfillItemStatus = SUCCEEDED, *, ends: Mapping[str, BackfillItemStatus] | None = None) -> None:
        """End a run: its assets with `status`, unless `ends` says otherwise."""
        (run_id,) = [run_id for run_id, each in self.under_way.items() if each is launch]
        del self.under_way[run_id]
        for key in launch.request.assets:
            outcome = (ends or {}).get(key, status)
            partitions = [partition for asset, partition in launch.chunk.items if asset == key]
            self.progress.settle(Ended(run_id, key, outcome, len(partitions)))
            self.statuses.update({(key, partition): outcome for partition in partitions})

    def play(self, *, failed: Collection[tuple[str, str | None]] = ()) -> None:
        """Go on to the end; an asset fails in a run that is to write an item of `failed`."""
        self.launch()
        while self.under_way:
            launch = next(iter(self.under_way.values()))
            self.end(launch, ends={key: FAILED for key, partition in launch.chunk.items if (key, partition) in failed and key is not None})
            self.launch()

    @property
    def runs(self) -> list[tuple[list[str], list[str]]]:
        """The assets and partitions of each run, in the order of launching."""
        return [run_of(launch) for launch in self.launches]

    def left(self) -> tuple[BackfillItem, ...]:
        """The items as they stand."""
        return tuple(msgspec.structs.replace(item, status=self.statuses[item.asset, item.partition]) for item in self.items)

    def retried(self) -> tuple[BackfillItem, ...]:
        """The items as a retry leaves them."""
        return tuple(each if each.status is SUCCEEDED else msgspec.structs.replace(each, status=BackfillItemStatus.WAITING) for each in self.left())


def run_of(launch: Launch) -> tuple[list[str], list[str]]:
    """The assets and partitions of a run."""
    return [str(key) for key in launch.request.assets], list(launch.request.partition_keys)
