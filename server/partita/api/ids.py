"""Node ids: opaque, globally unique, stable over reloads.

A record's id is a node id as it stands (`run_01jd...`). A definition's is its kind and natural key, encoded.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Malformed

import msgspec

LOCATION = "location"
REPOSITORY = "repository"
JOB = "job"
ASSET = "asset"
CHECK = "check"
SCHEDULE = "schedule"
SENSOR = "sensor"

_LENGTHS = {LOCATION: 1, REPOSITORY: 2, JOB: 3, ASSET: 1, CHECK: 2, SCHEDULE: 3, SENSOR: 3}
"""Kinds of definitions, and how many parts their natural key has."""


def encode_id(kind: str, *parts: str) -> str:
    """The node id of a definition."""
    return urlsafe_b64encode(msgspec.json.encode([kind, *map(str, parts)])).decode().rstrip("=")


def decode_id(node_id: str, kind: str | None = None) -> tuple[str, tuple[str, ...]] | None:
    """Kind and natural key of a definition; None when `node_id` is no such id, or one of another kind than `kind`."""
    try:
        raw = urlsafe_b64decode(node_id + "=" * (-len(node_id) % 4))
        found, *parts = msgspec.json.decode(raw, type=list[str])
    except (Malformed, ValueError, msgspec.MsgspecError):
        return None
    if len(parts) != _LENGTHS.get(found) or kind not in {None, found} or encode_id(found, *parts) != node_id:
        return None
    return found, tuple(parts)
