"""Which pools a run needs: those that its steps name, from the specs alone, before it is planned.

A run holds the slots of all its pools from its claim to its end, and its steps that share a pool take turns: so it needs as
many slots of a pool as the greediest of its steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from partita.definitions.specs import CheckSpec, GraphSpec, JobSpec, OpSpec, RepositorySpec
from partita.records.runs import RunRequest

_REMEMBERED = 10_000
"""Sets of steps whose pools are kept in memory."""

Need = tuple[str, str | None, int]
"""A step's key, the pool that it names, and how many slots."""


def pools_of(repository: RepositorySpec, request: RunRequest) -> dict[str, int]:
    """Slots by pool. A run that takes steps over from an earlier one counts as if it executed them all.

    What the request names and the repository does not have counts for nothing: planning will refuse it.
    """
    needs = list(_needs(repository, request))
    # A selection such as `+report` may mean any of the steps.
    is_by_key = request.steps is not None and {key for key, _, _ in needs}.issuperset(request.steps)
    found: dict[str, int] = {}
    for key, pool, slots in needs:
        if pool is not None and (not is_by_key or key in (request.steps or ())):
            found[pool] = max(found.get(pool, 0), slots)
    return found


class PoolNeeds:
    """The pools of requests, worked out once for requests that run the same steps.

    Args:
        repositories: every repository by location and name.
    """

    def __init__(self, repositories: Mapping[tuple[str, str], RepositorySpec]) -> None:
        self._repositories = repositories
        self._known: dict[tuple[Any, ...], dict[str, int]] = {}

    def __call__(self, request: RunRequest) -> Mapping[str, int]:
        """Slots by pool; none where the repository is not known."""
        key = (request.location, request.repository, request.job, request.assets, request.checks, request.steps)
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known = {}
            repository = self._repositories.get((request.location, request.repository))
            self._known[key] = pools_of(repository, request) if repository is not None else {}
        return self._known[key]


def _needs(repository: RepositorySpec, request: RunRequest) -> Iterator[Need]:
    job = next((each for each in repository.jobs if each.name == request.job), None) if request.job is not None else None
    if job is not None and job.graph is not None:
        parts = _Parts({op.name: op for op in repository.ops}, {graph.name: graph for graph in repository.graphs})
        yield from _graph_needs(job.graph, "", parts)
        return
    assets = frozenset(request.assets or (job.assets if job is not None else ()))
    for asset in repository.assets:
        if asset.key in assets:
            yield asset.step_key, asset.pool, asset.pool_slots
    for check in repository.checks:
        if _is_evaluated(check, request, job):
            yield check.step_key, check.pool, check.pool_slots


def _is_evaluated(check: CheckSpec, request: RunRequest, job: JobSpec | None) -> bool:
    if request.checks is not None:
        return check.step_key in request.checks
    if job is None:
        return check.asset in request.assets
    return check.step_key in job.checks and (not request.assets or check.asset in request.assets)


class _Parts(NamedTuple):
    """What graphs are made of, by name."""

    ops: Mapping[str, OpSpec]
    graphs: Mapping[str, GraphSpec]


def _graph_needs(graph: str, prefix: str, parts: _Parts) -> Iterator[Need]:
    for node in parts.graphs[graph].nodes:
        if node.kind == "op":
            op = parts.ops[node.definition]
            yield prefix + node.name, op.pool, op.pool_slots
        else:
            yield from _graph_needs(node.definition, f"{prefix}{node.name}.", parts)
