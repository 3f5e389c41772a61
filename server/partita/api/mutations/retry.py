"""Executing a run again, as a new run of its group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from partita.api.context import Context
from partita.api.mutations.answers import LaunchedRun
from partita.api.mutations.requests import Refused, check_length, check_location, check_texts, launch, plan_of, to_idempotency, to_tags
from partita.api.problems import conflict, invalid, problems_of
from partita.api.types.enums import RetryStrategy
from partita.api.types.inputs import RetryRunInput
from partita.errors import RequestError
from partita.planning.choice import steps_of_assets
from partita.planning.plan import Plan
from partita.records.runs import Run, RunRequest, StepStatus

PLACES = {"job": "runId", "asset": "runId", "check": "runId", "step": "stepKeys", "partition": "runId"}
"""Kinds of things, and the fields of the input that name them: all but the steps are those of the run."""


async def retry_run(context: Context, given: RetryRunInput) -> LaunchedRun:
    """Queue a run that does again what another did, or say why not."""

    def decide() -> Sequence[RunRequest]:
        return [_request_of(context, given)]

    made = await launch(context, decide, lambda: to_idempotency(context, "retryRun", given))
    return LaunchedRun(run=next(iter(made.runs), None), is_replay=made.is_replay, errors=made.problems)


def _request_of(context: Context, given: RetryRunInput) -> RunRequest:
    check_texts(given)
    run = _finished_run(context, given.run_id)
    check_location(context.definitions, run.request.location)
    is_chosen = given.step_keys is not None or given.asset_keys is not None
    request = msgspec.structs.replace(
        run.request,
        parent_id=run.id,
        root_id=run.root_id,
        # Steps that are named are executed whatever became of them: nothing of them is taken over.
        is_resumed=given.strategy is RetryStrategy.FROM_FAILURE and not is_chosen,
        steps=_chosen_steps(context, run, given) if is_chosen else run.request.steps,
        tags={**run.request.tags, **to_tags(given.tags)},
        launched_by="user",
    )
    plan = _plan_of(context, request)
    if request.is_resumed:
        before = {step.key: step.status for step in context.store.runs.steps([run.id])[run.id]}
        if before and _is_done(plan, before):
            raise Refused(invalid(f"Every step of run {run.id} succeeded. To execute them again, use the strategy ALL_STEPS.", path=["strategy"]))
    return request


def _chosen_steps(context: Context, run: Run, given: RetryRunInput) -> tuple[str, ...]:
    """Keys of the steps that were asked for, or of those of the assets that were."""
    if given.step_keys is not None and given.asset_keys is not None:
        raise Refused(invalid("Give either `stepKeys` or `assetKeys`, not both.", path=["assetKeys"]))
    check_length("stepKeys", given.step_keys)
    check_length("assetKeys", given.asset_keys)
    if given.asset_keys is None:
        return tuple(given.step_keys or ())
    plan = _plan_of(context, msgspec.structs.replace(run.request, steps=None))
    try:
        return steps_of_assets(plan.steps, given.asset_keys, owner=f"run {run.id}")
    except RequestError as error:
        raise Refused(*problems_of(error, path=["assetKeys"])) from None


def _plan_of(context: Context, request: RunRequest) -> Plan:
    try:
        return plan_of(context.definitions, request, now=context.now, places=PLACES)
    except RequestError as error:  # its repository is gone
        raise Refused(*problems_of(error, path=["runId"])) from None


def _is_done(plan: Plan, before: Mapping[str, StepStatus]) -> bool:
    """Whether every step has succeeded, those that were made from templates among them."""
    unknown = [step for step in plan.steps if step.key not in before and not step.is_template]
    return not unknown and all(status is StepStatus.SUCCEEDED for key, status in before.items() if plan.origin(key) is not None)


def _finished_run(context: Context, run_id: str) -> Run:
    try:
        run = context.store.runs.get(run_id)
    except RequestError as error:
        raise Refused(*problems_of(error, path=["runId"])) from None
    if not run.status.is_finished:
        raise Refused(conflict(f"Run {run.id} has not ended; it is {run.status}. Wait for it, or cancel it first.", path=["runId"], run=run))
    return run
