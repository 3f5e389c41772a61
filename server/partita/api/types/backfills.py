"""Backfills: many partitions written in the order they depend on each other."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import Parent

from partita.api.backfills import PreviewedAsset, ShownAssetProgress, ShownItem, ShownItemCount
from partita.api.context import Info
from partita.api.entries import AssetEntry, JobEntry
from partita.api.launchers import launcher_of
from partita.api.pages import ShownPage
from partita.api.scalars import Duration
from partita.api.timing import elapsed
from partita.api.types.connections import paged
from partita.api.types.enums import BackfillPartitionStatus, BackfillStatus, Direction
from partita.api.types.failures import PythonError
from partita.api.types.fields import ASSET, BACKFILL_PARTITION, JOB, RUN, argument, many, maybe, resolved, shown, shows
from partita.api.types.filters import RunFilterInput, to_run_filter
from partita.api.types.launchers import Launcher
from partita.api.types.node import Node, Tag, to_tags
from partita.api.types.problems import Obstacle
from partita.records import backfills
from partita.records.filters import RunOrder
from partita.records.pages import PageRequest
from partita.records.runs import Run


@strawberry.type(description="How a backfill cuts partitions into runs.")
class BackfillPolicy:
    """How a backfill cuts partitions into runs."""

    max_partitions_per_run: int | None = shown("Partitions that one run writes at most; null when a single run writes all.")


@strawberry.type(description="How many partitions of a backfill stand in one way.")
class BackfillStatusCount:
    """How many partitions stand in one way."""

    status: BackfillPartitionStatus = shown("How they stand.")
    count: int = shown("How many do.")


@strawberry.type(description="One partition of one asset, or of the job, in a backfill.")
class BackfillPartition:
    """One partition in a backfill."""

    partition_key: str | None = shown("Key of the partition; null when the asset has none.", "item.partition")
    asset_key: str | None = shown("Key of the asset; null in the backfill of a job.", "item.asset")
    status: BackfillPartitionStatus = shown("How it stands.", "item.status")

    @resolved("The asset; null in the backfill of a job.", type=maybe(ASSET))
    @staticmethod
    def asset(shown: Parent[ShownItem], info: Info) -> AssetEntry | None:
        """The asset."""
        return None if shown.item.asset is None else info.context.definitions.show_asset(shown.item.asset)

    @resolved("The newest run that was to write it; null until there is one.", type=maybe(RUN))
    @staticmethod
    async def run(shown: Parent[ShownItem], info: Info) -> Run | None:
        """The run."""
        return await info.context.loaders.run(shown.item.run_id)


@strawberry.type(description="How far a backfill is with one asset.")
class BackfillAssetProgress:
    """How far a backfill is with one asset."""

    @resolved("The asset.", type=ASSET)
    @staticmethod
    def asset(shown: Parent[ShownAssetProgress], info: Info) -> AssetEntry:
        """The asset."""
        return info.context.definitions.show_asset(shown.key)

    @resolved("How many of its partitions the backfill writes.")
    @staticmethod
    def partition_count(shown: Parent[ShownAssetProgress]) -> int:
        """How many it writes."""
        return sum(shown.counts.values())

    @resolved("How many of them stand in each way, ways that none stands in left out.", type=list[BackfillStatusCount])
    @staticmethod
    def status_counts(shown: Parent[ShownAssetProgress]) -> list[ShownItemCount]:
        """Count them."""
        return [ShownItemCount(status, shown.counts[status]) for status in BackfillPartitionStatus if status in shown.counts]


@strawberry.type(description="What a backfill would write of one asset.")
class BackfillPreviewAsset:
    """What a backfill would write of one asset."""

    partition_count: int = shown("How many of its partitions; 1 when it has none, and is written as a whole.")
    first_partition_key: str | None = shown("The one whose turn comes first; null when it has no partitions.", "first")
    last_partition_key: str | None = shown("The one whose turn comes last; null when it has no partitions.", "last")

    @resolved("The asset.", type=ASSET)
    @staticmethod
    def asset(shown: Parent[PreviewedAsset], info: Info) -> AssetEntry:
        """The asset."""
        return info.context.definitions.show_asset(shown.key)


@strawberry.type(description="What a backfill would do if it were started now.")
class BackfillPreview:
    """What a backfill would do."""

    partition_count: int = shown("How many partitions it would write, those of each asset counted; 0 when it would be refused.")
    run_count: int = shown("In how many runs, if nothing fails.")
    assets: list[BackfillPreviewAsset] = shown("The assets that it would write, upstream first; empty for a job.")
    errors: list[Obstacle] = shown("Why it would be refused; empty when it would start.")


@strawberry.type(description="Many partitions of assets, or of a job, written run after run in the order they depend on each other.")
@shows(backfills.Backfill)
class Backfill(Node):
    """Many partitions, written in the order they depend on each other."""

    status: BackfillStatus = shown("Where it stands.")
    created_at: datetime = shown("When it was asked for.")
    ended_at: datetime | None = shown("When it ended; null until then, and again while it is retried.")
    title: str | None = shown("What it was called; null when nothing was said.", "request.title")
    selection: str | None = shown("The selection of assets that was asked for; null for a job.", "request.selection")
    priority: int = shown("Priority of its runs.", "request.priority")
    order: Direction = shown("Whether the first partitions of each asset come first, or the last.", "request.order")
    policy: BackfillPolicy | None = shown("How it cuts partitions into runs; null when the assets say, one each if they do not.", "request.policy")
    error: PythonError | None = shown("What went wrong, so far while it goes on: why partitions failed or were skipped; null when nothing did.")
    partition_count: int = shown("How many partitions it writes, those of each asset counted.", "item_count")

    @resolved("Tags of its runs, sorted by key.")
    @staticmethod
    def tags(backfill: Parent[backfills.Backfill]) -> list[Tag]:
        """Its tags."""
        return to_tags(backfill.request.tags.items())

    @resolved("What started it; null when that no longer exists.", type=maybe(Launcher))
    @staticmethod
    async def launched_by(backfill: Parent[backfills.Backfill], info: Info) -> Any:
        """Who started it."""
        return await launcher_of(backfill.request.launched_by, info.context)

    @resolved("How long it took, or has taken so far.")
    @staticmethod
    def duration(backfill: Parent[backfills.Backfill], info: Info) -> Duration | None:
        """Time since it was asked for."""
        return elapsed(backfill.created_at, backfill.ended_at, now=info.context.now)

    @resolved("The assets that it writes, upstream first; empty for a job.", type=many(ASSET))
    @staticmethod
    def assets(backfill: Parent[backfills.Backfill], info: Info) -> list[AssetEntry]:
        """What it writes."""
        return [info.context.definitions.show_asset(key) for key in backfill.request.assets]

    @resolved("The job that it runs; null when it writes assets, or the job no longer exists.", type=maybe(JOB))
    @staticmethod
    def job(backfill: Parent[backfills.Backfill], info: Info) -> JobEntry | None:
        """Its job."""
        job = backfill.request.job
        return None if job is None else info.context.definitions.job(job.location, job.repository, job.name)

    @resolved("Name of the job that it runs; null when it writes assets.")
    @staticmethod
    def job_name(backfill: Parent[backfills.Backfill]) -> str | None:
        """Name of its job."""
        return None if backfill.request.job is None else backfill.request.job.name

    @resolved("How many of its partitions stand in each way, ways that none stands in left out.", type=list[BackfillStatusCount])
    @staticmethod
    async def status_counts(backfill: Parent[backfills.Backfill], info: Info) -> list[ShownItemCount]:
        """Count its partitions."""
        counts = await info.context.loaders.backfill_counts.load(backfill.id)
        return [ShownItemCount(status, count) for status, count in counts.items() if count]

    @resolved("How far each asset is, upstream first; empty for a job.", type=list[BackfillAssetProgress])
    @staticmethod
    async def asset_progress(backfill: Parent[backfills.Backfill], info: Info) -> list[ShownAssetProgress]:
        """Count the partitions of each asset."""
        counts = await info.context.loaders.backfill_asset_counts.load(backfill.id)
        return [ShownAssetProgress(key, counts[key]) for key in backfill.request.assets if key in counts]

    @paged("Its partitions in the order of their turn.", BACKFILL_PARTITION)
    @staticmethod
    async def partitions(
        backfill: Parent[backfills.Backfill],
        info: Info,
        page: PageRequest,
        statuses: Annotated[list[BackfillPartitionStatus] | None, argument("Only partitions that stand so; all when left out.")] = None,
        asset_key: Annotated[str | None, argument("Only partitions of this asset; of all when left out.")] = None,
    ) -> ShownPage[ShownItem]:
        """A page of its partitions."""
        chosen = None if statuses is None else [BackfillPartitionStatus(each) for each in statuses]
        return await info.context.page_of_backfill_items(backfill.id, statuses=chosen, asset=asset_key, page=page)

    @paged("Its runs, newest first.", RUN)
    @staticmethod
    async def runs(
        backfill: Parent[backfills.Backfill],
        info: Info,
        page: PageRequest,
        filter: Annotated[RunFilterInput | None, argument("Which of its runs are wanted; all when left out.")] = None,
    ) -> ShownPage[Run]:
        """A page of its runs."""
        where = to_run_filter(filter, backfill_id=backfill.id)
        return await info.context.page_of_runs(where, order=RunOrder(), page=page)

    @resolved("Whether it can be cancelled: it has not ended.")
    @staticmethod
    def can_cancel(backfill: Parent[backfills.Backfill]) -> bool:
        """Whether it can be cancelled."""
        return not backfill.status.is_finished

    @resolved("Whether it can be paused: it goes on.")
    @staticmethod
    def can_pause(backfill: Parent[backfills.Backfill]) -> bool:
        """Whether it can be paused."""
        return backfill.status in {BackfillStatus.REQUESTED, BackfillStatus.RUNNING}

    @resolved("Whether it can be resumed: it is paused.")
    @staticmethod
    def can_resume(backfill: Parent[backfills.Backfill]) -> bool:
        """Whether it can be resumed."""
        return backfill.status is BackfillStatus.PAUSED

    @resolved("Whether it can be retried: it has ended, and not all of it succeeded.")
    @staticmethod
    def can_retry(backfill: Parent[backfills.Backfill]) -> bool:
        """Whether it can be retried."""
        return backfill.status.is_finished and backfill.status is not BackfillStatus.SUCCEEDED
