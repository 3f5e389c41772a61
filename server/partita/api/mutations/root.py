"""The root of every mutation."""

from typing import Annotated

import strawberry

from partita.api.context import Info
from partita.api.mutations import cancel, launch, materialize, reload, retry
from partita.api.mutations.answers import Canceled, LaunchedRun, LaunchedRuns, Reloaded
from partita.api.types.fields import argument, resolved
from partita.api.types.inputs import CancelRunsInput, LaunchRunInput, MaterializeAssetsInput, ReloadCodeLocationInput, RetryRunInput
from partita.api.types.payloads import CancelRunsPayload, LaunchRunPayload, MaterializeAssetsPayload, ReloadCodeLocationPayload


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

    @resolved("Load the code of a code location anew; the old code serves until the new one has loaded.", type=ReloadCodeLocationPayload)
    @staticmethod
    async def reload_code_location(info: Info, input: Annotated[ReloadCodeLocationInput, argument("Which code location.")]) -> Reloaded:
        """Load code anew."""
        return await reload.reload_code_location(info.context, input)
