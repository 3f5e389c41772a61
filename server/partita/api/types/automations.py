"""Schedules and sensors: what launches runs while nobody looks."""

from datetime import datetime
from itertools import islice
from typing import Annotated

import strawberry
from strawberry import Parent

from partita.api.automations import STATUS_OF, AutomationEntry, ScheduleEntry, SensorEntry, ShownTarget, target_of
from partita.api.context import Info
from partita.api.entries import AssetEntry, JobEntry, RepositoryEntry
from partita.api.errors import ApiError
from partita.api.pages import ShownPage
from partita.api.scalars import Duration
from partita.api.types.connections import paged
from partita.api.types.enums import AutomationStatus, SensorKind
from partita.api.types.fields import ASSET, JOB, REPOSITORY, TICK, argument, many, maybe, resolved, shown, shows
from partita.api.types.filters import TickFilterInput, to_tick_filter
from partita.api.types.node import Definition, Node, Tag, to_tags
from partita.planning.due import cron_of
from partita.records.pages import PageRequest
from partita.records.ticks import Tick

MOST_UPCOMING = 50


@strawberry.type(description="What a schedule or sensor launches: a job, or a selection of assets.")
@shows(ShownTarget)
class AutomationTarget:
    """What a schedule or sensor launches."""

    selection: str | None = shown("The selection of assets; null when it launches a job.", "spec.selection")

    @resolved("The job; null when it launches assets, or the job no longer exists.", type=maybe(JOB))
    @staticmethod
    def job(target: Parent[ShownTarget], info: Info) -> JobEntry | None:
        """The job."""
        return info.context.definitions.job(*target.place, target.spec.job) if target.spec.job else None

    @resolved("The assets that it writes.", type=many(ASSET))
    @staticmethod
    def assets(target: Parent[ShownTarget], info: Info) -> list[AssetEntry]:
        """The assets."""
        job = info.context.definitions.job(*target.place, target.spec.job) if target.spec.job else None
        keys = job.spec.assets if job is not None else target.spec.assets
        return [info.context.definitions.show_asset(key) for key in keys]


async def _status(entry: AutomationEntry, info: Info) -> AutomationStatus:
    record = await info.context.loaders.automations.load(entry.automation_id)
    return STATUS_OF[record.is_on if record is not None else entry.spec.default_on]


async def _is_overridden(entry: AutomationEntry, info: Info) -> bool:
    record = await info.context.loaders.automations.load(entry.automation_id)
    return record is not None and record.is_overridden


async def _next_tick_at(entry: AutomationEntry, info: Info) -> datetime | None:
    record = await info.context.loaders.automations.load(entry.automation_id)
    return record.next_due_at if record is not None and record.is_on else None


async def _last_tick(entry: AutomationEntry, info: Info) -> Tick | None:
    record = await info.context.loaders.automations.load(entry.automation_id)
    return await info.context.loaders.tick(None if record is None else record.last_tick_id)


@strawberry.type(description="Launches a target at the ticks of cron expressions.")
@shows(ScheduleEntry)
class Schedule(Node, Definition):
    """Launches a target at the ticks of cron expressions."""

    cron: list[str] = shown("When it ticks: cron expressions whose ticks are taken together.", "spec.cron")
    timezone: str = shown("Name of the time zone that they count in.", "spec.timezone")
    is_partitioned: bool = shown("Whether each tick launches the newest complete partition of the target.", "spec.is_partitioned")
    has_function: bool = shown("Whether a function decides what each tick launches.", "spec.has_function")
    timeout: Duration = shown("How long an evaluation of its function may take.", "spec.timeout")

    @resolved("The repository that defines it.", type=REPOSITORY)
    @staticmethod
    def repository(schedule: Parent[ScheduleEntry], info: Info) -> RepositoryEntry | None:
        """Where it stands."""
        return info.context.definitions.repository(*schedule.place)

    @resolved("Tags that every run of it gets, sorted by key.")
    @staticmethod
    def tags(schedule: Parent[ScheduleEntry]) -> list[Tag]:
        """Its tags."""
        return to_tags(schedule.spec.tags)

    @resolved("What it launches.", type=AutomationTarget)
    @staticmethod
    def target(schedule: Parent[ScheduleEntry]) -> ShownTarget:
        """Its target."""
        return target_of(schedule, schedule.spec.target)

    @resolved("Whether it is on.")
    @staticmethod
    async def status(schedule: Parent[ScheduleEntry], info: Info) -> AutomationStatus:
        """Whether it is on."""
        return await _status(schedule, info)

    @resolved("Whether somebody has switched it; else the default of its code counts.")
    @staticmethod
    async def is_overridden(schedule: Parent[ScheduleEntry], info: Info) -> bool:
        """Whether somebody has switched it."""
        return await _is_overridden(schedule, info)

    @resolved("Whether its code says that it is on.")
    @staticmethod
    def default_status(schedule: Parent[ScheduleEntry]) -> AutomationStatus:
        """The default of its code."""
        return STATUS_OF[schedule.spec.default_on]

    @resolved("When it ticks next; null while it is off, and until a daemon has looked at it.")
    @staticmethod
    async def next_tick_at(schedule: Parent[ScheduleEntry], info: Info) -> datetime | None:
        """When it ticks next."""
        return await _next_tick_at(schedule, info)

    @resolved("When it would tick from now on, whether it is on or off.")
    @staticmethod
    def upcoming_ticks(schedule: Parent[ScheduleEntry], info: Info, first: Annotated[int, argument("How many, at most 50.")] = 5) -> list[datetime]:
        """The next ticks."""
        if not 0 <= first <= MOST_UPCOMING:
            raise ApiError(f"`first` must be between 0 and {MOST_UPCOMING}, not {first}.")
        return list(islice(cron_of(schedule.spec).ticks(info.context.now), first))

    @resolved("Its newest tick; null when it never ticked.", type=maybe(TICK))
    @staticmethod
    async def last_tick(schedule: Parent[ScheduleEntry], info: Info) -> Tick | None:
        """Its newest tick."""
        return await _last_tick(schedule, info)

    @paged("Its ticks, newest first.", TICK)
    @staticmethod
    async def ticks(
        schedule: Parent[ScheduleEntry],
        info: Info,
        page: PageRequest,
        filter: Annotated[TickFilterInput | None, argument("Which of its ticks are wanted; all but dry runs when left out.")] = None,
    ) -> ShownPage[Tick]:
        """A page of its ticks."""
        return await info.context.page_of_ticks(to_tick_filter(filter, info.context.definitions.automations, only=schedule.automation_id), page=page)


