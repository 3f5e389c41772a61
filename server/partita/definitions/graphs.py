"""`@graph`: ops connected by a function's body, to be used like an op."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload

import msgspec

from partita.definitions.composition import Composable, Composition, composing, current, is_plain
from partita.definitions.handles import AnyHandle, DynamicHandle, Handle, Outputs, handles_of, wire_of
from partita.definitions.inputs import description_of
from partita.definitions.keys import check_op_name
from partita.definitions.sources import located, source_of
from partita.definitions.specs import GraphSpec, InputSpec, OutputSpec, SourceLocation, Upstream
from partita.errors import DefinitionError, SignatureError

P = ParamSpec("P")
R = TypeVar("R")


class Graph(Generic[P, R]):
    """A graph. Called in the body of another graph or job it becomes a node; elsewhere its body runs as a plain function."""

    kind: Literal["graph"] = "graph"

    def __init__(
        self,
        function: Callable[P, R],
        *,
        spec: GraphSpec,
        inputs: tuple[InputSpec, ...],
        outputs: tuple[OutputSpec, ...],
        defaults: Mapping[str, Any],
        parts: tuple[Composable, ...],
    ) -> None:
        self.function = function
        self.spec = spec
        self.inputs = inputs
        self.outputs = outputs
        self.defaults = defaults
        self.parts = parts
        """The ops and graphs that its nodes use, once each."""
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = spec.name
        self.__module__ = function.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """A node of the graph whose body is running, or what the ops return when called as plain functions."""
        result: R = self._call(None, args, kwargs)
        return result

    def __repr__(self) -> str:
        return f"Graph({self.name!r})"

    @property
    def name(self) -> str:
        """Its name in the repository."""
        return self.spec.name

    @property
    def dynamic_part(self) -> str | None:
        """Name of an op in it that has a dynamic output."""
        return next((found for part in self.parts if (found := part.dynamic_part) is not None), None)

    def alias(self, name: str) -> Callable[P, R]:
        """The same graph under another name: `load_one.alias("again")(x)`."""

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            result: R = self._call(name, args, kwargs)
            return result

        return call

    def _call(self, alias: str | None, args: Any, kwargs: Any) -> Any:
        composition = current()
        if composition is None:
            return self.function(*args, **kwargs)
        return composition.call(self, alias=alias, args=args, named=kwargs)


@overload
def graph(function: Callable[P, R], /) -> Graph[P, R]: ...
@overload
def graph(*, name: str | None = None, description: str | None = None) -> Callable[[Callable[P, R]], Graph[P, R]]: ...
def graph(function: Callable[..., Any] | None = None, /, *, name: str | None = None, description: str | None = None) -> Any:
    """Declare that a function's body connects ops; its parameters are the graph's inputs, what it returns its outputs.

    The body runs once, when the graph is defined. Return one output, or several as `{"name": output}`.

    Args:
        function: the function, when the decorator is used bare.
        name: what it is called; the function's name if left out. Without dots.
        description: Markdown; the docstring if left out.

    Example:
        ```python
        @pt.graph
        def load_one(x):
            return store(clean(x))
        ```

    Raises:
        DefinitionError: the body does more than connecting ops, or connects them wrongly, with file and line.
    """

    def define(decorated: Callable[..., Any]) -> Graph[..., Any]:
        return compose(decorated, kind="graph", name=name, description=description)

    return define if function is None else define(function)


def compose(function: Callable[..., Any], *, kind: Literal["graph", "job"], name: str | None, description: str | None) -> Graph[..., Any]:
    """Run a body once and keep what it connected.

    Raises:
        DefinitionError: the body does more than connecting ops, or connects them wrongly, with file and line.
    """
    source = source_of(function)
    own = getattr(function, "__name__", "graph") if name is None else name
    with located(source, f"{kind} {own!r}"), composing(f"{kind} {own!r}") as composition:
        check_op_name(f"a {kind}", own)
        inputs, defaults = _inputs(function)
        returned = function(**{each.name: composition.input(each.name) for each in inputs})
        fed, outputs = _returned(composition, returned)
    return Graph(
        function,
        spec=_spec(own, composition, description=description_of(function, description), inputs=inputs, outputs=fed, source=source),
        inputs=inputs,
        outputs=outputs,
        defaults=defaults,
        parts=tuple(composition.definitions.values()),
    )


def _spec(
    name: str,
    composition: Composition,
    *,
    description: str | None,
    inputs: tuple[InputSpec, ...],
    outputs: tuple[tuple[str, Upstream], ...],
    source: SourceLocation | None,
) -> GraphSpec:
    return GraphSpec(
        name=name,
        description=description,
        nodes=tuple(composition.nodes.values()),
        inputs=tuple(each.name for each in inputs),
        outputs=outputs,
        source=source,
    )


def _inputs(function: Callable[..., Any]) -> tuple[tuple[InputSpec, ...], dict[str, Any]]:
    """The graph's inputs, and the values of those that may be left out."""
    inputs: list[InputSpec] = []
    defaults: dict[str, Any] = {}
    for each in inspect.signature(function).parameters.values():
        if each.kind not in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY):
            raise SignatureError(f"parameter {each.name!r} of a graph must have a name that it can be passed by. Drop the '*' or '/'.")
        inputs.append(InputSpec(name=each.name, is_required=each.default is inspect.Parameter.empty))
        if each.default is inspect.Parameter.empty:
            continue
        if not is_plain(each.default):
            raise SignatureError(f"the default of parameter {each.name!r} is not plain JSON: {each.default!r}.")
        defaults[each.name] = each.default
    return tuple(inputs), defaults


def _returned(composition: Composition, returned: Any) -> tuple[tuple[tuple[str, Upstream], ...], tuple[OutputSpec, ...]]:
    handles = _handles(returned)
    fed: list[tuple[str, Upstream]] = []
    for name, handle in handles.items():
        upstream = composition.upstream(handle)
        if upstream.node is None:
            raise DefinitionError(f"the body returns its own input {upstream.output!r}. Return the output of an op.")
        if isinstance(handle, Handle) and wire_of(handle).axis is not None:
            raise DefinitionError(f"the body returns {handle!r}, which is one of many. Return what .map(...) gives, or .collect() it.")
        fed.append((name, upstream))
    return tuple(fed), tuple(_output(name, handle) for name, handle in handles.items())


def _output(name: str, handle: AnyHandle) -> OutputSpec:
    """An output of the graph, by what feeds it."""
    return msgspec.structs.replace(wire_of(handle).output, name=name, is_dynamic=isinstance(handle, DynamicHandle))


def _handles(returned: Any) -> dict[str, AnyHandle]:
    """What a body returned, by output name."""
    match returned:
        case None:
            return {}
        case Handle() | DynamicHandle():
            return {"result": returned}
        case Outputs():
            return dict(handles_of(returned))
        case dict() if all(isinstance(each, (Handle, DynamicHandle)) for each in returned.values()):
            return {check_op_name("an output", str(name)): handle for name, handle in returned.items()}
        case list() | tuple():
            raise DefinitionError('the body returns several outputs without names. Return {"name": output, ...}, or collect them with an op.')
        case _:
            raise DefinitionError(f"the body returns {type(returned).__name__}. Return an output of an op, {{'name': output}}, or nothing.")
