"""Metadata that is too long to be kept with its event: pages of events and assets are read with everything that is in them.

It goes into a file beside what the step has printed, and with that into the archive and out of it; its path stands in its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from partita.definitions.metadata import MetadataEntry, MetadataKind
from partita.records.codec import encode
from partita.records.events import Fact

LONGEST = 1024 * 1024
"""Bytes of one value; a picture may have some hundred thousand."""
MOST = 4 * LONGEST
"""Bytes of all metadata of one event."""
_SHORT = (MetadataKind.INT, MetadataKind.FLOAT, MetadataKind.BOOL, MetadataKind.TIMESTAMP)

F = TypeVar("F", bound=Fact)


def bounded(event: F, directory: str) -> F:
    """The event, with what is too long of its metadata in files of `directory`; where there is none, it is left out and said to be."""
    entries: tuple[MetadataEntry, ...] = getattr(event, "metadata", ())
    if not entries:
        return event
    kept: list[MetadataEntry] = []
    total = 0
    for place, entry in enumerate(entries):
        size = _size(entry)
        if size > LONGEST:
            stub = _put_aside(entry.label, entry.value, directory)
            kept.append(stub)
            total += _size(stub)
        elif total + size > MOST:
            kept.append(_rest(entries[place:], directory))
            break
        else:
            kept.append(entry)
            total += size
    if len(kept) == len(entries) and all(one is other for one, other in zip(kept, entries, strict=True)):
        return event
    return msgspec.structs.replace(event, metadata=tuple(kept))


def _rest(entries: Sequence[MetadataEntry], directory: str) -> MetadataEntry:
    return _put_aside(f"and {len(entries):,} more", {entry.label: entry.value for entry in entries}, directory)


def _size(entry: MetadataEntry) -> int:
    """Bytes that it takes, at least; text of many bytes a character is counted exactly only when it may be too long."""
    value = entry.value
    if entry.kind in _SHORT:
        return 0
    if isinstance(value, str) and len(value) <= LONGEST // 4:
        return len(value) + len(entry.label)
    return len(encode(value)) + len(entry.label)


def _put_aside(label: str, value: Any, directory: str) -> MetadataEntry:
    raw, ending = (value.encode(), "txt") if isinstance(value, str) else (encode(value), "json")
    what = f"{len(raw):,} bytes, more than the {LONGEST:,} that are kept with an event"
    if not directory:
        return MetadataEntry(label=label, kind=MetadataKind.TEXT, value=f"{what}: left out.")
    path = Path(directory, f"metadata.{hashlib.sha256(raw).hexdigest()[:16]}.{ending}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    except OSError as error:
        return MetadataEntry(label=label, kind=MetadataKind.TEXT, value=f"{what}: they could not be kept in {path} either: {error.strerror}.")
    return MetadataEntry(label=label, kind=MetadataKind.PATH, value=str(path))
