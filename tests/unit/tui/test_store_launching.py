"""What is typed into the launch dialog."""

from __future__ import annotations

import pytest

from partita_client.tui.render.text import line_text
from partita_client.tui.store.launching import Target, parse_partitions, parse_tags, parse_ways, schema_lines

KNOWN = {"a": "materialized", "b": "missing", "c": "failed", "d": "missing"}


@pytest.mark.parametrize(
    ("text", "keys", "selection"),
    [
        ("", (), None),
        ("all", ("a", "b", "c", "d"), {"all": True}),
        ("latest", ("d",), {"keys": ["d"]}),
        ("missing", ("b", "d"), {"keys": ["b", "d"]}),
        ("failed", ("c",), {"keys": ["c"]}),
        ("stale", (), {"stale": True}),
        ("b..c", ("b", "c"), {"range": {"from": "b", "to": "c"}}),
        ("b..", ("b", "c", "d"), {"range": {"from": "b", "to": "d"}}),
        ("a, d", ("a", "d"), {"keys": ["a", "d"]}),
    ],
)
def test_partitions(text: str, keys: tuple[str, ...], selection: object) -> None:
    chosen = parse_partitions(text, KNOWN)

    assert (chosen.keys, chosen.selection, chosen.problem) == (keys, selection, "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x", "There is no partition 'x'. They run from a to d."),
        ("a..x", "There is no partition 'x'"),
        ("c..b", "c comes after b."),
        ("latest", "There are no"),
    ],
)
def test_partitions_that_do_not_exist_are_named(text: str, problem: str) -> None:
    known = {} if text == "latest" else KNOWN

    assert parse_partitions(text, known).problem.startswith(problem)


def test_tags() -> None:
    assert parse_tags("a=1, b=x=y,") == ([{"key": "a", "value": "1"}, {"key": "b", "value": "x=y"}], "")
    assert parse_tags("a=1,b")[1] == "'b' is no tag; write key=value."


def test_keys_are_quoted_in_a_selection() -> None:
    assert Target.of_assets(["raw/orders", 'odd "key"']).selection == '"raw/orders" or "odd \\"key\\""'


def test_a_schema_is_outlined_with_types_bounds_and_defaults() -> None:
    schema = {
        "$defs": {"Load": {"type": "object", "required": ["path"], "properties": {"path": {"type": "string", "description": "Where."}}}},
        "properties": {"load": {"$ref": "#/$defs/Load"}, "limit": {"type": "integer", "minimum": 1, "default": 3}, "mode": {"enum": ["a", "b"]}},
    }

    lines = [line_text(line) for line in schema_lines(schema)]

    assert lines == ["load  object", "  path  string!", "      Where.", "limit  integer ≥1 = 3", "mode  a | b"]


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        ("", {}),
        ("runs of 30", {"policy": {"runsOf": 30}}),
        (" single  run , last first", {"policy": {"singleRun": True}, "order": "DESC"}),
        ("priority -5,runs of 2", {"priority": -5, "policy": {"runsOf": 2}}),
    ],
)
def test_how_a_backfill_goes(text: str, ways: object) -> None:
    assert parse_ways(text) == (ways, "")


@pytest.mark.parametrize("text", ["runs of", "runs of x", "priority", "first last", "priority 99999999999", "priority --1", "single run, runs of 3"])
def test_what_says_nothing_of_how_a_backfill_goes_is_refused(text: str) -> None:
    ways, problem = parse_ways(text)

    assert ways == {}
    assert problem
