"""Changing when a queued run is claimed."""

from __future__ import annotations

from partita.api.context import Context
from partita.api.mutations.answers import RunAnswer
from partita.api.mutations.requests import Refused, check_texts
from partita.api.problems import problems_of
from partita.api.types.inputs import SetRunPriorityInput
from partita.errors import RequestError


async def set_run_priority(context: Context, given: SetRunPriorityInput) -> RunAnswer:
    """Let a queued run be claimed sooner or later."""
    runs = context.store.runs

    def work() -> RunAnswer:
        try:
            check_texts(given)
            return RunAnswer(run=runs.set_priority(runs.get(given.run_id).id, given.priority))
        except Refused as refused:
            return RunAnswer(errors=refused.problems)
        except RequestError as error:
            return RunAnswer(run=runs.find(given.run_id), errors=problems_of(error, path=["runId"]))

    return await context.read(work)
