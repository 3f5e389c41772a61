"""Metadata: labelled values that definitions and events carry, each with a kind that says how to show it."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from partita.definitions.keys import AssetKey
from partita.definitions.ordering import in_order
from partita.errors import DefinitionError

_Reader = Callable[[str, Any], "tuple[MetadataKind, Any]"]


class MetadataKind(StrEnum):
    """How a metadata value is to be shown."""

    TEXT = "text"
    MARKDOWN = "markdown"
    URL = "url"
    PATH = "path"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    JSON = "json"
    TABLE = "table"
    TABLE_SCHEMA = "table_schema"
    COLUMN_LINEAGE = "column_lineage"
    TIMESTAMP = "timestamp"
    ASSET = "asset"
    RUN = "run"
    IMAGE = "image"


class MetadataEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled value. `value` is plain JSON."""

    label: str
    kind: MetadataKind
    value: Any


class Markdown(str):
    """Text shown as Markdown."""

    __slots__ = ()


class Url(str):
    """A link."""

    __slots__ = ()


class Json:
    """Any JSON value, shown as a tree."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Table:
    """Rows of one shape, shown as a table.

    Example:
        `pt.Table([{"carrier": "AA", "delay": 8.6}])`

    Raises:
        DefinitionError: it is no list of mappings.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        listed = list(rows) if isinstance(rows, Iterable) and not isinstance(rows, (str, bytes, Mapping)) else None
        if listed is None:
            raise DefinitionError(f"pt.Table({rows!r}): give a list of rows, such as pt.Table([{{'carrier': 'AA', 'delay': 8.6}}]).")
        for row in listed:
            if not isinstance(row, Mapping):
                raise DefinitionError(f"pt.Table: the row {row!r} is no mapping from columns. Give rows such as {{'carrier': 'AA'}}.")
        self.rows = [dict(row) for row in listed]


class TableSchema:
    """The columns of a table, with the type of each and what is to be known about it.

    Args:
        columns: the type of each column, or a mapping with its `type` and `description`.

    Example:
        `pt.TableSchema({"carrier": "string", "delay": {"type": "double", "description": "minutes"}})`

    Raises:
        DefinitionError: a column whose type is not said, or more than type and description.
    """

    def __init__(self, columns: Mapping[str, str | Mapping[str, str]]) -> None:
        if not isinstance(columns, Mapping):
            raise DefinitionError(f"pt.TableSchema({columns!r}): give a mapping from columns to types, such as {{'delay': 'double'}}.")
        self.columns = [_column(str(name), given) for name, given in columns.items()]


class ColumnLineage:
    """From which columns of upstream assets each column is made.

    Args:
        columns: the upstream columns of each column, as pairs of an asset's key and a column.

    Example:
        `pt.ColumnLineage({"revenue": [("raw/orders", "amount"), ("raw/orders", "quantity")]})`

    Raises:
        DefinitionError: something else than such pairs, or a key that cannot be.
    """

    def __init__(self, columns: Mapping[str, Iterable[tuple[Any, str]]]) -> None:
        if not isinstance(columns, Mapping):
            raise DefinitionError(f"pt.ColumnLineage({columns!r}): give a mapping from columns, such as {{'revenue': [('raw/orders', 'amount')]}}.")
        self.columns = {str(name): _upstream_columns(str(name), given) for name, given in columns.items()}


class Image:
    """A PNG, JPEG or SVG picture, given as bytes or as the path of a file."""

    def __init__(self, source: str | Path | bytes) -> None:
        self.source = source


def _column(name: str, given: object) -> dict[str, str]:
    facts = {"type": given} if isinstance(given, str) else given
    if not isinstance(facts, Mapping) or "type" not in facts or not all(isinstance(each, str) for each in facts.values()):
        raise DefinitionError(f"pt.TableSchema: column {name!r} is {given!r}. Give its type, or {{'type': ..., 'description': ...}}.")
    unknown = next((each for each in facts if each not in ("type", "description")), None)
    if unknown is not None:
        raise DefinitionError(f"pt.TableSchema: column {name!r} has {unknown!r}; a column has a type and a description.")
    return {"name": name, **facts}


def _upstream_columns(name: str, given: object) -> list[dict[str, str]]:
    pairs = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    found: list[dict[str, str]] = []
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise DefinitionError(f"pt.ColumnLineage: column {name!r} is made from {pair!r}. Give pairs: [('raw/orders', 'amount')].")
        asset, column = pair
        key: Any = getattr(asset, "key", asset)
        found.append({"asset": str(AssetKey(key)), "column": str(column)})
    return found


