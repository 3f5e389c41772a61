"""An asset on the server: what is known of it, what was written, how its partitions stand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from partita_client.errors import RequestRefusedError
from partita_client.history import Materialization, Observation
from partita_client.link import AsyncLink, Page
from partita_client.models.generated import operations
from partita_client.wanted import words

if TYPE_CHECKING:
    from partita_client.models import (
        AssetCheck,
        AssetFreshness,
        AssetRecord,
        AssetStaleness,
        ConditionEvaluation,
        ListConditionEvaluations,
        ListMaterializations,
        ListObservations,
        ListPartitions,
        MaterializationRecord,
        ObservationRecord,
        Partition,
    )

STATUSES = ("missing", "running", "materialized", "failed")
"""How a partition can stand."""


class AsyncAsset:
    """An asset, as it stood when the server was asked."""

    def __init__(self, link: AsyncLink, record: AssetRecord) -> None:
        self._link = link
        self.record = record
        """Everything that the server told of the asset."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key}>"

    @property
    def key(self) -> str:
        """Its key: segments joined by `/`."""
        return self.record.key

    @property
    def group(self) -> str:
        """The group it belongs to."""
        return self.record.group_name

    @property
    def description(self) -> str | None:
        """What it is."""
        return self.record.description

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it is made with or kept in."""
        return self.record.kinds

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        return {tag.key: tag.value for tag in self.record.tags}

    @property
    def upstream(self) -> tuple[str, ...]:
        """Keys of the assets that it is computed from, nearest only."""
        return tuple(asset.key for asset in self.record.upstream)

    @property
    def downstream(self) -> tuple[str, ...]:
        """Keys of the assets that are computed from it, nearest only."""
        return tuple(asset.key for asset in self.record.downstream)

    @property
    def checks(self) -> tuple[AssetCheck, ...]:
        """Its checks, each with its newest verdict."""
        return self.record.checks

    @property
    def latest(self) -> Materialization | None:
        """Its newest recorded write; None when it was never written."""
        latest = self.record.latest_materialization
        return Materialization(latest) if latest else None

    @property
    def latest_observation(self) -> Observation | None:
        """The newest look at it, where it is written elsewhere; None when there was none."""
        latest = self.record.latest_observation
        return Observation(latest) if latest else None

    @property
    async def staleness(self) -> AssetStaleness | None:
        """Whether its code or inputs have changed since it was written, and why; None when nothing can write it. Asks the server anew."""
        answer = await self._link.execute(operations.get_staleness(key=self.key))
        return answer.asset.staleness if answer.asset is not None else None

    @property
    def condition(self) -> str | None:
        """The condition under which the daemon makes it, in words; None when it has none."""
        return self.record.condition

    @property
    def condition_status(self) -> str | None:
        """Whether the daemon acts on its condition: "on" or "off"; None when it has none."""
        status = self.record.condition_status
        return None if status is None else status.value

    @property
    async def freshness(self) -> AssetFreshness | None:
        """Whether it is as fresh as its policy wants; None when it has no policy. Asks the server anew."""
        answer = await self._link.execute(operations.get_freshness(key=self.key))
        return answer.asset.freshness if answer.asset is not None else None

    @property
    async def health(self) -> tuple[str, tuple[str, ...]]:
        """How well it is, and why not better: one of "healthy", "warning", "degraded", "unknown". Asks the server anew."""
        answer = await self._link.execute(operations.get_health(key=self.key))
        return ("unknown", ()) if answer.asset is None else (answer.asset.health.value, answer.asset.health_reasons)

    @property
    def is_partitioned(self) -> bool:
        """True when it is cut into partitions."""
        return self.record.partitions is not None

    @property
    def partitions(self) -> AsyncPartitions:
        """Its partitions; none when it is not partitioned."""
        return AsyncPartitions(self._link, self.key)

    async def refresh(self) -> AsyncAsset:
        """Ask the server how it stands now."""
        answer = await self._link.execute(operations.get_asset(key=self.key))
        if answer.asset is None:
            raise RequestRefusedError.not_found("asset", self.key)
        self.record = answer.asset
        return self

    async def materializations(self, *, partitions: Sequence[str] | None = None, limit: int | None = None) -> AsyncIterator[Materialization]:
        """Its recorded writes, newest first, asked for page by page.

        Args:
            partitions: Only writes of these partitions.
            limit: How many at most.
        """
        pages = self._link.pages(
            lambda first, after: operations.list_materializations(key=self.key, first=first, after=after, partition_keys=partitions),
            self._writes_of,
            limit=limit,
        )
        async with aclosing(pages):
            async for page in pages:
                for record in page:
                    yield Materialization(record)

    async def observations(self, *, partitions: Sequence[str] | None = None, limit: int | None = None) -> AsyncIterator[Observation]:
        """The recorded looks at it, newest first, asked for page by page; none where nothing observes it.

        Args:
            partitions: Only looks at these partitions.
            limit: How many at most.
        """
        pages = self._link.pages(
            lambda first, after: operations.list_observations(key=self.key, first=first, after=after, partition_keys=partitions),
            self._looks_at,
            limit=limit,
        )
        async with aclosing(pages):
            async for page in pages:
                for record in page:
                    yield Observation(record)

    async def condition_evaluations(self, *, limit: int | None = None) -> AsyncIterator[ConditionEvaluation]:
        """The evaluations of its condition that asked for something, newest first, with all reasons, asked for page by page.

        Args:
            limit: How many at most.
        """
        pages = self._link.pages(
            lambda first, after: operations.list_condition_evaluations(key=self.key, first=first, after=after), self._evaluations_of, limit=limit
        )
        async with aclosing(pages):
            async for page in pages:
                for record in page:
                    yield record

    def _evaluations_of(self, answer: ListConditionEvaluations) -> Page[ConditionEvaluation]:
        if answer.asset is None:
            raise RequestRefusedError.not_found("asset", self.key)
        return answer.asset.condition_evaluations

    def _looks_at(self, answer: ListObservations) -> Page[ObservationRecord]:
        if answer.asset is None:
            raise RequestRefusedError.not_found("asset", self.key)
        return answer.asset.observations

    def _writes_of(self, answer: ListMaterializations) -> Page[MaterializationRecord]:
        if answer.asset is None:
            raise RequestRefusedError.not_found("asset", self.key)
        return answer.asset.materializations


class AsyncPartitions:
    """The partitions of an asset; every question asks the server anew."""

    def __init__(self, link: AsyncLink, asset_key: str) -> None:
        self._link, self._asset_key = link, asset_key

    @property
    async def counts(self) -> Mapping[str, int]:
        """How many partitions stand in each way: "missing", "running", "materialized", "failed"."""
        answer = await self._link.execute(operations.count_partitions(key=self._asset_key))
        if answer.asset is None or answer.asset.partitions is None:
            return {}
        return dict.fromkeys(STATUSES, 0) | {each.status.value: each.count for each in answer.asset.partitions.status_counts}

    async def keys(self, *, status: str | Sequence[str] | None = None) -> Sequence[str]:
        """Their keys in the order of the definition.

        Args:
            status: Only partitions that stand like this: "missing", "running", "materialized", "failed", or several of these.
        """
        return [partition.key async for partition in self.states(status=status)]

    async def states(self, *, status: str | Sequence[str] | None = None, limit: int | None = None) -> AsyncIterator[Partition]:
        """The partitions with their status and window, asked for page by page."""
        pages = self._link.pages(
            lambda first, after: operations.list_partitions(key=self._asset_key, first=first, after=after, statuses=words(status)),
            self._partitions_of,
            limit=limit,
            size=500,
        )
        async with aclosing(pages):
            async for page in pages:
                for partition in page:
                    yield partition

    def _partitions_of(self, answer: ListPartitions) -> Page[Partition] | None:
        return answer.asset.partitions.keys if answer.asset and answer.asset.partitions else None
