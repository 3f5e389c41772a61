"""Definitions as the API shows them: a spec together with the place where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from partita.api.ids import ASSET, CHECK, JOB, LOCATION, REPOSITORY, encode_id
from partita.definitions.keys import AssetKey
from partita.definitions.specs import AssetSpec, CheckSpec, ConfigSpec, InputSpec, JobSpec, OutputSpec, RepositorySpec, SourceLocation
from partita.records.locations import LocationRecord, LocationStatus

Place = tuple[str, str]
"""Location and repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationEntry:
    """A code location as it stands, and what is wrong with its definitions."""

    record: LocationRecord
    repositories: tuple[RepositoryEntry, ...] = ()
    problems: tuple[str, ...] = ()
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", encode_id(LOCATION, self.record.name))

    @property
    def name(self) -> str:
        """Its name in the workspace."""
        return self.record.name

    @property
    def is_reloading(self) -> bool:
        """Whether its code is being loaded, or will be because that was asked for."""
        return self.record.reload_requested_at is not None or self.record.status is LocationStatus.LOADING

    @property
    def warnings(self) -> tuple[str, ...]:
        """What its load and the other locations give reason to look at."""
        return (*self.record.warnings, *self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryEntry:
    """A repository of a location."""

    location: str
    spec: RepositorySpec
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", encode_id(REPOSITORY, self.location, self.spec.name))

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.location, self.spec.name


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEntry:
    """A job of a repository."""

    location: str
    repository: str
    spec: JobSpec
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", encode_id(JOB, self.location, self.repository, self.spec.name))

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.location, self.repository

    @property
    def name(self) -> str:
        """Its name in its repository."""
        return self.spec.name


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetEntry:
    """An asset of the workspace. One that is only known from events has a bare spec and no place."""

    spec: AssetSpec
    place: Place | None = None
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", encode_id(ASSET, self.key))

    @property
    def key(self) -> AssetKey:
        """Its key in the workspace."""
        return self.spec.key


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckEntry:
    """A check of an asset. One that is only known from events has a bare spec and no place."""

    spec: CheckSpec
    place: Place | None = None
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", encode_id(CHECK, self.spec.asset, self.spec.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpEntry:
    """An op, a nested graph, or an asset as a node of a job's graph."""

    place: Place
    name: str
    description: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    source: SourceLocation | None = None
    inputs: tuple[InputSpec, ...] = ()
    outputs: tuple[OutputSpec, ...] = ()
    config: ConfigSpec | None = None
    resources: tuple[str, ...] = ()
    is_graph: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownConfig:
    """A config schema and what holds where nothing is given."""

    json_schema: dict[str, Any]
    defaults: dict[str, Any]
