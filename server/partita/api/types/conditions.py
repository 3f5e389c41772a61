"""What conditions of assets have come to."""

from datetime import datetime

import strawberry
from strawberry import Parent

from partita.api.context import Info
from partita.api.entries import AssetEntry
from partita.api.types.failures import PythonError
from partita.api.types.fields import ASSET, RUN, many, resolved, shown, shows
from partita.api.types.node import Node
from partita.records import conditions
from partita.records.runs import Run


@strawberry.type(description="A part of a condition, and what it came to.")
@shows(conditions.Reason)
class ConditionReason:
    """A part of a condition."""

    depth: int = shown("How far inside the condition it stands: 0 for the whole of it.")
    label: str = shown("The part, in words.", "part.label")
    subject: str = shown("Key of the asset that it was asked of, or of an asset and its check.", "part.subject")
    partition_count: int = shown("How many partitions it was true of; 0 or 1 of an asset without partitions.", "part.count")
    changed_at: datetime = shown("When it last came to something else than before.", "part.since")


@strawberry.type(description="An evaluation of an asset's condition that asked for something.")
@shows(conditions.ConditionEvaluation)
class ConditionEvaluation(Node):
    """An evaluation that asked for something."""

    at: datetime = shown("When it was evaluated.")
    partition_count: int = shown("How many partitions were asked for; 1 for an asset without partitions.", "count")
    partition_keys: list[str] = shown("The partitions that were asked for, at most 1000; empty for an asset without partitions.", "partitions")
    error: PythonError | None = shown("Why what was asked for could not be launched; null when it was.")
    reasons: list[ConditionReason] = shown("The whole condition, each part before those inside it.", type=list[ConditionReason])

    @resolved("The asset, also when no location declares it any more.", type=ASSET)
    @staticmethod
    def asset(evaluation: Parent[conditions.ConditionEvaluation], info: Info) -> AssetEntry:
        """The asset."""
        return info.context.definitions.show_asset(evaluation.asset)

    @resolved("The runs that were launched, without those that were deleted since.", type=many(RUN))
    @staticmethod
    async def runs(evaluation: Parent[conditions.ConditionEvaluation], info: Info) -> list[Run]:
        """The runs."""
        found = await info.context.loaders.runs.load_many(evaluation.run_ids)
        return [run for run in found if run is not None]
