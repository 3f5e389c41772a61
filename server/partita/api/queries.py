"""The root of every query."""

from typing import Annotated, Any

import strawberry

from partita.api import configs, nodes, sorting
from partita.api.asset_health import with_health
from partita.api.automations import ScheduleEntry, SensorEntry
from partita.api.backfills import PreviewedBackfill
from partita.api.context import Info
from partita.api.definitions import Definitions
from partita.api.entries import AssetEntry, JobEntry
from partita.api.errors import ApiError
from partita.api.limits import LIMITS
from partita.api.lookups import find_automation, keys_of_set
from partita.api.mutations.backfill import preview_backfill
from partita.api.pages import ShownPage
from partita.api.problems import Problem
from partita.api.scalars import JSON
from partita.api.status import ShownServer
from partita.api.types.backfills import BackfillPreview
from partita.api.types.connections import paged
from partita.api.types.fields import ALERT, ASSET, BACKFILL, JOB, RUN, SCHEDULE, SENSOR, TICK, WORKSPACE, argument, many, maybe, resolved
from partita.api.types.filters import (
    AlertFilterInput,
    AssetFilterInput,
    AssetOrderInput,
    BackfillFilterInput,
    DefinitionFilterInput,
    RunFilterInput,
    RunOrderInput,
    TickFilterInput,
    to_alert_filter,
    to_asset_filter,
    to_backfill_filter,
    to_job_filter,
    to_run_filter,
    to_run_order,
    to_tick_filter,
)
from partita.api.types.inputs import StartBackfillInput
from partita.api.types.node import Node
from partita.api.types.problems import RunConfigInvalid
from partita.api.types.server import Server
from partita.errors import NotFoundError, RequestError
from partita.records.alerts import Alert
from partita.records.backfills import Backfill
from partita.records.pages import PageRequest
from partita.records.runs import Run
from partita.records.ticks import Tick


