"""What an operation has at hand: the server's parts, the definitions of this moment, loaders, and who asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Any, TypeVar

import strawberry

from partita.api.authorize import Caller
from partita.api.backfills import ShownItem
from partita.api.definitions import Definitions, StatusOf, read_selection
from partita.api.events import ShownEvent
from partita.api.loaders import Loaders
from partita.api.pages import ShownPage
from partita.api.server import Server
from partita.api.staleness import staleness_of, status_words
from partita.definitions.keys import AssetKey
from partita.definitions.specs import CheckSpec
from partita.records.alerts import Alert, AlertFilter
from partita.records.assets import CheckResult, Materialization, Observation
from partita.records.backfills import Backfill, BackfillFilter, BackfillItemStatus
from partita.records.conditions import ConditionEvaluation
from partita.records.filters import EventFilter, HistoryFilter, RunFilter, RunOrder, TickFilter
from partita.records.ids import new_id
from partita.records.pages import Page, PageRequest
from partita.records.queue import WaitReason
from partita.records.runs import Run, RunStatus
from partita.records.ticks import Tick
from partita.storage.store import Store

T = TypeVar("T")


@dataclass(slots=True)
class Context:
    """One operation, or one item of a subscription."""

    server: Server
    caller: Caller
    wants_cost: bool = False
    request_id: str = field(default_factory=lambda: new_id("req"))
    connection_params: dict[str, Any] = field(default_factory=dict)
    cost: int | None = None
    """What the operation costs; None until its document has been judged."""
    deadline: float = inf
    """When the operation is ended, by the event loop's clock."""
    _definitions: Definitions | None = None
    _loaders: Loaders | None = None
    _now: datetime | None = None

    def for_operation(self) -> Context:
        """The context of one more operation over the same connection."""
        return Context(server=self.server, caller=self.caller, wants_cost=self.wants_cost, connection_params=self.connection_params)

    async def begin(self) -> None:
        """Take the state of this moment: nothing that was read before counts any more."""
        self._definitions = await self.server.definitions()
        limits, pools_of = self.server.settings.limits, self._definitions.entries.pools_of
        self._now = self.server.clock()
        self._loaders = Loaders(
            self.store,
            self.read,
            lambda ids: self.store.queue.waiting(ids, limits, pools_of),
            staleness=lambda keys: staleness_of(self.store, self.definitions, keys, now=self.now),
        )

    @property
    def store(self) -> Store:
        """Where records are."""
        return self.server.store

    @property
    def definitions(self) -> Definitions:
        """What the workspace declares."""
        assert self._definitions is not None, "begin() comes first"
        return self._definitions

    @property
    def loaders(self) -> Loaders:
        """Reads that are gathered."""
        assert self._loaders is not None, "begin() comes first"
        return self._loaders

    @property
    def now(self) -> datetime:
        """The instant that this operation takes for now."""
        assert self._now is not None, "begin() comes first"
        return self._now

    async def read(self, function: Callable[[], T]) -> T:
        """The result of a function that reads or writes the store, called in a thread."""
        return await self.server.read(function)

    async def status_of(self, selection: str | None) -> StatusOf | None:
        """How assets stand, if a selection asks for it.

        Raises:
            ApiError: the selection cannot be read.
        """
        if selection is None or not read_selection(selection).asks_for("status"):
            return None
        return await self.read(lambda: status_words(self.store, self.definitions, now=self.now))

    async def wait_reason(self, run: Run) -> WaitReason | None:
        """Why a queued run waits; None for any other."""
        return await self.loaders.wait_reasons.load(run.id) if run.status is RunStatus.QUEUED else None

    async def page_of_runs(self, where: RunFilter, *, order: RunOrder, page: PageRequest) -> ShownPage[Run]:
        """A page of runs."""
        runs = self.store.runs
        return await self._page(lambda: runs.list(where, order=order, page=page), lambda: runs.count(where))

    async def page_of_events(self, run_id: str, where: EventFilter, *, page: PageRequest) -> ShownPage[ShownEvent]:
        """A page of a run's events."""
        events = self.store.events
        found = await self.read(lambda: events.list(run_id, where=where, page=page))
        shown = Page(
            items=[ShownEvent(each) for each in found.items],
            cursors=found.cursors,
            has_next=found.has_next,
            has_previous=found.has_previous,
        )
        return ShownPage(page=shown, count=lambda: self.read(lambda: events.count(run_id, where)))

    async def page_of_ticks(self, where: TickFilter, *, page: PageRequest) -> ShownPage[Tick]:
        """A page of ticks."""
        ticks = self.store.ticks
        return await self._page(lambda: ticks.list(where, page=page), lambda: ticks.count(where))

    async def page_of_backfills(self, where: BackfillFilter, *, page: PageRequest) -> ShownPage[Backfill]:
        """A page of backfills."""
        backfills = self.store.backfills
        return await self._page(lambda: backfills.list(where, page=page), lambda: backfills.count(where))

    async def page_of_backfill_items(
        self, backfill_id: str, *, statuses: Sequence[BackfillItemStatus] | None, asset: str | None, page: PageRequest
    ) -> ShownPage[ShownItem]:
        """A page of a backfill's partitions."""
        items = self.store.backfill_items
        found = await self.read(lambda: items.list(backfill_id, statuses=statuses, asset=asset, page=page))
        shown = Page(items=[ShownItem(each) for each in found.items], cursors=found.cursors, has_next=found.has_next, has_previous=found.has_previous)
        return ShownPage(page=shown, count=lambda: self.read(lambda: items.count(backfill_id, statuses=statuses, asset=asset)))

    async def page_of_materializations(self, key: AssetKey, *, partition_keys: Sequence[str] | None, page: PageRequest) -> ShownPage[Materialization]:
        """A page of an asset's writes."""
        assets = self.store.assets
        where = HistoryFilter(asset=key, partition_keys=None if partition_keys is None else tuple(partition_keys))
        return await self._page(lambda: assets.materializations(where, page=page), lambda: assets.count_materializations(where))

    async def page_of_observations(self, key: AssetKey, *, partition_keys: Sequence[str] | None, page: PageRequest) -> ShownPage[Observation]:
        """A page of the looks at an asset."""
        assets = self.store.assets
        where = HistoryFilter(asset=key, partition_keys=None if partition_keys is None else tuple(partition_keys))
        return await self._page(lambda: assets.observations(where, page=page), lambda: assets.count_observations(where))

    async def page_of_evaluations(self, key: AssetKey, *, page: PageRequest) -> ShownPage[ConditionEvaluation]:
        """A page of the evaluations of an asset's condition."""
        conditions = self.store.conditions
        return await self._page(lambda: conditions.list(key, page=page), lambda: conditions.count(key))

    async def page_of_alerts(self, where: AlertFilter, *, page: PageRequest) -> ShownPage[Alert]:
        """A page of alerts."""
        alerts = self.store.alerts
        return await self._page(lambda: alerts.list(where, page=page), lambda: alerts.count(where))

    async def page_of_results(self, check: CheckSpec, *, partition_key: str | None, page: PageRequest) -> ShownPage[CheckResult]:
        """A page of a check's verdicts."""
        assets = self.store.assets
        return await self._page(
            lambda: assets.check_history(check.asset, check.name, page=page, partition_key=partition_key),
            lambda: assets.count_check_history(check.asset, check.name, partition_key=partition_key),
        )

    async def _page(self, read: Callable[[], Page[T]], count: Callable[[], int]) -> ShownPage[T]:
        found = await self.read(read)
        return ShownPage(page=found, count=lambda: self.read(count))


Info = strawberry.Info[Context, None]
