"""Schedules and conditions on a virtual clock: what would be launched, when and why, if nothing but the clock and these runs were at work.

The clock jumps from one instant at which something can happen to the next. What runs write is remembered in memory, so that conditions see it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop, heapreplace
from typing import NamedTuple

import msgspec

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.automation_specs import ScheduleSpec
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DynamicKeys, Partitions
from partita.definitions.specs import RepositorySpec
from partita.errors import PartitaError, RequestError
from partita.planning.build import build_plan
from partita.planning.condition_facts import cut_of
from partita.planning.condition_runs import ConditionRun, runs_of_conditions
from partita.planning.conditions import ConditionResult, Conditions
from partita.planning.due import ticks_from
from partita.planning.plan import Plan
from partita.planning.remembered_facts import RememberedFacts
from partita.planning.run_writes import KnownWrites, RunWrites
from partita.planning.simulated import CONDITIONS, Outcome, SimulatedRun, SimulatedTick
from partita.planning.ticks import TickScope, incomplete, request_of, run_of_schedule
from partita.records.conditions import ConditionState
from partita.records.runs import RunRequest
from partita.records.verdicts import RequestedRun, Verdict

Answer = Callable[[ScheduleSpec, datetime], Verdict]
"""Calls the function of a schedule for a tick."""
LOOK = timedelta(seconds=30)
"""Between looks at conditions that have something to follow up, as a daemon would take."""
MOST_IN_A_ROW = timedelta(days=1) // LOOK
"""Looks at which a condition may ask one after the other: one that does so for a day on end does so for ever."""
MOST_TICKS = 2_000_000
"""Of a simulation: each is remembered, in half a kilobyte. A year of a hundred hourly schedules has 876,000."""


class EndlessError(RequestError):
    """More comes of a simulation than anybody could read, or it would never end."""

    code = "endless-simulation"


class _Ask(NamedTuple):
    """A run that a tick asks for, planned; a run key launches once for each schedule."""

    request: RunRequest
    run_key: str | None
    writes: RunWrites


class _Due(NamedTuple):
    """When a schedule comes next; those that come at once come in the order of their definition."""

    at: datetime
    place: int
    line: _Line


@dataclass(slots=True, kw_only=True)
class _Line:
    """A schedule on its way through time."""

    spec: ScheduleSpec
    ticks: Iterator[datetime]
    why: str
    launched: set[str] = field(default_factory=set)
    """Run keys."""
    asked: tuple[RequestedRun, Sequence[_Ask]] | None = None
    """What it asked for last, without calling a function, and the requests that it came to."""


class Simulation:
    """One repository on a virtual clock.

    Args:
        repository: what is declared.
        start: where the clock begins; what is due at it counts.
        outcome: how a run ends.
        answer: calls functions of schedules.
        dynamic: the keys of dynamic sets.
    """

    def __init__(
        self,
        repository: RepositorySpec,
        *,
        start: datetime,
        outcome: Callable[[SimulatedRun], Outcome],
        answer: Answer,
        dynamic: DynamicKeys,
    ) -> None:
        self._outcome = outcome
        self._answer = answer
        self._graph = AssetGraph(repository.assets, repository.checks)
        self._asset_of = {check.step_key: check.asset for check in repository.checks}
        self._scope = TickScope(location="simulation", repository=repository, dynamic=dynamic)
        self._writes = KnownWrites(self._plan, self.cut, lambda job: self._scope.job(job).partitions)
        self.facts = RememberedFacts(self.cut)
        self._conditions = Conditions(self._graph, dynamic=dynamic)
        self._watched = self._conditions.subjects
        self._states: dict[AssetKey, ConditionState] = {}
        self._look_at = start if self._conditions.keys else None
        self._in_a_row: dict[AssetKey, int] = {}
        self._looked_at = start
        self._due = list(_first_of_each(repository.schedules, start))
        heapify(self._due)
        self.ticks: list[SimulatedTick] = []
        self.runs: list[SimulatedRun] = []

    def cut(self, subject: str) -> Partitions:
        """How an asset, or what a check is of, is cut."""
        return cut_of(self._graph.spec(AssetKey(self._asset_of.get(subject, subject))).partitions, self._scope.dynamic)

    def run_until(self, end: datetime) -> None:
        """Let the clock go on, up to `end` and without it.

        Raises:
            EndlessError: too much comes of it.
        """
        while (now := self._next_instant()) is not None and now < end:
            before = self.facts.cursor
            while self._due and self._due[0].at == now:
                self._tick(self._due[0])
            if self._look_at == now or self.facts.cursor > before:
                self._look_at = self._look(now)
            if len(self.ticks) > MOST_TICKS:
                raise EndlessError(_too_many(self.ticks[-1]))

    def _next_instant(self) -> datetime | None:
        """When something can happen next."""
        if not self._due:
            return self._look_at
        return self._due[0].at if self._look_at is None else min(self._due[0].at, self._look_at)

    def _tick(self, due: _Due) -> None:
        line, due_at = due.line, due.at
        following = next(line.ticks, None)
        if following is None:
            heappop(self._due)
        else:
            heapreplace(self._due, _Due(following, due.place, line))
        asks, skip_reason, error = self._asked(line, due_at)
        fresh = _fresh(asks, launched=line.launched)
        if asks and not fresh:
            skip_reason = f"Run key {asks[0].run_key!r} was launched already."
        runs = tuple([self._run(each, due_at, line.spec.name, line.why) for each in fresh])
        line.launched.update(each.run_key for each in fresh if each.run_key is not None)
        self.ticks.append(SimulatedTick(due_at=due_at, kind="schedule", name=line.spec.name, runs=runs, skip_reason=skip_reason, error=error))

    def _asked(self, line: _Line, due_at: datetime) -> tuple[Sequence[_Ask], str | None, str | None]:
        """What a tick asks for, why nothing, or what went wrong."""
        spec = line.spec
        try:
            if spec.has_function:
                verdict = self._answer(spec, due_at)
                if verdict.error is not None:
                    return (), None, verdict.error.summary
                return self._asks(spec, verdict.requests, due_at), verdict.skip, None
            run = run_of_schedule(spec, self._scope, due_at=due_at)
            if run is None:
                return (), incomplete(spec, due_at), None
            if line.asked is None or line.asked[0] != run:  # what could be run once can be run later, and writes the same
                line.asked = (run, self._asks(spec, (run,), due_at))
            return line.asked[1], None, None
        except PartitaError as error:
            return (), None, str(error)

    def _asks(self, spec: ScheduleSpec, runs: Sequence[RequestedRun], now: datetime) -> Sequence[_Ask]:
        requests = [request_of((spec.target,), run, self._scope, tags=dict(spec.tags)) for run in runs]
        return [_Ask(request, run.run_key, self._writes.of(request, now)) for run, request in zip(runs, requests, strict=True)]

    def _look(self, now: datetime) -> datetime | None:
        """Evaluate conditions; answers when to look again."""
        ran = len(self.runs)
        results = self._conditions.evaluate(self.facts, now=now, previous=self._states)
        self._states |= {key: result.state for key, result in results.items()}
        for wanted in runs_of_conditions(results.values(), among=self._graph.specs):
            self._launch(wanted, results, now)
        self._refuse_endless(results, now)
        if len(self.runs) > ran or not all(state.is_settled for state in self._states.values()):
            return now + LOOK
        return min((state.valid_until for state in self._states.values() if state.valid_until is not None), default=None)

    def _refuse_endless(self, results: Mapping[AssetKey, ConditionResult], now: datetime) -> None:
        before = self._in_a_row if now - self._looked_at <= LOOK else {}
        self._in_a_row = {key: before.get(key, 0) + 1 for key, result in results.items() if result.requested}
        self._looked_at = now
        for key, count in self._in_a_row.items():
            if count > MOST_IN_A_ROW:
                raise EndlessError(_endless(key, now))

    def _launch(self, wanted: ConditionRun, results: Mapping[AssetKey, ConditionResult], now: datetime) -> None:
        request = RunRequest(
            location=self._scope.location,
            repository=self._scope.repository.name,
            assets=wanted.assets,
            partition_keys=() if wanted.partition is None else (wanted.partition,),
        )
        runs: tuple[SimulatedRun, ...] = ()
        problem = None
        try:
            ask = _Ask(request, None, self._writes.of(request, now))
        except PartitaError as error:
            problem = str(error)
        else:
            runs = (self._run(ask, now, CONDITIONS, wanted.why),)
        for key in wanted.asked_by:
            reason = results[key].reason
            self.ticks.append(SimulatedTick(due_at=now, kind="condition", name=str(key), runs=runs, error=problem, reason=reason))

    def _plan(self, request: RunRequest, now: datetime) -> Plan:
        return build_plan(self._scope.repository, request, dynamic=self._scope.dynamic, now=now)

    def _run(self, ask: _Ask, now: datetime, launched_by: str, why: str) -> SimulatedRun:
        request, run_key, writes = ask
        run = SimulatedRun(
            due_at=now,
            launched_by=launched_by,
            job=request.job,
            assets=writes.assets,
            partition=request.partition_keys[0] if request.partition_keys else None,
            why=why,
            run_key=run_key,
            config=request.config,
            tags=request.tags,
        )
        if self._outcome(run) == "failed":
            run = msgspec.structs.replace(run, outcome="failed")
        self.runs.append(run)
        self._write(writes, run.outcome, now)
        return run

    def _write(self, writes: RunWrites, outcome: Outcome, now: datetime) -> None:
        """Remember it, where a condition looks at it."""
        for key, keys in writes.values:
            if key not in self._watched:
                continue
            if outcome == "failed":
                self.facts.broke(key, keys)
            else:
                self.facts.wrote(key, keys, at=now, together=writes.together)
        for check, keys in writes.checks:
            if outcome == "succeeded" and check in self._watched:
                self.facts.checked(check, keys, passed=True, at=now)


def _first_of_each(schedules: Sequence[ScheduleSpec], start: datetime) -> Iterator[_Due]:
    for place, spec in enumerate(schedules):
        line = _Line(spec=spec, ticks=ticks_from(spec, start), why=f"schedule {spec.name!r} was due")
        first = next(line.ticks, None)
        if first is not None:
            yield _Due(first, place, line)


def _fresh(asks: Sequence[_Ask], *, launched: Set[str]) -> Sequence[_Ask]:
    """Those without a run key, and the first of each that nothing was launched under."""
    if all(each.run_key is None for each in asks):
        return asks
    first: dict[str, _Ask] = {}
    for each in asks:
        if each.run_key is not None:
            first.setdefault(each.run_key, each)
    return [each for each in asks if each.run_key is None or (each.run_key not in launched and first[each.run_key] is each)]


def _endless(key: AssetKey, now: datetime) -> str:
    return (
        f"simulate: by {now.isoformat()} the condition {str(key)!r} has asked for a run {MOST_IN_A_ROW:,} times in a row, every "
        f"{LOOK.total_seconds():.0f} seconds, and would go on so. Let it ask once, with .newly_true() or .since_last_handled(), "
        "or simulate less than a day."
    )


def _too_many(last: SimulatedTick) -> str:
    return (
        f"simulate: more than {MOST_TICKS:,} ticks by {last.due_at.isoformat()}, the last one of {last.kind} {last.name!r}. "
        "Simulate a shorter time, or a repository with fewer schedules."
    )
