"""A simulation as people read it: what each schedule and condition came to, some of the runs, and pictures of when they are launched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from rich.text import Text

from partita.cli.calendars import draw_calendar
from partita.cli.output import console, print_table
from partita.planning.simulated import CONDITIONS

if TYPE_CHECKING:
    from partita.execution.simulating import SimulationAnswer, SimulationRequest
    from partita.planning.simulated import SimulatedRun
    from partita.planning.simulation_summary import AutomationSummary, SimulationSummary

MOST_PROBLEMS = 10
MOST_CALENDARS = 6
"""Pictures of single schedules and conditions: a year takes nine lines."""
COUNTS = {"runs": "run_count", "failed": "failed_count", "skipped": "skipped_count", "errors": "error_count"}
ALWAYS = ("runs",)
"""Columns that are shown also where they hold nothing but zeros."""


def print_simulation(request: SimulationRequest, answer: SimulationAnswer, *, zone: tzinfo, has_calendar: bool) -> None:
    """Print all that is told of a simulation."""
    summary = answer.summary
    assert summary is not None
    _say(_heading(request, summary, zone), style="bold")
    _print_automations(summary, zone)
    if has_calendar and summary.run_count:
        _print_calendars(request, summary, zone)
    if answer.runs:
        console().print()
        for line in _run_lines(answer.runs, summary, zone):
            console().print(line, no_wrap=True, overflow="ellipsis")
    _print_problems(summary, zone)
    if answer.left_out:
        console().print()
    for each in answer.left_out:
        _say(each, style="dim")


def _say(text: str, style: str = "") -> None:
    console().print(Text(text, style=style), soft_wrap=True)


def _heading(request: SimulationRequest, summary: SimulationSummary, zone: tzinfo) -> str:
    span = f"{_shown(request.start, zone)} to {_shown(request.end, zone)} ({request.timezone})"
    failed = f", {summary.failed_count:,} failed" if summary.failed_count else ""
    return f"{request.location.name}/{request.repository}, {span}: {_count(summary.run_count, 'run')}{failed}"


def _print_automations(summary: SimulationSummary, zone: tzinfo) -> None:
    shown = [label for label, field in COUNTS.items() if label in ALWAYS or any(getattr(each, field) for each in summary.automations)]
    form = "%m-%d %H:%M" if summary.scale == "hour" else "%Y-%m-%d"
    rows = [
        [
            Text.assemble(each.name, *([(" condition", "dim")] if each.kind == "condition" else [])),
            *[Text(f"{getattr(each, COUNTS[label]):,}", style=_style(label, each), justify="right") for label in shown],
            *("-" if at is None else f"{at.astimezone(zone):{form}}" for at in (each.first_run_at, each.last_run_at)),
        ]
        for each in summary.automations
    ]
    print_table(["automation", *shown, "first run", "last run"], rows, empty="There are no schedules here, and no assets with a condition.")


def _style(label: str, summary: AutomationSummary) -> str:
    return "red" if label in {"failed", "errors"} and getattr(summary, COUNTS[label]) else ""


def _print_calendars(request: SimulationRequest, summary: SimulationSummary, zone: tzinfo) -> None:
    first, last = request.start.astimezone(zone), request.end.astimezone(zone)
    busy = [each for each in summary.automations if each.run_count]
    shown = sorted(sorted(busy, key=lambda each: -each.run_count)[:MOST_CALENDARS], key=busy.index)
    together = [("all of them together", summary.run_count, summary.cells)] if len(busy) > 1 else []
    for name, count, cells in [*together, *((each.name, each.run_count, each.cells) for each in shown)]:
        console().print()
        console().print(Text.assemble((name, "bold"), f": {_count(count, 'run')}"), soft_wrap=True)
        for line in draw_calendar(cells, first, last, scale=summary.scale, width=console().width):
            console().print(line, no_wrap=True)
    if len(busy) > len(shown):
        _say(f"\n{len(busy) - len(shown)} more with runs are not drawn; choose with --only NAME.", style="dim")


def _run_lines(runs: Sequence[SimulatedRun], summary: SimulationSummary, zone: tzinfo) -> Iterator[Text]:
    gap = summary.run_count - len(runs)
    before = (len(runs) + 1) // 2 if gap else len(runs)
    for number, run in enumerate(runs):
        if gap and number == before:
            yield Text(f"... {_count(gap, 'more run')}; list them with --all or --limit ...", style="dim")
        yield _run_line(run, zone)


def _run_line(run: SimulatedRun, zone: tzinfo) -> Text:
    what = f"job {run.job}" if run.job is not None else ", ".join(run.assets)
    cut = "" if run.partition is None else f" [{run.partition}]"
    is_failed = run.outcome == "failed"
    return Text.assemble(
        (f"{_shown(run.due_at, zone)}  ", "dim"), (what + cut, "bold"), (" failed" if is_failed else "", "red"), (f"  {_why(run)}", "dim")
    )


def _why(run: SimulatedRun) -> str:
    if run.launched_by != CONDITIONS:
        return f"schedule {run.launched_by}"
    return run.why.removeprefix(f"{run.assets[0]}: ") if len(run.assets) == 1 else run.why


def _print_problems(summary: SimulationSummary, zone: tzinfo) -> None:
    if not summary.problems:
        return
    console().print()
    for each in summary.problems[:MOST_PROBLEMS]:
        when = f"at {_shown(each.first_at, zone)}" if each.count == 1 else f"{each.count:,} times, first at {_shown(each.first_at, zone)}"
        _say(f"{each.kind} {each.name}, {when}: {each.message}", style="red")
    if len(summary.problems) > MOST_PROBLEMS:
        _say(f"And {_count(len(summary.problems) - MOST_PROBLEMS, 'more problem')}; see all with --json.")


def _shown(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
