"""Recorded looks at assets that are written elsewhere."""

from datetime import datetime

import strawberry
from strawberry import Parent

from partita.api.context import Info
from partita.api.entries import AssetEntry
from partita.api.types.fields import ASSET, RUN, maybe, resolved, shown, shows
from partita.api.types.node import MetadataEntry, Node
from partita.records import assets
from partita.records.runs import Run


@strawberry.type(description="A recorded look of a run at an asset that is written elsewhere.")
@shows(assets.Observation)
class Observation(Node):
    """A recorded look at an asset."""

    at: datetime = shown("When it was looked at.")
    partition_key: str | None = shown("The partition that was looked at; null for an asset without partitions.", "partition")
    step_key: str = shown("The step that looked.", "step")
    data_version: str | None = shown("Version of the data, as the code that looked named it; null when it did not.")
    metadata: list[MetadataEntry] = shown("What the code said of the data.")

    @resolved("The asset that was looked at.", type=ASSET)
    @staticmethod
    def asset(observation: Parent[assets.Observation], info: Info) -> AssetEntry:
        """The asset, also when no location declares it any more."""
        return info.context.definitions.show_asset(observation.asset)

    @resolved("The run that looked; null when it was deleted.", type=maybe(RUN))
    @staticmethod
    async def run(observation: Parent[assets.Observation], info: Info) -> Run | None:
        """The run."""
        return await info.context.loaders.run(observation.run_id)
