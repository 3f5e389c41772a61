"""The jobs of a repository: their ops and graphs collected, their selections resolved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.graphs import Graph
from partita.definitions.jobs import Job
from partita.definitions.keys import AssetKey
from partita.definitions.ops import Op
from partita.definitions.partitions import MultiPartitions, Partitions, PartitionsSpec, TimePartitions, partitions_of
from partita.definitions.problems import Problems, standing
from partita.definitions.repository_assets import flatten
from partita.definitions.shared_steps import part_problem
from partita.definitions.specs import JobSpec
from partita.errors import DefinitionError, DuplicateNameError, EmptySelectionError


class Parts:
    """Every op and graph that the jobs of a repository use, by name."""

    def __init__(self, problems: Problems) -> None:
        self.ops: dict[str, Op[..., Any]] = {}
        self.graphs: dict[str, Graph[..., Any]] = {}
        self._problems = problems

    def add(self, graph: Graph[..., Any]) -> None:
        """A graph and all that it is made of."""
        if not self._take(graph, self.graphs, kind="graph"):
            return
        for part in graph.parts:
            if isinstance(part, Op):
                self._take(part, self.ops, kind="op")
            elif isinstance(part, Graph):
                self.add(part)

    def _take(self, part: Any, known: dict[str, Any], *, kind: str) -> bool:
        other = known.setdefault(part.name, part)
        if other is not part:
            self._problems.add(
                f"the name is taken by the {kind}{standing(other.spec.source)}. Rename one of them; for two uses of one {kind}, use alias().",
                source=part.spec.source,
                subject=f"{kind} {part.name!r}",
                kind=DuplicateNameError,
            )
        return other is part


def collect_jobs(jobs: Iterable[Any], problems: Problems) -> dict[str, Job]:
    """Jobs by name, in order of definition; the same object may be listed again."""
    found: dict[str, Job] = {}
    for each in flatten(jobs, problems):
        if not isinstance(each, Job):
            hint = "Use it in the body of a @pt.job." if isinstance(each, (Graph, Op)) else "Declare it with @pt.job or pt.asset_job."
            problems.add(f"{each!r} is not a job. {hint}", source=None, subject="jobs")
            continue
        other = found.setdefault(each.name, each)
        if other is not each:
            problem = f"the name is taken by the job{standing(other.spec.source)}. Rename one of them."
            problems.add(problem, source=each.spec.source, subject=f"job {each.name!r}", kind=DuplicateNameError)
    return found


def resolve_job(job: Job, graph: AssetGraph) -> JobSpec:
    """The spec of a job, with its selection turned into assets and checks.

    Raises:
        DefinitionError: it selects nothing, or assets with different partitions.
        RequestError: it names assets that do not exist.
    """
    if job.selection is None:
        return job.spec
    chosen = job.selection.resolve(graph)
    selected = [key for key in graph.keys if key in chosen]
    assets = tuple(key for key in selected if graph.spec(key).is_executable)
    checks = tuple(check.step_key for key in selected for check in graph.checks_of(key))
    if not assets and not checks:
        raise EmptySelectionError(f"its selection {str(job.selection)!r} means no asset that can be materialised, and no check.")
    problem = part_problem(graph.specs.values(), frozenset(assets))
    if problem is not None:
        raise DefinitionError(f"its selection {str(job.selection)!r} cannot be run: {problem}")
    partitions = _own_partitions(job.spec.partitions, assets, graph) or _common_partitions(assets, graph)
    return msgspec.structs.replace(job.spec, assets=assets, checks=checks, partitions=partitions)


def _own_partitions(given: PartitionsSpec | None, assets: Iterable[AssetKey], graph: AssetGraph) -> PartitionsSpec | None:
    """What the job says; refused where its windows of time would have to be keys of its assets, or the other way round."""
    if given is None:
        return None
    own = partitions_of(given)
    cut = {key: partitions_of(spec) for key in assets if (spec := graph.spec(key).partitions) is not None}
    fits = isinstance(own, MultiPartitions) or any(isinstance(each, MultiPartitions) or _is_timed(each) == _is_timed(own) for each in cut.values())
    if cut and not fits:
        key, other = next(iter(cut.items()))
        raise DefinitionError(
            f"it is {own.describe()}, and none of its assets is cut like that: {str(key)!r} is {other.describe()}. "
            "Leave partitions= out, or give what the assets have."
        )
    return given


def _is_timed(partitions: Partitions) -> bool:
    return isinstance(partitions, TimePartitions)


def _common_partitions(assets: Iterable[AssetKey], graph: AssetGraph) -> PartitionsSpec | None:
    found: dict[PartitionsSpec, AssetKey] = {}
    for key in assets:
        spec = graph.spec(key).partitions
        if spec is not None:
            found.setdefault(spec, key)
    if len(found) > 1:
        (one, first), (other, second) = list(found.items())[:2]
        raise DefinitionError(
            f"its assets have different partitions: {str(first)!r} is {partitions_of(one).describe()}, "
            f"{str(second)!r} is {partitions_of(other).describe()}. Make a job for each, or give it partitions=."
        )
    return next(iter(found), None)