@strawberry.type(description="A function that is evaluated again and again and launches targets when something happened.")
@shows(SensorEntry)
class Sensor(Node, Definition):
    """A function that looks at the world and launches targets."""

    kind: SensorKind = shown("What it waits for.", "kind")
    minimum_interval: Duration = shown("Time between two evaluations, at least.", "spec.interval")
    timeout: Duration = shown("How long an evaluation may take.", "spec.timeout")

    @resolved("The repository that defines it.", type=REPOSITORY)
    @staticmethod
    def repository(sensor: Parent[SensorEntry], info: Info) -> RepositoryEntry | None:
        """Where it stands."""
        return info.context.definitions.repository(*sensor.place)

    @resolved("Its tags; a sensor has none.")
    @staticmethod
    def tags() -> list[Tag]:
        """None."""
        return []

    @resolved("What it may launch; empty for a sensor that only acts.", type=list[AutomationTarget])
    @staticmethod
    def targets(sensor: Parent[SensorEntry]) -> list[ShownTarget]:
        """Its targets."""
        return [target_of(sensor, target) for target in sensor.spec.targets]

    @resolved("The assets whose writes it waits for; empty unless it is a sensor of assets.", type=many(ASSET))
    @staticmethod
    def watched_assets(sensor: Parent[SensorEntry], info: Info) -> list[AssetEntry]:
        """What it watches."""
        return [info.context.definitions.show_asset(key) for key in sensor.spec.assets]

    @resolved("Whether it is on.")
    @staticmethod
    async def status(sensor: Parent[SensorEntry], info: Info) -> AutomationStatus:
        """Whether it is on."""
        return await _status(sensor, info)

    @resolved("Whether somebody has switched it; else the default of its code counts.")
    @staticmethod
    async def is_overridden(sensor: Parent[SensorEntry], info: Info) -> bool:
        """Whether somebody has switched it."""
        return await _is_overridden(sensor, info)

    @resolved("Whether its code says that it is on.")
    @staticmethod
    def default_status(sensor: Parent[SensorEntry]) -> AutomationStatus:
        """The default of its code."""
        return STATUS_OF[sensor.spec.default_on]

    @resolved("What its function said it has dealt with; null until it has said so.")
    @staticmethod
    async def cursor(sensor: Parent[SensorEntry], info: Info) -> str | None:
        """Its cursor."""
        record = await info.context.loaders.automations.load(sensor.automation_id)
        return None if record is None else record.cursor

    @resolved("When it may be evaluated next; null while it is off, and while what it watches has not changed.")
    @staticmethod
    async def next_tick_at(sensor: Parent[SensorEntry], info: Info) -> datetime | None:
        """When it is due; a moment that has passed means nothing for one that waits for something to happen."""
        due_at = await _next_tick_at(sensor, info)
        is_polled = sensor.spec.kind == "function"
        return due_at if is_polled or (due_at is not None and due_at > info.context.now) else None

    @resolved("Its newest tick; null when it never ticked.", type=maybe(TICK))
    @staticmethod
    async def last_tick(sensor: Parent[SensorEntry], info: Info) -> Tick | None:
        """Its newest tick."""
        return await _last_tick(sensor, info)

    @paged("Its ticks, newest first.", TICK)
    @staticmethod
    async def ticks(
        sensor: Parent[SensorEntry],
        info: Info,
        page: PageRequest,
        filter: Annotated[TickFilterInput | None, argument("Which of its ticks are wanted; all but dry runs when left out.")] = None,
    ) -> ShownPage[Tick]:
        """A page of its ticks."""
        return await info.context.page_of_ticks(to_tick_filter(filter, info.context.definitions.automations, only=sensor.automation_id), page=page)
