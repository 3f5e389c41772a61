"""Whether an asset is as fresh as its policy wants: a function of the policy, the last write and the time."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from partita.definitions.cron import Cron
from partita.definitions.policies import Freshness


class FreshnessState(NamedTuple):
    """How an asset stands."""

    is_fresh: bool
    since: datetime | None
    """Fresh: when it was last written. Failing: when it began to be too old; None when it was never written."""
    fails_at: datetime | None
    """Fresh: when it will begin to fail unless it is written before."""


def evaluate_freshness(policy: Freshness, *, written_at: datetime | None, now: datetime) -> FreshnessState:
    """How an asset stands at `now`.

    Args:
        policy: what is wanted.
        written_at: when any of its partitions was last written; None for never.
        now: the time.
    """
    if written_at is None:
        return FreshnessState(is_fresh=False, since=None, fails_at=None)
    limit = written_at + policy.within if policy.within is not None else _cron(policy).next(written_at) + policy.grace
    if now < limit:
        return FreshnessState(is_fresh=True, since=written_at, fails_at=limit)
    return FreshnessState(is_fresh=False, since=limit, fails_at=None)


def _cron(policy: Freshness) -> Cron:
    return _parsed(policy.expressions, policy.timezone)


@lru_cache(maxsize=1024)
def _parsed(expressions: tuple[str, ...], timezone: str) -> Cron:
    return Cron(expressions, timezone=timezone)
