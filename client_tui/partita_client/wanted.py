"""What callers ask for, as the API takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partita_client.models.generated.inputs import PartitionSelection, TagInput

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
