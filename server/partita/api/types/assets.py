"""Assets: what the workspace keeps."""

from collections.abc import Sequence
from typing import Annotated

import strawberry
from strawberry import Parent

from partita.api.asset_health import health_of
from partita.api.context import Info
from partita.api.entries import AssetEntry, CheckEntry, JobEntry, RepositoryEntry
from partita.api.freshness import ShownFreshness, freshness_of
from partita.api.pages import ShownPage
from partita.api.partitions import PartitionedTarget, partitions_of_asset
from partita.api.types.connections import paged
from partita.api.types.enums import AssetHealth, AutomationStatus
from partita.api.types.fields import (
    ASSET,
    ASSET_PARTITIONS,
    CHECK,
    CONDITION_EVALUATION,
    FRESHNESS,
    JOB,
    MATERIALIZATION,
    OBSERVATION,
    REPOSITORY,
    STALENESS,
    argument,
    many,
    maybe,
    resolved,
    shown,
    shows,
)
from partita.api.types.node import Definition, MetadataEntry, Node, Tag, to_tags
from partita.planning.staleness import Staleness
from partita.records.assets import Materialization, Observation
from partita.records.conditions import ConditionEvaluation
from partita.records.pages import PageRequest


@strawberry.type(description="A table, file, model or anything else that is kept and can be written again.")
@shows(AssetEntry)
class Asset(Node, Definition):
    """Something that is kept and can be written again."""

    key: str = shown("Its key: segments joined by `/`, unique in the workspace.")
    name: str = shown("The last segment of its key.", "spec.key.name")
    group_name: str = shown("The group it belongs to.", "spec.group")
    kinds: list[str] = shown("What it is made with or kept in, such as `duckdb`.", "spec.kinds")
    owners: list[str] = shown("Who answers for it.", "spec.owners")
    code_version: str | None = shown("Version of the code that writes it; null when it is not named.", "spec.code_version")
    is_external: bool = shown("Whether no code location can write it.", "spec.is_external")
    is_observable: bool = shown("Whether it is written elsewhere and a run can look at it.", "spec.is_observable")
    metadata: list[MetadataEntry] = shown("What its definition says of it.", "spec.metadata")

    @resolved("The repository that defines it; null when no code location does.", type=maybe(REPOSITORY))
    @staticmethod
    def repository(asset: Parent[AssetEntry], info: Info) -> RepositoryEntry | None:
        """Where it stands."""
        return info.context.definitions.repository(*asset.place) if asset.place else None

    @resolved("The condition under which the daemon makes it, in words; null when it has none.")
    @staticmethod
    def condition(asset: Parent[AssetEntry]) -> str | None:
        """Its condition."""
        return None if asset.spec.automation is None else str(asset.spec.automation)

    @resolved("Whether the daemon acts on its condition; null when it has none.")
    @staticmethod
    async def condition_status(asset: Parent[AssetEntry], info: Info) -> AutomationStatus | None:
        """Whether its condition is on."""
        if asset.spec.automation is None:
            return None
        is_paused = await info.context.loaders.paused_conditions.load(asset.key)
        return AutomationStatus.OFF if is_paused else AutomationStatus.ON

    @resolved("Its tags, sorted by key.")
    @staticmethod
    def tags(asset: Parent[AssetEntry]) -> list[Tag]:
        """Its tags."""
        return to_tags(asset.spec.tags)

    @resolved("The assets that it is computed from, nearest only.", type=many(ASSET))
    @staticmethod
    def upstream(asset: Parent[AssetEntry], info: Info) -> list[AssetEntry]:
        """What it is computed from."""
        return info.context.definitions.upstream_of(asset.key)

    @resolved("The assets that are computed from it, nearest only.", type=many(ASSET))
    @staticmethod
    def downstream(asset: Parent[AssetEntry], info: Info) -> list[AssetEntry]:
        """What is computed from it."""
        return info.context.definitions.downstream_of(asset.key)

    @resolved("The tests of its data.", type=many(CHECK))
    @staticmethod
    def checks(asset: Parent[AssetEntry], info: Info) -> Sequence[CheckEntry]:
        """Its checks."""
        return info.context.definitions.checks_of(asset.key)

    @resolved("The jobs that write it, sorted by name.", type=many(JOB))
    @staticmethod
    def jobs(asset: Parent[AssetEntry], info: Info) -> Sequence[JobEntry]:
        """Its jobs."""
        return info.context.definitions.jobs_of(asset.key)

    @resolved("How it is cut; null when it is not partitioned.", type=maybe(ASSET_PARTITIONS))
    @staticmethod
    def partitions(asset: Parent[AssetEntry], info: Info) -> PartitionedTarget | None:
        """Its partitions."""
        return partitions_of_asset(asset.spec, info.context.definitions)

    @resolved("Its newest recorded write; null when it was never written.", type=maybe(MATERIALIZATION))
    @staticmethod
    async def latest_materialization(asset: Parent[AssetEntry], info: Info) -> Materialization | None:
        """Its newest write."""
        state = await info.context.loaders.asset_states.load(asset.key)
        return state.latest if state else None

    @resolved("The newest look at it, where it is written elsewhere; null when there was none.", type=maybe(OBSERVATION))
    @staticmethod
    async def latest_observation(asset: Parent[AssetEntry], info: Info) -> Observation | None:
        """The newest look at it."""
        state = await info.context.loaders.asset_states.load(asset.key)
        return state.observed if state else None

    @resolved("Whether its code or inputs have changed since it was written; null when nothing here can write it.", type=maybe(STALENESS))
    @staticmethod
    async def staleness(asset: Parent[AssetEntry], info: Info) -> Staleness | None:
        """How it stands."""
        return await info.context.loaders.staleness.load(asset.key)

    @resolved("Whether it is as fresh as its policy wants; null when it has none.", type=maybe(FRESHNESS))
    @staticmethod
    async def freshness(asset: Parent[AssetEntry], info: Info) -> ShownFreshness | None:
        """Whether it is fresh."""
        return await freshness_of(asset, info.context)

    @resolved("How well it is: from its last run, its checks and its freshness.")
    @staticmethod
    async def health(asset: Parent[AssetEntry], info: Info) -> AssetHealth:
        """How well it is."""
        return (await health_of(asset, info.context)).status

    @resolved("Why it is not HEALTHY, the worst first; empty when it is, or nothing is known.")
    @staticmethod
    async def health_reasons(asset: Parent[AssetEntry], info: Info) -> list[str]:
        """Why it is not well."""
        return list((await health_of(asset, info.context)).reasons)

    @paged("Its recorded writes, newest first.", MATERIALIZATION, has_tail=True)
    @staticmethod
    async def materializations(
        asset: Parent[AssetEntry],
        info: Info,
        page: PageRequest,
        partition_keys: Annotated[list[str] | None, argument("Only writes of these partitions; of any when left out.")] = None,
    ) -> ShownPage[Materialization]:
        """A page of its writes."""
        return await info.context.page_of_materializations(asset.key, partition_keys=partition_keys, page=page)

    @paged("The recorded looks at it, newest first; empty when nothing here observes it.", OBSERVATION, has_tail=True)
    @staticmethod
    async def observations(
        asset: Parent[AssetEntry],
        info: Info,
        page: PageRequest,
        partition_keys: Annotated[list[str] | None, argument("Only looks at these partitions; at any when left out.")] = None,
    ) -> ShownPage[Observation]:
        """A page of the looks at it."""
        return await info.context.page_of_observations(asset.key, partition_keys=partition_keys, page=page)

    @paged("Evaluations of its condition that asked for something, newest first.", CONDITION_EVALUATION, has_tail=True)
    @staticmethod
    async def condition_evaluations(asset: Parent[AssetEntry], info: Info, page: PageRequest) -> ShownPage[ConditionEvaluation]:
        """A page of the evaluations of its condition."""
        return await info.context.page_of_evaluations(asset.key, page=page)
