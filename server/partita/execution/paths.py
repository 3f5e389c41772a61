"""Names of files for keys of any shape: steps, partitions, segments of asset keys."""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import quote

MAX_NAME = 200
"""Characters of a quoted name: file systems allow 255 bytes, and an ending and a temporary prefix are still to come."""


def file_name(text: str) -> str:
    """`text` as the name of one file or directory: distinct for distinct texts, never hidden, never leading elsewhere."""
    name = quote(text, safe=" +,=@[]()")
    if not name:
        return "%"
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - 33]}~{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def directory_name(segment: str, endings: tuple[str, ...]) -> str:
    """A segment of an asset key as a directory: also distinct from any file with one of these endings beside it."""
    name = file_name(segment)
    for ending in endings:
        if name.endswith(ending):
            return f"{name[: -len(ending)]}%2E{ending[1:]}"
    return name
