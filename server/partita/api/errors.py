"""Errors of the API itself, each with a code from a closed list.

Failures of what was asked for are data: a field of the answer, or a member of a mutation's `errors`. What is here is
what no member of the schema can say.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from graphql import GraphQLError


class Code(StrEnum):
    """Every `extensions.code` there is."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    BAD_REQUEST = "BAD_REQUEST"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    RATE_LIMITED = "RATE_LIMITED"
    TIMEOUT = "TIMEOUT"
    EXPIRED = "EXPIRED"
    """A subscription's cursor is older than what is kept; what follows is the fresh state."""
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


class ApiError(GraphQLError):
    """An error whose message is meant for the caller."""

    def __init__(self, message: str, *, code: Code = Code.BAD_USER_INPUT, path: Sequence[str | int] | None = None) -> None:
        super().__init__(message, path=path, extensions={"code": code.value})
        self.code = code
