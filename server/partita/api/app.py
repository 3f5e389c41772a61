"""The API process as one ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from partita.api.errors import Code
from partita.api.guard import LOOPBACK, Guard
from partita.api.health import healthz, metrics_of, readyz_of
from partita.api.limits import LIMITS
from partita.api.page import query_page, static_file
from partita.api.responses import error_response
from partita.api.schema import schema
from partita.api.server import Server, utc_now
from partita.api.view import View
from partita.storage.store import Store
from partita.workspace.settings import Settings

INIT_TIMEOUT = timedelta(seconds=10)
"""How long a socket may stay open without `connection_init`."""

SERVER_OPTIONS: dict[str, Any] = {"server_header": False, "ws": "websockets-sansio", "ws_max_size": LIMITS.max_message_bytes}
"""What uvicorn is to be told besides address and port."""


def create_app(store: Store, *, settings: Settings, allowed_hosts: Collection[str] = LOOPBACK, clock: Callable[[], datetime] = utc_now) -> Starlette:
    """The application.

    Args:
        store: where records are; stays open as long as the application serves.
        settings: the workspace's.
        allowed_hosts: names by which clients may call this server; `*` for any. Those of this machine by default.
        clock: what time it is.
    """
    server = Server(store, settings, clock=clock)
    view = View(
        server,
        schema=schema,
        subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
        connection_init_wait_timeout=INIT_TIMEOUT,
        max_subscriptions_per_connection=None,
    )
    return Starlette(
        routes=[
            Route("/graphql", view),
            WebSocketRoute("/graphql", view),
            Route("/", query_page),
            Route("/static/{name}", static_file),
            Route("/healthz", healthz),
            Route("/readyz", readyz_of(server)),
            Route("/metrics", metrics_of(server)),
        ],
        middleware=[Middleware(Guard, allowed_hosts=allowed_hosts)],
        exception_handlers={404: _not_found, 405: _not_allowed, 500: _broken},
    )


async def _not_found(request: Request, error: Exception) -> Response:
    del error
    return error_response(404, f"There is nothing at {request.url.path[:200]}. The API is at /graphql.")


async def _not_allowed(request: Request, error: Exception) -> Response:
    return error_response(405, f"{request.url.path} takes no {request.method}.", headers=getattr(error, "headers", None))


async def _broken(request: Request, error: Exception) -> Response:
    del request, error
    return error_response(500, "Something went wrong here. The server's log says what.", code=Code.INTERNAL_SERVER_ERROR)
