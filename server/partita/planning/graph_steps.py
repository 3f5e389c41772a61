"""The steps of a job of ops: its graph and the graphs inside it, flattened.

A step's key is the path of node names joined by dots. Graphs leave no trace in the plan: an input of an op is traced
through the inputs and outputs of the graphs around it to the op, or the constant, that feeds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from partita.definitions.partitions import PartitionsSpec
from partita.definitions.policies import Retry
from partita.definitions.specs import GraphSpec, InputSpec, NodeSpec, OpSpec, RepositorySpec, Upstream
from partita.errors import RequestError
from partita.planning.plan import Axis, FromCollected, FromOutput, FromSeveral, FromValue, Source, Step, StepInput, StepKind, StepOutput


@dataclass(frozen=True)
class _Definitions:
    ops: Mapping[str, OpSpec]
    graphs: Mapping[str, GraphSpec]
    axes: dict[str, Axis] = field(default_factory=dict)
    """Steps so far that are executed for each item of a dynamic output. Definition order puts what feeds a step before it."""


@dataclass(frozen=True)
class _Scope:
    """One use of a graph: where it stands, and what its own inputs are fed by."""

    graph: GraphSpec
    prefix: str
    inputs: Mapping[str, Source]
    definitions: _Definitions
    inner: dict[str, _Scope] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> Mapping[str, NodeSpec]:
        """The uses of ops and graphs in it by name."""
        return {node.name: node for node in self.graph.nodes}

    def steps(self) -> Iterator[tuple[str, NodeSpec, _Scope]]:
        """Every use of an op, in order of definition, with its key."""
        for node in self.graph.nodes:
            if node.kind == "op":
                yield self.prefix + node.name, node, self
            else:
                yield from self.enter(node).steps()

    def enter(self, node: NodeSpec) -> _Scope:
        """The graph that `node` uses."""
        if node.name not in self.inner:
            graph = self.definitions.graphs[node.definition]
            fed = {name: source for name in graph.inputs if (source := self.source_of(node, name)) is not None}
            self.inner[node.name] = _Scope(graph, f"{self.prefix}{node.name}.", fed, self.definitions)
        return self.inner[node.name]

    def source_of(self, node: NodeSpec, name: str) -> Source | None:
        """What feeds input `name` of `node`; None: nothing does."""
        for given, value in node.values:
            if given == name:
                return FromValue(value=value)
        for given, upstreams in node.inputs:
            if given == name:
                found = [source for upstream in upstreams if (source := self.traced(upstream)) is not None]
                if name in node.lists:
                    return self._listed(node, name, found)
                return found[0] if found else None
        return None

    def _listed(self, node: NodeSpec, name: str, found: list[Source]) -> FromSeveral:
        outputs = tuple(source for source in found if isinstance(source, FromOutput))
        if len(outputs) < len(found):
            raise RequestError(
                f"Input {name!r} of {self.prefix + node.name!r} is a list of outputs, and one of them is an input of graph {self.graph.name!r} "
                "that was given a constant or a list. Give it the output of an op."
            )
        return FromSeveral(sources=outputs)

    def traced(self, upstream: Upstream) -> Source | None:
        """The op's output, or the constant, behind an output of this graph's nodes or one of its inputs."""
        found = self._traced(upstream)
        if not upstream.collects:
            return found
        assert isinstance(found, FromOutput), "only outputs of ops are dynamic"
        over = self.definitions.axes.get(found.step) or Axis(found.step, found.output)
        return FromCollected(step=found.step, output=found.output, io_manager=found.io_manager, over=over)

    def _traced(self, upstream: Upstream) -> Source | None:
        if upstream.node is None:
            return self.inputs.get(upstream.output)
        node = self.nodes[upstream.node]
        if node.kind == "op":
            output = next(each for each in self.definitions.ops[node.definition].outputs if each.name == upstream.output)
            key = self.prefix + node.name
            is_mapped = output.is_dynamic or key in self.definitions.axes
            return FromOutput(step=key, output=output.name, io_manager=output.io_manager, is_mapped=is_mapped)
        inside = self.enter(node)
        return inside.traced(dict(inside.graph.outputs)[upstream.output])


class Use(NamedTuple):
    """Where a graph stands whose steps are wanted."""

    prefix: str
    """What its steps' keys begin with."""
    inputs: Mapping[str, Source]
    """What feeds its own inputs."""


