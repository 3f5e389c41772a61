"""From a function's signature and its `ins` to the inputs of its spec: what assets, checks and ops have in common."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from partita.definitions.keys import AssetKey
from partita.definitions.ports import In
from partita.definitions.signatures import Parameter, Signature
from partita.definitions.specs import ConfigSpec, DepSpec, InputSpec, to_key
from partita.errors import SignatureError


class AssetInputs(NamedTuple):
    """Upstream assets of a function: those it loads, those it only waits for."""

    loaded: tuple[InputSpec, ...]
    awaited: tuple[DepSpec, ...]
    by_name: frozenset[str]
    """Inputs whose asset is known by the parameter's name alone, until a repository resolves it."""


def asset_inputs(signature: Signature, *, ins: Mapping[str, Any]) -> AssetInputs:
    """The upstream assets that a function's parameters and `ins` name.

    Raises:
        SignatureError: `ins` names a parameter that is not there.
    """
    if not ins and not signature.takes_rest:
        named = signature.inputs
        return AssetInputs(
            tuple(_input(each.name, parameter=each, key=AssetKey(each.name)) for each in named), (), frozenset(each.name for each in named)
        )
    given = _as_ins(ins)
    check_ins(signature, ins=given)
    awaited = tuple(DepSpec(key=port.key or AssetKey(name), mapping=_mapping(port)) for name, port in given.items() if port.is_nothing)
    given = {name: port for name, port in given.items() if not port.is_nothing}
    own = {each.name: each for each in signature.inputs}
    names = list(own) + [name for name in given if name not in own]
    loaded = tuple(_asset_input(name, own.get(name), given.get(name)) for name in names)
    return AssetInputs(loaded, awaited, frozenset(name for name in names if name not in given or given[name].key is None))


def op_inputs(signature: Signature, *, ins: Mapping[str, Any]) -> tuple[InputSpec, ...]:
    """The inputs of an op, in the order in which a graph's body passes them.

    Raises:
        SignatureError: `ins` names a parameter that is not there.
    """
    given = _as_ins(ins)
    check_ins(signature, ins=given)
    own = {each.name: each for each in signature.inputs}
    names = list(own) + [name for name in given if name not in own]
    return tuple(_input(name, parameter=own.get(name), port=given.get(name)) for name in names)


def check_ins(signature: Signature, *, ins: Mapping[str, In]) -> None:
    """Every name in `ins` is an input of the function, or waits, or goes to its `**parameter`."""
    names = {each.name: each for each in signature.parameters}
    for name, port in ins.items():
        parameter = names.get(name)
        if parameter is not None and parameter.role != "input":
            raise SignatureError(f"ins names {name!r}, which is the function's {parameter.role}, not an input.")
        if parameter is not None and port.is_nothing:
            raise SignatureError(f"ins says that {name!r} is pt.Nothing, yet the function has a parameter for it. Drop the parameter.")
        if parameter is None and not port.is_nothing and not signature.takes_rest:
            close = get_close_matches(name, [each.name for each in signature.inputs], n=1)
            hint = f" Did you mean {close[0]!r}?" if close else " Add it, or **inputs."
            raise SignatureError(f"ins names {name!r}, and the function has no such parameter.{hint}")


def config_of(signature: Signature) -> ConfigSpec | None:
    """What is published of the function's config.

    Raises:
        DefinitionError: its model has no JSON Schema.
    """
    parameter = signature.config
    if parameter is None:
        return None
    default = parameter.default if not parameter.is_required else None
    spec: ConfigSpec = parameter.model.__partita_config__(default)
    return spec


def config_type_of(signature: Signature) -> Any:
    """The model of the function's config, or None."""
    return signature.config.model if signature.config is not None else None


def description_of(function: Callable[..., Any], given: str | None) -> str | None:
    """What was given, else the docstring."""
    if given is not None:
        return given
    text = function.__doc__
    return inspect.cleandoc(text) if text else None


def name_of(function: Callable[..., Any], given: Any, *, parameter: str) -> Any:
    """What was given, else the function's name.

    Raises:
        SignatureError: the function has no name, as a lambda or a partial one.
    """
    if given is not None:
        return given
    name = getattr(function, "__name__", "<nameless>")
    if not name.isidentifier():
        raise SignatureError(f"the function has no name of its own. Give {parameter}=.")
    return name


def unresolved_hint(signature: Signature | None, name: str, resources: Mapping[str, object] | None = None) -> str:
    """Why a parameter that was perhaps meant otherwise is taken for an input; starts with a space, or is empty."""
    parameter = next((each for each in signature.parameters if each.name == name), None) if signature is not None else None
    if parameter is None:
        return ""
    is_bare = parameter.annotation is None and parameter.is_resolved
    if is_bare and resources and name in resources:
        return f" If the resource of that name is meant, annotate it: {name}: {type(resources[name]).__name__}."
    if is_bare and name == "config":
        return " If run config is meant, annotate it with the class that it is of, a pt.Config."
    if parameter.is_resolved:
        return ""
    return (
        f" (Its annotation {parameter.type_name!r} cannot be resolved, perhaps because it is imported under TYPE_CHECKING only, so it is not known "
        "for a context, config or resource.)"
    )


def _as_ins(ins: object) -> dict[str, In]:
    if not isinstance(ins, Mapping):
        raise SignatureError(f"ins={ins!r}: give a mapping from parameters, such as ins={{'orders': pt.In(key='raw/orders')}}.")
    return {name: _as_in(name, port) for name, port in ins.items()}


def _as_in(name: str, port: Any) -> In:
    if isinstance(port, In):
        return port
    if isinstance(port, type):
        raise SignatureError(f"ins[{name!r}] is {port!r}; give a pt.In.")
    return In(key=to_key(port))


def _mapping(port: In | None) -> Any:
    return port.mapping.spec if port is not None and port.mapping is not None else None


def _asset_input(name: str, parameter: Parameter | None, port: In | None) -> InputSpec:
    key = port.key if port is not None and port.key is not None else AssetKey(name)
    return _input(name, parameter=parameter, key=key, port=port)


def _input(name: str, *, parameter: Parameter | None, key: AssetKey | None = None, port: In | None = None) -> InputSpec:
    return InputSpec(
        name=name,
        key=key,
        mapping=_mapping(port),
        io_manager=port.io_manager if port is not None else None,
        type_name=parameter.type_name if parameter is not None else "Any",
        description=port.description if port is not None else None,
        is_required=parameter is None or parameter.is_required,
        is_nothing=port is not None and port.is_nothing,
    )