def to_entries(metadata: Mapping[str, Any]) -> tuple[MetadataEntry, ...]:
    """Typed entries for plain Python values.

    Raises:
        DefinitionError: a value of a type that metadata does not know; the message names its label.
    """
    if not isinstance(metadata, Mapping):
        raise DefinitionError(f"metadata={metadata!r}: give a mapping from labels, such as metadata={{'rows': 12}}.")
    return tuple(_to_entry(label, value) for label, value in metadata.items())


def from_entries(entries: Sequence[MetadataEntry]) -> dict[str, Any]:
    """The plain values by label."""
    return {entry.label: entry.value for entry in entries}


def _to_entry(label: str, value: Any) -> MetadataEntry:
    if isinstance(value, MetadataEntry):
        return value
    plain = _unboxed(value)
    read = _READER_OF.get(type(plain)) or next((reader for kind, reader in _READERS if isinstance(plain, kind)), None)
    if read is None:
        raise DefinitionError(
            f"Metadata {label!r}: {type(value).__name__} is not a metadata value. Use a plain Python value or pt.Json, pt.Table, pt.Markdown."
        )
    kind, written = read(str(label), plain)
    return MetadataEntry(label=str(label), kind=kind, value=written)


def _unboxed(value: Any) -> Any:
    """The plain number in a numpy scalar."""
    is_boxed = hasattr(value, "item") and not isinstance(value, (str, bytes)) and getattr(value, "ndim", 0) == 0
    return value.item() if is_boxed else value


def _int(_label: str, value: int) -> tuple[MetadataKind, Any]:
    return (MetadataKind.INT, value) if abs(value) < 2**63 else (MetadataKind.TEXT, str(value))


def _float(_label: str, value: float) -> tuple[MetadataKind, Any]:
    return (MetadataKind.FLOAT, value) if math.isfinite(value) else (MetadataKind.TEXT, str(value))


def _timestamp(_label: str, value: datetime) -> tuple[MetadataKind, Any]:
    at = value if value.tzinfo else value.replace(tzinfo=UTC)
    return MetadataKind.TIMESTAMP, at.astimezone(UTC).isoformat()


def _image(_label: str, value: Image) -> tuple[MetadataKind, Any]:
    raw = value.source if isinstance(value.source, bytes) else Path(value.source).read_bytes()
    return MetadataKind.IMAGE, base64.b64encode(raw).decode()


# The first kind that fits counts: a bool is an int, and Markdown a str.
_READERS: tuple[tuple[type | tuple[type, ...], _Reader], ...] = (
    (bool, lambda _, value: (MetadataKind.BOOL, value)),
    (int, _int),
    (float, _float),
    (Markdown, lambda _, value: (MetadataKind.MARKDOWN, _clean(value))),
    (Url, lambda _, value: (MetadataKind.URL, _clean(value))),
    (str, lambda _, value: (MetadataKind.TEXT, _clean(value))),
    (Path, lambda _, value: (MetadataKind.PATH, _clean(str(value)))),
    (datetime, _timestamp),
    (Table, lambda label, value: (MetadataKind.TABLE, _plain(label, value.rows))),
    (TableSchema, lambda label, value: (MetadataKind.TABLE_SCHEMA, _plain(label, value.columns))),
    (ColumnLineage, lambda label, value: (MetadataKind.COLUMN_LINEAGE, _plain(label, value.columns))),
    (Image, _image),
    (Json, lambda label, value: (MetadataKind.JSON, _plain(label, value.value))),
    ((dict, list, tuple, type(None)), lambda label, value: (MetadataKind.JSON, _plain(label, value))),
)
_READER_OF = {kind: reader for kind, reader in _READERS if isinstance(kind, type)}


def _clean(text: str) -> str:
    return str(text).encode("utf-8", "replace").decode()


def _plain(label: str, value: Any) -> Any:
    """`value` as plain JSON: strings cleaned, floats finite, keys text."""
    match value:
        case bool() | None | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return _clean(value)
        case Mapping():
            return {_clean(str(key)): _plain(label, item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return in_order((_plain(label, item) for item in value), of=value)
        case datetime() | Path():
            return str(value)
        case _ if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
            return _plain(label, value.item())
        case _:
            raise DefinitionError(f"Metadata {label!r}: {type(value).__name__} cannot be written as JSON.")
