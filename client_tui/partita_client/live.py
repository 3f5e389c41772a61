"""The connection to a server: one HTTP session for operations, one WebSocket for subscriptions, both kept open and used again.

This is the only module that imports gql, and it is imported by the first request: gql and aiohttp take longer to import than a
request takes. gql's own reconnecting session is not used, because it repeats every operation after any exception, mutations
included, and resumes no subscription. What may be repeated here, and from where a subscription goes on, is said below.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from functools import lru_cache
from typing import Any, TypeVar

import aiohttp
import orjson
from gql import GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.exceptions import TransportClosed, TransportError, TransportQueryError, TransportServerError
from graphql import DocumentNode, GraphQLSyntaxError, OperationDefinitionNode, OperationType, parse

from partita_client.backoff import Backoff
from partita_client.errors import ConnectionFailedError, RequestRefusedError, TimedOutError
from partita_client.models.reading import read
from partita_client.models.requests import Request

T = TypeVar("T")

FIRST_CONTACT = 0.5
"""Seconds to go on trying a server that has never answered: enough for one that is just opening its port."""
GATEWAY_TROUBLE = {502, 503, 504}
CODES = {400: "BAD_REQUEST", 401: "UNAUTHENTICATED", 403: "FORBIDDEN", 413: "BAD_REQUEST", 429: "RATE_LIMITED"}
"""What an HTTP status, or a WebSocket close code less 4000, says when there is no GraphQL answer to say it."""
MAX_MESSAGE = 64 * 2**20
"""Bytes of one WebSocket message: a batch of 500 events with long log messages passes aiohttp's own 4 MB."""


class Written(GraphQLRequest):
    """A request whose document is sent as it was written: gql would print it anew each time, which takes 2 ms."""

    def __init__(self, text: str, *, variables: dict[str, Any], name: str) -> None:
        super().__init__(_parsed(text), variable_values=variables, operation_name=name or None)
        self._text = text

    @property
    def payload(self) -> dict[str, Any]:
        """What goes over the wire."""
        named = {"operationName": self.operation_name} if self.operation_name else {}
        return {"query": self._text, "variables": self.variable_values, **named}


