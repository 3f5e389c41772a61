"""What a backfill is to write: turned from what was asked for into a request and its items, or refused with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import msgspec

from partita.api.context import Context
from partita.api.limits import LIMITS
from partita.api.mutations.launch import job_of
from partita.api.mutations.materialize import selected_assets
from partita.api.mutations.requests import OF_SELECTION, Refused, check_texts, plan_of, to_config, to_tags
from partita.api.problems import invalid, problems_of, too_many
from partita.api.staleness import staleness_of
from partita.api.types.enums import Direction, MutationErrorCode
from partita.api.types.inputs import BackfillPolicyInput, PartitionSelection, StartBackfillInput
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import Partitions, PartitionSet, partitions_of
from partita.definitions.policies import BackfillPolicy
from partita.errors import RequestError
from partita.planning.backfill import BackfillScope, PartitionsChosen, plan_assets, plan_job
from partita.planning.backfill_batches import next_batch
from partita.records.assets import PartitionStatus
from partita.records.backfills import BackfillItem, BackfillItemStatus, BackfillJob, BackfillRequest
from partita.records.runs import RunRequest

Items = tuple[BackfillItem, ...]

MOST_KEYS = 1000
"""Partition keys that may be named one by one; a range names any number."""
MAX_TITLE = 200
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def scope_of(context: Context) -> BackfillScope:
    """The workspace of the moment."""
    catalog = context.definitions.catalog
    return BackfillScope(graph=catalog.graph, owners=catalog.writers, now=context.now, dynamic=context.definitions.dynamic)


def decide(context: Context, given: StartBackfillInput) -> tuple[BackfillRequest, Items]:
    """What is to be written, checked as far as it can be before anything runs."""
    check_texts(given)
    definitions = context.definitions
    scope = scope_of(context)
    has_job = _names_job(given)
    if given.title is not None and (len(given.title) > MAX_TITLE or CONTROL.search(given.title)):
        raise Refused(invalid(f"A title is one line of plain text of at most {MAX_TITLE} characters.", path=["title"]))
    request = BackfillRequest(
        selection=given.selection,
        policy=_policy(given.policy),
        config=to_config(given.config),
        tags=to_tags(given.tags),
        priority=given.priority,
        order=Direction(given.order),
        title=given.title,
    )
    request, items = (_of_job if has_job else _of_assets)(context, given, request, scope)
    _check_size(len(items))
    for launch in next_batch("", request, items, scope, room=1).launches:
        plan_of(definitions, launch.request, now=context.now, places=OF_SELECTION)
    if request.config:
        for launched in _runs_of_each_kind(request, items, scope):
            _check_config(context, launched)
    return request, items


def _runs_of_each_kind(request: BackfillRequest, items: Items, scope: BackfillScope) -> Iterator[RunRequest]:
    """A run of each kind that there will be, in the order of their turn: those of one kind differ in their partitions alone."""
    waiting = list({item.asset: item for item in reversed(items)}.values())[::-1]
    while waiting:
        launched = [each.request for each in next_batch("", request, waiting, scope, room=len(waiting)).launches]
        yield from launched
        done = {key for each in launched for key in each.assets}
        if not done:
            return
        waiting = [msgspec.structs.replace(item, status=BackfillItemStatus.SUCCEEDED) if item.asset in done else item for item in waiting]


def _check_config(context: Context, launched: RunRequest) -> None:
    """Nothing, if the config of the backfill fits a run that comes later too; all else about it is decided when its turn comes."""
    try:
        plan_of(context.definitions, launched, now=context.now, places=OF_SELECTION)
    except Refused as refused:
        why = "Every run of a backfill gets its config, so start one of its own for what needs another."
        wrong = [each for each in refused.problems if each.code is MutationErrorCode.RUN_CONFIG_INVALID]
        if wrong:
            raise Refused(*(replace(each, message=f"{each.message} {why}") for each in wrong)) from None


def _names_job(given: StartBackfillInput) -> bool:
    """Whether a job is asked for, rather than assets."""
    has_job = given.job is not None or given.job_name is not None
    if has_job == (given.selection is not None):
        raise Refused(invalid("Say what to write: give either `selection`, or `job` or `jobName`.", path=["selection"]))
    if not has_job and given.repository is not None:
        raise Refused(invalid("`repository` tells jobs apart; leave it out beside a selection.", path=["repository"]))
    if not has_job and given.code_location is not None:
        message = "`codeLocation` tells jobs apart. Beside a selection, write `location:` and its name into that."
        raise Refused(invalid(message, path=["codeLocation"]))
    return has_job


def _of_job(context: Context, given: StartBackfillInput, request: BackfillRequest, scope: BackfillScope) -> tuple[BackfillRequest, Items]:
    chosen = _chosen(given.partitions)
    entry = job_of(context.definitions, given)
    if entry.spec.partitions is None:
        raise Refused(invalid(f"Job {entry.name!r} has no partitions; launch it instead.", path=["jobName" if given.job is None else "job"]))
    with _about_partitions():
        _check_size(_least_size([partitions_of(entry.spec.partitions, scope.dynamic)], chosen, scope))
        items = plan_job(entry.spec.partitions, chosen, scope, name=entry.name, order=request.order)
    job = BackfillJob(location=entry.location, repository=entry.repository, name=entry.name)
    return msgspec.structs.replace(request, job=job), items


def _of_assets(context: Context, given: StartBackfillInput, request: BackfillRequest, scope: BackfillScope) -> tuple[BackfillRequest, Items]:
    chosen = _chosen(given.partitions)
    selected = selected_assets(context, given.selection or "")
    with _about_partitions():
        _check_size(_least_size([scope.partitions(key) for key in selected], chosen, scope))
        stale_of = _stale_of(context, selected) if chosen.is_stale else None
        items = plan_assets(selected, chosen, scope, states_of=lambda key: _states(context, key), stale_of=stale_of, order=request.order)
    written = {item.asset for item in items}  # not every asset has any of the chosen partitions
    return msgspec.structs.replace(request, assets=tuple(key for key in selected if key in written)), items


def _check_size(count: int) -> None:
    most = LIMITS.max_backfill_partitions
    if count > most:
        message = f"This would be {count:,} partitions; a backfill writes at most {most:,}. Choose a shorter range, or fewer assets."
        raise Refused(too_many(message, path=["partitions"]))


def _least_size(cut: Sequence[Partitions | None], chosen: PartitionsChosen, scope: BackfillScope) -> int:
    """How many partitions it will be at least, told without listing them: millions would take the memory of the server."""
    if chosen.is_all:
        return sum(each.count(now=scope.now) for each in cut if each is not None)
    if chosen.range is not None:
        for each in (found for found in cut if found is not None):
            with suppress(RequestError):  # the partitions of another asset may know the range
                return len(each.range(*chosen.range, now=scope.now)) * sum(other == each for other in cut)
    return 0


@contextmanager
def _about_partitions() -> Iterator[None]:
    """Whatever is refused meanwhile is wrong with the partitions that were chosen."""
    try:
        yield
    except RequestError as error:
        raise Refused(*problems_of(error, path=["partitions"])) from error


def _chosen(given: PartitionSelection | None) -> PartitionsChosen:
    if given is None:
        return PartitionsChosen()
    if given.keys is not None:
        keys = given.keys.value
        if not 0 < len(keys) <= MOST_KEYS:
            raise Refused(invalid(f"`partitions.keys` holds {len(keys)} keys; give 1 to {MOST_KEYS}, or a range.", path=["partitions", "keys"]))
        return PartitionsChosen(keys=tuple(keys))
    if given.range is not None:
        return PartitionsChosen(range=(given.range.value.from_, given.range.value.to))
    if given.statuses is not None:
        statuses = frozenset(PartitionStatus(each) for each in given.statuses.value)
        if not statuses:
            raise Refused(invalid("`partitions.statuses` is empty. Name at least one, such as MISSING.", path=["partitions", "statuses"]))
        return PartitionsChosen(statuses=statuses)
    if given.stale is not None:
        if not given.stale.value:
            raise Refused(invalid("`partitions.stale` must be true. For other partitions, give another field.", path=["partitions", "stale"]))
        return PartitionsChosen(is_stale=True)
    if given.all is None or not given.all.value:
        raise Refused(invalid("`partitions.all` must be true. To write no partitions, leave `partitions` out.", path=["partitions", "all"]))
    return PartitionsChosen(is_all=True)


def _policy(given: BackfillPolicyInput | None) -> BackfillPolicy | None:
    if given is None:
        return None
    if given.runs_of is not None:
        if given.runs_of.value < 1:
            message = f"`policy.runsOf` is {given.runs_of.value}; give how many partitions a run writes, at least 1."
            raise Refused(invalid(message, path=["policy", "runsOf"]))
        return BackfillPolicy(max_partitions_per_run=given.runs_of.value)
    if given.single_run is None or not given.single_run.value:
        raise Refused(invalid("`policy.singleRun` must be true. Leave `policy` out for the usual way.", path=["policy", "singleRun"]))
    return BackfillPolicy()


def _stale_of(context: Context, keys: Sequence[AssetKey]) -> Callable[[AssetKey], PartitionSet]:
    found = staleness_of(context.store, context.definitions, keys, now=context.now)

    def stale_of(key: AssetKey) -> PartitionSet:
        stale = found[key].stale
        assert stale is not None, "it is asked of assets with partitions only"
        return stale

    return stale_of


def _states(context: Context, key: AssetKey) -> Mapping[str, PartitionStatus]:
    return {state.partition: state.status for state in context.store.assets.partition_states([key])[key]}
