"""The graph of a job as the schema shows it: every node and every edge, nested graphs flattened."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from partita.api.entries import JobEntry, OpEntry, Place
from partita.definitions.keys import AssetKey
from partita.definitions.specs import AssetSpec, CheckSpec, GraphSpec, InputSpec, OpSpec, OutputSpec, RepositorySpec
from partita.planning.graph_steps import GraphSteps
from partita.planning.plan import FromCollected, FromOutput, FromSeveral, Source
from partita.workspace.catalog import Catalog

RESULT = "result"
_Ends = Mapping[AssetKey, tuple[str, str]]
"""The handle and the output of each asset of a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNode:
    """The value behind a `GraphNode`."""

    handle: str
    definition: OpEntry
    is_dynamic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGraphEdge:
    """The value behind a `GraphEdge`."""

    from_handle: str
    from_output: str
    to_handle: str
    to_input: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGraph:
    """The value behind a `Graph`."""

    name: str
    nodes: tuple[ShownNode, ...]
    edges: tuple[ShownGraphEdge, ...]


def graph_of(job: JobEntry, catalog: Catalog) -> ShownGraph:
    """The graph of a job."""
    repository = catalog.repositories[job.place]
    if job.spec.graph is not None:
        return _graph_of_ops(job.place, repository, job.spec.graph)
    return _graph_of_assets(job, repository)


def _graph_of_ops(place: Place, repository: RepositorySpec, name: str) -> ShownGraph:
    ops = {op.name: op for op in repository.ops}
    graphs = {graph.name: graph for graph in repository.graphs}
    steps = tuple(GraphSteps(repository, name))
    mapped = frozenset(step.key for step in steps if step.is_template)
    edges = [
        ShownGraphEdge(from_handle=source.step, from_output=source.output, to_handle=step.key, to_input=each.name)
        for step in steps
        for each in step.inputs
        for source in _outputs_in(each.source)
    ]
    nodes = tuple(_nodes_in(place, graphs[name], "", mapped=mapped, ops=ops, graphs=graphs))
    return ShownGraph(name=name, nodes=nodes, edges=tuple(edges))


def _nodes_in(
    place: Place, graph: GraphSpec, prefix: str, *, mapped: Collection[str], ops: Mapping[str, OpSpec], graphs: Mapping[str, GraphSpec]
) -> Iterator[ShownNode]:
    for node in graph.nodes:
        handle = prefix + node.name
        if node.kind == "op":
            yield ShownNode(handle=handle, definition=_op_entry(place, ops[node.definition]), is_dynamic=handle in mapped)
        else:
            inner = graphs[node.definition]
            yield ShownNode(handle=handle, definition=_graph_entry(place, inner), is_dynamic=node.is_mapped)
            yield from _nodes_in(place, inner, f"{handle}.", mapped=mapped, ops=ops, graphs=graphs)


def _outputs_in(source: Source) -> tuple[FromOutput | FromCollected, ...]:
    match source:
        case FromOutput() | FromCollected():
            return (source,)
        case FromSeveral(sources=sources):
            return sources
        case _:
            return ()


def _op_entry(place: Place, op: OpSpec) -> OpEntry:
    return OpEntry(
        place=place,
        name=op.name,
        description=op.description,
        tags=op.tags,
        source=op.source,
        inputs=op.inputs,
        outputs=op.outputs,
        config=op.config,
        resources=op.resources,
    )


def _graph_entry(place: Place, graph: GraphSpec) -> OpEntry:
    return OpEntry(
        place=place,
        name=graph.name,
        description=graph.description,
        source=graph.source,
        inputs=tuple(InputSpec(name=name) for name in graph.inputs),
        outputs=tuple(OutputSpec(name=name) for name, _ in graph.outputs),
        is_graph=True,
    )


def _graph_of_assets(job: JobEntry, repository: RepositorySpec) -> ShownGraph:
    assets = {spec.key: spec for spec in repository.assets}
    checks = {check.step_key: check for check in repository.checks}
    chosen = [assets[key] for key in job.spec.assets if key in assets]
    tested = [checks[key] for key in job.spec.checks if key in checks]
    steps: dict[str, list[AssetSpec]] = {}
    for spec in chosen:
        steps.setdefault(spec.step_key, []).append(spec)
    nodes = [ShownNode(handle=key, definition=_assets_entry(job.place, specs)) for key, specs in steps.items()]
    nodes += [ShownNode(handle=check.step_key, definition=_check_entry(job.place, check)) for check in tested]
    ends = {spec.key: (spec.step_key, RESULT if spec.step is None else str(spec.key)) for spec in chosen}
    edges = list(dict.fromkeys(edge for spec in chosen for edge in _edges_to(spec, ends)))
    edges += [edge for check in tested for edge in _edges_to_check(check, ends)]
    return ShownGraph(name=job.name, nodes=tuple(nodes), edges=tuple(edges))


def _edges_to(spec: AssetSpec, ends: _Ends) -> Iterator[ShownGraphEdge]:
    inputs = {each.key: each.name for each in spec.inputs}
    for key in spec.upstream:
        if key in ends and ends[key][0] != spec.step_key:
            yield _edge(ends[key], spec.step_key, inputs.get(key, str(key)))


def _edges_to_check(check: CheckSpec, ends: _Ends) -> Iterator[ShownGraphEdge]:
    inputs = {each.key: each.name for each in check.inputs}
    upstream = dict.fromkeys([check.asset, *(dep.key for dep in check.deps), *(each.key for each in check.inputs if each.key is not None)])
    for key in upstream:
        if key in ends:
            yield _edge(ends[key], check.step_key, inputs.get(key, str(key)))


def _edge(start: tuple[str, str], handle: str, name: str) -> ShownGraphEdge:
    return ShownGraphEdge(from_handle=start[0], from_output=start[1], to_handle=handle, to_input=name)


def _assets_entry(place: Place, specs: Sequence[AssetSpec]) -> OpEntry:
    """The function of a step, with an output for each asset that it computes."""
    first = specs[0]
    if first.step is None:
        return _asset_entry(place, first)
    inputs = {each.name: each for spec in specs for each in spec.inputs}
    outputs = tuple(OutputSpec(name=spec.key, type_name=spec.type_name, is_nothing=not spec.stores_value) for spec in specs)
    return replace(_asset_entry(place, first), name=first.step, tags=(), inputs=tuple(inputs.values()), outputs=outputs)


def _asset_entry(place: Place, spec: AssetSpec) -> OpEntry:
    return OpEntry(
        place=place,
        name=spec.key,
        description=spec.description,
        tags=spec.tags,
        source=spec.source,
        inputs=spec.inputs,
        outputs=(OutputSpec(name=RESULT, type_name=spec.type_name, is_nothing=not spec.stores_value),),
        config=spec.config,
        resources=spec.resources,
    )


def _check_entry(place: Place, check: CheckSpec) -> OpEntry:
    return OpEntry(
        place=place,
        name=check.step_key,
        description=check.description,
        source=check.source,
        inputs=check.inputs,
        config=check.config,
        resources=check.resources,
    )
