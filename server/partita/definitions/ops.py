"""`@op`: a function with inputs and outputs that graphs are made of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, Protocol, TypeVar, overload

from partita.definitions.composition import current
from partita.definitions.context import Context
from partita.definitions.dynamic import Dynamic
from partita.definitions.hooks import Hook, check_hooks
from partita.definitions.inputs import config_of, config_type_of, description_of, name_of, op_inputs
from partita.definitions.keys import check_op_name
from partita.definitions.labels import to_tags
from partita.definitions.policies import Pool, Retry, expect, pool_fields, to_seconds
from partita.definitions.ports import AnyOut, DynamicOut, In, Out
from partita.definitions.results import DynamicOutput
from partita.definitions.signatures import Signature, signature_of
from partita.definitions.sources import located, source_of
from partita.definitions.specs import InputSpec, OpSpec, OutputSpec
from partita.errors import DefinitionError

if TYPE_CHECKING:
    from partita.definitions.config import Model

__all__ = ["DynamicOut", "In", "Op", "Out", "op"]

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")
Given = TypeVar("Given", bound="Context | Model")
"""A parameter that Partita fills itself, so that a graph's body leaves it out."""
Items = Iterable[DynamicOutput[T]] | AsyncIterator[DynamicOutput[T]]
"""What a function with a dynamic output gives."""


class Op(Generic[P, R]):
    """An op. Called in the body of a graph or job it becomes a node; elsewhere it is the plain function."""

    kind: Literal["op"] = "op"
    defaults: Mapping[str, Any] = {}

    def __init__(self, function: Callable[..., Any], *, spec: OpSpec, signature: Signature, hooks: tuple[Hook[..., Any], ...] = ()) -> None:
        self.function = function
        self.spec = spec
        self.signature = signature
        self.hooks = hooks
        """What is called when a step of it has ended."""
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = spec.name
        self.__module__ = function.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """A node of the graph whose body is running, or what the function returns."""
        result: R = self._call(None, args, kwargs)
        return result

    def __repr__(self) -> str:
        return f"Op({self.name!r})"

    @property
    def name(self) -> str:
        """Its name in the repository."""
        return self.spec.name

    @property
    def inputs(self) -> tuple[InputSpec, ...]:
        """What a graph's body passes to it."""
        return self.spec.inputs

    @property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """What it puts out."""
        return self.spec.outputs

    @property
    def config_type(self) -> Any:
        """The model of its config parameter, or None."""
        return config_type_of(self.signature)

    @property
    def dynamic_part(self) -> str | None:
        """Its name, if it has a dynamic output."""
        return self.name if any(each.is_dynamic for each in self.outputs) else None

    def alias(self, name: str) -> Callable[P, R]:
        """The same op under another name in a graph: `clean.alias("again")(x)`."""

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            result: R = self._call(name, args, kwargs)
            return result

        return call

    def _call(self, alias: str | None, args: Any, kwargs: Any) -> Any:
        composition = current()
        if composition is None:
            given = self.function(*args, **kwargs)
            is_dynamic = len(self.outputs) == 1 and self.dynamic_part is not None and isinstance(given, Iterable)
            return Dynamic(given) if is_dynamic else given
        return composition.call(self, alias=alias, args=args, named=kwargs)


class OpDecorator(Protocol):
    """`@pt.op(...)`: parameters that Partita fills need not be passed in a graph's body, so calls of such ops are loosely typed."""

    @overload
    def __call__(self, function: Callable[Concatenate[Given, ...], R], /) -> Op[..., R]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[A, Given, ...], R], /) -> Op[..., R]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[A, B, Given, ...], R], /) -> Op[..., R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Op[P, R]: ...


class InsDecorator(Protocol):
    """`@pt.op(ins={...})`: a graph's body may pass inputs that are no parameters of the function."""

    def __call__(self, function: Callable[..., R], /) -> Op[..., R]: ...


class DynamicDecorator(Protocol):
    """`@pt.op(out=pt.DynamicOut())`: a call in a graph's body gives what can be mapped and collected."""

    @overload
    def __call__(self, function: Callable[Concatenate[Given, ...], Items[T]], /) -> Op[..., Dynamic[T]]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[A, Given, ...], Items[T]], /) -> Op[..., Dynamic[T]]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[A, B, Given, ...], Items[T]], /) -> Op[..., Dynamic[T]]: ...
    @overload
    def __call__(self, function: Callable[P, Items[T]], /) -> Op[P, Dynamic[T]]: ...


class SeveralDecorator(Protocol):
    """`@pt.op(out={...})`: a call in a graph's body gives the outputs, whatever the function's own annotation."""

    def __call__(self, function: Callable[..., Any], /) -> Op[..., Any]: ...


