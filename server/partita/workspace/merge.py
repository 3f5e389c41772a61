"""Making one asset graph out of what several locations declare, and deciding who keeps what two of them claim."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.definitions.sources import SourceLocation
from partita.definitions.specs import AssetSpec, CheckSpec, RepositorySpec
from partita.errors import CycleError
from partita.records.locations import LocationCatalog

Place = tuple[str, str]
"""Location and repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The assets and checks of all locations, each once."""

    graph: AssetGraph
    places: Mapping[AssetKey, Place]
    """Where the spec that counts for each key stands."""
    checks: Mapping[str, Place]
    conflicts: Mapping[str, tuple[str, ...]]


@dataclass(slots=True)
class _Claims:
    """Who declares what, while locations are taken in one after another."""

    assets: dict[AssetKey, tuple[Place, AssetSpec]] = field(default_factory=dict)
    checks: dict[str, tuple[Place, CheckSpec]] = field(default_factory=dict)
    conflicts: dict[str, list[str]] = field(default_factory=dict)

    def take(self, place: Place, repository: RepositorySpec) -> None:
        for spec in repository.assets:
            self._take_asset(place, spec)
        for check in repository.checks:
            holder, _ = self.checks.setdefault(check.step_key, (place, check))
            if holder[0] != place[0]:
                self._refuse(place, f"check {check.step_key!r}", holder, check.source)

    def _take_asset(self, place: Place, spec: AssetSpec) -> None:
        held = self.assets.get(spec.key)
        if held is None or _stands_before(spec, held[1]):
            self.assets[spec.key] = (place, spec)
        elif spec.is_executable and held[0][0] != place[0]:
            self._refuse(place, f"asset '{spec.key}'", held[0], spec.source)

    def _refuse(self, place: Place, what: str, holder: Place, source: SourceLocation | None) -> None:
        where = f"{source.file}:{source.line}: " if source is not None else ""
        self.conflicts.setdefault(place[0], []).append(
            f"{where}Repository {place[1]!r} defines {what}, which repository {holder[1]!r} of code location {holder[0]!r} already defines. "
            "Rename it, or refer to the other one with pt.AssetSpec."
        )

    def graph(self) -> AssetGraph:
        """All that was taken, as a graph.

        Raises:
            CycleError: it has a circle.
        """
        graph = AssetGraph((spec for _, spec in self.assets.values()), (check for _, check in self.checks.values()))
        _ = graph.order  # cannot be had of a circle
        return graph


def merge(locations: Mapping[str, LocationCatalog]) -> Merged:
    """Everything that `locations` declare; a location that closes a circle with those before it is left out whole."""
    claims = _claim(locations.items())
    circles: dict[str, list[str]] = {}
    try:
        graph = claims.graph()
    except CycleError:
        admitted, circles = _admit(locations)
        claims = _claim(admitted.items())
        graph = claims.graph()
    conflicts = {name: (*claims.conflicts.get(name, ()), *circles.get(name, ())) for name in locations}
    return Merged(
        graph=graph,
        places={key: place for key, (place, _) in claims.assets.items()},
        checks={key: place for key, (place, _) in claims.checks.items()},
        conflicts={name: found for name, found in conflicts.items() if found},
    )


def is_bare(spec: AssetSpec) -> bool:
    """True for a spec that says nothing but its key, as a reference to another location's asset does."""
    bare = AssetSpec(spec.key)
    return all(getattr(spec, each.name) == getattr(bare, each.name) for each in fields(bare) if each.name != "source")


def _stands_before(spec: AssetSpec, held: AssetSpec) -> bool:
    """Executable before external, described before bare."""
    if spec.is_executable != held.is_executable:
        return spec.is_executable
    return not spec.is_executable and is_bare(held) and not is_bare(spec)


def _claim(locations: Iterable[tuple[str, LocationCatalog]]) -> _Claims:
    claims = _Claims()
    for place, repository in _repositories(locations):
        claims.take(place, repository)
    return claims


def _repositories(locations: Iterable[tuple[str, LocationCatalog]]) -> Iterator[tuple[Place, RepositorySpec]]:
    for name, catalog in locations:
        for repository in catalog.repositories:
            yield (name, repository.name), repository


def _admit(locations: Mapping[str, LocationCatalog]) -> tuple[dict[str, LocationCatalog], dict[str, list[str]]]:
    """The locations that fit together, in order, and why the others do not."""
    admitted: dict[str, LocationCatalog] = {}
    circles: dict[str, list[str]] = {}
    for name, catalog in locations.items():
        try:
            _claim([*admitted.items(), (name, catalog)]).graph()
        except CycleError as error:
            circles[name] = [f"Its assets close a circle with other code locations: {error}"]
        else:
            admitted[name] = catalog
    return admitted, circles
