"""What is sent: one GraphQL operation with its variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One GraphQL operation with its variables; `T` is what its answer is read as."""

    name: str
    """Name of the operation, and of the model of its answer."""
    kind: Literal["query", "mutation", "subscription", "raw"]
    """"raw" is a document that a caller wrote; its answer stays as it came."""
    document: str
    variables: Mapping[str, Any]

    @property
    def can_repeat(self) -> bool:
        """True when sending it twice does what sending it once does: a query, or a mutation with an idempotency key."""
        given = self.variables.get("input")
        return self.kind == "query" or (isinstance(given, Mapping) and bool(given.get("idempotencyKey")))


def given(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Variables, and fields of their inputs, that are not None: what is left out keeps the server's default."""
    present = {name: value for name, value in variables.items() if value is not None}
    return {
        name: {key: part for key, part in value.items() if part is not None} if isinstance(value, Mapping) else value
        for name, value in present.items()
    }
