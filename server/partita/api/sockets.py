"""GraphQL over WebSocket, the graphql-transport-ws protocol: frames are checked before strawberry sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message

from partita.api.context import Context
from partita.api.errors import ApiError, Code
from partita.api.limits import LIMITS


class Socket(ASGIWebSocketAdapter):
    """A WebSocket that sends text: browsers' clients cannot read JSON in binary frames."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send one message."""
        encoded = self.view.encode_json(message)
        try:
            await self.ws.send_text(encoded if isinstance(encoded, str) else encoded.decode())
        except WebSocketDisconnect as gone:
            raise WebSocketDisconnected from gone


class Operations(BaseGraphQLTransportWSHandler[Context, None]):
    """The operations of one socket."""

    async def handle_message(self, message: Message) -> None:
        """Serve one message; a malformed one ends the socket."""
        problem = fault_of(message)
        if problem is not None:
            await self.handle_invalid_message(problem)
            return
        if message["type"] == "connection_init" and message.get("payload") is None:
            message = {"type": "connection_init"}
        if message["type"] == "subscribe" and len(self.operations) >= LIMITS.max_subscriptions:
            error = ApiError(f"A socket carries at most {LIMITS.max_subscriptions} operations at once.", code=Code.RATE_LIMITED)
            await self.send_message({"id": message["id"], "type": "error", "payload": [error.formatted]})
            return
        await super().handle_message(message)

    async def handle_task_exception(self, error: Exception) -> None:
        """Log what went wrong in an operation, unless it is only that nobody listens any more."""
        if not isinstance(error, WebSocketDisconnected):
            await super().handle_task_exception(error)

    def forget_id(self, id: str) -> None:
        """Let the id be used again. It may be forgotten already: the client unsubscribed while the operation completed."""
        self.operations.pop(id, None)

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        """None: a document that cannot be parsed ends its operation, not the socket with all the others."""
        del error
        return None


def fault_of(message: object) -> str | None:
    """What is wrong with the shape of a message; None when nothing is."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message is an object with a `type`."
    payload = message.get("payload")
    match message["type"]:
        case "subscribe":
            if not isinstance(message.get("id"), str) or not message["id"]:
                return "`subscribe` needs an `id`, a text that is not empty."
            return _fault_of_request(payload)
        case "complete":
            return None if isinstance(message.get("id"), str) else "`complete` needs an `id`, a text."
        case _:
            return None if isinstance(payload, dict | None) else "`payload` must be an object, or left out."


def _fault_of_request(payload: Any) -> str | None:
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
        return "`subscribe` needs a `payload` with a `query`, a text."
    for name, kind in (("variables", dict), ("operationName", str), ("extensions", dict)):
        if not isinstance(payload.get(name), kind | None):
            return f"`{name}` of a `subscribe` has the wrong type."
    return None
