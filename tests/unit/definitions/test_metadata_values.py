"""Metadata: plain values become entries that say how they are shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.definitions.metadata import MetadataEntry, MetadataKind, from_entries, to_entries


class Boxed:
    """Like a numpy scalar."""

    ndim = 0

    def item(self) -> float:
        return 2.5


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (True, "bool", True),
        (3, "int", 3),
        (2**70, "text", str(2**70)),
        (1.5, "float", 1.5),
        (math.inf, "text", "inf"),
        (Boxed(), "float", 2.5),
        ("x", "text", "x"),
        ("\ud800", "text", "?"),
        (pt.Markdown("*x*"), "markdown", "*x*"),
        (pt.Table({"a": n} for n in (1, 2)), "table", [{"a": 1}, {"a": 2}]),
        (
            pt.TableSchema({"id": "int64", "delay": {"type": "double", "description": "minutes"}}),
            "table_schema",
            [{"name": "id", "type": "int64"}, {"name": "delay", "type": "double", "description": "minutes"}],
        ),
        (
            pt.ColumnLineage({"revenue": [("raw/orders", "amount"), (pt.AssetSpec("raw/rates"), "rate")]}),
            "column_lineage",
            {"revenue": [{"asset": "raw/orders", "column": "amount"}, {"asset": "raw/rates", "column": "rate"}]},
        ),
        (pt.Url("https://x.io"), "url", "https://x.io"),
        (Path("/a/b"), "path", "/a/b"),
        (datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "timestamp", "2024-01-01T00:00:00+00:00"),
        (datetime(2024, 1, 1), "timestamp", "2024-01-01T00:00:00+00:00"),  # noqa: DTZ001 (without a zone it is UTC)
        (pt.Table([{"a": 1, "at": datetime(2024, 1, 1, tzinfo=UTC)}]), "table", [{"a": 1, "at": "2024-01-01 00:00:00+00:00"}]),
        (pt.Json({"a": [1, None, math.nan]}), "json", {"a": [1, None, "nan"]}),
        ({"a": (1, 2)}, "json", {"a": [1, 2]}),
        ([1, "x"], "json", [1, "x"]),
        (None, "json", None),
        (pt.Image(b"png"), "image", "cG5n"),
    ],
)
def test_a_plain_value_becomes_an_entry(value: Any, kind: str, written: Any) -> None:
    (entry,) = to_entries({"label": value})

    assert (entry.label, entry.kind, entry.value) == ("label", kind, written)
    assert type(entry.value) is type(written)


def test_an_entry_stays_itself_and_values_come_back() -> None:
    entry = MetadataEntry(label="x", kind=MetadataKind.RUN, value="run_1")

    assert to_entries({"x": entry}) == (entry,)
    assert from_entries(to_entries({"a": 1, "b": "x"})) == {"a": 1, "b": "x"}


def test_a_picture_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"png")

    assert to_entries({"x": pt.Image(tmp_path / "a.png")})[0].value == "cG5n"


@pytest.mark.parametrize("value", [object(), {"a": object()}, pt.Json({1, object()})])
def test_what_cannot_be_shown_is_refused_with_its_label(value: Any) -> None:
    with pytest.raises(pt.DefinitionError, match="Metadata 'label'"):
        to_entries({"label": value})


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: pt.Table(5), r"pt\.Table\(5\): give a list of rows"),  # type: ignore[arg-type]
        (lambda: pt.Table([1]), r"the row 1 is no mapping from columns"),  # type: ignore[list-item]
        (lambda: pt.Table({"a": 1}), r"give a list of rows"),
        (lambda: pt.TableSchema(["id"]), r"give a mapping from columns to types"),  # type: ignore[arg-type]
        (lambda: pt.TableSchema({"id": {"description": "x"}}), r"column 'id' is .* Give its type"),
        (lambda: pt.TableSchema({"id": {"type": "x", "nullable": "no"}}), r"column 'id' has 'nullable'"),
        (lambda: pt.ColumnLineage({"a": ["raw/orders"]}), r"column 'a' is made from 'raw/orders'"),  # type: ignore[list-item]
        (lambda: pt.ColumnLineage({"a": [("raw//orders", "b")]}), r"raw//orders"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(make: Callable[[], object], problem: str) -> None:
    with pytest.raises(pt.DefinitionError, match=problem):
        make()
