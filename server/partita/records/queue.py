"""The queue: what limits how many runs are active at once, and why a queued run waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec

from partita.records.runs import RunRequest

PoolsOf = Callable[[RunRequest], Mapping[str, int]]
"""The pools whose slots the run of a request holds from its claim to its end, and how many of each."""


def no_pools(request: RunRequest) -> Mapping[str, int]:
    """The needs of a run where nothing is known of its steps."""
    del request
    return {}


class TagLimit(msgspec.Struct, frozen=True, kw_only=True):
    """At most `limit` runs at once that carry the tag `key=value`, or `key` with any value when `value` is None."""

    key: str
    value: str | None
    limit: int

    def counts(self, tags: Mapping[str, str]) -> bool:
        """Whether a run with these tags counts against the limit."""
        return self.key in tags and self.value in {None, tags[self.key]}

    @property
    def tag(self) -> str:
        """The tag as the settings write it."""
        return self.key if self.value is None else f"{self.key}={self.value}"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be active at once, in all locations together."""

    max_concurrent: int | None = None
    tags: tuple[TagLimit, ...] = ()
    pools: dict[str, int] = {}
    """Slots by the pool's name. A pool that is not listed has as many as are asked for; one of 0 is closed."""


class WaitKind(StrEnum):
    """What a queued run waits for."""

    NEXT = "next"
    """Nothing: it will be claimed at once."""
    CONCURRENCY = "concurrency"
    TAG_LIMIT = "tag_limit"
    POOL = "pool"
    PRIORITY = "priority"
    """There is room, and others come first."""
    LOCATION = "location"
    """Nobody can run it: its code location is not loaded, or has no worker."""
    PAUSED = "paused"
    """It belongs to a backfill that is paused."""


class WaitReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a queued run waits, for programs and for people."""

    kind: WaitKind
    message: str


class PoolState(msgspec.Struct, frozen=True, kw_only=True):
    """A pool at this moment."""

    name: str
    limit: int | None
    """None: the settings do not list it, so it has no limit."""
    used: int = 0
    """Slots that active runs hold."""
    waiting: int = 0
    """Queued runs that need it."""


class TagLimitState(msgspec.Struct, frozen=True, kw_only=True):
    """A tag limit at this moment."""

    key: str
    value: str | None
    limit: int
    used: int = 0
    """Active runs that carry the tag."""
    waiting: int = 0
    """Queued runs that carry it."""


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """The queue at this moment."""

    queued: int
    running: int
    """Runs that a worker holds."""
    max_concurrent: int | None
    pools: tuple[PoolState, ...] = ()
    """Those that the settings list, in their order, then any others that runs need."""
    tag_limits: tuple[TagLimitState, ...] = ()
