"""Jobs: what can be launched by name."""

from dataclasses import replace
from typing import Annotated

import strawberry
from strawberry import Parent

from partita.api import configs, graphs
from partita.api.automations import ScheduleEntry, SensorEntry
from partita.api.context import Info
from partita.api.entries import AssetEntry, JobEntry, RepositoryEntry, ShownConfig
from partita.api.pages import ShownPage
from partita.api.partitions import PartitionedTarget, partitions_of_job
from partita.api.types.connections import paged
from partita.api.types.fields import ASSET, ASSET_PARTITIONS, REPOSITORY, RUN, SCHEDULE, SENSOR, argument, many, maybe, resolved, shown, shows
from partita.api.types.filters import RunFilterInput, RunOrderInput, to_run_filter, to_run_order
from partita.api.types.graphs import ConfigSchema, Graph
from partita.api.types.node import Definition, Node, Tag, to_tags
from partita.records.pages import PageRequest
from partita.records.runs import Run


@strawberry.type(description="What can be launched by name: a graph of ops, or a selection of assets.")
@shows(JobEntry)
class Job(Node, Definition):
    """What can be launched by name."""

    selection: str | None = shown("The selection of assets it was declared with; null for a job of ops.", "spec.selection")

    @resolved("The repository that defines it.", type=REPOSITORY)
    @staticmethod
    def repository(job: Parent[JobEntry], info: Info) -> RepositoryEntry | None:
        """Where it stands."""
        return info.context.definitions.repository(*job.place)

    @resolved("Tags that every run of it gets, sorted by key.")
    @staticmethod
    def tags(job: Parent[JobEntry]) -> list[Tag]:
        """Its tags."""
        return to_tags(job.spec.tags)

    @resolved("Its steps and how they hang together, nested graphs flattened.", type=Graph)
    @staticmethod
    def graph(job: Parent[JobEntry], info: Info) -> graphs.ShownGraph:
        """Its nodes and edges."""
        return graphs.graph_of(job, info.context.definitions.catalog)

    @resolved("What its run config may hold.", type=ConfigSchema)
    @staticmethod
    def config_schema(job: Parent[JobEntry], info: Info) -> ShownConfig:
        """The schema of its run config."""
        return configs.schema_of_job(job, info.context.definitions.catalog)

    @resolved("The assets it writes, in the order they are written; empty for a job of ops.", type=many(ASSET))
    @staticmethod
    def assets(job: Parent[JobEntry], info: Info) -> list[AssetEntry]:
        """What it writes."""
        return [info.context.definitions.show_asset(key) for key in job.spec.assets]

    @resolved("How its runs are cut; null when they are not partitioned.", type=maybe(ASSET_PARTITIONS))
    @staticmethod
    def partitions(job: Parent[JobEntry], info: Info) -> PartitionedTarget | None:
        """Its partitions."""
        return partitions_of_job(job, info.context.definitions)

    @resolved("The schedules that launch it, sorted by name.", type=many(SCHEDULE))
    @staticmethod
    def schedules(job: Parent[JobEntry], info: Info) -> list[ScheduleEntry]:
        """Its schedules."""
        return [each for each in info.context.definitions.automations_of(job) if isinstance(each, ScheduleEntry)]

    @resolved("The sensors that launch it, sorted by name.", type=many(SENSOR))
    @staticmethod
    def sensors(job: Parent[JobEntry], info: Info) -> list[SensorEntry]:
        """Its sensors."""
        return [each for each in info.context.definitions.automations_of(job) if isinstance(each, SensorEntry)]

    @paged("Its runs, newest first unless told otherwise.", RUN, has_tail=True)
    @staticmethod
    async def runs(
        job: Parent[JobEntry],
        info: Info,
        page: PageRequest,
        filter: Annotated[RunFilterInput | None, argument("Which of its runs are wanted; all when left out.")] = None,
        order_by: Annotated[RunOrderInput | None, argument("How they are sorted; newest first when left out.")] = None,
    ) -> ShownPage[Run]:
        """A page of its runs."""
        where = replace(to_run_filter(filter), jobs=((job.location, job.repository, job.name),))
        return await info.context.page_of_runs(where, order=to_run_order(order_by), page=page)
