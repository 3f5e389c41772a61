"""The root of every mutation."""

from typing import Annotated

import strawberry

from partita.api.context import Info
from partita.api.mutations import automation, backfill, cancel, launch, materialize, priority, reload, report, retry
from partita.api.mutations.answers import (
    Added,
    BackfillAnswer,
    Canceled,
    ConditionsSwitched,
    Evaluated,
    LaunchedRun,
    LaunchedRuns,
    Reloaded,
    Reported,
    RunAnswer,
    SensorAnswer,
    Switched,
)
from partita.api.types.fields import argument, resolved
from partita.api.types.inputs import (
    AddDynamicPartitionsInput,
    CancelBackfillInput,
    CancelRunsInput,
    EvaluateSensorInput,
    LaunchRunInput,
    MaterializeAssetsInput,
    PauseBackfillInput,
    ReloadCodeLocationInput,
    ReportAssetEventInput,
    ResumeBackfillInput,
    RetryBackfillInput,
    RetryRunInput,
    SetAutomationStatusInput,
    SetBackfillPriorityInput,
    SetConditionStatusInput,
    SetRunPriorityInput,
    SetSensorCursorInput,
    StartBackfillInput,
)
from partita.api.types.payloads import (
    AddDynamicPartitionsPayload,
    CancelBackfillPayload,
    CancelRunsPayload,
    EvaluateSensorPayload,
    LaunchRunPayload,
    MaterializeAssetsPayload,
    PauseBackfillPayload,
    ReloadCodeLocationPayload,
    ReportAssetEventPayload,
    ResumeBackfillPayload,
    RetryBackfillPayload,
    SetAutomationStatusPayload,
    SetBackfillPriorityPayload,
    SetConditionStatusPayload,
    SetRunPriorityPayload,
    SetSensorCursorPayload,
    StartBackfillPayload,
)