TOP = Use("", {})
"""A job's graph."""


class GraphSteps:
    """The steps of a graph in order of definition, each for the partitions of the run.

    Args:
        repository: where its ops and graphs are.
        graph: its name.
        use: where it stands.
        step_retry: for ops without a rule of their own.
        partitions: how what is run is cut.
        partition_keys: the partitions of the run.

    Raises:
        RequestError: when iterated: an op needs an input that nothing in the graph gives.
    """

    def __init__(
        self,
        repository: RepositorySpec,
        graph: str,
        *,
        use: Use = TOP,
        step_retry: Retry | None = None,
        partitions: PartitionsSpec | None = None,
        partition_keys: tuple[str, ...] = (),
    ) -> None:
        self._definitions = _Definitions({op.name: op for op in repository.ops}, {each.name: each for each in repository.graphs})
        self._scope = _Scope(self._definitions.graphs[graph], use.prefix, use.inputs, self._definitions)
        self._step_retry = step_retry
        self._partitions = partitions
        self._partition_keys = partition_keys

    def __iter__(self) -> Iterator[Step]:
        for key, node, scope in self._scope.steps():
            op = self._definitions.ops[node.definition]
            inputs = tuple(made for each in op.inputs if (made := _input(key, each, scope.source_of(node, each.name))) is not None)
            yield self._step(key, op, inputs)

    def output(self, name: str) -> Source | None:
        """The op's output behind an output of the graph."""
        return self._scope.traced(dict(self._scope.graph.outputs)[name])

    def _step(self, key: str, op: OpSpec, inputs: tuple[StepInput, ...]) -> Step:
        return Step(
            key=key,
            kind=StepKind.OP,
            definition=op.name,
            inputs=inputs,
            outputs=tuple(
                StepOutput(
                    name=out.name,
                    io_manager=out.io_manager,
                    type_name=out.type_name,
                    is_required=out.is_required,
                    stores_value=not out.is_nothing,
                    is_dynamic=out.is_dynamic,
                )
                for out in op.outputs
            ),
            depends_on=tuple(dict.fromkeys(step for each in inputs for step in steps_of(each.source))),
            partition_keys=self._partition_keys,
            partitions=self._partitions,
            retry=op.retry or self._step_retry,
            timeout=op.timeout,
            pool=op.pool,
            tags=op.tags,
            resources=op.resources,
            is_async=op.is_async,
            hooks=op.hooks,
            mapped_over=_axis_of(key, inputs, self._definitions),
        )


def _input(key: str, given: InputSpec, source: Source | None) -> StepInput | None:
    if source is not None:
        return StepInput(name=given.name, source=source)
    if given.is_required and not given.is_nothing:
        raise RequestError(f"Step {key!r} needs input {given.name!r}, and nothing in the graph gives it.")
    return None


def _axis_of(key: str, inputs: Iterable[StepInput], definitions: _Definitions) -> Axis | None:
    """The dynamic output for each of whose items the step is executed, which is noted; None: it is executed once."""
    axes = {definitions.axes.get(source.step) or Axis(source.step, source.output) for each in inputs for source in _items_in(each.source)}
    if len(axes) > 1:
        first, second, *_ = sorted(axis.step for axis in axes)
        raise RequestError(f"Step {key!r} takes items of {first!r} and of {second!r}. Collect one of them.")
    for axis in axes:
        definitions.axes[key] = axis
    return definitions.axes.get(key)


def _items_in(source: Source) -> tuple[FromOutput, ...]:
    sources = source.sources if isinstance(source, FromSeveral) else (source,)
    return tuple(each for each in sources if isinstance(each, FromOutput) and each.is_mapped)


def steps_of(source: Source) -> tuple[str, ...]:
    """The steps whose outputs a source is."""
    match source:
        case FromOutput(step=step) | FromCollected(step=step):
            return (step,)
        case FromSeveral(sources=sources):
            return tuple(each.step for each in sources)
        case _:
            return ()
