"""What happens while the body of a graph or job runs: calls of ops become nodes, their results become edges.

The body is run once, when it is defined. An op called in it does nothing but leave a node and return a handle, which
can be passed on to other ops and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from math import isfinite
from typing import Any, Literal, NamedTuple, NoReturn, Protocol

from partita.definitions.inputs import unresolved_hint
from partita.definitions.keys import check_op_name
from partita.definitions.sources import at, caller_source
from partita.definitions.specs import InputSpec, NodeSpec, OutputSpec, Upstream
from partita.errors import DefinitionError, DuplicateNameError, SignatureError, did_you_mean


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


class Wire(NamedTuple):
    """What an output is to Partita, kept out of sight of the body that handles it."""

    upstream: Upstream
    output: OutputSpec
    composition: Composition
    """Of the body in which it may be used."""


class Handle:
    """An output that will exist once the graph runs. All that a body can do with it is pass it to an op."""

    __slots__ = ("_label", "_wire")

    def __init__(self, wire: Wire, *, label: str) -> None:
        self._wire = wire
        self._label = label

    def __repr__(self) -> str:
        return f"<the {self._label}>"

    def __getattr__(self, name: str) -> Handle:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == self._wire.upstream.output and self._wire.upstream.node is not None:
            return self
        return refuse(f"takes {name!r} of {self!r}, which has no value yet")


class Outputs:
    """Several outputs of one node: `split(n).even`, or unpacked in order."""

    def __init__(self, node: str, handles: Mapping[str, Handle]) -> None:
        self._node = node
        self._handles = handles

    def __repr__(self) -> str:
        return f"<the outputs {', '.join(self._handles) or '(none)'} of {self._node!r}>"

    def __getattr__(self, name: str) -> Handle:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._handles:
            known = f"It has {', '.join(self._handles)}." if self._handles else "It has none."
            refuse(f"takes output {name!r} of {self._node!r}. {known}{did_you_mean(name, self._handles)}", hint="")
        return self._handles[name]

    def __iter__(self) -> Iterator[Handle]:
        return iter(self._handles.values())


def wire_of(handle: Handle) -> Wire:
    """What an output is to Partita."""
    return handle._wire  # noqa: SLF001 (any public name of a handle could be that of an output)


def handles_of(outputs: Outputs) -> Mapping[str, Handle]:
    """The outputs of a node by name."""
    return outputs._handles  # noqa: SLF001 (as above)


def _work(symbol: str) -> Callable[..., NoReturn]:
    def work(self: Any, *_args: Any) -> NoReturn:
        refuse(f"works with {self!r} ({symbol}), which has no value yet")

    return work


_EVERYWHERE = {
    "__add__": "+", "__radd__": "+", "__sub__": "-", "__rsub__": "-", "__mul__": "*", "__rmul__": "*", "__truediv__": "/", "__rtruediv__": "/",
    "__floordiv__": "//", "__rfloordiv__": "//", "__mod__": "%", "__rmod__": "%", "__pow__": "**", "__rpow__": "**", "__matmul__": "@",
    "__and__": "&", "__rand__": "&", "__or__": "|", "__ror__": "|", "__xor__": "^", "__neg__": "-", "__invert__": "~", "__abs__": "abs",
    "__eq__": "==", "__ne__": "!=", "__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">=", "__bool__": "its truth", "__len__": "len",
    "__getitem__": "[...]", "__contains__": "in", "__call__": "a call", "__int__": "int", "__float__": "float", "__index__": "as an index",
    "__str__": "str", "__format__": "formatting", "__enter__": "with", "__await__": "await",
}  # fmt: skip
for _name, _symbol in _EVERYWHERE.items():
    setattr(Handle, _name, _work(_symbol))
    setattr(Outputs, _name, _work(_symbol))
Handle.__iter__ = _work("iteration")  # type: ignore[attr-defined]  # outputs of one node may be unpacked, one output may not


class Composition:
    """The nodes of one graph while its body runs."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.nodes: dict[str, NodeSpec] = {}
        self.definitions: dict[int, Composable] = {}
        """Every op and graph called, once each."""

    def input(self, name: str) -> Handle:
        """The handle of one of the graph's own inputs."""
        return self._handle(None, OutputSpec(name=name), label=f"input {name!r}")

    def call(self, definition: Composable, *, alias: str | None, args: Sequence[Any], named: Mapping[str, Any]) -> Handle | Outputs:
        """Leave a node for this call and return what it puts out."""
        name = self._name(definition.name, alias)
        given = self._arguments(definition, args, named)
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
        )
        self.definitions[id(definition)] = definition
        return self._returned(name, definition)

    def upstream(self, handle: Handle) -> Upstream:
        """Where a handle comes from; handles of another body are refused."""
        wire = wire_of(handle)
        if wire.composition is not self:
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
            refuse(f"passes {value!r} to {where}", hint="Name one of them.")
        if isinstance(value, Handle):
            return (self._source(value, spec=spec, where=where),)
        if isinstance(value, (list, tuple)) and any(isinstance(each, (Handle, Outputs)) for each in value):
            if not all(isinstance(each, Handle) for each in value):
                refuse(f"passes a list to {where} that mixes outputs with something else", hint="Make an op of the rest.")
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

    def _returned(self, name: str, definition: Composable) -> Handle | Outputs:
        handles = {each.name: self._handle(name, each, label=_label(name, each.name)) for each in definition.outputs}
        return next(iter(handles.values())) if len(handles) == 1 else Outputs(name, handles)

    def _handle(self, node: str | None, output: OutputSpec, *, label: str) -> Handle:
        return Handle(Wire(Upstream(node=node, output=output.name), output, self), label=label)


def _label(node: str, output: str) -> str:
    return f"output of {node!r}" if output == "result" else f"output {output!r} of {node!r}"


_current: ContextVar[Composition | None] = ContextVar("partita_composition", default=None)


def current() -> Composition | None:
    """The composition whose body is running, if any."""
    return _current.get()


@contextmanager
def composing(subject: str) -> Iterator[Composition]:
    """Calls of ops inside become nodes of the composition that this yields."""
    token = _current.set(composition := Composition(subject))
    try:
        yield composition
    finally:
        _current.reset(token)


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


def refuse(
    problem: str,
    *,
    hint: str = "A graph's body only says how ops are connected; it runs once, when it is defined. Do this inside an op.",
    kind: type[DefinitionError] = DefinitionError,
) -> NoReturn:
    """Blame the statement of the body that is being executed.

    Raises:
        DefinitionError: always.
    """
    composition = current()
    subject = composition.subject if composition is not None else "a graph"
    end = "" if problem.endswith((".", "?")) else "."
    raise at(kind(f"the body {problem}{end}{' ' if hint else ''}{hint}"), caller_source(), subject)
