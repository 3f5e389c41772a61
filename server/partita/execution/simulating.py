"""Simulating a repository of a code location in a process of its own, for whoever must not import its code."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from partita.definitions.keys import AssetKey
from partita.definitions.repository import Repository
from partita.definitions.selection import select
from partita.errors import NotFoundError, PartitaError, RequestError, WorkspaceError
from partita.execution.simulate import SimulationReport, simulate
from partita.planning.simulate import EndlessError
from partita.planning.simulated import SimulatedRun, SimulatedTick
from partita.planning.simulation_summary import BY_HOUR, Automation, Scale, SimulationSummary, summarize
from partita.records.codec import decode, encode
from partita.workspace.apart import answer_apart, ask_apart
from partita.workspace.loader import load_repositories
from partita.workspace.settings import LocationSettings


class SimulationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to simulate, and what to tell of it."""

    location: LocationSettings
    repository: str
    start: datetime
    end: datetime
    outcomes: dict[str, float] = {}
    """The share of runs that fail, by name; see `simulate`."""
    seed: int = 0
    materialized: str | None = None
    """A selection of the assets that were written before, all their partitions."""
    dynamic: dict[str, tuple[str, ...]] = {}
    timezone: str = "UTC"
    """Whose days and hours runs are counted by."""
    only: tuple[str, ...] = ()
    """Schedules, and assets with a condition; none: all are told of. All are simulated."""
    most_runs: int | None = None
    """To tell one by one, half of them from the start and half from the end; None: all."""
    tells_ticks: bool = False


class ToldTick(msgspec.Struct, frozen=True, kw_only=True):
    """A tick without its runs."""

    due_at: datetime
    kind: str
    name: str
    run_count: int
    skip_reason: str | None
    error: str | None


class SimulationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it, or why nothing."""

    problem: str | None = None
    is_refused: bool = False
    """Nothing was simulated, because what was asked for cannot be meant."""
    summary: SimulationSummary | None = None
    runs: tuple[SimulatedRun, ...] = ()
    ticks: tuple[ToldTick, ...] = ()
    left_out: tuple[str, ...] = ()


class RawAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The same for those who pass on runs and ticks, a million of them perhaps, and do not look at them."""

    problem: str | None = None
    is_refused: bool = False
    summary: SimulationSummary | None = None
    runs: msgspec.Raw = msgspec.Raw(b"[]")
    ticks: msgspec.Raw = msgspec.Raw(b"[]")
    left_out: tuple[str, ...] = ()


Answer = TypeVar("Answer", SimulationAnswer, RawAnswer)


def simulate_apart(request: SimulationRequest, kind: type[Answer], *, environ: Mapping[str, str]) -> Answer:
    """Have the location's own interpreter load it and simulate.

    Raises:
        WorkspaceError: its process ends without an answer.
    """
    body = ask_apart("partita.execution.simulating", request.location, encode(request), environ=environ)
    try:
        return decode(body, kind)
    except msgspec.MsgspecError as error:
        name = request.location.name
        raise WorkspaceError(
            f"Code location {name!r}: its process answers what cannot be read ({error}). Is the same version of Partita in its environment?"
        ) from error


def answer(request: SimulationRequest) -> SimulationAnswer:
    """Simulate in this process, which is not to be used for anything else afterwards."""
    try:
        repository = _repository(request)
        automations = _chosen(repository, request.only)
        written = _written(repository, request.materialized) if request.materialized is not None else ()
        report = simulate(
            repository,
            start=request.start,
            end=request.end,
            outcomes=request.outcomes,
            materialized=dict.fromkeys(written, True),
            dynamic=request.dynamic,
            seed=request.seed,
        )
    except PartitaError as error:
        return SimulationAnswer(problem=error.message, is_refused=isinstance(error, RequestError) and not isinstance(error, EndlessError))
    return _told(report, automations, request)


def _repository(request: SimulationRequest) -> Repository:
    found = {each.name: each for each in load_repositories(request.location)}
    if request.repository not in found:
        raise NotFoundError("repository", request.repository, found)
    return found[request.repository]


def _written(repository: Repository, selection: str) -> Collection[AssetKey]:
    found = select(selection, repository)
    if not found:
        raise RequestError(f"The selection {selection!r} of what was written before means no asset of repository {repository.name!r}.")
    return found


def _chosen(repository: Repository, only: Sequence[str]) -> list[Automation]:
    schedules: list[Automation] = [("schedule", each.name) for each in repository.spec.schedules]
    conditions: list[Automation] = [("condition", str(each.key)) for each in repository.spec.assets if each.automation is not None]
    every = [*schedules, *conditions]
    for name in only:
        if name not in {each for _, each in every}:
            raise NotFoundError("schedule, or asset with a condition,", name, [each for _, each in every])
    return [each for each in every if not only or each[1] in only]


def _told(report: SimulationReport, automations: Sequence[Automation], request: SimulationRequest) -> SimulationAnswer:
    chosen = frozenset(automations)
    ticks = [tick for tick in report.ticks if (tick.kind, tick.name) in chosen]
    runs: Sequence[SimulatedRun] = report.runs
    if request.only:
        launched = {id(run) for tick in ticks for run in tick.runs}
        runs = [run for run in report.runs if id(run) in launched]
    scale: Scale = "hour" if request.end - request.start <= BY_HOUR else "day"
    return SimulationAnswer(
        summary=summarize(runs, ticks, automations, zone=ZoneInfo(request.timezone), scale=scale),
        runs=tuple(_ends(runs, request.most_runs)),
        ticks=tuple(_told_tick(tick) for tick in ticks) if request.tells_ticks else (),
        left_out=report.left_out,
    )


def _ends(runs: Sequence[SimulatedRun], most: int | None) -> Sequence[SimulatedRun]:
    """As many as may be told: half from the start, half from the end."""
    if most is None or len(runs) <= most:
        return runs
    first = (most + 1) // 2
    return [*runs[:first], *runs[len(runs) - most + first :]]


def _told_tick(tick: SimulatedTick) -> ToldTick:
    return ToldTick(due_at=tick.due_at, kind=tick.kind, name=tick.name, run_count=len(tick.runs), skip_reason=tick.skip_reason, error=tick.error)


def _answer(question: bytes) -> bytes:
    return encode(answer(decode(question, SimulationRequest)))


if __name__ == "__main__":
    answer_apart(sys.argv[1], _answer)
