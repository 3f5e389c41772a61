"""Which partitions a mutation asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from partita.api.limits import LIMITS
from partita.api.mutations.requests import Refused, check_length
from partita.api.problems import invalid, problems_of, too_many
from partita.api.types.inputs import PartitionSelection
from partita.definitions.partitions import DynamicKeys, Partitions, PartitionSet, PartitionsSpec, partitions_of
from partita.definitions.specs import AssetSpec
from partita.errors import RequestError


def partition_keys_of(
    given: PartitionSelection | None, assets: Sequence[AssetSpec], *, dynamic: DynamicKeys | None = None, now: datetime
) -> Sequence[str]:
    """The partition keys that `given` means for these assets.

    Raises:
        Refused: it means nothing for them, or too much.
    """
    if given is None:
        return ()
    if given.keys is not None:
        keys = given.keys.value
        check_length("partitions.keys", keys, most=LIMITS.max_runs_per_launch)
        if not keys:
            raise Refused(invalid("`partitions.keys` is empty. Name at least one partition, or leave `partitions` out.", path=["partitions", "keys"]))
        return keys
    by_state = "statuses" if given.statuses is not None else "stale" if given.stale is not None else None
    if by_state is not None:
        advice = f"`partitions.{by_state}` is for backfills: use `startBackfill`, or name keys, a range or all."
        raise Refused(invalid(advice, path=["partitions", by_state]))
    chosen = _chosen(given, partitions_of(_only_partitioning(assets), dynamic), now=now)
    if not chosen:
        raise Refused(invalid("There are no partitions yet.", path=["partitions"]))
    if len(chosen) > LIMITS.max_runs_per_launch:
        most = LIMITS.max_runs_per_launch
        raise Refused(too_many(f"This would be {len(chosen)} partitions; at most {most} are launched at once.", path=["partitions"]))
    return list(chosen)


def _chosen(given: PartitionSelection, partitions: Partitions, *, now: datetime) -> PartitionSet:
    if given.range is not None:
        ends = given.range.value
        try:
            return partitions.range(ends.from_, ends.to, now=now)
        except RequestError as error:
            raise Refused(*problems_of(error, path=["partitions", "range"])) from None
    if given.all is None or not given.all.value:
        raise Refused(invalid("`partitions.all` must be true. To write no partitions, leave `partitions` out.", path=["partitions", "all"]))
    return partitions.keys(now=now)


def _only_partitioning(assets: Sequence[AssetSpec]) -> PartitionsSpec:
    specs = list(dict.fromkeys(spec.partitions for spec in assets if spec.partitions is not None))
    if not specs:
        raise Refused(invalid("None of these assets is partitioned. Leave `partitions` out.", path=["partitions"]))
    if len(specs) > 1:
        described = "; ".join(partitions_of(spec).describe() for spec in specs)
        raise Refused(
            invalid(f"These assets are cut in different ways ({described}). Give `keys`, or select assets that are cut alike.", path=["partitions"])
        )
    return specs[0]
