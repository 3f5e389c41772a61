"""Reads that many fields of one operation ask for, gathered into one query each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from strawberry.dataloader import DataLoader

from partita.definitions.keys import AssetKey
from partita.planning.staleness import Staleness
from partita.records.assets import AssetState, CheckResult
from partita.records.automations import Automation
from partita.records.backfills import Backfill, BackfillItemStatus
from partita.records.conditions import ConditionEvaluation
from partita.records.queue import WaitReason
from partita.records.runs import FailedRun, Run, RunStats, RunStep
from partita.records.ticks import Tick
from partita.storage.store import Store

K = TypeVar("K")
T = TypeVar("T")

NO_STATS = RunStats(steps={})
MAX_BATCH = 500
"""Keys of one query: SQLite takes so many parameters, and no page is longer."""


class Read(Protocol):
    """Calls a function of the store in a thread."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]:
        """Call it."""


class Loaders:
    """The loaders of one operation; a value once loaded stays for the whole of it."""

    def __init__(
        self,
        store: Store,
        read: Read,
        waiting: Callable[[Sequence[str]], Mapping[str, WaitReason]],
        *,
        staleness: Callable[[Sequence[AssetKey]], Mapping[AssetKey, Staleness]],
    ) -> None:
        self.runs: DataLoader[str, Run | None] = _loader(store.runs.get_many, read)
        self.steps: DataLoader[str, list[RunStep]] = _loader(store.runs.steps, read, default=[])
        self.stats: DataLoader[str, RunStats] = _loader(store.runs.stats, read, default=NO_STATS)
        self.asset_states: DataLoader[AssetKey, AssetState | None] = _loader(store.assets.states, read)
        self.failed_runs: DataLoader[AssetKey, FailedRun | None] = _loader(store.failures.last_runs, read)
        self.failed_partitions: DataLoader[AssetKey, list[str]] = _loader(store.failures.partitions, read, default=[])
        self.staleness: DataLoader[AssetKey, Staleness | None] = _loader(staleness, read)
        self.automations: DataLoader[str, Automation | None] = _loader(store.automations.find, read)
        self.ticks: DataLoader[str, Tick | None] = _loader(store.ticks.find, read)
        self.backfills: DataLoader[str, Backfill | None] = _loader(store.backfills.find, read)
        self.backfill_counts: DataLoader[str, dict[BackfillItemStatus, int]] = _loader(store.backfill_items.counts, read, default={})
        self.backfill_asset_counts: DataLoader[str, dict[AssetKey, dict[BackfillItemStatus, int]]] = _loader(
            store.backfill_items.counts_by_asset, read, default={}
        )
        self.evaluations: DataLoader[str, ConditionEvaluation | None] = _loader(store.conditions.find, read)
        self.paused_conditions: DataLoader[AssetKey, bool] = _loader(lambda _: dict.fromkeys(store.conditions.paused(), True), read, default=False)
        self.wait_reasons: DataLoader[str, WaitReason | None] = _loader(waiting, read)
        self.latest_results: DataLoader[tuple[AssetKey, str], CheckResult | None] = _loader(store.assets.check_results, read)

    async def tick(self, tick_id: str | None) -> Tick | None:
        """A tick, if its id is known and it still exists."""
        return await self.ticks.load(tick_id) if tick_id is not None else None

    async def run(self, run_id: str | None) -> Run | None:
        """A run, if its id is known and it still exists."""
        return await self.runs.load(run_id) if run_id is not None else None


def _loader(load: Callable[[Sequence[K]], Mapping[K, T]], read: Read, *, default: T | None = None) -> DataLoader[K, T]:
    async def load_all(keys: list[K]) -> list[T]:
        found = await read(lambda: load(keys))
        return [found.get(key, default) for key in keys]  # type: ignore[misc]  # a loader without a default admits None

    return DataLoader(load_fn=load_all, max_batch_size=MAX_BATCH)


def in_order(keys: Iterable[K], found: Mapping[K, T]) -> list[T]:
    """The values of those keys that were found, in the order of the keys."""
    return [found[key] for key in keys if key in found]
