"""What mutations answer: what was done, and what stopped the rest as data."""

import strawberry

from partita.api.types.fields import ASSET, BACKFILL, CODE_LOCATION, MATERIALIZATION, RUN, SENSOR, TICK, many, maybe, shown
from partita.api.types.node import Definition
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


@strawberry.type(description="What became of a write that was reported.")
class ReportAssetEventPayload:
    """What became of a write that was reported."""

    materialization: str = shown("The write as it was recorded; null when it was refused.", type=maybe(MATERIALIZATION))
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


@strawberry.type(description="What became of a change of priority.")
class SetRunPriorityPayload:
    """What became of a change of priority."""

    run: str = shown("The run as it stands now; null when there is none of that id.", type=maybe(RUN))
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What became of a reload.")
class ReloadCodeLocationPayload:
    """What became of a reload."""

    code_location: str = shown("The code location; it is loaded in the background. Null when there is none.", type=maybe(CODE_LOCATION))
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What became of a request to backfill.")
class StartBackfillPayload:
    """What became of a request to backfill."""

    backfill: str = shown("The backfill; null when it was refused.", type=maybe(BACKFILL))
    is_replay: bool = shown(REPLAY)
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What became of a backfill that was to be cancelled.")
class CancelBackfillPayload:
    """What became of a backfill that was to be cancelled."""

    backfill: str = shown("The backfill as it stands now; null when there is none of that id.", type=maybe(BACKFILL))
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What became of a backfill that was to be paused.")
class PauseBackfillPayload:
    """What became of a backfill that was to be paused."""

    backfill: str = shown("The backfill as it stands now; null when there is none of that id.", type=maybe(BACKFILL))
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What became of a backfill that was to be resumed.")
class ResumeBackfillPayload:
    """What became of a backfill that was to be resumed."""

    backfill: str = shown("The backfill as it stands now; null when there is none of that id.", type=maybe(BACKFILL))
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What became of a change of the priority of a backfill.")
class SetBackfillPriorityPayload:
    """What became of a change of the priority of a backfill."""

    backfill: str = shown("The backfill as it stands now; null when there is none of that id.", type=maybe(BACKFILL))
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What became of a backfill that was to be retried.")
class RetryBackfillPayload:
    """What became of a backfill that was to be retried."""

    backfill: str = shown("The backfill as it stands now; null when there is none of that id.", type=maybe(BACKFILL))
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What became of schedules and sensors that were to be switched.")
class SetAutomationStatusPayload:
    """What became of schedules and sensors that were to be switched."""

    automations: list[Definition] = shown("The schedules and sensors as they stand now; empty when the request was refused.")
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What became of conditions that were to be switched.")
class SetConditionStatusPayload:
    """What became of conditions that were to be switched."""

    assets: list[str] = shown("Their assets as they stand now; empty when the request was refused.", type=many(ASSET))
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What became of a sensor whose cursor was to be set.")
class SetSensorCursorPayload:
    """What became of a sensor whose cursor was to be set."""

    sensor: str = shown("The sensor as it stands now; null when there is none of that name.", type=maybe(SENSOR))
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What an evaluation of a sensor came to.")
class EvaluateSensorPayload:
    """What an evaluation of a sensor came to."""

    tick: str = shown(
        "The dry run: what the sensor would have launched. Null when it could not be evaluated, or goes on longer than one operation may.",
        type=maybe(TICK),
    )
    errors: list[Obstacle] = shown(ERRORS)


@strawberry.type(description="What became of keys that were to be added.")
class AddDynamicPartitionsPayload:
    """What became of keys that were to be added."""

    added_keys: list[str] = shown("The keys that were new, in the order given.")
    errors: list[Obstacle] = shown(ERRORS)
