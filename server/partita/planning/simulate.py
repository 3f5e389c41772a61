"""Schedules and conditions on a virtual clock: what would be launched, when and why, if nothing but the clock and these runs were at work.

The clock jumps from one instant at which something can happen to the next. What runs write is remembered in memory, so that conditions see it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.automation_specs import ScheduleSpec
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DynamicKeys, Partitions, PartitionSet
from partita.definitions.specs import RepositorySpec
from partita.errors import PartitaError, RequestError
from partita.planning.build import build_plan
from partita.planning.condition_facts import cut_of
from partita.planning.condition_runs import ConditionRun, runs_of_conditions
from partita.planning.conditions import ConditionResult, Conditions
from partita.planning.due import due_ticks, first_due
from partita.planning.plan import Plan, Step, StepKind
from partita.planning.reasons import Reason
from partita.planning.remembered_facts import RememberedFacts
from partita.planning.ticks import Asked, TickScope, requests_of, requests_of_schedule
from partita.records.conditions import ConditionState
from partita.records.runs import RunRequest
from partita.records.verdicts import Verdict

Outcome = Literal["succeeded", "failed"]
Answer = Callable[[ScheduleSpec, datetime], Verdict]
"""Calls the function of a schedule for a tick."""
LOOK = timedelta(seconds=30)
"""Between looks at conditions that have something to follow up, as a daemon would take."""
MAX_TICKS = 10_000
"""Ticks and runs of a simulation: more come of a condition that asks again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRun:
    """A run that would have been launched."""

    due_at: datetime
    launched_by: str
    """The name of the schedule; `conditions` for those of assets."""
    job: str | None
    """None when assets are materialised directly."""
    assets: tuple[AssetKey, ...]
    """All that it writes, in the order of its steps."""
    partition: str | None
    why: str
    run_key: str | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedTick:
    """A tick of a schedule, or an evaluation of a condition that asks for something."""

    due_at: datetime
    kind: Literal["schedule", "condition"]
    name: str
    """The schedule's name, or the asset's key."""
    runs: tuple[SimulatedRun, ...] = ()
    skip_reason: str | None = None
    error: str | None = None
    reason: Reason | None = None
    """Of a condition: the whole tree of reasons."""


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
        self._start = start
        self._outcome = outcome
        self._answer = answer
        self._graph = AssetGraph(repository.assets, repository.checks)
        self._asset_of = {check.step_key: check.asset for check in repository.checks}
        self._scope = TickScope(location="simulation", repository=repository, dynamic=dynamic)
        self.facts = RememberedFacts(self.cut)
        self._conditions = Conditions(self._graph, dynamic=dynamic)
        self._states: dict[AssetKey, ConditionState] = {}
        self._launched: dict[str, set[str]] = {spec.name: set() for spec in repository.schedules}
        self._next = {spec.name: first_due(spec, after=start - timedelta(microseconds=1)) for spec in repository.schedules}
        self.ticks: list[SimulatedTick] = []
        self.runs: list[SimulatedRun] = []

    def cut(self, subject: str) -> Partitions:
        """How an asset, or what a check is of, is cut."""
        return cut_of(self._graph.spec(AssetKey(self._asset_of.get(subject, subject))).partitions, self._scope.dynamic)

    def run_until(self, end: datetime) -> None:
        """Let the clock go on, up to `end` and without it.

        Raises:
            RequestError: too much comes of it.
        """
        look: datetime | None = self._start if self._conditions.keys else None
        while (now := min((each for each in (*self._next.values(), look) if each is not None), default=end)) < end:
            ran = len(self.runs)
            for spec in self._scope.repository.schedules:
                if self._next[spec.name] <= now:
                    self._tick(spec, now)
            if self._conditions.keys and (look == now or len(self.runs) > ran):
                look = self._look(now)
            if max(len(self.runs), len(self.ticks)) > MAX_TICKS:
                raise RequestError(_endless(self.ticks[-1]))

    def _tick(self, spec: ScheduleSpec, now: datetime) -> None:
        due = due_ticks(spec, planned=self._next[spec.name], now=now)
        self._next[spec.name] = due.next
        for due_at in due.ticks:
            asks, skip_reason, error = self._asked(spec, due_at)
            fresh = _fresh(asks, launched=self._launched[spec.name])
            if asks and not fresh:
                skip_reason = f"Run key {asks[0].run_key!r} was launched already."
            self._launched[spec.name] |= {each.run_key for each in fresh if each.run_key is not None}
            runs = [self._run_asked(each, spec, due_at) for each in fresh]
            self.ticks.append(SimulatedTick(due_at=due_at, kind="schedule", name=spec.name, runs=tuple(runs), skip_reason=skip_reason, error=error))

    def _asked(self, spec: ScheduleSpec, due_at: datetime) -> tuple[Sequence[Asked], str | None, str | None]:
        """What a tick asks for, why nothing, or what went wrong."""
        try:
            if not spec.has_function:
                return *requests_of_schedule(spec, self._scope, due_at=due_at), None
            verdict = self._answer(spec, due_at)
            if verdict.error is not None:
                return (), None, verdict.error.summary
            return requests_of((spec.target,), verdict.requests, self._scope, tags=dict(spec.tags), now=due_at), verdict.skip, None
        except PartitaError as error:
            return (), None, str(error)

    def _look(self, now: datetime) -> datetime | None:
        """Evaluate conditions; answers when to look again."""
        ran = len(self.runs)
        results = self._conditions.evaluate(self.facts, now=now, previous=self._states)
        self._states |= {key: result.state for key, result in results.items()}
        for wanted in runs_of_conditions(results.values(), among=self._graph.specs):
            self._launch(wanted, results, now)
        if len(self.runs) > ran or not all(state.is_settled for state in self._states.values()):
            return now + LOOK
        return min((state.valid_until for state in self._states.values() if state.valid_until is not None), default=None)

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
            plan = self._plan(request, now)
        except PartitaError as error:
            problem = str(error)
        else:
            runs = (self._run(plan, request, now, "conditions", wanted.why),)
        for key in wanted.asked_by:
            reason = results[key].reason
            self.ticks.append(SimulatedTick(due_at=now, kind="condition", name=str(key), runs=runs, error=problem, reason=reason))

    def _plan(self, request: RunRequest, now: datetime) -> Plan:
        return build_plan(self._scope.repository, request, dynamic=self._scope.dynamic, now=now)

    def _run_asked(self, asked: Asked, spec: ScheduleSpec, due_at: datetime) -> SimulatedRun:
        plan = self._plan(asked.request, due_at)
        return self._run(plan, asked.request, due_at, spec.name, f"schedule {spec.name!r} was due", run_key=asked.run_key)

    def _run(self, plan: Plan, request: RunRequest, now: datetime, launched_by: str, why: str, *, run_key: str | None = None) -> SimulatedRun:
        assets = tuple(key for step in plan.steps for key in step.subjects)
        run = SimulatedRun(
            due_at=now,
            launched_by=launched_by,
            job=request.job,
            assets=assets,
            partition=request.partition_keys[0] if request.partition_keys else None,
            why=why,
            run_key=run_key,
            config=request.config,
            tags=request.tags,
        )
        self.runs.append(run)
        self._write(plan, assets, self._outcome(run), now)
        return run

    def _write(self, plan: Plan, assets: tuple[AssetKey, ...], outcome: Outcome, now: datetime) -> None:
        for step in plan.steps:
            for key in step.writes:
                if outcome == "failed":
                    self.facts.broke(key, self._keys(key, step))
                else:
                    self.facts.wrote(key, self._keys(key, step), at=now, together=assets)
            if step.kind is StepKind.CHECK and outcome == "succeeded":
                self.facts.checked(step.definition, self._keys(step.definition, step), passed=True, at=now)

    def _keys(self, subject: str, step: Step) -> PartitionSet | None:
        return self.cut(subject).set_of(step.partition_keys) if step.partition_keys else None


def _fresh(asks: Sequence[Asked], *, launched: Set[str]) -> list[Asked]:
    """Those without a run key, and the first of each that nothing was launched under."""
    first: dict[str, Asked] = {}
    for each in asks:
        if each.run_key is not None:
            first.setdefault(each.run_key, each)
    return [each for each in asks if each.run_key is None or (each.run_key not in launched and first[each.run_key] is each)]


def _endless(last: SimulatedTick) -> str:
    return (
        f"simulate: more than {MAX_TICKS:,} ticks by {last.due_at.isoformat()}, the last one of {last.kind} {last.name!r}. Simulate a shorter time; "
        "let a condition that asks again and again ask once, with .newly_true() or .since_last_handled()."
    )
