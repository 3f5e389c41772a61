"""How the values of configs and resources are written in JSON where they are published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

from partita.definitions.ordering import in_order


def to_published(value: Any) -> Any:
    """`value` as JSON, the same in every process.

    Raises:
        PydanticSerializationError: JSON cannot hold it.
    """
    try:
        return _ordered(to_jsonable_python(value, fallback=_special, inf_nan_mode="strings"), value)
    except (TypeError, ValueError) as error:  # of a kind that JSON does not know, or holding itself
        raise PydanticSerializationError(f"{type(value).__name__} cannot be written as JSON") from error


def _special(value: Any) -> Any:
    if hasattr(value, "__partita_plain__") and not isinstance(value, type):
        return value.__partita_plain__()
    raise TypeError(type(value).__name__)


def _ordered(plain: Any, value: Any) -> Any:
    """`plain`, which was made of `value`, with the items of its sets in order."""
    match plain:
        case list() if isinstance(value, (list, tuple, set, frozenset)) and len(plain) == len(value):
            return in_order(map(_ordered, plain, value), of=value)
        case dict() if isinstance(value, Mapping) and len(plain) == len(value):
            return dict(zip(plain, map(_ordered, plain.values(), value.values()), strict=True))
        case dict() if isinstance(value, BaseModel) or is_dataclass(value):
            values = _values(value)
            return {key: _ordered(item, values.get(key)) for key, item in plain.items()}
        case _:
            return plain


def _values(value: Any) -> dict[str, Any]:
    """Its values by the key that they are written under."""
    if not isinstance(value, BaseModel):
        return {each.name: getattr(value, each.name, None) for each in fields(value)}
    named = type(value).model_fields
    return {(named[name].serialization_alias or name) if name in named else name: item for name, item in value}
