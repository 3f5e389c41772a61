"""Which dynamic sets of partitions some definitions are cut by: those whose keys must be looked up before planning with them."""

from __future__ import annotations

from collections.abc import Iterable

from partita.definitions.partitions import PartitionsSpec, dynamic_names
from partita.definitions.specs import AssetSpec, RepositorySpec


def dynamic_sets(repositories: Iterable[RepositorySpec], *, references: Iterable[AssetSpec] = ()) -> frozenset[str]:
    """The names of the sets that assets and jobs of these repositories are cut by.

    Args:
        repositories: where to look.
        references: more assets, which those repositories refer to.
    """
    found: set[str] = set()
    for repository in repositories:
        found.update(_names(asset.partitions for asset in repository.assets))
        found.update(_names(job.partitions for job in repository.jobs))
    found.update(_names(spec.partitions for spec in references))
    return frozenset(found)


def _names(cuts: Iterable[PartitionsSpec | None]) -> Iterable[str]:
    return (name for cut in cuts for name in dynamic_names(cut))
