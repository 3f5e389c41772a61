"""Runs: executions of jobs and of assets."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import Parent

from partita.api import logs
from partita.api.context import Info
from partita.api.entries import AssetEntry, JobEntry, LocationEntry
from partita.api.events import ShownEvent
from partita.api.launchers import launcher_of
from partita.api.pages import MAX_EVENTS, ShownPage
from partita.api.partitions import RunTarget
from partita.api.scalars import JSON, Duration, Long
from partita.api.stats import ShownStats
from partita.api.timing import elapsed
from partita.api.types.connections import paged
from partita.api.types.enums import LogStream, RunStatus, WaitKind
from partita.api.types.failures import PythonError
from partita.api.types.fields import ASSET, BACKFILL, CODE_LOCATION, JOB, RUN, RUN_EVENT, TICK, argument, many, maybe, resolved, shown, shows
from partita.api.types.filters import RunEventFilterInput, to_event_filter
from partita.api.types.launchers import Launcher
from partita.api.types.node import Node, Tag, to_tags
from partita.api.types.steps import LogChunk, RunStats, RunStep
from partita.records import queue, runs
from partita.records.backfills import Backfill
from partita.records.pages import PageRequest
from partita.records.ticks import Tick


@strawberry.type(description="What a run was asked to write: one partition, a range, or a list.")
class RunPartitions:
    """What a run was asked to write."""

    count: int = shown("How many partitions.")

    @resolved("Their keys, in the order of the definition.")
    @staticmethod
    def keys(
        target: Parent[RunTarget],
        first: Annotated[int | None, argument("How many keys at most; 50 when left out, at most 500.")] = None,
        after: Annotated[str | None, argument("The key that the list follows.")] = None,
    ) -> list[str]:
        """A part of the keys."""
        return target.page(first=first, after=after)

    @resolved("First and last key when they are one unbroken range; null otherwise.")
    @staticmethod
    def range(target: Parent[RunTarget], info: Info) -> list[str] | None:
        """First and last key."""
        return target.range(info.context.definitions)


@strawberry.type(description="Why a queued run waits.")
class WaitReason:
    """Why a queued run waits."""

    kind: WaitKind = shown("What it waits for.")
    message: str = shown("The same for people.")


@strawberry.type(description="One execution of a job, or of assets.")
@shows(runs.Run)
class Run(Node):
    """One execution of a job, or of assets."""

    job_name: str | None = shown("Name of its job; null when assets were asked for directly.", "job")
    status: RunStatus = shown("Where it stands.")
    config: JSON = shown("Its run config as it was given.", "request.config")
    priority: int = shown("Runs of higher priority are claimed first.", "request.priority")
    created_at: datetime = shown("When it was asked for.")
    started_at: datetime | None = shown("When its first step could start; null until then.")
    ended_at: datetime | None = shown("When it ended; null until then.")
    attempt: int = shown("1, and one more for every run before it in its group of re-executions.")
    error: PythonError | None = shown("Why it failed, when that was not a step's own failure; null otherwise.")

    @resolved("Its tags, sorted by key.")
    @staticmethod
    def tags(run: Parent[runs.Run]) -> list[Tag]:
        """Its tags."""
        return to_tags(run.request.tags.items())

    @resolved("Its job; null when assets were asked for directly or the job no longer exists.", type=maybe(JOB))
    @staticmethod
    def job(run: Parent[runs.Run], info: Info) -> JobEntry | None:
        """Its job."""
        return info.context.definitions.job(run.request.location, run.request.repository, run.job) if run.job else None

    @resolved("The code location that executes it; null when it no longer exists.", type=maybe(CODE_LOCATION))
    @staticmethod
    def code_location(run: Parent[runs.Run], info: Info) -> LocationEntry | None:
        """Its location."""
        return info.context.definitions.location(run.request.location)

    @resolved("How long it took, or has taken so far; null until it has started.")
    @staticmethod
    def duration(run: Parent[runs.Run], info: Info) -> Duration | None:
        """Seconds between start and end."""
        return elapsed(run.started_at, run.ended_at, now=info.context.now)

    @resolved("The assets that it was asked to write; empty for a job of ops.", type=many(ASSET))
    @staticmethod
    def assets(run: Parent[runs.Run], info: Info) -> list[AssetEntry]:
        """What it writes."""
        return info.context.definitions.assets_of(run.request)

    @resolved("The partitions that it was asked to write; null when its target has none.", type=maybe(RunPartitions))
    @staticmethod
    def partitions(run: Parent[runs.Run]) -> RunTarget | None:
        """Its partitions."""
        return RunTarget(run.request) if run.request.partition_keys else None

    @resolved("Why it waits; null unless it is queued.", type=maybe(WaitReason))
    @staticmethod
    async def wait_reason(run: Parent[runs.Run], info: Info) -> queue.WaitReason | None:
        """Why it waits."""
        return await info.context.wait_reason(run)

    @resolved("What launched it; null when that no longer exists.", type=maybe(Launcher))
    @staticmethod
    async def launched_by(run: Parent[runs.Run], info: Info) -> Any:
        """Who launched it."""
        return await launcher_of(run.request.launched_by, info.context)

    @resolved("The backfill that launched it; null when none did.", type=maybe(BACKFILL))
    @staticmethod
    async def backfill(run: Parent[runs.Run], info: Info) -> Backfill | None:
        """Its backfill."""
        return await info.context.loaders.backfills.load(run.request.backfill_id) if run.request.backfill_id else None

    @resolved("The tick that launched it; null when none did.", type=maybe(TICK))
    @staticmethod
    async def tick(run: Parent[runs.Run], info: Info) -> Tick | None:
        """Its tick."""
        return await info.context.loaders.tick(run.request.tick_id)

    @resolved("The run that it retries; null when it is the first of its group, or that run was deleted.", type=maybe(RUN))
    @staticmethod
    async def parent(run: Parent[runs.Run], info: Info) -> runs.Run | None:
        """The run before it."""
        return await info.context.loaders.run(run.request.parent_id)

    @resolved("The first run of its group of re-executions; null when it is that run itself, or that run was deleted.", type=maybe(RUN))
    @staticmethod
    async def root(run: Parent[runs.Run], info: Info) -> runs.Run | None:
        """The first run."""
        return await info.context.loaders.run(run.request.root_id)

    @resolved("Its steps in the order of its plan; empty until the plan is made.", type=list[RunStep])
    @staticmethod
    async def steps(run: Parent[runs.Run], info: Info) -> list[runs.RunStep]:
        """Its steps."""
        return await info.context.loaders.steps.load(run.id)

    @resolved("Counts over its steps and events.", type=RunStats)
    @staticmethod
    async def stats(run: Parent[runs.Run], info: Info) -> ShownStats:
        """Its counts."""
        return ShownStats(await info.context.loaders.stats.load(run.id))

    @resolved("Whether it can be cancelled: it has not ended.")
    @staticmethod
    def can_cancel(run: Parent[runs.Run]) -> bool:
        """Whether it can be cancelled."""
        return not run.status.is_finished

    @resolved("Whether it can be retried: it has ended, and what it ran still exists.")
    @staticmethod
    def can_retry(run: Parent[runs.Run], info: Info) -> bool:
        """Whether it can be retried."""
        return run.status.is_finished and info.context.definitions.can_launch(run.request)

    @paged("Its event log, oldest first; `last` gives its tail.", RUN_EVENT, has_tail=True, most=MAX_EVENTS)
    @staticmethod
    async def events(
        run: Parent[runs.Run],
        info: Info,
        page: PageRequest,
        filter: Annotated[RunEventFilterInput | None, argument("Which of its events are wanted; all when left out.")] = None,
    ) -> ShownPage[ShownEvent]:
        """A page of its events."""
        return await info.context.page_of_events(run.id, to_event_filter(filter), page=page)

    @resolved("What one of its steps wrote to standard output or error.", type=LogChunk)
    @staticmethod
    async def log(  # noqa: PLR0913 (the arguments of the field)
        run: Parent[runs.Run],
        info: Info,
        step_key: Annotated[str, argument("Key of the step.")],
        stream: Annotated[LogStream, argument("Which of the two streams.")],
        attempt: Annotated[int | None, argument("Number of the attempt, from 1; the newest when left out.")] = None,
        after_byte: Annotated[Long, argument("Where to start, in bytes.")] = Long(0),  # noqa: B008 (a number with a name)
        max_bytes: Annotated[int, argument("How many bytes at most; at most 262,144.")] = 65536,
    ) -> logs.ShownChunk:
        """A piece of the step's output."""
        # Strawberry hands an enum argument over as the word itself.
        asked = logs.Asked(step=step_key, stream=LogStream(stream).value, attempt=attempt, start=after_byte, size=max_bytes)
        return await logs.read_log(info.context, run, asked)
