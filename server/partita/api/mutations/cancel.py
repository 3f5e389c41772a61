"""Ending runs before they end by themselves."""

from __future__ import annotations

from partita.api.context import Context
from partita.api.mutations.answers import Canceled, CancelResult
from partita.api.mutations.requests import Refused, check_length, check_texts
from partita.api.problems import problems_of
from partita.api.types.inputs import CancelRunsInput
from partita.errors import RequestError


async def cancel_runs(context: Context, given: CancelRunsInput) -> Canceled:
    """Ask for the end of each run, and say what became of each."""
    try:
        check_texts(given)
        check_length("runIds", given.run_ids)
    except Refused as refused:
        return Canceled(errors=refused.problems)

    def work() -> Canceled:
        return Canceled(results=[_cancel(context, run_id, is_forced=given.force) for run_id in dict.fromkeys(given.run_ids)])

    return await context.read(work)


def _cancel(context: Context, run_id: str, *, is_forced: bool) -> CancelResult:
    runs = context.store.runs
    try:
        return CancelResult(run_id=run_id, run=runs.request_cancel(runs.get(run_id).id, force=is_forced))
    except RequestError as error:
        return CancelResult(run_id=run_id, run=runs.find(run_id), error=problems_of(error, path=["runIds"])[0])
