"""`simulate`: what a repository's schedules and conditions would launch, on a virtual clock and without running a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, get_args

from partita.definitions.automation_specs import ScheduleSpec
from partita.definitions.keys import AssetKey
from partita.definitions.repository import Repository
from partita.definitions.specs import to_key
from partita.errors import NotFoundError, RequestError, did_you_mean
from partita.execution.evaluating import evaluate
from partita.execution.evaluation import Evaluation
from partita.planning.condition_facts import WHOLE
from partita.planning.outcomes import ANY, DrawnOutcomes
from partita.planning.simulate import Simulation
from partita.planning.simulated import Outcome, SimulatedRun, SimulatedTick
from partita.records.verdicts import Verdict

Outcomes = float | Mapping[str, Outcome | float] | Callable[[SimulatedRun], Outcome]
Moment = date | datetime | str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationReport:
    """What would have happened."""

    start: datetime
    end: datetime
    runs: tuple[SimulatedRun, ...]
    """What would have been launched, in order."""
    ticks: tuple[SimulatedTick, ...]
    """Every tick of a schedule, and every evaluation of a condition that asked for something, in order."""
    left_out: tuple[str, ...]
    """What a simulation cannot know: the sensors, which look at the world."""

    def __str__(self) -> str:
        lines = [f"{self.start.isoformat()} to {self.end.isoformat()}: {len(self.runs)} runs of {len(self.ticks)} ticks"]
        lines += [f"  {run.due_at.isoformat()} {_target(run)}: {run.why}{_ending(run)}" for run in self.runs]
        lines += [f"  {tick.due_at.isoformat()} {tick.kind} {tick.name!r}: {tick.error}" for tick in self.ticks if tick.error is not None]
        return "\n".join([*lines, *self.left_out])


def simulate(  # noqa: PLR0913 (part of the authoring contract)
    repository: Repository,
    *,
    start: Moment,
    end: Moment,
    outcomes: Outcomes | None = None,
    materialized: Mapping[Any, Any] | None = None,
    dynamic: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> SimulationReport:
    """What schedules and conditions of a repository would launch from `start` until before `end`, all of them switched on.

    Nothing is run and nothing is stored: a run that would be launched has written its assets at once, and passed their checks. Functions of
    schedules are called, with their resources. Sensors are left out. The same simulation always comes to the same.

    Args:
        repository: what is declared.
        start: a date, a datetime, or either as ISO text; UTC where it names no zone.
        end: likewise; what is due at it is left out.
        outcomes: how runs end where they do not succeed: `"failed"`, or the share of runs that fail (`0.1`), by the name of a job, schedule or asset,
            `"*"` for all others; a share alone, for all; or a function that is given each run and answers `"succeeded"` or `"failed"`.
        materialized: what was written before `start`: asset to the list of its partitions, or to True for all there are then.
        dynamic: the keys of dynamic partitions, by the name of the set.
        seed: which runs fail of those that fail by chance: the same ones for the same seed.

    Example:
        ```python
        report = pt.simulate(flights, start="2026-03-28", end="2026-04-02")
        assert [run.partition for run in report.runs] == ["2026-03-27", "2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31"]
        ```

    Raises:
        RequestError: a moment, outcome or asset that cannot be meant; a condition that asks at every look for a day on end; or more than
            2,000,000 ticks.
    """
    if not isinstance(repository, Repository):
        raise RequestError(f"simulate({repository!r}): give a pt.Repository.")
    first, last = _moment(start, "start"), _moment(end, "end")
    if last <= first:
        raise RequestError(f"simulate(start={start!r}, end={end!r}): the end is not after the start.")
    simulation = Simulation(
        repository.spec, start=first, outcome=_outcome_of(repository, outcomes, seed), answer=_answering(repository), dynamic=_listed(dynamic or {})
    )
    for subject, keys in (materialized or {}).items():
        _write(simulation, _existing(repository, subject), keys, first)
    simulation.run_until(last)
    sensors = tuple(f"Sensor {sensor.name!r} is left out: nobody knows what it will see." for sensor in repository.sensors)
    return SimulationReport(start=first, end=last, runs=tuple(simulation.runs), ticks=tuple(simulation.ticks), left_out=sensors)


def _answering(repository: Repository) -> Callable[[ScheduleSpec, datetime], Verdict]:
    def answer(spec: ScheduleSpec, due_at: datetime) -> Verdict:
        tick = f"simulated-{spec.name}-{due_at.isoformat()}"
        asked = Evaluation(location="simulation", repository=repository.name, kind="schedule", name=spec.name, tick_id=tick, due_at=due_at)
        return evaluate(asked, [repository])

    return answer


def _outcome_of(repository: Repository, outcomes: Outcomes | None, seed: int) -> Callable[[SimulatedRun], Outcome]:
    if callable(outcomes):
        return lambda run: _checked(outcomes(run), f"the answer for the run of {_target(run)}")
    if not isinstance(seed, int):
        raise RequestError(f"simulate(seed={seed!r}): give a whole number.")
    given = outcomes if isinstance(outcomes, Mapping) else {ANY: outcomes or 0.0}
    spec = repository.spec
    known = [*(job.name for job in spec.jobs), *(schedule.name for schedule in spec.schedules), *(str(asset.key) for asset in spec.assets)]
    chances: dict[str, float] = {}
    for name, outcome in given.items():
        chances[name] = _chance(outcome, f"outcomes[{name!r}]" if given is outcomes else "outcomes")
        if name not in known and name != ANY:
            raise NotFoundError("job, schedule or asset", name, known)
    return DrawnOutcomes(chances, seed=seed)


def _chance(outcome: object, what: str) -> float:
    """The share of runs that fail."""
    if isinstance(outcome, (int, float)) and not isinstance(outcome, bool):
        if not 0 <= outcome <= 1:
            raise RequestError(f"simulate: {what} is {outcome!r}. Give the share of runs that fail, from 0 to 1.")
        return float(outcome)
    if not isinstance(outcome, str):
        raise RequestError(f"simulate: {what} is {outcome!r}. Use 'succeeded', 'failed' or the share of runs that fail, such as 0.1.")
    return 1.0 if _checked(outcome, what) == "failed" else 0.0


def _checked(outcome: object, what: str) -> Outcome:
    for word in get_args(Outcome):
        if outcome == word:
            known: Outcome = word
            return known
    raise RequestError(f"simulate: {what} is {outcome!r}. Use 'succeeded' or 'failed'.{did_you_mean(str(outcome), get_args(Outcome))}")


def _existing(repository: Repository, subject: Any) -> AssetKey:
    key = to_key(subject)
    if key not in repository.graph:
        raise NotFoundError("asset", key, repository.graph.keys)
    return key


def _write(simulation: Simulation, key: AssetKey, keys: Any, at: datetime) -> None:
    cut = simulation.cut(key)
    if keys is True:
        simulation.facts.wrote(key, cut.keys(now=at), at=at)
        return
    if isinstance(keys, str) or not isinstance(keys, Iterable) or cut is WHOLE:
        advice = "True" if cut is WHOLE else "True for all partitions, or a list of keys"
        raise RequestError(f"simulate: materialized[{str(key)!r}] is {keys!r}. Give {advice}.")
    simulation.facts.wrote(key, cut.select(keys, now=at, owner=f"Asset {str(key)!r}"), at=at)


def _listed(dynamic: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(keys) for name, keys in dynamic.items()}


def _moment(given: Moment, name: str) -> datetime:
    moment: object = given
    if isinstance(given, str):
        try:
            moment = datetime.fromisoformat(given)
        except ValueError:
            raise RequestError(f"simulate({name}={given!r}): give a date such as '2026-03-28', or a time such as '2026-03-28T06:00+01:00'.") from None
    elif isinstance(given, date) and not isinstance(given, datetime):
        moment = datetime(given.year, given.month, given.day, tzinfo=UTC)
    if not isinstance(moment, datetime):
        raise RequestError(f"simulate({name}={given!r}): give a date, a datetime, or either as text.")
    if not 1900 < moment.year < 2999:  # cron expressions have no ticks beyond
        raise RequestError(f"simulate({name}={given!r}): give a time between the years 1901 and 2998.")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _ending(run: SimulatedRun) -> str:
    return "" if run.outcome == "succeeded" else f" ({run.outcome})"


def _target(run: SimulatedRun) -> str:
    what = f"job {run.job!r}" if run.job is not None else ", ".join(run.assets)
    return what if run.partition is None else f"{what} [{run.partition}]"
