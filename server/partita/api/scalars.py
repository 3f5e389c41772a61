"""The scalars of the schema: instants, lengths of time, JSON and 64-bit integers."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from typing import Any, NewType

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped

Duration = NewType("Duration", float)
Long = NewType("Long", int)
JSON = NewType("JSON", object)

MAX_DEPTH = 100
"""Levels of lists and objects in one JSON value. Some 250 can be written, some 1,000 read; no config needs a tenth of it."""

_LONGS = range(-(2**63), 2**63)


def render_instant(at: datetime) -> str:
    """`at` as RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def parse_instant(value: object) -> datetime:
    """The instant that an RFC 3339 text names.

    Raises:
        GraphQLError: it is no such text, or it has no offset.
    """
    if not isinstance(value, str) or len(value) > 40:
        raise GraphQLError("A DateTime is a text such as '2026-11-22T08:00:00Z'.")
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise GraphQLError(f"{value!r} is not an RFC 3339 instant such as '2026-11-22T08:00:00Z'.") from None
    if at.tzinfo is None:
        raise GraphQLError(f"{value!r} has no offset from UTC. Write it with 'Z' or an offset such as '+01:00'.")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise GraphQLError(f"{value!r} lies outside the years 1 to 9999 in UTC.") from None


def parse_long(value: object) -> int:
    """A 64-bit integer.

    Raises:
        GraphQLError: it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1 or int(value) not in _LONGS:
        raise GraphQLError(f"{str(value)[:60]!r} is not a 64-bit integer.")
    return int(value)


def parse_duration(value: object) -> float:
    """Seconds.

    Raises:
        GraphQLError: it is not a finite number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < float("inf"):
        raise GraphQLError(f"{str(value)[:60]!r} is not a number of seconds.")
    return float(value)


def parse_json(value: object) -> object:
    """A JSON value, which can be stored and shown again.

    Raises:
        GraphQLError: it is nested too deep, or a number in it is too large.
    """
    level: list[object] = [value]
    for _ in range(MAX_DEPTH + 1):
        if not level:
            return value
        for each in level:
            _check_number(each)
        level = [inner for each in level if isinstance(each, dict | list) for inner in (each.values() if isinstance(each, dict) else each)]
    raise GraphQLError(f"A JSON value has at most {MAX_DEPTH} levels of lists and objects.")


def _check_number(value: object) -> None:
    if isinstance(value, int) and value not in _LONGS:
        raise GraphQLError(f"The number {_shortened(value)} of a JSON value does not fit into 64 bits. Give it as text.")
    if isinstance(value, float) and not isfinite(value):
        raise GraphQLError("A number of a JSON value is too large. Give it as text.")


def _shortened(value: int) -> str:
    return str(value) if value.bit_length() < 128 else f"of {value.bit_length()} bits"


def parse_json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> object:
    """The plain value of a literal written in the document.

    Raises:
        GraphQLError: as `parse_json`.
    """
    return parse_json(value_from_ast_untyped(node, variables))


def _same(value: Any) -> Any:
    return value


SCALARS: dict[object, Any] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339 instant, always in UTC, such as 2026-11-22T08:00:00.123Z.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=render_instant,
        parse_value=parse_instant,
    ),
    Duration: strawberry.scalar(
        name="Duration",
        description="Length of time in seconds, a JSON number.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-6",
        serialize=float,
        parse_value=parse_duration,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value, such as run config or metadata.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=_same,
        parse_value=parse_json,
        parse_literal=parse_json_literal,
    ),
    Long: strawberry.scalar(
        name="Long",
        description="Whole number of 64 bits as a JSON number, for counts of bytes and sequence numbers.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-6",
        serialize=int,
        parse_value=parse_long,
    ),
}
"""Python types and the scalars they are shown as."""
