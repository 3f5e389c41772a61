"""Metadata values as lines, each as its kind is best read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from partita_client.tui.render.text import Line, count, fit, plain, plain_lines

if TYPE_CHECKING:
    from partita_client.models import MetadataEntry

LABEL = 18
MOST_ROWS = 20


def value_line(entry: MetadataEntry) -> Iterator[Line]:
    """A labelled value: numbers in groups, tables as rows, JSON as it would be written."""
    label = (fit(plain(entry.label, 80), LABEL) if len(entry.label) < LABEL else plain(entry.label, 80) + " ", "dim")
    lines = list(_lines(entry.kind.value, entry.value))
    for place, line in enumerate(lines or [""]):
        yield (label if not place else (" " * LABEL, ""), (line, ""))


def _lines(kind: str, value: Any) -> Iterator[str]:
    if value is None:
        yield "–"
    elif kind == "int" and isinstance(value, int):
        yield count(value)
    elif kind == "table" and isinstance(value, Mapping | list):
        yield from _table(value)
    elif kind == "image":
        yield f"a picture, {count(len(str(value)))} characters of base64"
    elif isinstance(value, dict | list):
        yield from plain_lines(json.dumps(value, ensure_ascii=False, indent=1 if len(str(value)) > 100 else None))
    else:
        yield from plain_lines(str(value)) or [""]


def _table(value: Any) -> Iterator[str]:
    rows = value.get("rows", value.get("records", [])) if isinstance(value, Mapping) else value
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        yield from plain_lines(json.dumps(value, ensure_ascii=False, default=str))
        return
    names = list(dict.fromkeys(name for row in rows[:MOST_ROWS] for name in row))
    widths = [min(24, max([len(str(name)), *(len(str(row.get(name, ""))) for row in rows[:MOST_ROWS])])) for name in names]
    yield "  ".join(fit(plain(str(name)), width) for name, width in zip(names, widths, strict=True))
    for row in rows[:MOST_ROWS]:
        yield "  ".join(fit(plain(str(row.get(name, ""))), width) for name, width in zip(names, widths, strict=True))
    if len(rows) > MOST_ROWS:
        yield f"… {count(len(rows) - MOST_ROWS)} more rows"