class Connection:
    """Sends requests and follows subscriptions on one server, from one event loop."""

    def __init__(self, url: str, *, token: str | None, patience: float | None) -> None:
        self._url, self._patience = url, patience
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http: AIOHTTPTransport | None = None
        self._socket: AIOHTTPWebsocketsTransport | None = None
        self._opening = asyncio.Lock()
        self._has_answered = False

    async def execute(self, request: Request[T]) -> T:
        """The answer.

        A request that never left this machine is sent again, and one whose answer was lost only if it `can_repeat`.

        Raises:
            ConnectionFailedError: no answer, for as long as patience lasts.
            RequestRefusedError: the server answered with errors.
        """
        sent = _written(request.document, request.variables, request.name)
        can_repeat = request.can_repeat or _only_reads(sent.document)
        backoff = self._backoff()
        while True:
            try:
                http = await self._session()
                answer = await http.execute(sent)
            except TransportError as error:
                was_sent = not isinstance(error.__cause__, aiohttp.ClientConnectorError)
                await self._wait(backoff, error, is_over=was_sent and not can_repeat)
                continue
            self._has_answered = True
            return read(request, _data(answer.data, answer.errors))

    async def subscribe(
        self, request: Request[T], *, ended: Callable[[T], bool] | None = None, seconds: float | None = None
    ) -> AsyncGenerator[T, None]:
        """The items of a subscription until the server completes it.

        After a lost connection it goes on behind the cursor of the last item handed out, so that nothing is lost or doubled: an
        item carries its cursor in a field `cursor` of its root field, and the document takes it back in a variable `$after`.
        Before the first item it begins anew. A completion after an item that had not `ended` is taken for a server that is going down.

        Raises:
            ConnectionFailedError: the connection is lost for good, or the document has no cursor to go on from.
            RequestRefusedError: the server answered with errors.
            TimedOutError: it has not come to its end after so many `seconds`.
        """
        deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
        async with aclosing(self._resumed(request, ended)) as items:
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        item = await anext(items)
                except TimeoutError:
                    raise TimedOutError(request.name or "The subscription", seconds or 0.0) from None
                except StopAsyncIteration:
                    return
                yield item

    async def close(self) -> None:
        """Close what is open."""
        if self._socket is not None:
            await self._socket.close()
        if self._http is not None:
            await self._http.close()
        self._socket = self._http = None

    async def _resumed(self, request: Request[T], ended: Callable[[T], bool] | None) -> AsyncGenerator[T, None]:
        variables, can_resume, has_ended = dict(request.variables), True, ended is None
        takes_after = _takes_after(_parsed(request.document))
        backoff: Backoff | None = None
        while True:
            try:
                async with aclosing(self._items(_written(request.document, variables, request.name))) as items:
                    async for data in items:
                        backoff = None
                        item = read(request, data)
                        if takes_after:
                            variables["after"] = _cursor(data)
                        can_resume, has_ended = bool(variables.get("after")), ended is None or ended(item)
                        yield item
                if has_ended:
                    return
                trouble: Exception = TransportClosed("the server ended the subscription early")
            except (TransportError, TimeoutError) as error:
                trouble = error
            backoff = backoff or self._backoff()
            await self._wait(backoff, trouble, is_over=not can_resume)

    async def _items(self, sent: Written) -> AsyncGenerator[dict[str, Any], None]:
        socket = await self._open_socket()
        raw = socket.adapter.websocket
        try:
            async with aclosing(socket.subscribe(sent)) as answers:
                async for answer in answers:
                    yield _data(answer.data, answer.errors)
        except TransportQueryError as error:
            raise RequestRefusedError.of_response(error.errors or [{"message": str(error)}]) from None
        except TransportError as error:
            code = (raw.close_code if raw is not None else None) or 0
            if code - 4000 in CODES:
                raise TransportServerError(f"closed with {code}", code - 4000) from error
            raise

    async def _session(self) -> AIOHTTPTransport:
        async with self._opening:
            if self._http is None:
                timeout = aiohttp.ClientTimeout(total=60, sock_connect=5)
                fresh = AIOHTTPTransport(
                    f"{self._url}/graphql", headers=self._headers, json_deserialize=orjson.loads, client_session_args={"timeout": timeout}
                )
                await fresh.connect()
                self._http = fresh
            return self._http

    async def _open_socket(self) -> AIOHTTPWebsocketsTransport:
        http = await self._session()
        async with self._opening:
            if self._socket is None or self._socket.close_exception is not None:
                self._socket = None
                fresh = AIOHTTPWebsocketsTransport(
                    f"{self._url.replace('http', 'ws', 1)}/graphql",
                    subprotocols=[AIOHTTPWebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
                    session=http.session,
                    ping_interval=10,
                    pong_timeout=5,
                    websocket_close_timeout=2,
                    close_timeout=2,
                    connect_args={"max_msg_size": MAX_MESSAGE},
                )
                await _connect(fresh)
                self._socket, self._has_answered = fresh, True
            return self._socket

    def _backoff(self) -> Backoff:
        return Backoff(self._patience if self._has_answered else FIRST_CONTACT)

    async def _wait(self, backoff: Backoff, error: Exception, *, is_over: bool) -> None:
        """Wait before the next attempt, or raise what the trouble means to the caller."""
        status = error.code if isinstance(error, TransportServerError) else getattr(error.__cause__, "status", None)
        if status in CODES:
            raise RequestRefusedError(f"The server at {self._url} refuses: {error}", code=CODES[status]) from error
        if status is not None and status not in GATEWAY_TROUBLE:
            raise ConnectionFailedError(self._url, f"something that is not Partita answers there ({error})") from error
        wait = None if is_over else backoff.wait()
        if wait is None:
            raise ConnectionFailedError(self._url, _problem(error)) from error
        await asyncio.sleep(wait)


def _problem(error: Exception) -> str:
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientConnectorError) and cause.os_error.errno:
        return os.strerror(cause.os_error.errno).lower()
    return str(cause or error) or type(cause or error).__name__


async def _connect(fresh: AIOHTTPWebsocketsTransport) -> None:
    try:
        await fresh.connect()
    except BaseException:
        with suppress(TransportError):
            await fresh.close()
        raise


@lru_cache(maxsize=256)
def _parsed(document: str) -> DocumentNode:
    try:
        return parse(document)
    except GraphQLSyntaxError as error:
        raise RequestRefusedError(f"The document cannot be read: {error}", code="GRAPHQL_PARSE_FAILED") from None


def _written(document: str, variables: Mapping[str, Any], name: str) -> Written:
    try:
        plain = orjson.loads(orjson.dumps(dict(variables)))
    except TypeError as error:
        raise RequestRefusedError(f"The variables cannot be written as JSON: {error}.", code="BAD_USER_INPUT") from None
    return Written(document, variables=plain, name=name)


def _only_reads(document: DocumentNode) -> bool:
    return all(node.operation is OperationType.QUERY for node in document.definitions if isinstance(node, OperationDefinitionNode))


def _takes_after(document: DocumentNode) -> bool:
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    return any(variable.variable.name.value == "after" for node in operations for variable in node.variable_definitions or ())


def _cursor(data: Mapping[str, Any]) -> str | None:
    return next((item["cursor"] for item in data.values() if isinstance(item, dict) and item.get("cursor")), None)


def _data(data: dict[str, Any] | None, errors: list[Any] | None) -> dict[str, Any]:
    if errors:
        raise RequestRefusedError.of_response(errors)
    return data or {}