@strawberry.type(description="Everything that can be done.")
class Mutation:
    """Everything that can be done."""

    @resolved("Run a job.", type=LaunchRunPayload)
    @staticmethod
    async def launch_run(info: Info, input: Annotated[LaunchRunInput, argument("What to run.")]) -> LaunchedRun:
        """Run a job."""
        return await launch.launch_run(info.context, input)

    @resolved("Write assets; a selection of several code locations or partitions becomes several runs.", type=MaterializeAssetsPayload)
    @staticmethod
    async def materialize_assets(info: Info, input: Annotated[MaterializeAssetsInput, argument("What to write.")]) -> LaunchedRuns:
        """Write assets."""
        return await materialize.materialize_assets(info.context, input)

    @resolved("Record that an asset was written by something that is no run; sensors and conditions see it.", type=ReportAssetEventPayload)
    @staticmethod
    async def report_asset_event(info: Info, input: Annotated[ReportAssetEventInput, argument("What was written.")]) -> Reported:
        """Record a write."""
        return await report.report_asset_event(info.context, input)

    @resolved("Execute a run again, as a new run of its group.", type=LaunchRunPayload)
    @staticmethod
    async def retry_run(info: Info, input: Annotated[RetryRunInput, argument("Which run, and which of its steps.")]) -> LaunchedRun:
        """Execute a run again."""
        return await retry.retry_run(info.context, input)

    @resolved("End runs before they end by themselves.", type=CancelRunsPayload)
    @staticmethod
    async def cancel_runs(info: Info, input: Annotated[CancelRunsInput, argument("Which runs.")]) -> Canceled:
        """End runs."""
        return await cancel.cancel_runs(info.context, input)

    @resolved("Let a queued run be claimed sooner or later than others.", type=SetRunPriorityPayload)
    @staticmethod
    async def set_run_priority(info: Info, input: Annotated[SetRunPriorityInput, argument("Which run, and its priority.")]) -> RunAnswer:
        """Change a priority."""
        return await priority.set_run_priority(info.context, input)

    @resolved("Write partitions of assets, or of a job, run after run in the order they depend on each other.", type=StartBackfillPayload)
    @staticmethod
    async def start_backfill(info: Info, input: Annotated[StartBackfillInput, argument("What to write.")]) -> BackfillAnswer:
        """Ask for a backfill."""
        return await backfill.start_backfill(info.context, input)

    @resolved("End a backfill before it ends by itself: nothing more is launched, and its runs are ended.", type=CancelBackfillPayload)
    @staticmethod
    async def cancel_backfill(info: Info, input: Annotated[CancelBackfillInput, argument("Which backfill.")]) -> BackfillAnswer:
        """End a backfill."""
        return await backfill.cancel_backfill(info.context, input)

    @resolved(
        "Launch nothing more of a backfill until it is resumed: runs that have begun go on, those in the queue wait. One that is paused stays so.",
        type=PauseBackfillPayload,
    )
    @staticmethod
    async def pause_backfill(info: Info, input: Annotated[PauseBackfillInput, argument("Which backfill.")]) -> BackfillAnswer:
        """Pause a backfill."""
        return await backfill.pause_backfill(info.context, input)

    @resolved("Let a paused backfill go on. One that is not paused stays as it is.", type=ResumeBackfillPayload)
    @staticmethod
    async def resume_backfill(info: Info, input: Annotated[ResumeBackfillInput, argument("Which backfill.")]) -> BackfillAnswer:
        """Resume a backfill."""
        return await backfill.resume_backfill(info.context, input)

    @resolved("Let the runs of a backfill be claimed sooner or later than others.", type=SetBackfillPriorityPayload)
    @staticmethod
    async def set_backfill_priority(
        info: Info, input: Annotated[SetBackfillPriorityInput, argument("Which backfill, and its priority.")]
    ) -> BackfillAnswer:
        """Change the priority of a backfill."""
        return await backfill.set_backfill_priority(info.context, input)

    @resolved("Write again what failed, was cancelled or was skipped in a backfill.", type=RetryBackfillPayload)
    @staticmethod
    async def retry_backfill(info: Info, input: Annotated[RetryBackfillInput, argument("Which backfill.")]) -> BackfillAnswer:
        """Retry a backfill."""
        return await backfill.retry_backfill(info.context, input)

    @resolved("Switch schedules and sensors on or off, all or none.", type=SetAutomationStatusPayload)
    @staticmethod
    async def set_automation_status(info: Info, input: Annotated[SetAutomationStatusInput, argument("Which, and how.")]) -> Switched:
        """Switch schedules and sensors."""
        return await automation.set_automation_status(info.context, input)

    @resolved("Switch conditions of assets on or off, all or none.", type=SetConditionStatusPayload)
    @staticmethod
    async def set_condition_status(info: Info, input: Annotated[SetConditionStatusInput, argument("Which, and how.")]) -> ConditionsSwitched:
        """Switch conditions."""
        return await automation.set_condition_status(info.context, input)

    @resolved("Say what a sensor has dealt with.", type=SetSensorCursorPayload)
    @staticmethod
    async def set_sensor_cursor(info: Info, input: Annotated[SetSensorCursorInput, argument("Which sensor, and its cursor.")]) -> SensorAnswer:
        """Set a cursor."""
        return await automation.set_sensor_cursor(info.context, input)

    @resolved("Evaluate a sensor and show what it would launch; nothing is launched, and its cursor stays.", type=EvaluateSensorPayload)
    @staticmethod
    async def evaluate_sensor(info: Info, input: Annotated[EvaluateSensorInput, argument("Which sensor.")]) -> Evaluated:
        """Try a sensor out."""
        return await automation.evaluate_sensor(info.context, input)

    @resolved("Add keys to a set of dynamic partitions.", type=AddDynamicPartitionsPayload)
    @staticmethod
    async def add_dynamic_partitions(info: Info, input: Annotated[AddDynamicPartitionsInput, argument("Which keys.")]) -> Added:
        """Add keys."""
        return await automation.add_dynamic_partitions(info.context, input)

    @resolved("Load the code of a code location anew; the old code serves until the new one has loaded.", type=ReloadCodeLocationPayload)
    @staticmethod
    async def reload_code_location(info: Info, input: Annotated[ReloadCodeLocationInput, argument("Which code location.")]) -> Reloaded:
        """Load code anew."""
        return await reload.reload_code_location(info.context, input)
