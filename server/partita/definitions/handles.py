"""What the body of a graph or job handles: outputs that will exist once the graph runs, and nothing that can be worked with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, NoReturn, Protocol

import msgspec

from partita.definitions.sources import at, caller_source
from partita.definitions.specs import OutputSpec, Upstream
from partita.errors import DefinitionError, did_you_mean


class Body(Protocol):
    """A body that is being run, as far as its handles are concerned."""

    subject: str
    """The graph or job, for messages."""

    def upstream(self, handle: AnyHandle) -> Upstream:
        """Where a handle comes from; handles of another body are refused."""
        ...


running_body: Final[ContextVar[Body | None]] = ContextVar("partita_body", default=None)
"""The body that is being run, if any."""


class Wire(NamedTuple):
    """What an output is to Partita, kept out of sight of the body that handles it."""

    upstream: Upstream
    output: OutputSpec
    body: Body
    """Of the body in which it may be used."""
    axis: Upstream | None = None
    """The dynamic output for each of whose items it exists."""


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


class DynamicHandle:
    """What a dynamic output will hold once the graph runs, or what was made of each item: to be mapped or collected."""

    def __init__(self, wire: Wire, *, label: str) -> None:
        self._wire = wire
        self._label = label

    def __repr__(self) -> str:
        return f"<the {self._label}, which is dynamic>"

    def __getattr__(self, name: str) -> DynamicHandle:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == self._wire.upstream.output and self._wire.upstream.node is not None:
            return self
        return refuse(f"takes {name!r} of {self!r}", hint="Use .map(...) to run something for each item, or .collect() for a list of all.")

    def map(self, function: Callable[[Any], Any]) -> Any:
        """What `function`, an op, a graph or what connects some, makes of each item."""
        if not callable(function):
            refuse(f"maps {self!r} by {function!r}", hint="Give an op, a graph, or a function that connects some.")
        self._wire.body.upstream(self)
        return self._made(function(Handle(self._wire, label=f"item of the {self._label}")))

    def collect(self) -> Handle:
        """All items as one list, in the order in which they were given."""
        upstream = msgspec.structs.replace(self._wire.upstream, collects=True)
        return Handle(self._wire._replace(upstream=upstream, axis=None), label=f"list of all that the {self._label} holds")

    def _made(self, returned: Any) -> Any:
        """What a function that was called with an item returned, for all items."""
        match returned:
            case None:
                return Outputs("a function that returns nothing", {})
            case Handle() if wire_of(returned).axis == self._wire.axis:
                return DynamicHandle(wire_of(returned), label=label_of(returned))
            case Handle():
                return refuse(f"maps {self!r} by a function that makes nothing of its item", hint="Return what an op gives for the item.")
            case Outputs():
                return Outputs(node_of(returned), {name: self._made(each) for name, each in handles_of(returned).items()})
            case dict():
                return {name: self._made(each) for name, each in returned.items()}
            case tuple():
                return tuple(self._made(each) for each in returned)
            case _:
                return refuse(f"maps {self!r} by a function that returns {returned!r}", hint="Return the output of an op, or nothing.")


AnyHandle = Handle | DynamicHandle


class Outputs:
    """Several outputs of one node: `split(n).even`, or unpacked in order."""

    def __init__(self, node: str, handles: Mapping[str, AnyHandle]) -> None:
        self._node = node
        self._handles = handles

    def __repr__(self) -> str:
        return f"<the outputs {', '.join(self._handles) or '(none)'} of {self._node!r}>"

    def __getattr__(self, name: str) -> AnyHandle:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._handles:
            known = f"It has {', '.join(self._handles)}." if self._handles else "It has none."
            refuse(f"takes output {name!r} of {self._node!r}. {known}{did_you_mean(name, self._handles)}", hint="")
        return self._handles[name]

    def __iter__(self) -> Iterator[AnyHandle]:
        return iter(self._handles.values())


def wire_of(handle: AnyHandle) -> Wire:
    """What an output is to Partita."""
    return handle._wire  # noqa: SLF001 (any public name of a handle could be that of an output)


def label_of(handle: AnyHandle) -> str:
    """What an output is called where something is wrong with its use."""
    return handle._label  # noqa: SLF001 (as above)


def handles_of(outputs: Outputs) -> Mapping[str, AnyHandle]:
    """The outputs of a node by name."""
    return outputs._handles  # noqa: SLF001 (as above)


def node_of(outputs: Outputs) -> str:
    """The node whose outputs they are."""
    return outputs._node  # noqa: SLF001 (as above)


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
    for _kind in (Handle, DynamicHandle, Outputs):
        setattr(_kind, _name, _work(_symbol))
for _kind in (Handle, DynamicHandle):
    setattr(_kind, "__iter__", _work("iteration"))  # noqa: B010 (outputs of one node may be unpacked, one output may not)


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
    body = running_body.get()
    subject = body.subject if body is not None else "a graph"
    end = "" if problem.endswith((".", "?")) else "."
    raise at(kind(f"the body {problem}{end}{' ' if hint else ''}{hint}"), caller_source(), subject)
