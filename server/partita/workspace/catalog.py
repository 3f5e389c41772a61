"""The catalog: all repositories of all locations as specs, merged and looked up by name. Pure.

Asset keys are global: one location may define an asset as executable, the others refer to it. Locations come in the
workspace's order; where two claim the same, the first keeps it and the second has a conflict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.definitions.specs import AssetSpec, JobSpec, RepositorySpec
from partita.errors import AmbiguousNameError, NotFoundError, did_you_mean
from partita.records.locations import LocationCatalog
from partita.workspace.merge import Merged, Place, is_bare, merge


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRef:
    """A job and where it stands."""

    location: str
    repository: str
    spec: JobSpec


class Catalog:
    """What all locations declare, as one.

    Example:
        `Catalog({"ingest": ingest, "analytics": analytics}).owner_of(AssetKey("flights"))`
    """

    def __init__(self, locations: Mapping[str, LocationCatalog]) -> None:
        self.locations: Mapping[str, LocationCatalog] = dict(locations)

    @cached_property
    def _merged(self) -> Merged:
        return merge(self.locations)

    @property
    def graph(self) -> AssetGraph:
        """Every asset of the workspace; an executable definition stands before references to it."""
        return self._merged.graph

    @property
    def conflicts(self) -> Mapping[str, tuple[str, ...]]:
        """Location to what forbids to load it: assets that another location defines, circles across locations."""
        return self._merged.conflicts

    @cached_property
    def warnings(self) -> Mapping[str, tuple[str, ...]]:
        """Location to what deserves a look: references that nothing answers, partitions that differ from the owner's."""
        found = {name: tuple(self._warnings_of(catalog)) for name, catalog in self.locations.items()}
        return {name: lines for name, lines in found.items() if lines}

    @cached_property
    def problems(self) -> Mapping[str, tuple[str, ...]]:
        """Conflicts and warnings of each location that has any."""
        both = {name: (*self.conflicts.get(name, ()), *self.warnings.get(name, ())) for name in self.locations}
        return {name: lines for name, lines in both.items() if lines}

    def asset(self, key: AssetKey) -> AssetSpec:
        """The spec that counts for `key`.

        Raises:
            NotFoundError: no location declares it.
        """
        return self.graph.spec(key)

    def owner_of(self, key: AssetKey) -> Place | None:
        """Location and repository that define `key` as executable; None for external and unknown assets."""
        return self._merged.places[key] if key in self.owners else None

    def declared_at(self, key: AssetKey) -> Place | None:
        """Location and repository whose spec of `key` counts, executable or not."""
        return self._merged.places.get(key)

    @cached_property
    def owners(self) -> Mapping[AssetKey, Place]:
        """Every executable asset and its owner."""
        return {key: place for key, place in self._merged.places.items() if self.graph.spec(key).is_executable}

    @cached_property
    def writers(self) -> Mapping[AssetKey, Place]:
        """Every asset that is written here, and its owner: without those that are only observed."""
        return {key: place for key, place in self.owners.items() if key in self.graph.materializable}

    @property
    def check_owners(self) -> Mapping[str, Place]:
        """Every check by its step key (`asset:check`), and the place that evaluates it."""
        return self._merged.checks

    @cached_property
    def location_of(self) -> Mapping[AssetKey, str]:
        """The location of every asset, for selections."""
        return {key: location for key, (location, _) in self._merged.places.items()}

    @cached_property
    def repositories(self) -> Mapping[Place, RepositorySpec]:
        """Every repository by location and name."""
        return {(name, each.name): each for name, catalog in self.locations.items() for each in catalog.repositories}

    def repository(self, location: str, name: str) -> RepositorySpec:
        """One repository.

        Raises:
            NotFoundError: no such location, or no such repository in it.
        """
        if location not in self.locations:
            raise NotFoundError("code location", location, self.locations)
        if found := self.repositories.get((location, name)):
            return found
        raise NotFoundError("repository", f"{location}/{name}", ["/".join(place) for place in self.repositories])

    def find_repository(self, name: str, *, location: str | None = None) -> Place:
        """Where the repository `name` is.

        Raises:
            NotFoundError: no location has it.
            AmbiguousNameError: several locations have it.
        """
        places = [place for place in self.repositories if place[1] == name and location in {None, place[0]}]
        if len(places) > 1:
            raise AmbiguousNameError("repository", name, ["/".join(place) for place in places])
        if not places:
            self._check_place(location=location, repository=None)
            raise NotFoundError("repository", name, [each for _, each in self.repositories])
        return places[0]

    @cached_property
    def jobs(self) -> tuple[JobRef, ...]:
        """Every job, in the order of locations and definition."""
        return tuple(
            JobRef(location=location, repository=repository.name, spec=job)
            for (location, _), repository in self.repositories.items()
            for job in repository.jobs
        )

    def find_job(self, name: str, *, repository: str | None = None, location: str | None = None) -> JobRef:
        """The job `name`; a bare name is enough while it is the only one.

        Raises:
            NotFoundError: no such job, repository or location.
            AmbiguousNameError: several fit.
        """
        self._check_place(location=location, repository=repository)
        within = [job for job in self.jobs if location in {None, job.location} and repository in {None, job.repository}]
        found = [job for job in within if job.spec.name == name]
        if len(found) > 1:
            raise AmbiguousNameError("job", name, [f"{job.location}/{job.repository}" for job in found])
        if not found:
            raise NotFoundError("job", name, [job.spec.name for job in within])
        return found[0]

    def references_for(self, location: str, repository: str) -> Mapping[AssetKey, AssetSpec]:
        """The owners' specs of the assets that a repository only refers to."""
        declared = self.repository(location, repository).assets
        return {spec.key: self.asset(spec.key) for spec in declared if not spec.is_executable and self.owner_of(spec.key)}

    def _check_place(self, *, location: str | None, repository: str | None) -> None:
        if location is not None and location not in self.locations:
            raise NotFoundError("code location", location, self.locations)
        names = [name for place, name in self.repositories if location in {None, place}]
        if repository is not None and repository not in names:
            raise NotFoundError("repository", repository, names)

    def _warnings_of(self, catalog: LocationCatalog) -> list[str]:
        references = [(repository, spec) for repository in catalog.repositories for spec in repository.assets if not spec.is_executable]
        unanswered = [line for repository, spec in references if (line := self._doubt(repository, spec))]
        unwatched = [line for repository in catalog.repositories for line in self._unwatched(repository)]
        return [*unanswered, *unwatched]

    def _unwatched(self, repository: RepositorySpec) -> Iterator[str]:
        """Of sensors that wait for what nobody declares; it may come, so they are no error."""
        for sensor in repository.sensors:
            for key in sensor.assets:
                if key not in self._merged.places:
                    hint = did_you_mean(str(key), map(str, self._merged.places))
                    yield f"Sensor {sensor.name!r} watches asset '{key}', which no location declares.{hint}"

    def _doubt(self, repository: RepositorySpec, spec: AssetSpec) -> str | None:
        if spec.key not in self._merged.places:
            return None
        counting = self.asset(spec.key)
        if not counting.is_executable:
            # Only a spec without any description can be meant as a reference: others declare an external asset.
            return f"Repository {repository.name!r} refers to asset '{spec.key}', which no location defines." if is_bare(counting) else None
        if spec.partitions is not None and spec.partitions != counting.partitions:
            place = "/".join(self._merged.places[spec.key])
            return f"Repository {repository.name!r} gives asset '{spec.key}' other partitions than its owner {place}; the owner's count."
        return None
