"""Items of subscriptions."""

import strawberry

from partita.api.types.enums import RunStatus
from partita.api.types.fields import ALERT, ASSET, BACKFILL, CODE_LOCATION, RUN, RUN_EVENT, TICK, many, shown
from partita.api.types.node import Definition
from partita.api.types.server import Daemon


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


@strawberry.type(description="A tick that changed, as it stands now.")
class TickChange:
    """A tick that changed."""

    cursor: str = shown("Resumes the stream after this change.")
    tick: str = shown("The tick.", type=TICK)


@strawberry.type(description="A backfill that changed, as it stands now.")
class BackfillChange:
    """A backfill that changed."""

    cursor: str = shown("Resumes the stream after this change.")
    backfill: str = shown("The backfill.", type=BACKFILL)


@strawberry.type(description="An asset that changed, as it stands now.")
class AssetChange:
    """An asset that changed."""

    cursor: str = shown("Resumes the stream after this change.")
    asset: str = shown("The asset.", type=ASSET)


@strawberry.type(description="A schedule or sensor that changed, as it stands now.")
class AutomationChange:
    """A schedule or sensor that changed."""

    cursor: str = shown("Resumes the stream after this change.")
    automation: Definition = shown("The schedule or sensor.")


@strawberry.type(description="An alert that was raised or changed, as it stands now.")
class AlertChange:
    """An alert that changed."""

    cursor: str = shown("Resumes the stream after this change.")
    alert: str = shown("The alert.", type=ALERT)


@strawberry.type(description="A role of the daemon that changed, as it stands now.")
class DaemonChange:
    """A role of the daemon that changed."""

    cursor: str = shown("Resumes the stream after this change.")
    daemon: Daemon = shown("The role.")
