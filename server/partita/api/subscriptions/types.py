"""Items of subscriptions."""

import strawberry

from partita.api.types.enums import RunStatus
from partita.api.types.fields import CODE_LOCATION, RUN, RUN_EVENT, many, shown


@strawberry.type(description="Up to 500 events, or those of 100 ms, whichever is first.")
class RunEventBatch:
    """Some events of a run."""

    cursor: str = shown("Resumes the stream after this batch.")
    events: list[str] = shown("The events, oldest first; empty when the run has ended and nothing was left to tell.", type=many(RUN_EVENT))
    run_status: RunStatus = shown("Where the run stood when the batch was read.")
    is_caught_up: bool = shown("Whether nothing more was recorded when the batch was read: the replay is over.")


@strawberry.type(description="A run that changed, as it stands now.")
class RunChange:
    """A run that changed."""

    cursor: str = shown("Resumes the stream after this change.")
    run: str = shown("The run.", type=RUN)


@strawberry.type(description="A code location that changed, as it stands now.")
class WorkspaceChange:
    """A code location that changed."""

    cursor: str = shown("Resumes the stream after this change.")
    code_location: str = shown("The code location.", type=CODE_LOCATION)
