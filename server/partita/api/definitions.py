"""What the workspace declares at one moment, as entries that the schema shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from partita.api.automations import AutomationEntry, Automations, ScheduleEntry, SensorEntry
from partita.api.entries import AssetEntry, CheckEntry, JobEntry, LocationEntry, Place, RepositoryEntry
from partita.api.errors import ApiError
from partita.api.pages import ShownPage, counted, page_of
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DynamicKeys
from partita.definitions.selection import Selection
from partita.definitions.specs import AssetSpec, CheckSpec
from partita.errors import RequestError
from partita.planning.dynamic import dynamic_sets
from partita.planning.pools import PoolNeeds
from partita.records.locations import LocationRecord
from partita.records.pages import PageRequest
from partita.records.runs import RunRequest
from partita.workspace.catalog import Catalog

MAX_SELECTION = 10_000
"""Characters of a selection."""


StatusOf = Mapping[AssetKey, Collection[str]]
"""The words that are true of each asset's state; read only for selections that ask for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFilter:
    """Assets to list: all given fields must hold, a list means any of its values."""

    selection: str | None = None
    groups: frozenset[str] | None = None
    kinds: frozenset[str] | None = None
    owners: frozenset[str] | None = None
    text: str = ""

    def fits(self, spec: AssetSpec) -> bool:
        """Whether an asset is wanted, the selection left aside."""
        return (
            (self.groups is None or spec.group in self.groups)
            and (self.kinds is None or not self.kinds.isdisjoint(spec.kinds))
            and (self.owners is None or not self.owners.isdisjoint(spec.owners))
            and self.text in spec.key.casefold()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Jobs, schedules or sensors to list: all given fields must hold, a list means any of its values."""

    text: str = ""
    locations: frozenset[str] | None = None
    tags: frozenset[tuple[str, str]] = frozenset()

    def fits(self, location: str, name: str, tags: Iterable[tuple[str, str]]) -> bool:
        """Whether a job, schedule or sensor is wanted."""
        return (self.locations is None or location in self.locations) and self.tags <= frozenset(tags) and self.text in name.casefold()


class Entries:
    """The entries of one catalog. They are made once for every set of catalogs, however often the locations' status is read."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    @cached_property
    def dynamic_sets(self) -> frozenset[str]:
        """The names of the dynamic sets of partitions that anything is cut by."""
        return dynamic_sets(self.catalog.repositories.values())

    @cached_property
    def pools_of(self) -> PoolNeeds:
        """The pools that the run of a request needs."""
        return PoolNeeds(self.catalog.repositories)

    @cached_property
    def repositories(self) -> Mapping[Place, RepositoryEntry]:
        """Every repository by location and name."""
        return {place: RepositoryEntry(location=place[0], spec=spec) for place, spec in self.catalog.repositories.items()}

    @cached_property
    def jobs(self) -> Mapping[tuple[str, str, str], JobEntry]:
        """Every job by location, repository and name; sorted by name."""
        entries = (JobEntry(location=each.location, repository=each.repository, spec=each.spec) for each in self.catalog.jobs)
        return {(*entry.place, entry.name): entry for entry in sorted(entries, key=_job_order)}

    @cached_property
    def assets(self) -> Mapping[AssetKey, AssetEntry]:
        """Every asset by key; sorted by key."""
        keys = sorted(self.catalog.graph.keys)
        return {key: AssetEntry(spec=self.catalog.asset(key), place=self.catalog.declared_at(key)) for key in keys}

    @cached_property
    def checks(self) -> Mapping[AssetKey, Sequence[CheckEntry]]:
        """The checks of every asset that has any, in order of definition."""
        found: dict[AssetKey, list[CheckEntry]] = {}
        for place, repository in self.catalog.repositories.items():
            for check in repository.checks:
                if self.catalog.check_owners.get(check.step_key) == place:
                    found.setdefault(check.asset, []).append(CheckEntry(spec=check, place=place))
        return found

    @cached_property
    def automations(self) -> Automations:
        """Every schedule and sensor, in order of definition."""
        entries: list[AutomationEntry] = []
        for (location, name), repository in self.catalog.repositories.items():
            entries += [ScheduleEntry(location=location, repository=name, spec=spec) for spec in repository.schedules]
            entries += [SensorEntry(location=location, repository=name, spec=spec) for spec in repository.sensors]
        return Automations(entries)

    @cached_property
    def jobs_of(self) -> Mapping[AssetKey, Sequence[JobEntry]]:
        """The jobs that write each asset."""
        found: dict[AssetKey, list[JobEntry]] = {}
        for job in self.jobs.values():
            for key in job.spec.assets:
                found.setdefault(key, []).append(job)
        return found


class Definitions:
    """What the workspace declares, and where its locations stand, at one moment."""

    def __init__(self, records: Iterable[LocationRecord], entries: Entries, version: str, *, dynamic: DynamicKeys | None = None) -> None:
        self.records = tuple(records)
        self.dynamic: DynamicKeys = dynamic or {}
        """The keys of the dynamic sets that anything is cut by."""
        self.entries = entries
        self.version = version

    @property
    def catalog(self) -> Catalog:
        """The specs themselves."""
        return self.entries.catalog

    @property
    def automations(self) -> Automations:
        """Every schedule and sensor by what it is called."""
        return self.entries.automations

    def schedules_where(self, where: JobFilter, *, place: Place | None = None) -> list[ScheduleEntry]:
        """Schedules, sorted by name."""
        found = [each for each in self.automations.by_id.values() if isinstance(each, ScheduleEntry)]
        fitting = [each for each in found if where.fits(each.location, each.name, each.spec.tags) and place in {None, each.place}]
        return sorted(fitting, key=_automation_order)

    def sensors_where(self, where: JobFilter, *, place: Place | None = None) -> list[SensorEntry]:
        """Sensors, sorted by name."""
        found = [each for each in self.automations.by_id.values() if isinstance(each, SensorEntry)]
        fitting = [each for each in found if where.fits(each.location, each.name, ()) and place in {None, each.place}]
        return sorted(fitting, key=_automation_order)

    def automations_of(self, job: JobEntry) -> list[AutomationEntry]:
        """The schedules and sensors that launch a job, sorted by name."""
        found: list[AutomationEntry] = []
        for each in self.automations.by_id.values():
            targets = (each.spec.target,) if isinstance(each, ScheduleEntry) else each.spec.targets
            if each.place == job.place and any(target.job == job.name for target in targets):
                found.append(each)
        return sorted(found, key=_automation_order)

    def page_of_schedules(self, page: PageRequest, where: JobFilter | None = None) -> ShownPage[ScheduleEntry]:
        """A page of schedules, sorted by name."""
        found = self.schedules_where(where or JobFilter())
        return ShownPage(page=page_of(found, page, key=_automation_order), count=counted(len(found)))

    def page_of_sensors(self, page: PageRequest, where: JobFilter | None = None) -> ShownPage[SensorEntry]:
        """A page of sensors, sorted by name."""
        found = self.sensors_where(where or JobFilter())
        return ShownPage(page=page_of(found, page, key=_automation_order), count=counted(len(found)))

    @cached_property
    def locations(self) -> tuple[LocationEntry, ...]:
        """Every code location, in the order of the workspace."""
        return tuple(
            LocationEntry(
                record=record,
                repositories=tuple(each for place, each in self.entries.repositories.items() if place[0] == record.name),
                problems=tuple(self.catalog.problems.get(record.name, ())),
            )
            for record in self.records
        )

    def location(self, name: str) -> LocationEntry | None:
        """One code location."""
        return next((entry for entry in self.locations if entry.name == name), None)

    def repository(self, location: str, name: str) -> RepositoryEntry | None:
        """One repository."""
        return self.entries.repositories.get((location, name))

    def job(self, location: str, repository: str, name: str) -> JobEntry | None:
        """One job."""
        return self.entries.jobs.get((location, repository, name))

    def asset(self, key: str) -> AssetEntry | None:
        """One asset that a location declares."""
        return self.entries.assets.get(key)  # type: ignore[call-overload, no-any-return]  # keys compare as the texts they are

    def show_asset(self, key: AssetKey) -> AssetEntry:
        """An asset, also one that is only known from events."""
        return self.entries.assets.get(key) or AssetEntry(spec=AssetSpec(key))

    def checks_of(self, key: AssetKey) -> Sequence[CheckEntry]:
        """The checks of an asset."""
        return self.entries.checks.get(key, ())

    def check(self, asset: str, name: str) -> CheckEntry | None:
        """One check that a location declares."""
        found = self.entries.checks.get(asset, ())  # type: ignore[call-overload]  # keys compare as the texts they are
        return next((check for check in found if check.spec.name == name), None)

    def show_check(self, asset: AssetKey, name: str) -> CheckEntry:
        """A check, also one that is only known from events."""
        return self.check(asset, name) or CheckEntry(spec=CheckSpec(name=name, asset=asset))

    def upstream_of(self, key: AssetKey) -> list[AssetEntry]:
        """What an asset is computed from, nearest only."""
        return [self.show_asset(each) for each in self.catalog.graph.upstream(key)] if key in self.catalog.graph else []

    def downstream_of(self, key: AssetKey) -> list[AssetEntry]:
        """What is computed from an asset, nearest only."""
        return [self.show_asset(each) for each in self.catalog.graph.downstream(key)] if key in self.catalog.graph else []

    def assets_of(self, request: RunRequest) -> list[AssetEntry]:
        """What a run was asked to write."""
        if request.assets or request.job is None:
            return [self.show_asset(key) for key in request.assets]
        job = self.job(request.location, request.repository, request.job)
        return [self.show_asset(key) for key in job.spec.assets] if job else []

    def can_launch(self, request: RunRequest) -> bool:
        """Whether what a run was asked for still exists."""
        repository = self.repository(request.location, request.repository)
        if repository is None:
            return False
        if request.job is not None and self.job(request.location, request.repository, request.job) is None:
            return False
        return all(self.catalog.owner_of(key) == repository.place for key in request.assets)

    def jobs_of(self, key: AssetKey) -> Sequence[JobEntry]:
        """The jobs that write an asset."""
        return self.entries.jobs_of.get(key, ())

    def select(self, selection: str, *, status_of: StatusOf | None = None) -> list[AssetEntry]:
        """The assets that a selection means, sorted by key.

        Raises:
            ApiError: it cannot be read, or it names what does not exist.
        """
        keys = self._keys_of(read_selection(selection), status_of)
        return [entry for key, entry in self.entries.assets.items() if key in keys]

    def _keys_of(self, selection: Selection, status_of: StatusOf | None) -> set[AssetKey]:
        try:
            return selection.resolve(self.catalog.graph, location_of=self.catalog.location_of, status_of=status_of)
        except RequestError as error:
            raise ApiError(error.message) from None

    def assets_where(self, where: AssetFilter, *, place: Place | None = None, status_of: StatusOf | None = None) -> list[AssetEntry]:
        """The assets that a filter means, sorted by key.

        Raises:
            ApiError: the selection cannot be read, or it names what does not exist.
        """
        found = self.entries.assets.values() if where.selection is None else self.select(where.selection, status_of=status_of)
        return [entry for entry in found if where.fits(entry.spec) and place in {None, entry.place}]

    def page_of_assets(
        self, page: PageRequest, where: AssetFilter, *, place: Place | None = None, status_of: StatusOf | None = None
    ) -> ShownPage[AssetEntry]:
        """A page of the assets that a filter means, sorted by key."""
        found = self.assets_where(where, place=place, status_of=status_of)
        return ShownPage(page=page_of(found, page, key=lambda entry: (str(entry.key),)), count=counted(len(found)))

    def page_of_jobs(self, page: PageRequest, where: JobFilter | None = None, *, place: Place | None = None) -> ShownPage[JobEntry]:
        """A page of jobs, sorted by name."""
        wanted = where or JobFilter()
        found = [job for job in self.entries.jobs.values() if wanted.fits(job.location, job.name, job.spec.tags) and place in {None, job.place}]
        return ShownPage(page=page_of(found, page, key=_job_order), count=counted(len(found)))


def read_selection(selection: str) -> Selection:
    """The selection that a text means.

    Raises:
        ApiError: it cannot be read.
    """
    if len(selection) > MAX_SELECTION:
        raise ApiError(f"A selection has at most {MAX_SELECTION:,} characters, not {len(selection):,}.")
    try:
        return Selection.parse(selection)
    except RequestError as error:
        raise ApiError(error.message) from None


def _automation_order(entry: AutomationEntry) -> tuple[str, str, str]:
    return entry.name, entry.location, entry.repository


def _job_order(job: JobEntry) -> tuple[str, str, str]:
    return job.name, job.location, job.repository
