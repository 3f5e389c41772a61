"""How long a failed attempt waits for the next one. Chance is an argument."""

from __future__ import annotations

import msgspec

from partita.definitions.policies import Retry
from partita.definitions.results import RetryRequested


def retry_delay(retry: Retry | None, *, attempt: int, chance: float) -> float | None:
    """Seconds until the attempt after failed attempt number `attempt` (from 1); None when there is no other.

    `chance` is a random number from 0 to 1, for policies with jitter: `full` spreads over 0 to the delay, `plus_minus`
    over one base delay either side of it.
    """
    if retry is None or attempt > retry.max_retries:
        return None
    delay = retry.delay_before(attempt)
    match retry.jitter:
        case "full":
            return delay * chance
        case "plus_minus":
            return max(0.0, delay + retry.delay * (2 * chance - 1))
        case None:
            return delay


def requested_retry(retry: Retry | None, request: RetryRequested) -> Retry:
    """The policy that counts for an attempt that asks to be made again: what the request says, over what the step says."""
    policy = retry or Retry()
    if request.max_retries is not None:
        policy = msgspec.structs.replace(policy, max_retries=request.max_retries)
    if request.delay is not None:
        policy = msgspec.structs.replace(policy, delay=request.delay, backoff=None, jitter=None)
    return policy
