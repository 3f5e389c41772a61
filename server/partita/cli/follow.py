"""Following runs on the console: their events as lines, a bar for how far they are, one line for how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from partita.cli.output import STYLES, brief, console, event_line, print_error, status_text, subject

if TYPE_CHECKING:
    from partita_client import Run

COLUMNS = (TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"), TimeElapsedColumn())
STEP_ENDS = frozenset({"succeeded", "failed", "skipped", "upstream_failed", "canceled"})


def follow_all(runs: Sequence[Run]) -> bool:
    """Show runs until all have ended; True when all succeeded. Interrupting it leaves them running, and says so."""
    try:
        return _follow_one(runs[0]) if len(runs) == 1 else _follow_several(runs)
    except KeyboardInterrupt:
        left = [run.short_id for run in runs if not run.is_finished]
        click.echo(f"Not followed any longer; it goes on. End it with: partita run cancel {' '.join(left)}", err=True)
        raise


def _progress() -> Progress:
    """A bar below the lines; none where there is no terminal to move it about."""
    return Progress(*COLUMNS, console=console(), transient=True, disable=not console().is_terminal)


def _follow_one(run: Run) -> bool:
    with _progress() as progress:
        task = progress.add_task(run.short_id, total=None, unit="steps")
        for event in run.events(follow=True):
            if str(event.level) != "debug":
                progress.console.print(event_line(event), soft_wrap=True)
            _advance(progress, task, event)
    run.refresh()
    _print_end(run)
    return run.status == "succeeded"


def _advance(progress: Progress, task: TaskID, event: Any) -> None:
    kind = type(event).__name__
    if kind == "PlanEvent":
        progress.update(task, total=len(event.step_keys))
    elif kind == "StepEvent" and str(event.kind) in STEP_ENDS:
        progress.advance(task)
    elif kind == "ProgressEvent":
        progress.update(task, description=f"{event.step_key}: {event.message}")


def _follow_several(runs: Sequence[Run]) -> bool:
    has_failed = False
    with _progress() as progress:
        task = progress.add_task("Runs", total=len(runs), unit="runs")
        for run in runs:
            run.wait()
            progress.advance(task)
            if run.status != "succeeded":
                has_failed = True
            progress.console.print(_one_line(run), soft_wrap=True)
    ended = {status: sum(run.status == status for run in runs) for status in dict.fromkeys(run.status for run in runs)}
    console().print(f"{len(runs)} runs: {', '.join(f'{count} {status}' for status, count in ended.items())}.")
    return not has_failed


def _one_line(run: Run) -> Text:
    return Text.assemble(f"{run.short_id}  ", (f"{run.status:<10}", STYLES.get(run.status, "")), f" {subject(run)}")


def _print_end(run: Run) -> None:
    console().print(Text.assemble("Run ", (run.id, "bold"), " ", status_text(run.status), f" after {brief(run.duration)}."), soft_wrap=True)
    if run.error is not None:
        print_error("Run", run.error)
    if run.status == "failed":
        console().print(f"See why with: partita run show {run.short_id}. Again from the failure: partita run retry {run.short_id}", soft_wrap=True)
