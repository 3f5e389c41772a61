"""Starting backfills, and what is done to them afterwards."""

from __future__ import annotations

from collections.abc import Callable

from partita.api.backfills import PreviewedAsset, PreviewedBackfill
from partita.api.context import Context
from partita.api.mutations.answers import BackfillAnswer
from partita.api.mutations.backfill_request import decide, scope_of
from partita.api.mutations.requests import Refused, check_texts, to_idempotency
from partita.api.problems import invalid, problems_of
from partita.api.types.inputs import (
    CancelBackfillInput,
    PauseBackfillInput,
    ResumeBackfillInput,
    RetryBackfillInput,
    SetBackfillPriorityInput,
    StartBackfillInput,
)
from partita.definitions.keys import AssetKey
from partita.errors import ConflictError, RequestError
from partita.planning.backfill_progress import Progress
from partita.records.backfills import UNWRITTEN, Backfill, BackfillItem, BackfillItemStatus

Items = tuple[BackfillItem, ...]
OfBackfill = CancelBackfillInput | PauseBackfillInput | ResumeBackfillInput | RetryBackfillInput | SetBackfillPriorityInput


async def start_backfill(context: Context, given: StartBackfillInput) -> BackfillAnswer:
    """Ask for a backfill, or say why not."""

    def work() -> BackfillAnswer:
        try:
            key = to_idempotency(context, "startBackfill", given)
            # A request that comes again gets its first answer, whatever has become of the definitions since.
            if key is not None and (made := context.store.idempotency_keys.find(key)) is not None:
                return BackfillAnswer(backfill=context.store.backfills.get(made[0]), is_replay=True)
            request, items = decide(context, given)
            started = context.store.backfills.create(request, items, key=key)
        except Refused as refused:
            return BackfillAnswer(errors=refused.problems)
        except ConflictError as error:
            return BackfillAnswer(errors=problems_of(error, path=["idempotencyKey"]))
        except RequestError as error:
            return BackfillAnswer(errors=problems_of(error))
        return BackfillAnswer(backfill=started.backfill, is_replay=started.is_replay)

    return await context.read(work)


async def preview_backfill(context: Context, given: StartBackfillInput) -> PreviewedBackfill:
    """How much a backfill would write, and in how many runs, or why it would be refused."""

    def work() -> PreviewedBackfill:
        try:
            request, items = decide(context, given)
        except Refused as refused:
            return PreviewedBackfill(errors=refused.problems)
        except RequestError as error:
            return PreviewedBackfill(errors=problems_of(error))
        keys: dict[AssetKey, list[str | None]] = {}
        for item in items:
            if item.asset is not None:
                keys.setdefault(item.asset, []).append(item.partition)
        assets = [PreviewedAsset(key, len(keys[key]), keys[key][0], keys[key][-1]) for key in request.assets]
        return PreviewedBackfill(partition_count=len(items), run_count=Progress(request, items, scope_of(context)).count_runs(), assets=assets)

    return await context.read(work)


async def cancel_backfill(context: Context, given: CancelBackfillInput) -> BackfillAnswer:
    """Ask for the end of a backfill."""
    return await _act(context, given, context.store.backfills.request_cancel)


async def pause_backfill(context: Context, given: PauseBackfillInput) -> BackfillAnswer:
    """Launch nothing more of a backfill until it is resumed."""
    return await _act(context, given, context.store.backfills.pause)


async def resume_backfill(context: Context, given: ResumeBackfillInput) -> BackfillAnswer:
    """Let a paused backfill go on."""
    return await _act(context, given, context.store.backfills.resume)


async def set_backfill_priority(context: Context, given: SetBackfillPriorityInput) -> BackfillAnswer:
    """Let the runs of a backfill be claimed sooner or later."""
    return await _act(context, given, lambda backfill_id: context.store.backfills.set_priority(backfill_id, given.priority))


async def retry_backfill(context: Context, given: RetryBackfillInput) -> BackfillAnswer:
    """Write again what a backfill has not written."""
    statuses = UNWRITTEN if given.statuses is None else [BackfillItemStatus(each) for each in given.statuses]

    def retry(backfill_id: str) -> Backfill:
        if not statuses or not set(statuses) <= set(UNWRITTEN):
            raise Refused(invalid("`statuses` holds one or more of FAILED, CANCELED and SKIPPED: others are not retried.", path=["statuses"]))
        return context.store.backfills.retry(backfill_id, statuses=statuses)

    return await _act(context, given, retry)


async def _act(context: Context, given: OfBackfill, act: Callable[[str], Backfill]) -> BackfillAnswer:
    backfills = context.store.backfills

    def work() -> BackfillAnswer:
        found: Backfill | None = None
        try:
            check_texts(given)
            found = backfills.get(given.backfill_id)
            return BackfillAnswer(backfill=act(found.id))
        except Refused as refused:
            return BackfillAnswer(backfill=found, errors=refused.problems)
        except RequestError as error:
            now = None if found is None else backfills.get(found.id)
            return BackfillAnswer(backfill=now, errors=problems_of(error, path=["backfillId"]))

    return await context.read(work)
