"""The server itself: version, daemons, queue, limits."""

from datetime import datetime
from typing import Any

import strawberry

from partita.api import status
from partita.api.context import Info
from partita.api.scalars import Duration
from partita.api.types.alerts import AlertRule
from partita.api.types.enums import DaemonKind
from partita.api.types.failures import PythonError
from partita.api.types.fields import resolved, shown, shows
from partita.records import alerts, locations
from partita.records.queue import QueueState as QueueStateRecord


@strawberry.type(description="Something that went wrong in a role of the daemon.")
@shows(locations.DaemonError)
class DaemonError:
    """Something that went wrong in a role."""

    at: datetime = shown("When it last did.")
    error: PythonError = shown("What it was.")


@strawberry.type(description="A role of the daemon, and whether it does its work.")
class Daemon:
    """A role of the daemon."""

    kind: DaemonKind = shown("Which role.")
    is_required: bool = shown("Whether runs depend on it.")
    is_healthy: bool = shown("Whether it has done its work lately.")
    last_heartbeat_at: datetime | None = shown("When it last said that it lives; null when it never has.")
    errors: list[PythonError] = shown("What keeps it from its work.")
    host: str | None = shown("The machine whose daemon has the role, or had it last; null when none ever did.")
    lateness: Duration | None = shown("By how much it began its work too late, at worst, between its last two heartbeats; null when it never beat.")
    past_errors: list[DaemonError] = shown("What went wrong in it lately, the newest first, whether or not it does now.", type=list[DaemonError])


@strawberry.type(description="A pool: slots that runs share whose steps use the same thing.")
class Pool:
    """A pool of slots."""

    name: str = shown("Its name.")
    limit: int | None = shown("How many slots it has; null when the settings do not list it, so it has as many as are asked for.")
    used: int = shown("Slots that active runs hold.")
    waiting: int = shown("Queued runs that need it.")


@strawberry.type(description="How many runs with a tag may be active at once.")
class TagLimit:
    """How many runs with a tag may be active at once."""

    key: str = shown("Key of the tag.")
    value: str | None = shown("Its value; null when any value counts.")
    limit: int = shown("How many may be active at once.")
    used: int = shown("How many are.")
    waiting: int = shown("Queued runs that carry it.")


@strawberry.type(description="How many runs wait and how many are active.")
class QueueState:
    """How many runs wait and how many are active."""

    queued: int = shown("Runs that wait to be claimed.")
    running: int = shown("Runs that a worker has claimed and that have not ended.")
    max_concurrent: int | None = shown("How many may be active at once; null when there is no limit.")
    pools: list[Pool] = shown("The pools of the settings, then any others that runs need.")
    tag_limits: list[TagLimit] = shown("The limits of runs by tag.")


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
    max_backfill_partitions: int = shown("Partitions that one backfill may write, those of each asset counted.")


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

    @resolved("The rules by which people are told of what they want to be told of.", type=list[AlertRule])
    @staticmethod
    def alert_rules(info: Info) -> list[alerts.AlertRule]:
        """The rules of the settings."""
        return [each.rule for each in info.context.server.settings.alerts]

    @resolved("How many runs wait and how many are active.", type=QueueState)
    @staticmethod
    async def queue(info: Info) -> QueueStateRecord:
        """The state of the queue."""
        limits, pools_of = info.context.server.settings.limits, info.context.definitions.entries.pools_of
        return await info.context.read(lambda: info.context.store.queue.state(limits, pools_of))
