"""What happens while the body of a graph or job runs: calls of ops become nodes, their results become edges.

The body is run once, when it is defined. An op called in it does nothing but leave a node and return a handle, which
can be passed on to other ops and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any, Literal, Protocol

from partita.definitions.handles import AnyHandle, DynamicHandle, Handle, Outputs, Wire, handles_of, refuse, running_body, wire_of
from partita.definitions.inputs import unresolved_hint
from partita.definitions.keys import check_op_name
from partita.definitions.specs import InputSpec, NodeSpec, OutputSpec, Upstream
from partita.errors import DuplicateNameError, SignatureError, did_you_mean


class Composable(Protocol):
    """An op or a graph, as far as a body that calls it is concerned."""

    @property
    def name(self) -> str:
        """What its nodes are called unless they have an alias."""
        ...

    @property
    def kind(self) -> Literal["op", "graph"]:
        """Which of the two it is."""
        ...

    @property
    def inputs(self) -> tuple[InputSpec, ...]:
        """What a call passes, in the order of positional arguments."""
        ...

    @property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """What a call returns."""
        ...

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Values of inputs that a call leaves out, where a node must carry them."""
        ...

    @property
    def dynamic_part(self) -> str | None:
        """Name of the op in it that has a dynamic output, itself included."""
        ...


