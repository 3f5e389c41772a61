"""Answers that are not results of an operation: still JSON, still coded."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from starlette.responses import Response

from partita.api.errors import Code


def error_response(status: int, message: str, *, code: Code = Code.BAD_REQUEST, headers: Mapping[str, str] | None = None) -> Response:
    """An error as the GraphQL-over-HTTP specification wants one before there is a result."""
    body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code.value}}]})
    return Response(body, status_code=status, media_type="application/json", headers=dict(headers or {}))
