"""Speaking to a running server: where it is, and what its errors mean for the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from partita.cli.failures import Exit

if TYPE_CHECKING:
    from partita_client import Client

T = TypeVar("T")

DEFAULT_URL = "http://127.0.0.1:4400"
SERVER_FAULTS = frozenset({"INTERNAL_SERVER_ERROR", "UNAVAILABLE"})
"""Codes that are not the caller's mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where the server is and who asks."""

    url: str
    token: str | None

    def connect(self) -> Client:
        """A client; nothing is sent until it is used."""
        from partita_client import Client

        return Client(self.url, token=self.token)


def server_options(command: Callable[..., T]) -> Callable[..., T]:
    """Options `--url` and `--token`, given to the command as `server`. Stands closest to the function."""

    @click.option("--url", envvar="PARTITA_URL", default=DEFAULT_URL, show_default=True, help="Address of the server. [env: PARTITA_URL]")
    @click.option("--token", envvar="PARTITA_TOKEN", default=None, help="Token to show to it. [env: PARTITA_TOKEN]")
    @wraps(command)
    def with_server(*, url: str, token: str | None, **given: Any) -> T:
        return command(server=Server(url=url, token=token), **given)

    return with_server


def exit_code_of(error: Exception) -> int | None:
    """The exit code for an error of the client; None for any other error."""
    if "partita_client.errors" not in sys.modules:
        return None
    from partita_client.errors import ConnectionFailedError, PartitaClientError, RequestRefusedError

    match error:
        case ConnectionFailedError():
            return Exit.UNREACHABLE
        case RequestRefusedError(code=code):
            return Exit.FAILED if code in SERVER_FAULTS else Exit.WRONG_USE
        case PartitaClientError():
            return Exit.FAILED
        case _:
            return None
