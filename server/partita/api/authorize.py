"""Who asks, and what that caller may do. The one place that decides it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import HTTPConnection


class Role(StrEnum):
    """What a caller may do; each includes those before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. `name` tells idempotency keys of different callers apart."""

    name: str
    role: Role


LOCAL = Caller(name="local", role=Role.ADMIN)
"""Everybody who reaches a server without tokens: it listens on this machine only."""


def authorize(connection: HTTPConnection) -> Caller:
    """The caller behind a connection. Without configured tokens everybody is a full user of this machine."""
    del connection
    return LOCAL
