"""The server itself: version, daemons, queue, limits."""

from datetime import datetime
from typing import Any

import strawberry

from partita.api import status
from partita.api.context import Info
from partita.api.types.enums import DaemonKind
from partita.api.types.failures import PythonError
from partita.api.types.fields import resolved, shown


@strawberry.type(description="A role of the daemon, and whether it does its work.")
class Daemon:
    """A role of the daemon."""

    kind: DaemonKind = shown("Which role.")
    is_required: bool = shown("Whether runs depend on it.")
    is_healthy: bool = shown("Whether it has done its work lately.")
    last_heartbeat_at: datetime | None = shown("When it last said that it lives; null when it never has.")
    errors: list[PythonError] = shown("What keeps it from its work.")


@strawberry.type(description="How many runs wait and how many are active.")
class QueueState:
    """How many runs wait and how many are active."""

    queued: int = shown("Runs that wait to be claimed.")
    running: int = shown("Runs that a worker has claimed and that have not ended.")
    max_concurrent: int | None = shown("How many may be active at once; null when there is no limit.")


@strawberry.type(description="What this server refuses, so that clients need not guess.")
class Limits:
    """What this server refuses."""

    max_page_size: int = shown("Items of one page.")
    max_event_page_size: int = shown("Events of one page.")
    max_cost: int = shown("Cost of one operation.")
    max_depth: int = shown("Depth of one operation.")
    max_aliases: int = shown("Aliases in one operation.")
    max_fields: int = shown("Fields of one operation, fragments counted where they are used.")
    max_tokens: int = shown("Tokens of one document.")
    max_body_bytes: int = shown("Bytes of one request.")
    max_message_bytes: int = shown("Bytes of one WebSocket message.")
    max_subscriptions: int = shown("Operations of one WebSocket at once.")
    max_runs_per_launch: int = shown("Runs that one mutation may launch or cancel.")


@strawberry.type(description="This server.")
class Server:
    """This server."""

    version: str = shown("Version of Partita.")
    started_at: datetime = shown("When this server started.")
    limits: Limits = shown("What this server refuses.")

    @resolved("Changes whenever this schema does.")
    @staticmethod
    async def schema_hash(info: Info) -> str:
        """The hash of the schema; printing it takes a while the first time."""
        schema: Any = info.schema
        return await info.context.read(lambda: str(schema.schema_hash))

    @resolved("The roles of the daemon.", type=list[Daemon])
    @staticmethod
    async def daemons(info: Info) -> list[status.ShownDaemon]:
        """The roles of the daemon."""
        return status.daemons(await info.context.read(info.context.store.leases.daemons))

    @resolved("How many runs wait and how many are active.", type=QueueState)
    @staticmethod
    async def queue(info: Info) -> status.ShownQueue:
        """The state of the queue."""
        return await info.context.read(lambda: status.queue_of(info.context.store, info.context.server.settings))
