"""Planning a claimed run: from its request, the location's catalog and the runs before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from partita.errors import NotFoundError
from partita.planning.build import build_plan
from partita.planning.dynamic import dynamic_sets
from partita.planning.mapped import check_collected
from partita.planning.plan import Plan, Produced
from partita.planning.resume import resume
from partita.planning.walk import Walk
from partita.records.events import Event, OutputSaved, StepsMapped
from partita.records.filters import EventFilter
from partita.records.locations import LocationCatalog
from partita.records.runs import Run, RunStep, StepStatus
from partita.storage.store import Store
from partita.workspace.catalog import Catalog

EVENTS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A run that can begin."""

    run: Run
    plan: Plan
    reused: tuple[str, ...] = ()
    """Steps taken over from the run that this one resumes."""
    output_runs: dict[str, str]
    """Step key to the run that has its outputs, for steps of the runs before."""
    produced: tuple[Produced, ...] = ()
    """What those steps have put out, as far as it is remembered."""

    def walk(self) -> Walk:
        """A fresh pass over its plan."""
        return Walk(self.plan, reused=self.reused, produced=self.produced)


def plan_run(run: Run, *, store: Store, catalog: LocationCatalog, workspace: Catalog, now: datetime) -> PlannedRun:
    """The plan of a claimed run under the catalog that its location has now.

    Raises:
        RequestError: what the request names does not exist any more, or cannot be run so.
    """
    request = run.request
    repository = next((each for each in catalog.repositories if each.name == request.repository), None)
    if repository is None:
        raise NotFoundError(f"repository of code location {catalog.location!r}", request.repository, [each.name for each in catalog.repositories])
    references = workspace.references_for(request.location, request.repository)
    dynamic = store.partitions.bind(dynamic_sets([repository], references=references.values()))
    plan = build_plan(repository, request, references=references, dynamic=dynamic, now=now)
    if request.parent_id is None:
        return PlannedRun(run=run, plan=plan, output_runs={})
    before = list(_runs_before(store, request.parent_id))
    output_runs = _origins(before)
    produced = tuple(_produced(store, output_runs))
    check_collected(plan, produced)
    if not request.is_resumed or not before or _names_steps(run, store):
        return PlannedRun(run=run, plan=plan, output_runs=output_runs, produced=produced)
    reused = resume(plan, {step.key: step.status for step in before[0]}, produced).reused
    return PlannedRun(run=run, plan=plan, reused=reused, output_runs=output_runs, produced=produced)


def _names_steps(run: Run, store: Store) -> bool:
    """Whether it was asked for certain steps of the run before: they are executed whatever became of them there."""
    wanted, parent_id = run.request.steps, run.request.parent_id
    if wanted is None or parent_id is None:
        return False
    parent = store.runs.find(parent_id)
    return parent is not None and parent.request.steps != wanted


def _runs_before(store: Store, parent_id: str | None) -> Iterator[list[RunStep]]:
    """The steps of the parent, of its parent, and so on."""
    seen: set[str] = set()
    while parent_id is not None and parent_id not in seen:
        seen.add(parent_id)
        yield store.runs.steps([parent_id])[parent_id]
        parent = store.runs.find(parent_id)
        parent_id = parent.request.parent_id if parent is not None else None


def _origins(before: list[list[RunStep]]) -> dict[str, str]:
    """For each step, the newest of these runs that has executed it with success; taking it over is no attempt."""
    origins: dict[str, str] = {}
    for steps in before:
        for step in steps:
            if step.status is StepStatus.SUCCEEDED and step.attempt > 0:
                origins.setdefault(step.key, step.run_id)
    return origins


def _produced(store: Store, origins: dict[str, str]) -> Iterator[Produced]:
    for run_id in dict.fromkeys(origins.values()):
        seq = 0
        while events := store.events.after(run_id, seq=seq, limit=EVENTS_AT_ONCE, where=EventFilter(kinds=("output", "mapped"))):
            for stored in events:
                event = stored.event
                if event.step is not None and origins.get(event.step) == run_id:
                    yield from _told_by(event, event.step)
            seq = events[-1].seq


def _told_by(event: Event, step: str) -> Iterator[Produced]:
    """What an event tells of outputs. Items count once all are told: an attempt that failed half way has left some, too."""
    match event:
        case OutputSaved(output=output, mapping_key=None):
            yield Produced(step, output)
        case StepsMapped(output=output, keys=keys):
            yield Produced(step, output)
            yield from (Produced(step, output, key) for key in keys)