class Composition:
    """The nodes of one graph while its body runs."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.nodes: dict[str, NodeSpec] = {}
        self.definitions: dict[int, Composable] = {}
        """Every op and graph called, once each."""

    def input(self, name: str) -> Handle:
        """The handle of one of the graph's own inputs."""
        return Handle(Wire(Upstream(output=name), OutputSpec(name=name), self), label=f"input {name!r}")

    def call(self, definition: Composable, *, alias: str | None, args: Sequence[Any], named: Mapping[str, Any]) -> AnyHandle | Outputs:
        """Leave a node for this call and return what it puts out."""
        name = self._name(definition.name, alias)
        given = self._arguments(definition, args, named)
        axis = _axis_of(definition, given)
        inputs: list[tuple[str, tuple[Upstream, ...]]] = []
        values: list[tuple[str, Any]] = []
        for spec in definition.inputs:
            if spec.name not in given:
                self._left_out(definition, spec, values)
            elif sources := self._sources(given[spec.name], definition=definition, spec=spec):
                inputs.append((spec.name, sources))
            else:
                values.append((spec.name, given[spec.name]))
        self.nodes[name] = NodeSpec(
            name=name,
            kind=definition.kind,
            definition=definition.name,
            inputs=tuple(inputs),
            lists=tuple(each for each, _ in inputs if isinstance(given[each], (list, tuple))),
            values=tuple(values),
            is_mapped=axis is not None,
        )
        self.definitions[id(definition)] = definition
        return self._returned(name, definition, axis=axis)

    def upstream(self, handle: AnyHandle) -> Upstream:
        """Where a handle comes from; handles of another body are refused."""
        wire = wire_of(handle)
        if wire.body is not self:
            refuse(f"uses {handle!r}, which belongs to the body of another graph", hint="Pass it in as an input.")
        return wire.upstream

    def _name(self, name: str, alias: str | None) -> str:
        if alias is not None:
            if alias in self.nodes:
                refuse(f"has two nodes called {alias!r}", hint="Give one another alias.", kind=DuplicateNameError)
            return check_op_name("a node", alias)
        count, free = 1, name
        while free in self.nodes:
            count += 1
            free = f"{name}_{count}"
        return free

    def _arguments(self, definition: Composable, args: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        names = [each.name for each in definition.inputs]
        what = f"{definition.kind} {definition.name!r}"
        if len(args) > len(names):
            refuse(f"passes {len(args)} inputs to {what}, which takes {len(names)}", hint="", kind=SignatureError)
        given = dict(zip(names, args, strict=False))
        for name, value in named.items():
            if name not in names:
                listed = f"It takes {', '.join(names)}." if names else "It takes none."
                refuse(f"passes input {name!r} to {what}. {listed}{did_you_mean(name, names)}", hint="", kind=SignatureError)
            if name in given:
                refuse(f"passes input {name!r} to {what} twice", hint="", kind=SignatureError)
            given[name] = value
        return given

    def _left_out(self, definition: Composable, spec: InputSpec, values: list[tuple[str, Any]]) -> None:
        if spec.name in definition.defaults:
            values.append((spec.name, definition.defaults[spec.name]))
        elif spec.is_required and not spec.is_nothing:
            why = unresolved_hint(getattr(definition, "signature", None), spec.name)
            refuse(
                f"calls {definition.kind} {definition.name!r} without its input {spec.name!r}",
                hint=f"Pass the output of another op, or a plain value.{why}",
                kind=SignatureError,
            )

    def _sources(self, value: Any, *, definition: Composable, spec: InputSpec) -> tuple[Upstream, ...]:
        """The outputs that feed an input, or none for a plain value."""
        where = f"input {spec.name!r} of {definition.kind} {definition.name!r}"
        if isinstance(value, Outputs):
            refuse(f"passes {value!r} to {where}", hint="Name one of them." if handles_of(value) else "Return something from it.")
        if isinstance(value, DynamicHandle):
            if not spec.is_nothing:
                refuse(f"passes {value!r} to {where}", hint="Use .map(...) to run it for each item, or .collect() for a list of all.")
            value = value.collect()
        if isinstance(value, Handle):
            return (self._source(value, spec=spec, where=where),)
        if isinstance(value, (list, tuple)) and any(isinstance(each, (Handle, DynamicHandle, Outputs)) for each in value):
            if not all(isinstance(each, Handle) for each in value):
                refuse(f"passes a list to {where} that mixes outputs with something else", hint="Make an op of the rest.")
            if any(wire_of(each).upstream.collects for each in value):
                refuse(f"passes a list to {where} that holds a collected list", hint="Pass it alone, or make an op that joins them.")
            return tuple(self._source(each, spec=spec, where=where) for each in value)
        if spec.is_nothing:
            refuse(f"passes {value!r} to {where}, which only waits for other ops", hint="Pass what another op returned.")
        if not is_plain(value):
            called = " Did you mean to call it?" if hasattr(value, "spec") else ""
            refuse(f"passes {type(value).__name__} {value!r} to {where}.{called}", hint="Pass an output, or a plain JSON value.")
        return ()

    def _source(self, handle: Handle, *, spec: InputSpec, where: str) -> Upstream:
        if wire_of(handle).output.is_nothing and not spec.is_nothing:
            refuse(f"passes {handle!r} to {where}, but it is annotated '-> None'", hint="To wait for it, declare the input as pt.In(pt.Nothing).")
        return self.upstream(handle)

    def _returned(self, name: str, definition: Composable, *, axis: Upstream | None) -> AnyHandle | Outputs:
        handles = {each.name: self._output(name, each, axis=axis) for each in definition.outputs}
        return next(iter(handles.values())) if len(handles) == 1 else Outputs(name, handles)

    def _output(self, node: str, output: OutputSpec, *, axis: Upstream | None) -> AnyHandle:
        upstream = Upstream(node=node, output=output.name)
        if output.is_dynamic:
            return DynamicHandle(Wire(upstream, output, self, axis=upstream), label=_label(node, output.name))
        return Handle(Wire(upstream, output, self, axis=axis), label=_label(node, output.name))


def _axis_of(definition: Composable, given: Mapping[str, Any]) -> Upstream | None:
    """The dynamic output for each of whose items a call is made; None: it is made once."""
    handles = [each for value in given.values() for each in (value if isinstance(value, (list, tuple)) else (value,)) if isinstance(each, Handle)]
    axes = {axis: handle for handle in handles if (axis := wire_of(handle).axis) is not None}
    what = f"{definition.kind} {definition.name!r}"
    if len(axes) > 1:
        first, second, *_ = axes.values()
        refuse(f"passes {first!r} and {second!r} to {what}, which come from two dynamic outputs", hint="Collect one of them.")
    if axes and (inner := definition.dynamic_part) is not None:
        itself = "it has" if inner == definition.name else f"op {inner!r} in it has"
        refuse(
            f"maps {what} over {next(iter(axes.values()))!r}, yet {itself} a dynamic output, and dynamic outputs cannot be nested",
            hint="Collect first, or yield all items from one op.",
        )
    return next(iter(axes), None)


def _label(node: str, output: str) -> str:
    return f"output of {node!r}" if output == "result" else f"output {output!r} of {node!r}"


def current() -> Composition | None:
    """The composition whose body is running, if any."""
    body = running_body.get()
    return body if isinstance(body, Composition) else None


@contextmanager
def composing(subject: str) -> Iterator[Composition]:
    """Calls of ops inside become nodes of the composition that this yields."""
    token = running_body.set(composition := Composition(subject))
    try:
        yield composition
    finally:
        running_body.reset(token)


def is_plain(value: Any) -> bool:
    """Whether a value can be written as JSON and come back the same."""
    match value:
        case None | bool() | str():
            return type(value) in (type(None), bool, str)
        case int():
            return type(value) is int and abs(value) < 2**63
        case float():
            return type(value) is float and isfinite(value)
        case list():
            return all(is_plain(each) for each in value)
        case dict():
            return all(type(key) is str and is_plain(each) for key, each in value.items())
        case _:
            return False
