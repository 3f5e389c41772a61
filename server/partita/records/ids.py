"""Record ids: a kind and a ULID, the same text in Python, SQL, GraphQL, on the command line and on screen."""

from __future__ import annotations

import os
import time

SHORT_LENGTH = 8
"""The short form of an id is its last eight characters."""

# Crockford's base 32 in lower case: sorts like the number it writes, and leaves out letters that look like others.
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_ULID_LENGTH = 26
_newest = 0


def new_id(kind: str) -> str:
    """A fresh id such as `run_01jd...`. Ids that one thread makes are in the order in which it made them; those of others, to the millisecond."""
    global _newest
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big") >> 1
    if number <= _newest:  # of the same millisecond, or the clock was set back: a little further, so that the ends of ids stay unlike
        number = _newest + int.from_bytes(os.urandom(6), "big") + 1
    _newest = number
    ulid = "".join(_DIGITS[number >> shift & 31] for shift in range(5 * (_ULID_LENGTH - 1), -1, -5))
    return f"{kind}_{ulid}"


def short_id(record_id: str) -> str:
    """The last eight characters: what tables show and lookups accept."""
    return record_id[-SHORT_LENGTH:]
