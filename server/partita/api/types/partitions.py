"""How assets and jobs are cut, and how their partitions stand."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import Parent

from partita.api.context import Info
from partita.api.pages import ShownPage
from partita.api.partitions import PartitionedTarget, ShownDimension, ShownPartition, StatusCount
from partita.api.types.connections import paged
from partita.api.types.enums import PartitionKind, PartitionStatus
from partita.api.types.fields import PARTITION, RUN, argument, maybe, resolved, shown
from partita.records.pages import PageRequest
from partita.records.runs import Run


@strawberry.type(description="One way in which partitions are told apart.")
class PartitionDimension:
    """One way in which partitions are told apart."""

    name: str = shown("Its name.")
    kind: PartitionKind = shown("What cuts it.")
    cron: str | None = shown("When each window starts, as a cron expression; null for a fixed list.")
    timezone: str | None = shown("Name of the time zone that windows start in; null for a fixed list.")
    start_at: datetime | None = shown("When the first window starts; null when none exists yet, and for a fixed list.")


@strawberry.type(description="One partition of an asset or job.")
class Partition:
    """One partition."""

    key: str = shown("Its key.")
    status: PartitionStatus = shown("How it stands.")
    start_at: datetime | None = shown("When its window starts; null unless it is a window of time.")
    end_at: datetime | None = shown("When its window ends; null unless it is a window of time.")

    @resolved("The newest run that was to write it; null when there was none.", type=maybe(RUN))
    @staticmethod
    async def latest_run(partition: Parent[ShownPartition], info: Info) -> Run | None:
        """The run."""
        return await info.context.loaders.run(partition.run_id)


@strawberry.type(description="How many partitions stand in one way.")
class PartitionStatusCount:
    """How many partitions stand in one way."""

    status: PartitionStatus = shown("How they stand.")
    count: int = shown("How many do.")


@strawberry.type(description="How an asset or job is cut, and how its partitions stand.")
class AssetPartitions:
    """How an asset or job is cut."""

    description: str = shown("How it is cut, in words for people.")

    @resolved("The ways in which partitions are told apart.", type=list[PartitionDimension])
    @staticmethod
    def dimensions(target: Parent[PartitionedTarget], info: Info) -> list[ShownDimension]:
        """How its partitions are told apart."""
        return target.dimensions(now=info.context.now)

    @resolved("How many partitions there are at this moment.")
    @staticmethod
    def total_count(target: Parent[PartitionedTarget], info: Info) -> int:
        """Count the partitions."""
        return target.partitions.count(now=info.context.now)

    @paged("The partitions in the order of their definition.", PARTITION)
    @staticmethod
    async def keys(
        target: Parent[PartitionedTarget],
        info: Info,
        page: PageRequest,
        statuses: Annotated[list[PartitionStatus] | None, argument("Only partitions that stand in one of these ways; all when left out.")] = None,
    ) -> ShownPage[ShownPartition]:
        """A page of its partitions."""
        return await target.page(info.context, page, statuses=None if statuses is None else frozenset(statuses))

    @resolved("How many partitions stand in each way.", type=list[PartitionStatusCount])
    @staticmethod
    async def status_counts(target: Parent[PartitionedTarget], info: Info) -> list[StatusCount]:
        """Count the partitions by status."""
        return await target.status_counts(info.context)
