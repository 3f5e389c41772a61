"""What would run, and why: the runs that a request comes to, with a reason for every step, and what is left out beside them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DynamicKeys, PartitionSet
from partita.definitions.selection import Selection
from partita.definitions.selection_terms import Or, Term, Walk
from partita.definitions.specs import AssetSpec, RepositorySpec
from partita.errors import ChoiceError
from partita.planning.build import build_plan
from partita.planning.cut import cut_assets
from partita.planning.plan import Step, StepKind
from partita.planning.staleness import Freshness, Staleness
from partita.records.runs import RunRequest

Place = tuple[str, str]
"""Location and repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedStep:
    """A step that would be executed."""

    key: str
    kind: StepKind
    depends_on: tuple[str, ...]
    """Steps of this run that come before it."""
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedRun:
    """A run that would be launched."""

    location: str
    repository: str
    job: str | None
    partitions: tuple[str, ...]
    steps: tuple[PreviewedStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An asset that would not be written although it is near, and why."""

    key: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a request comes to."""

    runs: tuple[PreviewedRun, ...]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewScope:
    """What is known while previewing."""

    graph: AssetGraph
    owners: Mapping[AssetKey, Place]
    repositories: Mapping[Place, RepositorySpec]
    references_for: Callable[[str, str], Mapping[AssetKey, AssetSpec]]
    """The owners' specs of the assets that a repository only refers to."""
    location_of: Mapping[AssetKey, str]
    now: datetime
    dynamic: DynamicKeys = field(default_factory=dict)
    staleness: Mapping[AssetKey, Staleness] | None = None
    """How assets stand; None: not known, and then nothing is said of it."""


def preview_selection(
    selection: Selection, scope: PreviewScope, *, partition_keys: Sequence[str] = (), config: Mapping[str, Any] | None = None
) -> Preview:
    """What materialising a selection would run.

    Raises:
        RequestError: it cannot be: what is asked for does not exist, or cannot run so.
    """
    chosen = _resolve(selection.term, scope)
    executable = [key for key in scope.graph.order if key in chosen and key in scope.owners]
    external = [key for key in scope.graph.keys if key in chosen and key not in scope.owners]
    if not executable:
        why = f": no code location computes {', '.join(repr(str(key)) for key in external[:5])}" if external else " means no asset"
        raise ChoiceError("asset", f"The selection '{selection}'{why}.")
    requests = cut_assets(
        executable,
        owners=scope.owners,
        graph=scope.graph,
        now=scope.now,
        partition_keys=partition_keys,
        dynamic=scope.dynamic,
        config=dict(config or {}),
    )
    because = {key: _why_chosen(selection.term, key, scope) for key in executable}
    runs = tuple(_preview_run(request, scope, because) for request in requests)
    left_out = [LeftOut(key=str(key), why="external: no code location computes it") for key in external]
    return Preview(runs=runs, left_out=(*left_out, *_neighbours(executable, scope)))


def preview_job(
    place: Place, job: str, scope: PreviewScope, *, partition_keys: Sequence[str] = (), config: Mapping[str, Any] | None = None
) -> Preview:
    """What launching a job would run.

    Raises:
        RequestError: it cannot be launched so.
    """
    spec = next(each for each in scope.repositories[place].jobs if each.name == job)
    request = RunRequest(location=place[0], repository=place[1], job=job, partition_keys=tuple(partition_keys), config=dict(config or {}))
    why = f"in the job's selection {spec.selection}" if spec.selection is not None else "in the job"
    run = _preview_run(request, scope, dict.fromkeys(spec.assets, why))
    return Preview(runs=(run,), left_out=tuple(_neighbours(spec.assets, scope)))


def _resolve(term: Term, scope: PreviewScope) -> set[AssetKey]:
    status_of = None if scope.staleness is None else {key: each.words for key, each in scope.staleness.items()}
    return Selection(term).resolve(scope.graph, location_of=scope.location_of, status_of=status_of)


def _why_chosen(term: Term, key: AssetKey, scope: PreviewScope) -> str:
    """Which part of a selection means `key`."""
    match term:
        case Or(terms=terms):
            return _why_chosen(next(each for each in terms if key in _resolve(each, scope)), key, scope)
        case Walk(term=inner, direction=direction):
            if key in _resolve(inner, scope):
                return _why_chosen(inner, key, scope)
            return f"{'before' if direction == 'upstream' else 'behind'} {Selection(inner)}"
        case _:
            return f"selected by {Selection(term)}"


def _preview_run(request: RunRequest, scope: PreviewScope, because: Mapping[AssetKey, str]) -> PreviewedRun:
    repository = scope.repositories[request.location, request.repository]
    references = scope.references_for(request.location, request.repository)
    plan = build_plan(repository, request, references=references, dynamic=scope.dynamic, now=scope.now)
    return PreviewedRun(
        location=request.location,
        repository=request.repository,
        job=request.job,
        partitions=request.partition_keys,
        steps=tuple(_preview_step(step, scope, because) for step in plan.steps),
    )


def _preview_step(step: Step, scope: PreviewScope, because: Mapping[AssetKey, str]) -> PreviewedStep:
    if step.kind is StepKind.CHECK:
        why: Iterable[str] = (f"checks {step.asset}{', and holds back what is behind it' if step.is_blocking else ''}",)
    else:
        assets = step.subjects
        chosen = dict.fromkeys(because.get(key, "in the job") for key in assets) or {"in the job": None}
        why = (*chosen, *(line for key in assets for line in _states(key, step, scope, is_alone=len(assets) == 1)))
    return PreviewedStep(key=step.key, kind=step.kind, depends_on=step.needs, why=tuple(why))


def _states(key: AssetKey, step: Step, scope: PreviewScope, *, is_alone: bool) -> Iterator[str]:
    state = scope.staleness.get(key) if scope.staleness is not None else None
    for line in _state(state, step.partition_keys) if state is not None else ():
        yield line if is_alone else f"{key} {line}"


def _state(state: Staleness, partitions: Sequence[str]) -> Iterator[str]:
    """How what a step writes stands now."""
    causes = "; ".join(map(str, state.causes))
    if state.missing is None or state.stale is None:
        yield {Freshness.MISSING: "never written", Freshness.FRESH: "fresh", Freshness.STALE: f"stale: {causes}"}[state.status]
        return
    missing, stale = _count(partitions, state.missing), _count(partitions, state.stale)
    if missing:
        yield "never written" if len(partitions) == 1 else f"{missing} of {len(partitions)} partitions never written"
    if stale:
        yield f"stale: {causes}" if len(partitions) == 1 else f"{stale} of {len(partitions)} partitions stale: {causes}"
    if not missing and not stale:
        yield "fresh"


def _count(keys: Iterable[str], among: PartitionSet) -> int:
    return sum(key in among for key in keys)


def _neighbours(chosen: Collection[AssetKey], scope: PreviewScope) -> Iterator[LeftOut]:
    """What comes directly before and behind, and is not written: each once, with the first asset that it is beside."""
    told = set(chosen)
    for key in chosen:
        for above in scope.graph.upstream(key):
            if above in scope.owners and above not in told:
                told.add(above)
                yield LeftOut(key=str(above), why=f"not selected; {key} reads {_what_is_read(above, scope)}")
    for key in chosen:
        for below in scope.graph.downstream(key):
            if below in scope.owners and below not in told:
                told.add(below)
                yield LeftOut(key=str(below), why=f"not selected; it depends on {key} and may be stale afterwards")


def _what_is_read(above: AssetKey, scope: PreviewScope) -> str:
    state = scope.staleness.get(above) if scope.staleness is not None else None
    match state.status if state is not None else None:
        case Freshness.MISSING:
            return "it, and it was never written"
        case Freshness.STALE:
            assert state is not None
            return f"its last write, which is stale: {'; '.join(map(str, state.causes))}"
        case _:
            return "its last write"
