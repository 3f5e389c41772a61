"""What the server refuses before it works on it."""

from __future__ import annotations

from dataclasses import dataclass

from partita.api.pages import MAX_EVENTS, MAX_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes of requests and operations that are allowed; the value behind `Server.limits`."""

    max_page_size: int = MAX_PAGE
    max_event_page_size: int = MAX_EVENTS
    max_cost: int = 20_000
    max_depth: int = 12
    max_aliases: int = 30
    max_directives: int = 20
    max_fields: int = 500
    max_root_fields: int = 20
    max_tokens: int = 4_000
    max_errors: int = 8
    max_body_bytes: int = 1_000_000
    max_message_bytes: int = 256_000
    max_subscriptions: int = 100
    max_runs_per_launch: int = 1_000
    max_backfill_partitions: int = 100_000
    max_ids: int = 100
    max_seconds: float = 30.0


LIMITS = Limits()
