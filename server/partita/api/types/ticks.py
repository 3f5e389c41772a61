"""Ticks: what became of each time that a schedule or sensor was due."""

from datetime import datetime

import strawberry
from strawberry import Parent

from partita.api.automations import AutomationEntry
from partita.api.context import Info
from partita.api.scalars import Duration
from partita.api.timing import elapsed
from partita.api.types.enums import TickStatus
from partita.api.types.failures import PythonError
from partita.api.types.fields import RUN, many, maybe, resolved, shown, shows
from partita.api.types.node import Definition, Node
from partita.records import ticks
from partita.records.runs import Run


@strawberry.type(description="A run that a tick asked for, and what became of that.")
class TickRequest:
    """A run that a tick asked for."""

    run_key: str | None = shown("Launches once for each schedule or sensor, ever; null when none was given.")
    partition_key: str | None = shown("The partition that it is to write; null when there is none.", "partition")
    job_name: str | None = shown("Name of the job; null when assets were asked for directly.", "job")
    asset_keys: list[str] = shown("Keys of the assets that were asked for; empty when all of the job's are meant.", "assets")
    is_already_launched: bool = shown("Whether its run key had launched before; `run` is the run of then.")

    @resolved("The run; null in a dry run, and when it was deleted.", type=maybe(RUN))
    @staticmethod
    async def run(request: Parent[ticks.RequestOutcome], info: Info) -> Run | None:
        """The run."""
        return await info.context.loaders.run(request.run_id)


@strawberry.type(description="Keys that a tick added to a set of dynamic partitions.")
class AddedPartitions:
    """Keys that a tick added."""

    set_name: str = shown("Name of the set.")
    keys: list[str] = shown("The keys.")


@strawberry.type(description="One time that a schedule or sensor was due, and what became of it.")
@shows(ticks.Tick)
class Tick(Node):
    """One time that a schedule or sensor was due."""

    status: TickStatus = shown("Where it stands.")
    due_at: datetime = shown("The time that it stands for.")
    started_at: datetime | None = shown("When its evaluation began; null until then, and where nothing had to be evaluated.")
    ended_at: datetime | None = shown("When it ended; null until then.")
    attempt: int = shown("Number of its evaluation, from 1; more when the one before was lost with its worker.")
    is_dry_run: bool = shown("Whether it only shows what would happen.")
    cursor: str | None = shown("The sensor's cursor after it; null when there is none.")
    skip_reason: str | None = shown("Why it launched nothing; null when it did, or failed.")
    error: PythonError | None = shown("Why it failed; null when it did not.")
    run_count: int = shown("How many runs it launched.")
    logs: str = shown("What its function logged, one record a line.")
    requests: list[TickRequest] = shown("The runs that it asked for.")
    added_partitions: list[AddedPartitions] = shown("The keys of dynamic partitions that it added.", "partitions")

    @resolved("The schedule or sensor; null when no code location defines it any more.", type=maybe(Definition))
    @staticmethod
    def automation(tick: Parent[ticks.Tick], info: Info) -> AutomationEntry | None:
        """What was due."""
        return info.context.definitions.automations.by_id.get(tick.automation_id)

    @resolved("How long it took, or has taken so far; null until it has started.")
    @staticmethod
    def duration(tick: Parent[ticks.Tick], info: Info) -> Duration | None:
        """Time between start and end."""
        return elapsed(tick.started_at, tick.ended_at, now=info.context.now)

    @resolved("The runs that it launched.", type=many(RUN))
    @staticmethod
    async def runs(tick: Parent[ticks.Tick], info: Info) -> list[Run]:
        """Its runs."""
        ids = [each.run_id for each in tick.requests if each.run_id is not None and not each.is_already_launched]
        found = await info.context.loaders.runs.load_many(ids)
        return [run for run in found if run is not None]
