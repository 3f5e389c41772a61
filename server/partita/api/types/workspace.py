"""Code locations and their repositories."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import Parent

from partita.api.automations import ScheduleEntry, SensorEntry
from partita.api.context import Info
from partita.api.definitions import JobFilter
from partita.api.entries import AssetEntry, JobEntry, LocationEntry, RepositoryEntry
from partita.api.pages import ShownPage
from partita.api.types.connections import paged
from partita.api.types.enums import LocationStatus
from partita.api.types.failures import PythonError
from partita.api.types.fields import ASSET, CODE_LOCATION, JOB, REPOSITORY, SCHEDULE, SENSOR, argument, many, resolved, shown, shows
from partita.api.types.filters import AssetFilterInput, to_asset_filter
from partita.api.types.node import Node
from partita.records.pages import PageRequest


@strawberry.type(description="Which code locations there are and what they declare.")
class Workspace:
    """Which code locations there are."""

    code_locations: list[str] = shown("Every code location, in the order of the workspace file.", "locations", type=many(CODE_LOCATION))
    version: str = shown("Changes whenever the definitions of any code location change.")


@strawberry.type(description="A Python environment with definitions, served by processes of its own.")
@shows(LocationEntry)
class CodeLocation(Node):
    """A Python environment with definitions."""

    name: str = shown("Its name in the workspace.")
    status: LocationStatus = shown("Where it stands.", "record.status")
    is_reloading: bool = shown("Whether its code is being loaded, or will be because that was asked for.")
    error: PythonError | None = shown("Why its newest code did not load; null when it did.", "record.error")
    warnings: list[str] = shown("What deserves a look, such as references that no other code location answers.")
    python_version: str | None = shown("Version of its interpreter; null until it has loaded.", "record.python_version")
    library_version: str | None = shown("Version of Partita in its environment; null until it has loaded.", "record.library_version")
    loaded_at: datetime | None = shown("When the definitions that are served were loaded; null until then.", "record.loaded_at")
    start: str | None = shown('How its processes are made, "fork" or "spawn" with the reason; null until it has loaded.', "record.start")
    repositories: list[str] = shown("What it declares; empty until it has loaded.", type=many(REPOSITORY))


@strawberry.type(description="A named set of definitions of one code location.")
@shows(RepositoryEntry)
class Repository(Node):
    """A named set of definitions."""

    name: str = shown("Its name inside its code location.", "spec.name")
    description: str | None = shown("What it is; null when nothing was said.", "spec.description")

    @resolved("The code location that declares it.", type=CODE_LOCATION)
    @staticmethod
    def code_location(repository: Parent[RepositoryEntry], info: Info) -> LocationEntry | None:
        """Its location."""
        return info.context.definitions.location(repository.location)

    @paged("Its jobs, sorted by name.", JOB)
    @staticmethod
    def jobs(repository: Parent[RepositoryEntry], info: Info, page: PageRequest) -> ShownPage[JobEntry]:
        """A page of its jobs."""
        return info.context.definitions.page_of_jobs(page, place=repository.place)

    @resolved("Its schedules, sorted by name.", type=many(SCHEDULE))
    @staticmethod
    def schedules(repository: Parent[RepositoryEntry], info: Info) -> list[ScheduleEntry]:
        """Its schedules."""
        return info.context.definitions.schedules_where(JobFilter(), place=repository.place)

    @resolved("Its sensors, sorted by name.", type=many(SENSOR))
    @staticmethod
    def sensors(repository: Parent[RepositoryEntry], info: Info) -> list[SensorEntry]:
        """Its sensors."""
        return info.context.definitions.sensors_where(JobFilter(), place=repository.place)

    @paged("The assets it defines, sorted by key.", ASSET)
    @staticmethod
    async def assets(
        repository: Parent[RepositoryEntry],
        info: Info,
        page: PageRequest,
        filter: Annotated[AssetFilterInput | None, argument("Which of them are wanted; all when left out.")] = None,
    ) -> ShownPage[AssetEntry]:
        """A page of its assets."""
        where = to_asset_filter(filter)
        status_of = await info.context.status_of(where.selection)
        return info.context.definitions.page_of_assets(page, where, place=repository.place, status_of=status_of)
