"""Running a job."""

from __future__ import annotations

from collections.abc import Sequence

from partita.api.context import Context
from partita.api.definitions import Definitions
from partita.api.entries import JobEntry
from partita.api.ids import CHECK, JOB, decode_id
from partita.api.mutations.answers import LaunchedRun
from partita.api.mutations.requests import Refused, check_length, check_location, check_texts, launch, plan_of, to_config, to_idempotency, to_tags
from partita.api.problems import invalid, not_found, problems_of
from partita.api.types.inputs import LaunchRunInput, StartBackfillInput
from partita.definitions.keys import AssetKey
from partita.errors import DefinitionError, RequestError
from partita.records.runs import RunRequest

PLACES = {"job": "jobName", "asset": "assetKeys", "check": "checkIds", "step": "stepKeys", "partition": "partitionKey"}
"""Kinds of things, and the fields of the input that name them."""


async def launch_run(context: Context, given: LaunchRunInput) -> LaunchedRun:
    """Queue a run of a job, or say why not."""

    def decide() -> Sequence[RunRequest]:
        request = _request_of(context.definitions, given)
        plan_of(context.definitions, request, now=context.now, places=PLACES)
        return [request]

    made = await launch(context, decide, lambda: to_idempotency(context, "launchRun", given))
    return LaunchedRun(run=next(iter(made.runs), None), is_replay=made.is_replay, errors=made.problems)


def _request_of(definitions: Definitions, given: LaunchRunInput) -> RunRequest:
    check_texts(given)
    job = job_of(definitions, given)
    check_length("assetKeys", given.asset_keys)
    check_length("checkIds", given.check_ids)
    check_length("stepKeys", given.step_keys)
    return RunRequest(
        location=job.location,
        repository=job.repository,
        job=job.name,
        assets=tuple(_to_key(each) for each in given.asset_keys or ()),
        checks=None if given.check_ids is None else tuple(_to_step_key(each) for each in given.check_ids),
        partition_keys=() if given.partition_key is None else (given.partition_key,),
        steps=None if given.step_keys is None else tuple(given.step_keys),
        config=to_config(given.config),
        tags={**dict(job.spec.tags), **to_tags(given.tags)},
        priority=given.priority,
        skip_unchanged=given.skip_unchanged,
    )


def job_of(definitions: Definitions, given: LaunchRunInput | StartBackfillInput) -> JobEntry:
    """The job that an input names.

    Raises:
        Refused: there is none, or several.
    """
    if (given.job is None) == (given.job_name is None):
        raise Refused(invalid("Say which job to run: give either `job` or `jobName`.", path=["job"]))
    if given.job is not None:
        return _job_by_id(definitions, given.job)
    if given.code_location is not None:
        check_location(definitions, given.code_location)
    try:
        found = definitions.catalog.find_job(given.job_name or "", repository=given.repository, location=given.code_location)
    except RequestError as error:
        raise Refused(*problems_of(error, path=["jobName"])) from None
    return definitions.entries.jobs[found.location, found.repository, found.spec.name]


def _job_by_id(definitions: Definitions, node_id: str) -> JobEntry:
    decoded = decode_id(node_id, JOB)
    if decoded is None:
        raise Refused(not_found(f"{node_id[:100]!r} is not the id of a job.", path=["job"], subject=node_id))
    location, repository, name = decoded[1]
    job = definitions.job(location, repository, name)
    if job is not None:
        return job
    check_location(definitions, location)
    try:
        definitions.catalog.find_job(name, repository=repository, location=location)
    except RequestError as error:
        raise Refused(*problems_of(error, path=["job"])) from None
    raise AssertionError("the catalog knows a job that has no entry")


def _to_key(text: str) -> AssetKey:
    try:
        return AssetKey(text)
    except DefinitionError as error:
        raise Refused(invalid(str(error), path=["assetKeys"])) from None


def _to_step_key(node_id: str) -> str:
    decoded = decode_id(node_id, CHECK)
    if decoded is None:
        raise Refused(not_found(f"{node_id[:100]!r} is not the id of an asset check.", path=["checkIds"], subject=node_id))
    asset, name = decoded[1]
    return f"{asset}:{name}"
