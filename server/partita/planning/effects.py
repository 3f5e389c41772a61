"""What a tick writes besides runs: keys of dynamic partitions and reports of assets, which the workspace must know."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from partita.definitions.keys import AssetKey
from partita.definitions.partitions import partitions_of
from partita.definitions.specs import AssetSpec
from partita.errors import NotFoundError, RequestError, UnknownPartitionError
from partita.records.assets import ReportedMaterialization
from partita.records.ticks import PartitionsAdded


def check_additions(additions: Iterable[PartitionsAdded], sets: Collection[str]) -> None:
    """Keys are added to sets that something is cut by.

    Raises:
        NotFoundError: nothing is cut by such a set; names the nearest.
    """
    for each in additions:
        if each.set_name not in sets:
            raise NotFoundError("set of dynamic partitions", each.set_name, sets)


def check_reports(reports: Iterable[ReportedMaterialization], assets: Mapping[AssetKey, AssetSpec]) -> None:
    """Reports are of assets that the workspace declares, and of partitions that those may have.

    Raises:
        NotFoundError: there is no such asset; names the nearest.
        UnknownPartitionError: the asset cannot have such a partition.
        RequestError: a partition is given where there are none, or the other way round.
    """
    for each in reports:
        if each.asset not in assets:
            raise NotFoundError("asset", each.asset, assets)
        spec = assets[each.asset].partitions
        owner = f"Asset {str(each.asset)!r}"
        if spec is None:
            if each.partition is not None:
                raise RequestError(f"{owner} has no partitions, so a report of partition {each.partition!r} means nothing. Leave it out.")
            continue
        partitions = partitions_of(spec)
        if each.partition is None:
            raise RequestError(f"{owner} is partitioned {partitions.describe()}, and its report names none. Give pt.AssetEvent(partition=...).")
        if not partitions.could_have(each.partition):
            raise UnknownPartitionError(each.partition, owner)
