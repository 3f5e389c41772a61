"""How specs and records become bytes and come back: JSON, readable in a database shell."""

from __future__ import annotations

import threading
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from partita.definitions.specs import SourceLocation
from partita.records.events import Event
from partita.records.locations import LocationCatalog

T = TypeVar("T")


def _to_plain(value: Any) -> Any:
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"{type(value).__name__} cannot be encoded.")


def _from_plain(kind: type, value: Any) -> Any:
    if issubclass(kind, str):
        return kind(value)
    raise TypeError(f"{kind.__name__} cannot be decoded.")


_ENCODER = msgspec.json.Encoder(enc_hook=_to_plain)


def encode(value: Any) -> bytes:
    """`value` as JSON."""
    return _ENCODER.encode(value)


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
# Two threads that make decoders at the same time crash the process (msgspec 0.22): each finds what the other has half made of a class.
_making = threading.Lock()


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    if (found := _decoders.get(kind)) is not None:
        return found
    with _making:
        if kind not in _decoders:
            _decoders[kind] = msgspec.json.Decoder(kind, dec_hook=_from_plain)
        return _decoders[kind]


def decode(raw: bytes | str, kind: type[T]) -> T:
    """The value of type `kind` that `encode` wrote.

    Raises:
        msgspec.DecodeError: the bytes are not such a value.
    """
    value: T = _decoder(kind).decode(raw)
    return value


_EVENTS: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event, dec_hook=_from_plain)


def decode_event(raw: bytes) -> Event:
    """The event that `encode` wrote."""
    return _EVENTS.decode(raw)


def hash_catalog(catalog: LocationCatalog) -> str:
    """The content hash of a catalog; paths and line numbers do not count, so moving code changes nothing."""
    plain = msgspec.to_builtins(catalog, enc_hook=_to_plain)
    return sha256(msgspec.json.encode(_without_sources(plain), order="deterministic")).hexdigest()


def _without_sources(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_sources(item) for key, item in value.items() if not (key == "source" and _is_source(item))}
        case list() | tuple():
            return [_without_sources(item) for item in value]
        case _:
            return value


def _is_source(item: Any) -> bool:
    return item is None or (isinstance(item, dict) and set(item) <= set(SourceLocation.__struct_fields__))
