"""The root of every subscription."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Annotated, Any, cast

import strawberry

from partita.api.context import Info
from partita.api.errors import ApiError
from partita.api.subscriptions import locations, run_events, runs
from partita.api.subscriptions.items import ShownBatch, ShownLocationChange, ShownRunChange
from partita.api.subscriptions.types import RunChange, RunEventBatch, WorkspaceChange
from partita.api.types.fields import argument, resolver_of
from partita.api.types.filters import RunEventFilterInput, RunFilterInput, to_event_filter, to_run_filter


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
