"""What the generated models are made of: frozen shapes, and words that tolerate the future."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Shape(BaseModel):
    """A part of an answer: frozen, snake_case here, camelCase on the wire."""

    # Validators are built when first used: nobody needs all of them.
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, defer_build=True, protected_namespaces=())


class Word(StrEnum):
    """A value of a closed set, in lower case; one that a newer server added reads as "unknown"."""

    @classmethod
    def _missing_(cls, value: object) -> Self:
        by_value = {word.value: word for word in cls}
        return by_value.get(str(value).lower(), by_value["unknown"])


def kind_of(*known: str, otherwise: str) -> Callable[[Any], str]:
    """A function that names the concrete type of a value of an interface; types that are not `known` count as `otherwise`."""

    def tag(value: Any) -> str:
        name = value.get("__typename") if isinstance(value, dict) else getattr(value, "type_name", None)
        return name if name in known else otherwise

    return tag
