"""The root of every subscription."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Annotated, Any, cast

import strawberry

from partita.api.context import Info
from partita.api.errors import ApiError
from partita.api.subscriptions import locations, run_events, runs, states
from partita.api.subscriptions.items import (
    ShownAlertChange,
    ShownAssetChange,
    ShownAutomationChange,
    ShownBackfillChange,
    ShownBatch,
    ShownDaemonChange,
    ShownLocationChange,
    ShownRunChange,
    ShownTickChange,
)
from partita.api.subscriptions.types import (
    AlertChange,
    AssetChange,
    AutomationChange,
    BackfillChange,
    DaemonChange,
    RunChange,
    RunEventBatch,
    TickChange,
    WorkspaceChange,
)
from partita.api.types.fields import argument, resolver_of
from partita.api.types.filters import (
    BackfillFilterInput,
    RunEventFilterInput,
    RunFilterInput,
    TickFilterInput,
    to_backfill_filter,
    to_event_filter,
    to_run_filter,
    to_tick_filter,
)
from partita.records.filters import TickFilter


def streamed(description: str, type: type) -> Callable[[Any], Any]:
    """A subscription whose items are shown as `type`."""

    def mark(function: Any) -> Any:
        shown_type = cast("Any", AsyncGenerator)[type, None]
        return strawberry.subscription(description=description, graphql_type=shown_type)(resolver_of(function, shown_type))

    return mark


@strawberry.type(description="Everything that can be followed. A stream first replays what is after `after`, then goes on as things happen.")
class Subscription:
    """Everything that can be followed."""

    @streamed("The events of a run; it ends when the run's last event has been delivered.", RunEventBatch)
    @staticmethod
    async def run_events(
        info: Info,
        run_id: Annotated[strawberry.ID, argument("Id of the run.")],
        after: Annotated[str | None, argument("Cursor of the event that the stream resumes after; from the first event when left out.")] = None,
        filter: Annotated[RunEventFilterInput | None, argument("Which events are wanted; all when left out.")] = None,
    ) -> AsyncGenerator[ShownBatch, None]:
        """Follow a run."""
        async with aclosing(run_events.follow(info.context, run_id, after=after, where=to_event_filter(filter))) as items:
            async for item in items:
                yield item

    @streamed("Runs as they are launched and change; several changes of one run may arrive as one.", RunChange)
    @staticmethod
    async def runs(
        info: Info,
        filter: Annotated[RunFilterInput | None, argument("Which runs are wanted, as they stand after the change; all when left out.")] = None,
        after: Annotated[str | None, argument("Cursor of the change that the stream resumes after; from now on when left out.")] = None,
    ) -> AsyncGenerator[ShownRunChange | ApiError, None]:
        """Follow runs."""
        async with aclosing(runs.follow(info.context, to_run_filter(filter), after=after)) as items:
            async for item in items:
                yield item

    @streamed("Code locations as they load, fail and change; without `after`, first each as it stands.", WorkspaceChange)
    @staticmethod
    async def workspace(
        info: Info,
        after: Annotated[str | None, argument("Cursor of the change that the stream resumes after.")] = None,
    ) -> AsyncGenerator[ShownLocationChange | ApiError, None]:
        """Follow code locations."""
        async with aclosing(locations.follow(info.context, after=after)) as items:
            async for item in items:
                yield item

    @streamed("Ticks of schedules and sensors as they begin and end; several changes of one tick may arrive as one.", TickChange)
    @staticmethod
    async def ticks(
        info: Info,
        filter: Annotated[TickFilterInput | None, argument("Which ticks are wanted; all but dry runs when left out.")] = None,
        after: Annotated[str | None, argument("Cursor of the change that the stream resumes after; from now on when left out.")] = None,
    ) -> AsyncGenerator[ShownTickChange | ApiError, None]:
        """Follow ticks."""
        async with aclosing(states.follow_ticks(info.context, await _tick_filter(info, filter), after=after)) as items:
            async for item in items:
                yield item

    @streamed("Backfills as they change; several changes of one may arrive as one.", BackfillChange)
    @staticmethod
    async def backfills(
        info: Info,
        filter: Annotated[BackfillFilterInput | None, argument("Which backfills are wanted; all when left out.")] = None,
        after: Annotated[str | None, argument("Cursor of the change that the stream resumes after; from now on when left out.")] = None,
    ) -> AsyncGenerator[ShownBackfillChange | ApiError, None]:
        """Follow backfills."""
        async with aclosing(states.follow_backfills(info.context, to_backfill_filter(filter), after=after)) as items:
            async for item in items:
                yield item

    @streamed("One backfill, without `after` first as it stands; it ends when the backfill has ended.", BackfillChange)
    @staticmethod
    async def backfill(
        info: Info,
        id: Annotated[strawberry.ID, argument("Id of the backfill, or its last eight characters.")],
        after: Annotated[str | None, argument("Cursor of the change that the stream resumes after.")] = None,
    ) -> AsyncGenerator[ShownBackfillChange | ApiError, None]:
        """Follow backfill."""
        async with aclosing(states.follow_backfill(info.context, id, after=after)) as items:
            async for item in items:
                yield item

    @streamed("Assets as they are written, checked and asked for; several changes of one asset may arrive as one.", AssetChange)
    @staticmethod
    async def assets(
        info: Info,
        keys: Annotated[list[str] | None, argument("Keys of the assets that are wanted; all when left out.")] = None,
        after: Annotated[str | None, argument("Cursor of the change that the stream resumes after; from now on when left out.")] = None,
    ) -> AsyncGenerator[ShownAssetChange | ApiError, None]:
        """Follow assets."""
        async with aclosing(states.follow_assets(info.context, keys, after=after)) as items:
            async for item in items:
                yield item

    @streamed("Schedules and sensors as they are switched, tick and change; without `after`, first each as it stands.", AutomationChange)
    @staticmethod
    async def automations(
        info: Info,
        after: Annotated[str | None, argument("Cursor of the change that the stream resumes after.")] = None,
    ) -> AsyncGenerator[ShownAutomationChange | ApiError, None]:
        """Follow automations."""
        async with aclosing(states.follow_automations(info.context, after=after)) as items:
            async for item in items:
                yield item

    @streamed("Alerts as they are raised, told and end; several changes of one may arrive as one.", AlertChange)
    @staticmethod
    async def alerts(
        info: Info,
        after: Annotated[str | None, argument("Cursor of the change that the stream resumes after; from now on when left out.")] = None,
    ) -> AsyncGenerator[ShownAlertChange | ApiError, None]:
        """Follow alerts."""
        async with aclosing(states.follow_alerts(info.context, after=after)) as items:
            async for item in items:
                yield item

    @streamed("The roles of the daemon as they live and fail; without `after`, first each as it stands.", DaemonChange)
    @staticmethod
    async def daemons(
        info: Info,
        after: Annotated[str | None, argument("Cursor of the change that the stream resumes after.")] = None,
    ) -> AsyncGenerator[ShownDaemonChange | ApiError, None]:
        """Follow daemons."""
        async with aclosing(states.follow_daemons(info.context, after=after)) as items:
            async for item in items:
                yield item


async def _tick_filter(info: Info, given: TickFilterInput | None) -> TickFilter:
    await info.context.begin()
    return to_tick_filter(given, info.context.definitions.automations)
