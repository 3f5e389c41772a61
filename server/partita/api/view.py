"""GraphQL over HTTP, by the specification of that name: what strawberry's view leaves open is decided here."""

from __future__ import annotations

import json
from typing import Any

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException, StarletteRequestAdapter
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult

from partita.api.authorize import authorize
from partita.api.context import Context
from partita.api.errors import Code
from partita.api.limits import LIMITS
from partita.api.responses import error_response
from partita.api.server import Server
from partita.api.sockets import Operations, Socket

RESPONSE_JSON = "application/graphql-response+json"
PLAIN_JSON = "application/json"
PREFLIGHT = "graphql-require-preflight"
COST = "x-graphql-cost"


class Body(StarletteRequestAdapter):
    """A request whose body is read only up to what is allowed."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._stream = request.stream

    async def get_body(self) -> bytes:
        """The body.

        Raises:
            HTTPException: it is too large.
        """
        read = bytearray()
        async for chunk in self._stream():
            read += chunk
            if len(read) > LIMITS.max_body_bytes:
                raise HTTPException(413, f"The body is larger than {LIMITS.max_body_bytes} bytes.")
        return bytes(read)


class View(GraphQL[Context, None]):
    """Answers operations."""

    request_adapter_class = Body
    graphql_transport_ws_handler_class = Operations
    websocket_adapter_class = Socket

    def __init__(self, server: Server, **options: Any) -> None:
        super().__init__(graphql_ide=None, allow_queries_via_get=True, **options)
        self._server = server

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """What the operations of a request or socket have at hand."""
        del response
        return Context(server=self._server, caller=authorize(request), wants_cost=_wants_cost(request))

    def encode_json(self, data: object) -> bytes:
        """`data` as JSON. Metadata may hold what orjson does not write: numbers of more than 64 bits, text that is no Unicode."""
        try:
            return orjson.dumps(data)
        except TypeError:
            return json.dumps(data, separators=(",", ":")).encode()

    def decode_json(self, data: str | bytes) -> object:
        """The value that `data` is."""
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise json.JSONDecodeError(error.msg, "", error.pos) from None

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData | list[GraphQLRequestData]:
        """The operation that a request asks for.

        Raises:
            HTTPException: it is malformed.
        """
        data = self.parse_query_params(request.query_params) if request.method == "GET" else self.parse_json(await request.get_body())
        if isinstance(data, list):
            raise HTTPException(400, "Send one operation a request; arrays of them are not accepted.")
        if not isinstance(data, dict):
            raise HTTPException(400, "The body must be a JSON object with `query`.")
        for name, kind, described in _PARAMETERS:
            if not isinstance(data.get(name), kind | None):
                raise HTTPException(400, f"`{name}` must be {described}, or left out.")
        return GraphQLRequestData(
            query=data.get("query"),
            variables=data.get("variables"),
            operation_name=data.get("operationName"),
            extensions=data.get("extensions"),
        )

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """The answer in the making; it knows its media type."""
        response = await super().get_sub_response(request)
        response.headers["content-type"] = f"{media_of(request.headers.get('accept'))}; charset=utf-8"
        return response

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """The result as JSON. A request that was refused before execution has no `data` at all."""
        del request
        made: dict[str, Any] = {}
        if result.errors:
            made["errors"] = [error.formatted for error in result.errors]
        if result.data is not None or not result.errors or any(error.path for error in result.errors):
            made["data"] = result.data
        if result.extensions:
            made["extensions"] = result.extensions
        return made  # type: ignore[return-value]  # a TypedDict made step by step

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        """The answer. Only the newer media type may carry a status that says that the request was refused."""
        media = sub_response.headers["content-type"]
        is_refused = "data" not in response_data and media.startswith(RESPONSE_JSON)
        return Response(self.encode_json(response_data), status_code=400 if is_refused else 200, headers={"content-type": media})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or serve a socket."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            _check(request)
            response = await self.run(request)
        except HTTPException as error:
            response = _refusal(error)
        await response(scope, receive, send)


_PARAMETERS: tuple[tuple[str, type, str], ...] = (
    ("query", str, "text"),
    ("variables", dict, "an object"),
    ("operationName", str, "text"),
    ("extensions", dict, "an object"),
)


def media_of(accept: str | None) -> str:
    """The media type that a client likes best; plain JSON when it does not say."""
    best, quality = PLAIN_JSON, 0.0
    for part in (accept or "").split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = _quality(parameters)
        offered = {RESPONSE_JSON: RESPONSE_JSON, PLAIN_JSON: PLAIN_JSON, "application/*": RESPONSE_JSON, "*/*": PLAIN_JSON}.get(kind)
        if offered is not None and weight > quality:
            best, quality = offered, weight
    return best


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def _check(request: Request) -> None:
    """Nothing, if a request may be read.

    Raises:
        HTTPException: it may not.
    """
    if request.method not in {"GET", "POST"}:
        raise HTTPException(405, "Use POST, or GET for queries.")
    if request.method == "GET":
        # A page elsewhere can make a browser send a plain GET, but not one with a header of ours.
        if not (request.headers.get("authorization") or request.headers.get(PREFLIGHT)):
            raise HTTPException(400, "A GET needs an Authorization or GraphQL-Require-Preflight header. Or use POST.")
        return
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media != PLAIN_JSON:
        raise HTTPException(415, "Send JSON, with the content type application/json.")
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > LIMITS.max_body_bytes:
        raise HTTPException(413, f"The body is larger than {LIMITS.max_body_bytes} bytes.")


def _refusal(error: HTTPException) -> Response:
    headers = {"allow": "GET, POST"} if error.status_code == 405 else {}
    is_unresolved = isinstance(error.__cause__, CannotGetOperationTypeError | InvalidOperationTypeError)
    code = Code.OPERATION_RESOLUTION_FAILURE if is_unresolved else Code.BAD_REQUEST
    return error_response(error.status_code, error.reason, code=code, headers=headers)


def _wants_cost(connection: HTTPConnection) -> bool:
    return connection.headers.get(COST, "").strip() not in {"", "0"}
