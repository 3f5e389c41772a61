"""Steps of a run, counts over them, and what they wrote to standard output and error."""

from datetime import datetime

import strawberry
from strawberry import Parent

from partita.api.context import Info
from partita.api.scalars import Duration, Long
from partita.api.timing import elapsed
from partita.api.types.enums import StepStatus
from partita.api.types.failures import PythonError
from partita.api.types.fields import resolved, shown
from partita.records import runs


@strawberry.type(description="One step of a run.")
class RunStep:
    """One step of a run."""

    key: str = shown("Its key, unique in its run.")
    status: StepStatus = shown("Where it stands.")
    started_at: datetime | None = shown("When its newest attempt began; null until the first has.")
    ended_at: datetime | None = shown("When it ended; null until then.")
    attempts: int = shown("How many attempts have begun.", "attempt")
    error: PythonError | None = shown("Why its newest attempt failed; null when it did not.")
    worker: str | None = shown("Where it ran: host, process id, and how the process was made; null until it has started.", "process")

    peak_memory: Long | None = shown("The most that its process has held in memory, in bytes; null until it has ended.", "memory")

    @resolved("How long its newest attempt took, or has taken so far; null until it has begun.")
    @staticmethod
    def duration(step: Parent[runs.RunStep], info: Info) -> Duration | None:
        """Seconds between start and end."""
        return elapsed(step.started_at, step.ended_at, now=info.context.now)


@strawberry.type(description="Counts over the steps and events of a run.")
class RunStats:
    """Counts over the steps and events of a run."""

    total_steps: int = shown("Steps of its plan; 0 until the plan is made.")
    succeeded_steps: int = shown("Steps that succeeded.")
    failed_steps: int = shown("Steps that failed.")
    skipped_steps: int = shown("Steps that were not run: skipped, behind a failure, or cancelled.")
    peak_memory: Long | None = shown("The most that the process of one of its steps has held in memory, in bytes; null until one has ended.")
    materializations: int = shown("Writes of assets that it recorded.")
    checks_passed: int = shown("Asset checks that passed.")
    checks_failed: int = shown("Asset checks that failed.")


@strawberry.type(description="A piece of what a step wrote to one of its streams.")
class LogChunk:
    """A piece of what a step wrote to one of its streams."""

    text: str = shown("The text; bytes that are not UTF-8 are shown as replacement characters.")
    next_byte: Long = shown("Where the next piece starts, in bytes.")
    is_complete: bool = shown("Whether the stream has ended and nothing follows after this piece.")
