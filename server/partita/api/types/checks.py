"""Asset checks and their verdicts."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import Parent

from partita.api.context import Info
from partita.api.entries import AssetEntry, CheckEntry
from partita.api.pages import ShownPage
from partita.api.types.connections import paged
from partita.api.types.enums import Severity
from partita.api.types.fields import ASSET, CHECK_RESULT, RUN, argument, maybe, resolved, shown, shows
from partita.api.types.node import MetadataEntry, Node
from partita.records.assets import CheckResult
from partita.records.pages import PageRequest
from partita.records.runs import Run


@strawberry.type(description="A recorded verdict of an asset check.")
class AssetCheckResult:
    """A recorded verdict of an asset check."""

    at: datetime = shown("When the check was evaluated.")
    passed: bool = shown("Whether it passed.")
    severity: Severity = shown("What it means that the check failed; of no meaning when it passed.")
    partition_key: str | None = shown("The partition that was checked; null when it was the whole asset.", "partition")
    description: str | None = shown("What the check said; null when it said nothing.")
    metadata: list[MetadataEntry] = shown("What the check measured.")

    @resolved("The run that evaluated it; null when the run was deleted.", type=maybe(RUN))
    @staticmethod
    async def run(result: Parent[CheckResult], info: Info) -> Run | None:
        """The run."""
        return await info.context.loaders.run(result.run_id)


@strawberry.type(description="A test of an asset's data.")
@shows(CheckEntry)
class AssetCheck(Node):
    """A test of an asset's data."""

    name: str = shown("Its name, unique among the checks of its asset.", "spec.name")
    description: str | None = shown("What it tests; null when nothing was said.", "spec.description")
    is_blocking: bool = shown("Whether a failure with severity ERROR stops what is downstream in the same run.", "spec.is_blocking")

    @resolved("The asset that it tests.", type=ASSET)
    @staticmethod
    def asset(check: Parent[CheckEntry], info: Info) -> AssetEntry:
        """The asset."""
        return info.context.definitions.show_asset(check.spec.asset)

    @resolved("Its newest verdict; null when it was never evaluated.", type=maybe(CHECK_RESULT))
    @staticmethod
    async def latest_result(check: Parent[CheckEntry], info: Info) -> CheckResult | None:
        """Its newest verdict."""
        return await info.context.loaders.latest_results.load((check.spec.asset, check.spec.name))

    @paged("Its verdicts, newest first.", CHECK_RESULT)
    @staticmethod
    async def results(
        check: Parent[CheckEntry],
        info: Info,
        page: PageRequest,
        partition_key: Annotated[str | None, argument("Only verdicts about this partition; about any when left out.")] = None,
    ) -> ShownPage[CheckResult]:
        """A page of its verdicts."""
        return await info.context.page_of_results(check.spec, partition_key=partition_key, page=page)
