"""How assets stand against their code and their inputs."""

import strawberry
from strawberry import Parent

from partita.api.context import Info
from partita.api.entries import AssetEntry
from partita.api.types.enums import StalenessCauseKind, StalenessStatus
from partita.api.types.fields import ASSET, maybe, resolved, shown, shows
from partita.planning.staleness import Cause, Staleness

MOST_RANGES = 500


@strawberry.type(description="Why an asset is stale.")
@shows(Cause)
class StalenessCause:
    """Why an asset is stale."""

    kind: StalenessCauseKind = shown("What kind of change it was.")
    reason: str = shown("In words, said of the asset that is stale.")

    @resolved("The asset whose data changed, or that was added or removed; null when the change was in its own code.", type=maybe(ASSET))
    @staticmethod
    def upstream(cause: Parent[Cause], info: Info) -> AssetEntry | None:
        """The upstream asset."""
        return None if cause.upstream is None else info.context.definitions.show_asset(cause.upstream)


@strawberry.type(description="How an asset stands against its code and its inputs. An upstream asset that is itself stale makes nothing stale.")
@shows(Staleness)
class AssetStaleness:
    """How an asset stands."""

    status: StalenessStatus = shown("How it stands; of an asset with partitions, how those that were written stand together.")
    causes: list[StalenessCause] = shown("Why it is stale, each reason once; empty when it is not.")

    @resolved("How many of its partitions are stale; null when it is not partitioned.")
    @staticmethod
    def stale_partition_count(staleness: Parent[Staleness]) -> int | None:
        """Count the stale ones."""
        return None if staleness.stale is None else len(staleness.stale)

    @resolved("How many of its partitions were never written; null when it is not partitioned.")
    @staticmethod
    def missing_partition_count(staleness: Parent[Staleness]) -> int | None:
        """Count the missing ones."""
        return None if staleness.missing is None else len(staleness.missing)

    @resolved("Its stale partitions as unbroken ranges, first and last key of each, at most 500 of them; none when it is not partitioned.")
    @staticmethod
    def stale_ranges(staleness: Parent[Staleness]) -> list[list[str]]:
        """The stale ones as ranges."""
        return [] if staleness.stale is None else [list(each) for each in staleness.stale.ranges()[:MOST_RANGES]]