@overload
def op(function: Callable[Concatenate[Given, ...], R], /) -> Op[..., R]: ...
@overload
def op(function: Callable[Concatenate[A, Given, ...], R], /) -> Op[..., R]: ...
@overload
def op(function: Callable[Concatenate[A, B, Given, ...], R], /) -> Op[..., R]: ...
@overload
def op(function: Callable[P, R], /) -> Op[P, R]: ...
@overload
def op(
    *,
    out: DynamicOut,
    name: str | None = None,
    ins: None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    pool: str | Pool | None = None,
    hooks: Iterable[Hook[..., Any]] = (),
) -> DynamicDecorator: ...
@overload
def op(
    *,
    out: Mapping[str, AnyOut],
    name: str | None = None,
    ins: Mapping[str, In] | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    pool: str | Pool | None = None,
    hooks: Iterable[Hook[..., Any]] = (),
) -> SeveralDecorator: ...
@overload
def op(
    *,
    ins: Mapping[str, In],
    name: str | None = None,
    out: AnyOut | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    pool: str | Pool | None = None,
    hooks: Iterable[Hook[..., Any]] = (),
) -> InsDecorator: ...
@overload
def op(
    *,
    name: str | None = None,
    ins: None = None,
    out: Out | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    pool: str | Pool | None = None,
    hooks: Iterable[Hook[..., Any]] = (),
) -> OpDecorator: ...
def op(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    ins: Mapping[str, In] | None = None,
    out: AnyOut | Mapping[str, AnyOut] | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    pool: str | Pool | None = None,
    hooks: Iterable[Hook[..., Any]] = (),
) -> Any:
    """Declare that a function is an op, for graphs and jobs.

    Its parameters are its inputs, except for its context, config and resources, which are known by their annotations.

    Args:
        function: the function, when the decorator is used bare.
        name: what it is called; the function's name if left out. Without dots.
        ins: what an input is, where its name and annotation do not say it: `pt.In(pt.Nothing)` only waits.
        out: its output, or several by name; each is then yielded as `pt.Output(value, output="name")`. The items of a
            `pt.DynamicOut()` are yielded as `pt.DynamicOutput(value, mapping_key="key")`.
        description: Markdown; the docstring if left out.
        tags: labels of its steps.
        retry: how often it is tried again after a failure.
        timeout: how long an attempt may take, in seconds or as a timedelta.
        pool: the pool whose slots its runs take: its name, or a `pt.Pool` with their number.
        hooks: what is called when a step of it has ended.

    Example:
        ```python
        @pt.op(out={"even": pt.Out(optional=True), "odd": pt.Out(optional=True)})
        def split(n: int):
            yield pt.Output(n, output="even" if n % 2 == 0 else "odd")
        ```

    Raises:
        DefinitionError: a name that cannot be, with file and line.
        SignatureError: parameters that nothing can fill.
    """

    def define(decorated: Callable[..., Any]) -> Op[..., Any]:
        source = source_of(decorated)
        with located(source, f"op {getattr(decorated, '__name__', name)!r}"):
            signature = signature_of(decorated)
            called = check_hooks(hooks)
            spec = OpSpec(
                name=check_op_name("an op", name_of(decorated, name, parameter="name")),
                description=description_of(decorated, description),
                inputs=op_inputs(signature, ins=ins or {}),
                outputs=_outputs(out, signature),
                config=config_of(signature),
                resources=signature.resources,
                tags=to_tags(tags),
                retry=expect(Retry, retry, "retry"),
                timeout=to_seconds(timeout, "op"),
                **pool_fields(pool, "op"),
                hooks=tuple(each.name for each in called),
                is_async=signature.is_async,
                source=source,
            )
            return Op(decorated, spec=spec, signature=signature, hooks=called)

    return define if function is None else define(function)


def _outputs(out: AnyOut | Mapping[str, AnyOut] | None, signature: Signature) -> tuple[OutputSpec, ...]:
    if not isinstance(out, Mapping):
        return (_output("result", out or Out(), type_name=signature.return_type_name, is_nothing=not signature.stores_value),)
    if not out:
        raise DefinitionError("out={} names no output. Leave it out for a single one.")
    return tuple(_output(check_op_name("an output", name), each, type_name="Any", is_nothing=False) for name, each in out.items())


def _output(name: str, out: AnyOut, *, type_name: str, is_nothing: bool) -> OutputSpec:
    if not isinstance(out, (Out, DynamicOut)):
        raise DefinitionError(f"out: {out!r} is no output. Give pt.Out(...) or pt.DynamicOut(...).")
    is_dynamic = isinstance(out, DynamicOut)
    if is_dynamic and is_nothing:
        raise DefinitionError(
            "its output is dynamic, and the function is annotated '-> None'. Annotate what it yields: Iterator[pt.DynamicOutput[...]]."
        )
    return OutputSpec(
        name=name,
        type_name=type_name,
        description=out.description,
        io_manager=out.io_manager,
        is_required=isinstance(out, Out) and not out.optional,
        is_dynamic=is_dynamic,
        is_nothing=is_nothing,
    )
