"""What can be done to runs, from the list or from one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from partita_client.errors import PartitaClientError
from partita_client.models.generated import operations
from partita_client.tui.feed import problem_of
from partita_client.tui.render.text import Line, ago, plain
from partita_client.tui.routes import Route
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.modals.confirm import Confirm
from partita_client.tui.store.run_rows import partition_of, short_id, what_of
from partita_client.tui.store.words import many

if TYPE_CHECKING:
    from partita_client.models import TuiRun

AT_ONCE = 100
"""Runs that one request may cancel."""


async def cancel_runs(screen: PlaceScreen, runs: Sequence[TuiRun]) -> bool:
    """End runs, after showing what that interrupts; whether it was done."""
    open_runs = [run for run in runs if run.can_cancel]
    if not open_runs:
        return False
    title = f"Cancel {len(open_runs)} runs?" if len(open_runs) > 1 else f"Cancel run {short_id(open_runs[0].id)}?"
    ways = [("gently", "cancel: running steps are told to end"), ("force", "force: kill their processes")]
    way = await screen.app.push_screen_wait(Confirm(title, blast_lines(screen, open_runs), ways=ways, keep="let them run"))
    if way is None:
        return False
    refused = []
    for start in range(0, len(open_runs), AT_ONCE):
        ids = [run.id for run in open_runs[start : start + AT_ONCE]]
        answer = await screen.asked(screen.desk.feed.execute(operations.cancel_runs(input={"runIds": ids, "force": way == "force"})))
        if answer is None:
            return False
        payload = answer.cancel_runs
        refused += [error.message for error in (*payload.errors, *(result.error for result in payload.results if result.error))]
    done = len(open_runs) - len(refused)
    screen.say(f"asked to end {done} of {len(open_runs)}" + (f": {refused[0]}" if refused else ""), is_bad=bool(refused))
    return True


def blast_lines(screen: PlaceScreen, runs: Sequence[TuiRun]) -> list[Line]:
    """The runs, and what their end leaves undone, as far as the server has told."""
    now = screen.desk.now()
    lines: list[Line] = []
    for run in runs[:8]:
        stats = run.stats
        started = f"started {ago(run.started_at, now)} ago" if run.started_at else f"queued {ago(run.created_at, now)} ago"
        what = f"{plain(what_of(run), 30)} {plain(partition_of(run), 24)}"
        lines.append(((f"{short_id(run.id)}  ", "accent"), (what, ""), (f"  {stats.succeeded_steps}/{stats.total_steps} steps  {started}", "dim")))
    if len(runs) > 8:
        lines.append(((f"… and {len(runs) - 8} more", "dim"),))
    left = sum(max(0, run.stats.total_steps - run.stats.succeeded_steps - run.stats.skipped_steps - run.stats.failed_steps) for run in runs)
    assets = {asset.key for run in runs for asset in run.assets}
    downstream = {asset.key for key in assets if key in screen.desk.world.assets for asset in screen.desk.world.assets[key].downstream} - assets
    lines += [
        (("", ""),),
        (("unfinished  ", "dim"), (f"{many(left, 'step')} will not run to the end", "")),
    ]
    if assets:
        lines.append((("assets      ", "dim"), (f"{many(len(assets), 'asset')} may stay unwritten; {many(len(downstream), 'asset')} downstream", "")))
    return lines


async def retry_runs(screen: PlaceScreen, runs: Sequence[TuiRun], *, strategy: str, key: str) -> None:
    """Run again; the new run is opened when it is one."""
    launched, problems = [], []
    for run in runs:
        try:
            answer = await screen.desk.feed.execute(
                operations.retry_run(input={"runId": run.id, "strategy": strategy, "idempotencyKey": f"{key}-{run.id}"})
            )
        except PartitaClientError as error:
            problems.append(problem_of(error))
            continue
        problems += [error.message for error in answer.retry_run.errors]
        if answer.retry_run.run is not None:
            launched.append(answer.retry_run.run.id)
    if problems:
        screen.say(problems[0] + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""), is_bad=True)
    elif len(launched) == 1:
        screen.desk.go(Route("runs", id=launched[0]))
    if len(launched) > 1:
        screen.say(f"{len(launched)} runs are queued again")
