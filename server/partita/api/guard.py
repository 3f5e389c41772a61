"""What every request passes first: which host it thinks it speaks to, and the headers of every answer."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from partita.api.responses import error_response

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
ANY = "*"

_ALWAYS = ((b"x-content-type-options", b"nosniff"),)
_UNLESS_GIVEN = (b"cache-control", b"no-store")


class Guard:
    """Refuses requests for foreign hosts: a page that makes a name of its own point to this machine must not reach it."""

    def __init__(self, app: ASGIApp, *, allowed_hosts: Collection[str] = LOOPBACK) -> None:
        self._app = app
        self._allowed = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve what may be served."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        if self._is_allowed(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            refusal = error_response(400, "This server does not go by the name in the Host header.")
            await refusal(scope, receive, _with_headers(send))

    def _is_allowed(self, host: str) -> bool:
        return ANY in self._allowed or name_of(host) in self._allowed


def name_of(host: str) -> str:
    """A Host header without its port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            _add(message)
        await send(message)

    return send_with_headers


def _add(message: MutableMapping[str, Any]) -> None:
    given = list(message["headers"])
    names = {name.lower() for name, _ in given}
    given.extend(_ALWAYS)
    if _UNLESS_GIVEN[0] not in names:
        given.append(_UNLESS_GIVEN)
    message["headers"] = given
