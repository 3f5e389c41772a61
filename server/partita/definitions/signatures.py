"""What a user's function asks for, read once from its signature.

Each annotation is resolved on its own: one that cannot be (imported under `TYPE_CHECKING`) leaves the others alone and
its parameter counts as an upstream value.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final, NamedTuple, NoReturn, Union, get_args, get_origin

from partita.definitions.context import Role
from partita.definitions.results import Materialization, Output
from partita.definitions.sources import names_around
from partita.errors import SignatureError


class Provided:
    """The mark that `pt.Provided[T]` leaves on an annotation."""


PROVIDED: Final = Provided()
EMPTY: Final = inspect.Parameter.empty
_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_GENERATOR = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a user's function."""

    name: str
    role: Role
    annotation: Any
    """The type it resolved to; None where there is none or it could not be resolved."""
    type_name: str
    default: Any
    """`inspect.Parameter.empty` where there is none."""
    is_resolved: bool
    """False where the annotation could not be resolved, so that the parameter counts as an upstream value."""

    @property
    def is_required(self) -> bool:
        """Whether it has no default."""
        return self.default is EMPTY

    @property
    def model(self) -> Any:
        """The class it takes: its annotation without `| None` and marks."""
        return _plain_type(self.annotation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a function takes and gives."""

    parameters: tuple[Parameter, ...]
    return_annotation: Any
    """The type of the value itself, without `Materialization[...]`; None where there is none or it could not be resolved."""
    return_type_name: str
    stores_value: bool
    """False for `-> None`: there is nothing to store."""
    is_async: bool
    """A coroutine function or an async generator."""
    is_generator: bool
    """It yields, with or without `async`."""
    takes_rest: bool
    """It has a `**parameter`, which takes the inputs that no other parameter does."""
    inputs: tuple[Parameter, ...]
    """Parameters that take values of other steps."""
    resources: tuple[str, ...]
    """Names of the resources it asks for."""
    context: Parameter | None
    """The parameter that takes the context."""
    config: Parameter | None
    """The parameter that takes the config."""


def signature_of(function: Callable[..., Any]) -> Signature:
    """What `function` takes and gives.

    Raises:
        SignatureError: it is not a function, or has parameters that nothing can fill.
    """
    if not callable(function) or isinstance(function, type):
        raise SignatureError(f"{function!r} is not a function.")
    plain = inspect.unwrap(function)
    raw = _raw_of_function(plain) if type(plain) is types.FunctionType else _raw_of_callable(function)
    resolve = _resolver(plain)
    by_role: dict[Role, list[Parameter]] = {"context": [], "config": [], "resource": [], "input": []}
    parameters = tuple(_parameter(name, raw, resolve) for name in raw.names)
    for each in parameters:
        by_role[each.role].append(each)
    returned = raw.annotations.get("return", EMPTY)
    hint, type_name = _returned(returned, resolve(returned)[0])
    flags = plain.__code__.co_flags if hasattr(plain, "__code__") else 0
    return Signature(
        parameters=parameters,
        return_annotation=hint,
        return_type_name=type_name,
        stores_value=type_name != "None",
        is_async=bool(flags & _ASYNC),
        is_generator=bool(flags & _GENERATOR),
        takes_rest=raw.takes_rest,
        inputs=tuple(by_role["input"]),
        resources=tuple(each.name for each in by_role["resource"]),
        context=_single(by_role["context"]),
        config=_single(by_role["config"]),
    )


class _Raw(NamedTuple):
    """A signature as Python keeps it."""

    names: tuple[str, ...]
    annotations: Mapping[str, Any]
    defaults: Mapping[str, Any]
    takes_rest: bool


def _raw_of_function(function: types.FunctionType) -> _Raw:
    """As `inspect.signature` would tell, in a tenth of its time: a repository may declare ten thousand functions."""
    code = function.__code__
    by_place = code.co_varnames[: code.co_argcount]
    count = code.co_argcount + code.co_kwonlyargcount
    if code.co_posonlyargcount:
        _refuse_unnamed(code.co_varnames[0])
    if code.co_flags & inspect.CO_VARARGS:
        _refuse_unnamed(code.co_varnames[count])
    given = function.__defaults__ or ()
    defaults = dict(zip(by_place[len(by_place) - len(given) :], given, strict=True))
    return _Raw(
        code.co_varnames[:count],
        function.__annotations__,
        {**defaults, **(function.__kwdefaults__ or {})},
        bool(code.co_flags & inspect.CO_VARKEYWORDS),
    )


def _raw_of_callable(function: Callable[..., Any]) -> _Raw:
    """The same of bound methods, partial functions and objects that can be called."""
    signature = inspect.signature(function)
    named: list[inspect.Parameter] = []
    for each in signature.parameters.values():
        if each.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL):
            _refuse_unnamed(each.name)
        if each.kind is not inspect.Parameter.VAR_KEYWORD:
            named.append(each)
    annotations = {each.name: each.annotation for each in named if each.annotation is not EMPTY}
    return _Raw(
        tuple(each.name for each in named),
        annotations if signature.return_annotation is EMPTY else {**annotations, "return": signature.return_annotation},
        {each.name: each.default for each in named if each.default is not EMPTY},
        len(named) < len(signature.parameters),
    )


def _refuse_unnamed(name: str) -> NoReturn:
    raise SignatureError(f"parameter {name!r} cannot be passed by name, and every parameter is. Drop the '*' or '/'.")


def _parameter(name: str, raw: _Raw, resolve: Callable[[Any], tuple[Any, bool]]) -> Parameter:
    written = raw.annotations.get(name, EMPTY)
    annotation, is_resolved = resolve(written)
    return Parameter(
        name=name,
        role="context" if written is EMPTY and name == "context" else _role_of(annotation),
        annotation=annotation if annotation is not EMPTY else None,
        type_name=_type_name(written),
        default=raw.defaults.get(name, EMPTY),
        is_resolved=is_resolved,
    )


def _single(parameters: list[Parameter]) -> Parameter | None:
    if len(parameters) > 1:
        several = " and ".join(repr(each.name) for each in parameters)
        raise SignatureError(f"parameters {several} both take the {parameters[0].role}; one is enough.")
    return parameters[0] if parameters else None


@lru_cache(maxsize=4096)
def _compiled(text: str) -> types.CodeType | None:
    try:
        return compile(text, "<annotation>", "eval")
    except SyntaxError:
        return None


def _resolver(function: Callable[..., Any]) -> Callable[[Any], tuple[Any, bool]]:
    """How annotations of `function` are resolved: each to its value and whether that was possible."""
    known: Mapping[str, Any] = getattr(function, "__globals__", None) or vars(sys.modules[function.__module__])

    def resolve(annotation: Any) -> tuple[Any, bool]:
        if not isinstance(annotation, str):
            return annotation, True
        code = _compiled(annotation)
        if code is None:
            return None, False
        try:
            return eval(code, dict(known) if not isinstance(known, dict) else known), True
        except Exception:  # whatever the user's annotation runs into, it is not resolved
            return _resolve_nearby(code, function, known)

    return resolve


def _resolve_nearby(code: types.CodeType, function: Callable[..., Any], known: Mapping[str, Any]) -> tuple[Any, bool]:
    """Once more, with the local names where the function is being defined."""
    try:
        return eval(code, {**known, **names_around(function)}), True
    except Exception:
        return None, False


def _role_of(annotation: Any) -> Role:
    if get_origin(annotation) is Annotated and PROVIDED in annotation.__metadata__:
        return "resource"
    role: Role = getattr(_plain_type(annotation), "__partita_role__", "input")
    return role


def _plain_type(annotation: Any) -> Any:
    """`T` of `Annotated[T, ...]`, `T | None` and `T[...]`."""
    if isinstance(annotation, type):
        return annotation
    origin = get_origin(annotation)
    if origin is Annotated:
        return _plain_type(get_args(annotation)[0])
    if origin is Union or origin is types.UnionType:
        kinds = [each for each in get_args(annotation) if each is not types.NoneType]
        return _plain_type(kinds[0]) if len(kinds) == 1 else annotation
    return annotation if origin is None else _plain_type(origin)


def _type_name(annotation: Any) -> str:
    """An annotation as its author would write it."""
    if annotation is EMPTY:
        return "Any"
    if isinstance(annotation, str):
        return annotation
    if annotation is None or annotation is types.NoneType:
        return "None"
    if isinstance(annotation, type):
        return annotation.__qualname__.rsplit(".", 1)[-1]
    return str(annotation).replace("typing.", "")


def _returned(written: Any, resolved: Any) -> tuple[Any, str]:
    """The annotation of the value itself and its name: what `Materialization[T]` and the like hold.

    Nothing is known of the value where a function is annotated with a bare `Materialization`, or yields.
    """
    if written is None or written == "None" or resolved is types.NoneType:
        return None, "None"
    if resolved is None or resolved is EMPTY:
        return None, _type_name(written)
    if isinstance(resolved, type):
        return (None, "Any") if resolved in (Materialization, Output) else (resolved, _type_name(written))
    origin = get_origin(resolved)
    if origin in (Materialization, Output):
        (held,) = get_args(resolved)
        return (None, "None") if held in (None, types.NoneType) else (held, _type_name(held))
    if isinstance(origin, type) and issubclass(origin, (Iterator, Generator, AsyncIterator)):
        return None, "Any"
    return resolved, _type_name(written)
