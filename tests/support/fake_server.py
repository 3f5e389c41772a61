"""A GraphQL server that says what a test tells it to, and can go wrong on purpose: drop a connection, refuse it, end early.

It checks every document and its variables against `schema.graphql`, so a client that passes asks what the real server understands.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from aiohttp import WSMsgType, web
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, get_variable_values, parse, validate

SCHEMA: GraphQLSchema = build_schema((Path(__file__).parents[2] / "schema.graphql").read_text())

Answer = Callable[[dict[str, Any]], Any]
Stream = Callable[[dict[str, Any]], AsyncIterator[Any]]


class DropError(Exception):
    """Cut the connection without an answer."""


class RefusalError(Exception):
    """Answer with this HTTP status, or close the socket with 4000 and this, in place of GraphQL."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class AnswerError(Exception):
    """Answer with these top-level errors."""

    def __init__(self, *errors: dict[str, Any]) -> None:
        super().__init__(errors)
        self.errors = list(errors)


class FakeServer:
    """Serves on a free loopback port, in a thread of its own.

    `answers` and `streams` hold a function per operation name; documents without a name go by their first field. What arrived is in
    `received`, with the headers of the last HTTP request in `headers`.
    """

    def __init__(self) -> None:
        """Prepare; `with` starts it."""
        self.answers: dict[str, Answer] = {}
        self.streams: dict[str, Stream] = {}
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.headers: dict[str, str] = {}
        self.sockets_opened = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def asked(self, name: str) -> list[dict[str, Any]]:
        """Variables of every request of that name, in order of arrival."""
        return [variables for received, variables in self.received if received == name]

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self) -> None:
        """Listen; on the same port as before, if it listened before."""
        self._run(self._start())

    def start_later(self, seconds: float) -> None:
        """Listen again after a while."""
        asyncio.run_coroutine_threadsafe(self._start_later(seconds), self._loop)

    def stop(self) -> None:
        """Close the port and cut every connection."""
        self._run(self._stop())

    def _run(self, coroutine: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(timeout=20)

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_post("/graphql", self._http)
        app.router.add_get("/graphql", self._socket)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        server: Any = site._server
        self.port = server.sockets[0].getsockname()[1]

    async def _start_later(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._start()

    async def _stop(self) -> None:
        if self._runner is None:
            return
        server = self._runner.server
        for connection in server.connections if server else ():
            if connection.transport is not None:
                connection.transport.abort()
        await self._runner.cleanup()
        self._runner = None

    async def _http(self, request: web.Request) -> web.StreamResponse:
        self.headers = dict(request.headers)
        asked = await request.json()
        try:
            name, variables = self._check(asked)
            body = {"data": self.answers[name](variables)}
        except DropError:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        except RefusalError as refusal:
            return web.Response(status=refusal.status, text="no")
        except AnswerError as refusal:
            body = {"errors": refusal.errors}
        return web.json_response(body)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        assert request.headers["Sec-WebSocket-Protocol"] == "graphql-transport-ws"
        socket = web.WebSocketResponse(protocols=["graphql-transport-ws"])
        await socket.prepare(request)
        self.sockets_opened += 1
        tasks: dict[str, asyncio.Task[None]] = {}
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            message = json.loads(frame.data)
            match message["type"]:
                case "connection_init":
                    await socket.send_json({"type": "connection_ack"})
                case "ping":
                    await socket.send_json({"type": "pong"})
                case "subscribe":
                    work = self._stream(socket, request, message["id"], message["payload"])
                    tasks[message["id"]] = asyncio.ensure_future(work)
                case "complete":
                    tasks[message["id"]].cancel()
        for task in tasks.values():
            task.cancel()
        return socket

    async def _stream(self, socket: web.WebSocketResponse, request: web.Request, query_id: str, asked: dict[str, Any]) -> None:
        try:
            name, variables = self._check(asked)
            async for item in self.streams[name](variables):
                await socket.send_json({"id": query_id, "type": "next", "payload": {"data": item}})
            await socket.send_json({"id": query_id, "type": "complete"})
        except DropError:
            assert request.transport is not None
            request.transport.abort()
        except RefusalError as refusal:
            await socket.close(code=4000 + refusal.status)
        except AnswerError as refusal:
            await socket.send_json({"id": query_id, "type": "error", "payload": refusal.errors})
        except ConnectionError:
            with suppress(ConnectionError):
                await socket.close()

    def _check(self, asked: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        document = parse(asked["query"])
        problems = validate(SCHEMA, document)
        operation = document.definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        variables = asked.get("variables") or {}
        coerced: Any = get_variable_values(SCHEMA, operation.variable_definitions or (), variables)
        problems += coerced if isinstance(coerced, list) else []
        if problems:
            raise AnswerError(*({"message": str(problem), "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}} for problem in problems))
        first: Any = operation.selection_set.selections[0]
        name = operation.name.value if operation.name else first.name.value
        self.received.append((name, variables))
        return name, variables
