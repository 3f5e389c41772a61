"""What can be done to backfills, from the list or from one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita_client.models.generated import operations
from partita_client.tui.actions import Action
from partita_client.tui.render.text import Line, plain
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.modals.chooser import Choice, Chooser
from partita_client.tui.screens.modals.confirm import Confirm
from partita_client.tui.screens.targets import Target, open_backfill
from partita_client.tui.store.automation import backfill_counts
from partita_client.tui.store.run_rows import short_id
from partita_client.tui.store.topics import BackfillsSeen
from partita_client.tui.store.words import many

if TYPE_CHECKING:
    from partita_client.models import TuiBackfill
    from partita_client.models.generated.inputs import RetryBackfillInput


def why_not(action: Action, backfill: TuiBackfill | None) -> str | None:
    """Why something cannot be done to a backfill now."""
    if not action.id.startswith("backfill.") or action.id == "backfill.start":
        return None
    if backfill is None:
        return "there is no backfill here"
    if action.id == "backfill.cancel" and not backfill.can_cancel:
        return f"it is {backfill.status.value}"
    if action.id == "backfill.toggle" and not (backfill.can_pause or backfill.can_resume):
        return f"it is {backfill.status.value}"
    if action.id == "backfill.retry" and not backfill.can_retry:
        return "nothing of it failed, or it has not ended"
    return None


async def cancel_backfill(screen: PlaceScreen, backfill: TuiBackfill) -> None:
    """End a backfill, after showing what that leaves undone."""
    counts = backfill_counts(backfill)
    lines: list[Line] = [
        ((plain(backfill.title or short_id(backfill.id), 100), "accent"),),
        ((f"running    {many(counts.get('running', 0), 'partition')}: their runs are cancelled", ""),),
        ((f"waiting    {many(counts.get('waiting', 0), 'partition')}: never begun", ""),),
        ((f"written    {many(counts.get('succeeded', 0), 'partition')}: stay as they are", "dim"),),
    ]
    keep = "leave it paused" if backfill.can_resume else "let it run"
    if await screen.app.push_screen_wait(Confirm("Cancel this backfill?", lines, ways=[("go", "cancel it")], keep=keep)) is None:
        return
    answer = await screen.asked(screen.desk.feed.execute(operations.tui_cancel_backfill(input={"backfillId": backfill.id})))
    if answer is not None:
        _told(screen, answer.cancel_backfill, "it is being cancelled")


async def toggle_backfill(screen: PlaceScreen, backfill: TuiBackfill) -> None:
    """Pause a backfill that goes on, or resume one that is paused."""
    feed = screen.desk.feed
    if backfill.can_resume:
        resumed = await screen.asked(feed.execute(operations.tui_resume_backfill(input={"backfillId": backfill.id})))
        if resumed is not None:
            _told(screen, resumed.resume_backfill, "it goes on")
        return
    paused = await screen.asked(feed.execute(operations.tui_pause_backfill(input={"backfillId": backfill.id})))
    if paused is not None:
        _told(screen, paused.pause_backfill, "it is paused: runs that have begun go on")


async def retry_backfill(screen: PlaceScreen, backfill: TuiBackfill) -> None:
    """Run again what failed; also what was canceled or skipped, unless only that is meant."""
    counts = backfill_counts(backfill)
    failed = counts.get("failed", 0)
    rest = counts.get("canceled", 0) + counts.get("skipped", 0)
    wanted: RetryBackfillInput = {"backfillId": backfill.id}
    if failed and rest:
        ways = [("all", "all that is not written"), ("failed", "only what failed")]
        lines: list[Line] = [
            ((plain(backfill.title or short_id(backfill.id), 100), "accent"),),
            ((f"failed     {many(failed, 'partition')}", "failed"),),
            ((f"skipped    {many(counts.get('skipped', 0), 'partition')}: they depend on what was not written", ""),),
            ((f"canceled   {many(counts.get('canceled', 0), 'partition')}", ""),),
            ((f"written    {many(counts.get('succeeded', 0), 'partition')}: stay as they are", "dim"),),
        ]
        way = await screen.app.push_screen_wait(Confirm("Retry this backfill?", lines, ways=ways))
        if way is None:
            return
        if way == "failed":
            wanted["statuses"] = ["FAILED"]
    answer = await screen.asked(screen.desk.feed.execute(operations.tui_retry_backfill(input=wanted)))
    if answer is not None:
        _told(screen, answer.retry_backfill, "what failed is tried again" if failed else "what was not written is tried again")


def _told(screen: PlaceScreen, payload: object, done: str) -> None:
    errors, backfill = payload.errors, payload.backfill  # type: ignore[attr-defined]  # both payloads have them
    if errors:
        screen.say(errors[0].message, is_bad=True)
    elif backfill is not None:
        screen.desk.feed.put(BackfillsSeen([backfill]))
        screen.say(done)


async def start_backfill(screen: PlaceScreen) -> None:
    """Choose what has partitions, then open the dialog."""
    world = screen.desk.world
    cut = [asset for key, asset in sorted(world.assets.items()) if asset.partitions and not asset.is_external]
    choices = [Choice(f"asset\0{asset.key}", asset.key, "asset", asset.group_name) for asset in cut]
    choices += [Choice(f"job\0{job.id}", job.name, "job", job.repository.code_location.name) for job in world.jobs.values() if job.partitions]

    def search(text: str) -> list[Choice]:
        return [choice for choice in choices if text.lower() in choice.title.lower()][:50]

    chosen = await screen.app.push_screen_wait(Chooser("backfill what?", search, hint="assets and jobs that have partitions"))
    if chosen is None:
        return
    kind, _, name = chosen.partition("\0")
    if kind == "asset":
        open_backfill(screen, Target.of_assets([name]))
    else:
        place = world.jobs[name].repository
        open_backfill(screen, Target(job=world.jobs[name].name, repository=place.name, location=place.code_location.name))
