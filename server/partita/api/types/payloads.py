"""What mutations answer: what was done, and what stopped the rest as data."""

import strawberry

from partita.api.types.fields import CODE_LOCATION, RUN, many, maybe, shown
from partita.api.types.problems import Obstacle

ERRORS = "What stopped it; empty when it was done."
REPLAY = "Whether this is the first answer to the same idempotency key again."


@strawberry.type(description="What became of a launch.")
class LaunchRunPayload:
    """What became of a launch."""

    run: str = shown("The run; null when it was refused.", type=maybe(RUN))
    is_replay: bool = shown(REPLAY)
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What became of a request to write assets.")
class MaterializeAssetsPayload:
    """What became of a request to write assets."""

    runs: list[str] = shown("The runs, those that others wait for first; empty when the request was refused.", type=many(RUN))
    is_replay: bool = shown(REPLAY)
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What became of one run that was to be cancelled.")
class CancelRunResult:
    """What became of one run that was to be cancelled."""

    run_id: strawberry.ID = shown("The id that was given.")
    run: str = shown("The run as it stands now; null when there is none of that id.", type=maybe(RUN))
    error: Obstacle | None = shown("Why it was not cancelled; null when it was.")


@strawberry.type(description="What became of runs that were to be cancelled.")
class CancelRunsPayload:
    """What became of runs that were to be cancelled."""

    results: list[CancelRunResult] = shown("One for each id, in the order of the ids; empty when the whole request was refused.")
    errors: list[Obstacle] = shown("What stopped the whole request; empty when each run was looked at.")


@strawberry.type(description="What became of a reload.")
class ReloadCodeLocationPayload:
    """What became of a reload."""

    code_location: str = shown("The code location; it is loaded in the background. Null when there is none.", type=maybe(CODE_LOCATION))
    errors: list[Obstacle] = shown(ERRORS)