@strawberry.type(description="Everything that can be asked.")
class Query:
    """Everything that can be asked."""

    @resolved("Anything by its id; null when there is no such thing.", type=maybe(Node))
    @staticmethod
    async def node(info: Info, id: Annotated[strawberry.ID, argument("Id of what is wanted.")]) -> Any:
        """One node."""
        return await nodes.find_node(info.context, id)

    @resolved("Several things by their ids, in the order of the ids; null for each that does not exist.", type=many(maybe(Node)))
    @staticmethod
    async def nodes(info: Info, ids: Annotated[list[strawberry.ID], argument("Ids of what is wanted, at most 100.")]) -> list[Any]:
        """Several nodes."""
        if len(ids) > LIMITS.max_ids:
            raise ApiError(f"`ids` holds {len(ids)} values; at most {LIMITS.max_ids} are allowed.")
        return await nodes.find_nodes(info.context, ids)

    @resolved("This server.", type=Server)
    @staticmethod
    def server(info: Info) -> ShownServer:
        """This server."""
        return ShownServer(started_at=info.context.server.started_at)

    @resolved("The code locations and what they declare.", type=WORKSPACE)
    @staticmethod
    def workspace(info: Info) -> Definitions:
        """The workspace."""
        return info.context.definitions

    @resolved("A job by its name; null when there is none.", type=maybe(JOB))
    @staticmethod
    def job(
        info: Info,
        name: Annotated[str, argument("Name of the job.")],
        repository: Annotated[str | None, argument("Name of its repository, needed when several define a job of this name.")] = None,
        code_location: Annotated[str | None, argument("Name of its code location, needed when several define a job of this name.")] = None,
    ) -> JobEntry | None:
        """One job."""
        definitions = info.context.definitions
        try:
            found = definitions.catalog.find_job(name, repository=repository, location=code_location)
        except NotFoundError:
            return None
        except RequestError as error:
            raise ApiError(error.message) from None
        return definitions.job(found.location, found.repository, found.spec.name)

    @resolved("An asset by its key; null when no code location declares it.", type=maybe(ASSET))
    @staticmethod
    def asset(info: Info, key: Annotated[str, argument("Its key: segments joined by `/`.")]) -> AssetEntry | None:
        """One asset."""
        return info.context.definitions.asset(key)

    @resolved("A run by its id, or by the last eight characters of it; null when there is none.", type=maybe(RUN))
    @staticmethod
    async def run(info: Info, id: Annotated[strawberry.ID, argument("Id of the run, or its last eight characters.")]) -> Run | None:
        """One run."""
        return await nodes.find_run(info.context, id)

    @resolved("A schedule by its name; null when there is none.", type=maybe(SCHEDULE))
    @staticmethod
    def schedule(
        info: Info,
        name: Annotated[str, argument("Its name, its id, or `location/repository/name`.")],
    ) -> ScheduleEntry | None:
        """One schedule."""
        return find_automation(info.context, name, ScheduleEntry)

    @resolved("A sensor by its name; null when there is none.", type=maybe(SENSOR))
    @staticmethod
    def sensor(
        info: Info,
        name: Annotated[str, argument("Its name, its id, or `location/repository/name`.")],
    ) -> SensorEntry | None:
        """One sensor."""
        return find_automation(info.context, name, SensorEntry)

    @paged("Every schedule of the workspace, sorted by name.", SCHEDULE)
    @staticmethod
    def schedules(
        info: Info,
        page: PageRequest,
        filter: Annotated[DefinitionFilterInput | None, argument("Which schedules are wanted; all when left out.")] = None,
    ) -> ShownPage[ScheduleEntry]:
        """A page of schedules."""
        return info.context.definitions.page_of_schedules(page, to_job_filter(filter))

    @paged("Every sensor of the workspace, sorted by name.", SENSOR)
    @staticmethod
    def sensors(
        info: Info,
        page: PageRequest,
        filter: Annotated[DefinitionFilterInput | None, argument("Which sensors are wanted; all when left out.")] = None,
    ) -> ShownPage[SensorEntry]:
        """A page of sensors."""
        return info.context.definitions.page_of_sensors(page, to_job_filter(filter))

    @resolved("A tick by its id; null when there is none.", type=maybe(TICK))
    @staticmethod
    async def tick(info: Info, id: Annotated[strawberry.ID, argument("Id of the tick.")]) -> Tick | None:
        """One tick."""
        return await info.context.loaders.tick(id[: nodes.MAX_ID])

    @paged("Every tick, the latest due first.", TICK)
    @staticmethod
    async def ticks(
        info: Info,
        page: PageRequest,
        filter: Annotated[TickFilterInput | None, argument("Which ticks are wanted; all but dry runs when left out.")] = None,
    ) -> ShownPage[Tick]:
        """A page of ticks."""
        return await info.context.page_of_ticks(to_tick_filter(filter, info.context.definitions.automations), page=page)

    @resolved("A backfill by its id; null when there is none.", type=maybe(BACKFILL))
    @staticmethod
    async def backfill(info: Info, id: Annotated[strawberry.ID, argument("Id of the backfill, or its last eight characters.")]) -> Backfill | None:
        """One backfill."""
        return await nodes.find_backfill(info.context, id)

    @paged("What people were told of without asking, or are to be, the newest first.", ALERT, has_tail=True)
    @staticmethod
    async def alerts(
        info: Info,
        page: PageRequest,
        filter: Annotated[AlertFilterInput | None, argument("Which alerts are wanted; all when left out.")] = None,
    ) -> ShownPage[Alert]:
        """A page of alerts."""
        return await info.context.page_of_alerts(to_alert_filter(filter), page=page)

    @paged("Every backfill, newest first.", BACKFILL)
    @staticmethod
    async def backfills(
        info: Info,
        page: PageRequest,
        filter: Annotated[BackfillFilterInput | None, argument("Which backfills are wanted; all when left out.")] = None,
    ) -> ShownPage[Backfill]:
        """A page of backfills."""
        return await info.context.page_of_backfills(to_backfill_filter(filter), page=page)

    @resolved("The keys of a set of dynamic partitions, in the order they were added; an error when nothing is cut by a set of that name.")
    @staticmethod
    async def dynamic_partitions(
        info: Info,
        set_name: Annotated[str, argument("Name of the set.")],
        first: Annotated[int, argument("How many keys at most; at most 500.")] = 50,
        after: Annotated[str | None, argument("The key that the list follows.")] = None,
    ) -> list[str]:
        """The keys of a set."""
        return await keys_of_set(info.context, set_name, first=first, after=after)

    @paged("Every job of the workspace, sorted by name.", JOB)
    @staticmethod
    def jobs(
        info: Info,
        page: PageRequest,
        filter: Annotated[DefinitionFilterInput | None, argument("Which jobs are wanted; all when left out.")] = None,
    ) -> ShownPage[JobEntry]:
        """A page of jobs."""
        return info.context.definitions.page_of_jobs(page, to_job_filter(filter))

    @paged("Every asset of the workspace, sorted by key unless told otherwise.", ASSET)
    @staticmethod
    async def assets(
        info: Info,
        page: PageRequest,
        filter: Annotated[AssetFilterInput | None, argument("Which assets are wanted; all when left out.")] = None,
        order_by: Annotated[AssetOrderInput | None, argument("How they are sorted; by key when left out.")] = None,
    ) -> ShownPage[AssetEntry]:
        """A page of assets."""
        where = to_asset_filter(filter)
        found = info.context.definitions.assets_where(where, status_of=await info.context.status_of(where.selection))
        found = await with_health(found, None if filter is None else filter.health, info.context)
        return await sorting.page_of_assets(info.context, found, order=order_by, page=page)

    @resolved("The assets that a selection such as `group:raw and kind:duckdb` means, sorted by key.", type=many(ASSET))
    @staticmethod
    async def select_assets(info: Info, selection: Annotated[str, argument("The selection.")]) -> list[AssetEntry]:
        """The assets that a selection means."""
        return info.context.definitions.select(selection, status_of=await info.context.status_of(selection))

    @paged("Every run, newest first unless told otherwise.", RUN, has_tail=True)
    @staticmethod
    async def runs(
        info: Info,
        page: PageRequest,
        filter: Annotated[RunFilterInput | None, argument("Which runs are wanted; all when left out.")] = None,
        order_by: Annotated[RunOrderInput | None, argument("How they are sorted; newest first when left out.")] = None,
    ) -> ShownPage[Run]:
        """A page of runs."""
        return await info.context.page_of_runs(to_run_filter(filter), order=to_run_order(order_by), page=page)

    @resolved("What a backfill would do if it were started now; nothing is started.", type=BackfillPreview)
    @staticmethod
    async def backfill_preview(info: Info, input: Annotated[StartBackfillInput, argument("What to write.")]) -> PreviewedBackfill:
        """Count what `startBackfill` would write."""
        return await preview_backfill(info.context, input)

    @resolved("What is wrong with a run config, without launching anything; empty when nothing is.", type=list[RunConfigInvalid])
    @staticmethod
    async def validate_run_config(
        info: Info,
        job: Annotated[strawberry.ID, argument("Id of the job.")],
        config: Annotated[JSON, argument("The run config.")],
    ) -> list[Problem]:
        """What `launchRun` would say of a config."""
        return await configs.check_job_config(info.context, job, config)
