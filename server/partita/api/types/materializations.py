"""Recorded writes of assets."""

from datetime import datetime

import strawberry
from strawberry import Parent

from partita.api.context import Info
from partita.api.entries import AssetEntry
from partita.api.types.fields import ASSET, RUN, maybe, resolved, shown, shows
from partita.api.types.node import MetadataEntry, Node
from partita.records import assets
from partita.records.runs import Run


@strawberry.type(description="A recorded write of an asset, by a run or reported from outside.")
@shows(assets.Materialization)
class Materialization(Node):
    """A recorded write of an asset."""

    at: datetime = shown("When it was written.")
    partition_key: str | None = shown("The partition that was written; null for an asset without partitions.", "partition")
    step_key: str | None = shown("The step that wrote it; null when it was reported from outside.", "step")
    data_version: str | None = shown("Version of the data, as the code that wrote it named it; null when it did not.")
    version: str = shown("Version of the data: `dataVersion`, else one that Partita has worked out of code and inputs.", "effective_version")
    code_version: str | None = shown("Version of the code that wrote it, as its definition names it; null when it does not.")
    metadata: list[MetadataEntry] = shown("What the code said of the data.")

    @resolved("The asset that was written.", type=ASSET)
    @staticmethod
    def asset(materialization: Parent[assets.Materialization], info: Info) -> AssetEntry:
        """The asset, also when no location declares it any more."""
        return info.context.definitions.show_asset(materialization.asset)

    @resolved("The run that wrote it; null when it was reported from outside or the run was deleted.", type=maybe(RUN))
    @staticmethod
    async def run(materialization: Parent[assets.Materialization], info: Info) -> Run | None:
        """The run."""
        return await info.context.loaders.run(materialization.run_id)
