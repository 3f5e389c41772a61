"""The conditions of a repository's assets: whether anything here can act on them, and whether their selections mean something."""

from __future__ import annotations

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.conditions import selections_of
from partita.definitions.problems import Problems
from partita.definitions.selection import Selection
from partita.definitions.specs import AssetSpec


def check_conditions(graph: AssetGraph, problems: Problems) -> None:
    """A condition of an asset that nothing here computes, or one that names assets which do not exist, is a problem."""
    for key, spec in graph.specs.items():
        if spec.automation is not None:
            with problems.collect(spec.source, f"asset {str(key)!r}"):
                _check(spec, graph, problems)


def _check(spec: AssetSpec, graph: AssetGraph, problems: Problems) -> None:
    assert spec.automation is not None
    if not spec.is_executable:
        told = "automation= is given to an asset that nothing here computes, so nothing can be launched. Give it to the asset's function."
        problems.add(told, source=spec.source, subject=f"asset {str(spec.key)!r}")
    for text in selections_of(spec.automation):
        Selection.parse(text).resolve(graph, location_of={})
