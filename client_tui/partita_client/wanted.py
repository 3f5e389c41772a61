"""What callers ask for, as the API takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partita_client.models.generated.inputs import BackfillPolicyInput, PartitionSelection, TagInput

Partition = str | tuple[str, str] | list[str]
"""One key, first and last key of a range, or several keys."""


def to_tags(tags: Mapping[str, str] | None) -> list[TagInput]:
    """Tags of runs."""
    return [{"key": key, "value": value} for key, value in (tags or {}).items()]


def to_partitions(given: Partition | None) -> PartitionSelection | None:
    """Which partitions are wanted; None: nothing was said."""
    match given:
        case None:
            return None
        case str(key):
            return {"keys": [key]}
        case (str(first), str(last)) if isinstance(given, tuple):
            return {"range": {"from": first, "to": last}}
        case _:
            return {"keys": list(given)}


def to_backfilled(given: Partition | None, status: str | Sequence[str] | None) -> PartitionSelection:
    """Which partitions a backfill is to write; all when nothing was said. What is given twice over is sent so: the server refuses it in words."""
    wanted: PartitionSelection = to_partitions(given) or {}
    if status in ("stale", ["stale"], ("stale",)):
        wanted["stale"] = True
    elif status is not None:
        wanted["statuses"] = words(status)
    return wanted or {"all": True}


def to_policy(runs_of: int | None, *, is_single_run: bool) -> BackfillPolicyInput | None:
    """How a backfill is cut into runs; None: nothing was said."""
    policy: BackfillPolicyInput = {}
    if is_single_run:
        policy["singleRun"] = True
    if runs_of is not None:
        policy["runsOf"] = runs_of
    return policy or None


def words(given: str | Sequence[str] | None) -> list[str] | None:
    """Words of a closed set as the API writes them."""
    if given is None:
        return None
    return [word.upper() for word in ([given] if isinstance(given, str) else given)]
