"""What a simulation says in few words: of each schedule and condition how often, when, and what went wrong; however many runs there were."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Literal

import msgspec

from partita.planning.simulated import SimulatedRun, SimulatedTick

Kind = Literal["schedule", "condition"]
Automation = tuple[Kind, str]
"""A schedule's name, or the key of an asset with a condition."""
Scale = Literal["hour", "day"]
BY_HOUR = timedelta(days=14)
"""A simulation as long as that, or shorter, is counted by hour: a calendar of days would hold next to nothing."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A day, or an hour, in which something was launched."""

    run_count: int
    failed_count: int


Cells = dict[str, Cell]
"""By the day, `2026-03-28`, or the hour of the wall clock, `2026-03-28T02`."""


class AutomationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule or condition through the whole time."""

    kind: Kind
    name: str
    tick_count: int = 0
    run_count: int = 0
    failed_count: int = 0
    skipped_count: int = 0
    """Ticks without a run, for a reason."""
    error_count: int = 0
    first_run_at: datetime | None = None
    last_run_at: datetime | None = None
    cells: Cells = {}


class SimulatedProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, at one tick or more."""

    kind: Kind
    name: str
    message: str
    count: int
    first_at: datetime


class SimulationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Every schedule and condition, in the order of their definition, and all of them together."""

    scale: Scale
    automations: tuple[AutomationSummary, ...]
    problems: tuple[SimulatedProblem, ...]
    run_count: int
    failed_count: int
    cells: Cells


class _Counts:
    """Runs, counted as they come."""

    def __init__(self, zone: tzinfo, scale: Scale) -> None:
        self._zone = zone
        self._scale = scale
        self._cells: dict[tuple[int, ...], list[int]] = {}
        self.runs = self.failed = 0
        self.first: datetime | None = None
        self.last: datetime | None = None

    def take(self, run: SimulatedRun) -> None:
        """Count a run."""
        at = run.due_at.astimezone(self._zone)
        place = (at.year, at.month, at.day, at.hour) if self._scale == "hour" else (at.year, at.month, at.day)
        cell = self._cells.setdefault(place, [0, 0])
        is_failed = run.outcome == "failed"
        cell[0] += 1
        cell[1] += is_failed
        self.runs += 1
        self.failed += is_failed
        self.first = self.first or run.due_at
        self.last = run.due_at

    def cells(self) -> Cells:
        """What was counted by day or hour, in order."""
        return {_label(place): Cell(run_count=runs, failed_count=failed) for place, (runs, failed) in sorted(self._cells.items())}


def summarize(
    runs: Iterable[SimulatedRun], ticks: Sequence[SimulatedTick], automations: Collection[Automation], *, zone: tzinfo, scale: Scale
) -> SimulationSummary:
    """Count what a simulation has come to.

    Args:
        runs: those that count.
        ticks: all of them; those of other automations are passed over.
        automations: what to tell of, also where nothing has happened.
        zone: the wall clock of days and hours.
        scale: how finely to count.
    """
    of_each: dict[Automation, list[SimulatedTick]] = {each: [] for each in automations}
    for tick in ticks:
        if (tick.kind, tick.name) in of_each:
            of_each[(tick.kind, tick.name)].append(tick)
    together = _Counts(zone, scale)
    for run in runs:
        together.take(run)
    return SimulationSummary(
        scale=scale,
        automations=tuple(_summary(each, own, _Counts(zone, scale)) for each, own in of_each.items()),
        problems=_problems(tick for own in of_each.values() for tick in own),
        run_count=together.runs,
        failed_count=together.failed,
        cells=together.cells(),
    )


def _summary(automation: Automation, ticks: Sequence[SimulatedTick], counts: _Counts) -> AutomationSummary:
    kind, name = automation
    for tick in ticks:
        for run in tick.runs:
            counts.take(run)
    return AutomationSummary(
        kind=kind,
        name=name,
        tick_count=len(ticks),
        run_count=counts.runs,
        failed_count=counts.failed,
        skipped_count=sum(not tick.runs and tick.error is None for tick in ticks),
        error_count=sum(tick.error is not None for tick in ticks),
        first_run_at=counts.first,
        last_run_at=counts.last,
        cells=counts.cells(),
    )


def _problems(ticks: Iterable[SimulatedTick]) -> tuple[SimulatedProblem, ...]:
    found: dict[tuple[Kind, str, str], list[datetime]] = {}
    for tick in ticks:
        if tick.error is not None:
            found.setdefault((tick.kind, tick.name, tick.error), []).append(tick.due_at)
    return tuple(
        SimulatedProblem(kind=kind, name=name, message=message, count=len(at), first_at=at[0]) for (kind, name, message), at in found.items()
    )


def _label(place: tuple[int, ...]) -> str:
    year, month, day, *hour = place
    return f"{year:04}-{month:02}-{day:02}" + (f"T{hour[0]:02}" if hour else "")
