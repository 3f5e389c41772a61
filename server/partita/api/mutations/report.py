"""Recording that an asset was written by something that is no run."""

from __future__ import annotations

from datetime import datetime

from partita.api.context import Context
from partita.api.definitions import Definitions
from partita.api.mutations.answers import Reported
from partita.api.mutations.requests import Refused, check_texts, to_idempotency
from partita.api.problems import invalid, not_found, problems_of
from partita.api.types.inputs import ReportAssetEventInput
from partita.definitions.keys import AssetKey
from partita.definitions.metadata import MetadataEntry, to_entries
from partita.definitions.partitions import partitions_of
from partita.errors import ConflictError, DefinitionError, RequestError, nearest
from partita.records.assets import ReportedMaterialization


async def report_asset_event(context: Context, given: ReportAssetEventInput) -> Reported:
    """Record a write, or say why not."""

    def work() -> Reported:
        try:
            key = to_idempotency(context, "reportAssetEvent", given)
            made = context.store.idempotency_keys.find(key) if key is not None else None
            is_replay = made is not None
            found = made[0] if made is not None else context.store.reports.add(_decide(context.definitions, given, now=context.now), key=key)
        except Refused as refused:
            return Reported(errors=refused.problems)
        except ConflictError as error:
            return Reported(errors=problems_of(error, path=["idempotencyKey"]))
        return Reported(materialization=context.store.assets.materialization(found), is_replay=is_replay)

    return await context.read(work)


def _decide(definitions: Definitions, given: ReportAssetEventInput, *, now: datetime) -> ReportedMaterialization:
    """What is to be recorded.

    Raises:
        Refused: there is no such asset or partition, or the metadata is none.
    """
    check_texts(given)
    graph = definitions.catalog.graph
    if given.asset_key not in graph:
        close = nearest(given.asset_key, graph.keys)
        message = f"There is no asset {given.asset_key!r}. Declare what others write: pt.AssetSpec({given.asset_key!r})."
        raise Refused(not_found(message, path=["assetKey"], subject=given.asset_key, suggestions=(close,) if close else ()))
    spec = graph.spec(AssetKey(given.asset_key))
    if spec.partitions is None and given.partition_key is not None:
        raise Refused(invalid(f"Asset {str(spec.key)!r} has no partitions. Leave `partitionKey` out.", path=["partitionKey"]))
    if spec.partitions is not None:
        partitions = partitions_of(spec.partitions, definitions.dynamic)
        if given.partition_key is None:
            raise Refused(invalid(f"Asset {str(spec.key)!r} is partitioned ({partitions.describe()}). Name the partition.", path=["partitionKey"]))
        try:
            partitions.range(given.partition_key, given.partition_key, now=now)
        except RequestError as error:
            raise Refused(*problems_of(error, path=["partitionKey"])) from None
    return ReportedMaterialization(asset=spec.key, partition=given.partition_key, data_version=given.data_version, metadata=_metadata(given.metadata))


def _metadata(given: object) -> tuple[MetadataEntry, ...]:
    if given is None:
        return ()
    if not isinstance(given, dict):
        raise Refused(invalid("Metadata is a mapping from labels to values.", path=["metadata"]))
    try:
        return to_entries(given)
    except DefinitionError as error:
        raise Refused(invalid(error.message, path=["metadata"])) from None
