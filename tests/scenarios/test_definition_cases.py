"""Definitions and selections, as users of the field's incumbent expect them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

import partita as pt
from support.cases import Case, all_cases, each_case

PARTITIONS: dict[str, pt.Partitions] = {"daily": pt.DailyPartitions("2024-01-01"), "static": pt.StaticPartitions(["a", "b"])}
NOT_OURS = re.compile(r"(job|code_location|column|column_tag|sensor|automation_type):")
"""Attributes that the incumbent reads and that our language does not have."""


def an_asset(key: str, **options: Any) -> Any:
    @pt.asset(key=key, **options)
    def computed() -> int: ...

    return computed


def the_graph() -> list[Any]:
    """The assets that every selection case is about."""
    (case,) = [each for each in all_cases() if each.area == "asset_selection_graph"]
    nodes: Mapping[str, dict[str, Any]] = case.expected["nodes"]
    return [_definition(key, node) for key, node in nodes.items()]


def _definition(key: str, node: dict[str, Any]) -> Any:
    options: dict[str, Any] = {name: node[name] for name in ("deps", "group", "kinds", "tags", "owners") if name in node}
    options["partitions"] = PARTITIONS.get(node.get("partitions", ""))
    return pt.AssetSpec(key, **options) if node.get("external") else an_asset(key, **options)


@each_case("asset_selection_graph")
def test_the_reference_graph_keeps_its_edges(case: Case) -> None:
    graph = pt.Repository("G", assets=the_graph()).graph

    assert {str(key): list(graph.upstream(key)) for key in graph.keys} == {key: node.get("deps", []) for key, node in case.expected["nodes"].items()}


# `include_sources` does not exist with us: externals are selected by what they have, and by nothing else.
@each_case("asset_selection", "incumbent_defect", where=lambda case: case.input.get("graph") == "G")
def test_a_selection_means_what_users_expect(case: Case) -> None:
    assert sorted(map(str, pt.select(case.input["selection"], the_graph()))) == case.expected["keys"]


SELECTIONS: dict[str, Callable[..., pt.Selection]] = {
    "keys": pt.Selection.keys,
    "groups": lambda name: pt.Selection.parse(f"group:{name}"),
    "key_prefixes": lambda prefix: pt.Selection.parse(f'key:"{prefix}/*"'),
    "all": pt.Selection.all,
}


@each_case("asset_selection_api")
def test_selections_are_put_together_as_users_expect(case: Case) -> None:
    """The incumbent's expressions are read with our own objects: the names in brackets become texts."""
    expression = re.sub(r"\((\w+)\)", r"('\1')", case.input["expr"])

    selection = eval(expression, dict(SELECTIONS))

    assert sorted(map(str, pt.select(selection, the_graph()))) == case.expected


@each_case("asset_selection_syntax", where=lambda case: not NOT_OURS.match(case.input["selection"]))
def test_what_is_not_a_selection_is_refused(case: Case) -> None:
    assert case.expected == "invalid"
    with pytest.raises(pt.SelectionError) as caught:
        pt.Selection.parse(case.input["selection"])

    assert 1 <= caught.value.column <= len(case.input["selection"]) + 1


@each_case("asset_selection_syntax", where=lambda case: NOT_OURS.match(case.input["selection"]) is not None)
def test_an_attribute_that_our_language_does_not_have_is_refused_by_name(case: Case) -> None:
    attribute = case.input["selection"].split(":")[0]

    with pytest.raises(pt.SelectionError, match=f"no attribute '{attribute}'"):
        pt.Selection.parse(case.input["selection"])


def selected(selection: str) -> list[str] | str:
    try:
        return sorted(map(str, pt.select(selection, the_graph())))
    except pt.SelectionError:
        return "refused"


@each_case("asset_selection_legacy_syntax")
def test_forms_of_old_are_refused_rather_than_read_otherwise(case: Case) -> None:
    is_plain = re.fullmatch(r"[a-z/]+", case.input["selection"])

    assert selected(case.input["selection"]) == (case.expected["keys"] if is_plain else "refused")


@each_case("asset_key_from_user_string", "asset_key_to_string")
def test_keys_are_read_and_written_as_users_expect(case: Case) -> None:
    """Differs: with us a segment is never empty."""
    if case.area == "asset_key_to_string":
        assert str(pt.AssetKey(case.input["path"])) == case.expected["user"]
    elif "" in case.expected:
        with pytest.raises(pt.DefinitionError, match="empty"):
            pt.AssetKey(case.input["string"])
    else:
        assert list(pt.AssetKey(case.input["string"]).path) == case.expected


def _asset_of(definition: str) -> Any:
    """The incumbent's `asset(name=..., tags=..., keylen=63)` with our words; keylen and vallen stretch a tag."""
    words = {"name": "key", "group_name": "group"}
    call: dict[str, Any] = eval(definition.replace("asset(", "dict(", 1))
    key_length, value_length = call.pop("keylen", None), call.pop("vallen", None)
    if key_length is not None:
        ((name, value),) = call["tags"].items()
        call["tags"] = {name.ljust(key_length, "a"): value.ljust(value_length, "a")}
    options = {words.get(name, name): value for name, value in call.items()}
    return an_asset(options.pop("key", "x"), **options)


@each_case("definition_validation", "incumbent_defect", where=lambda case: str(case.input.get("definition")).startswith("asset("))
def test_what_an_asset_may_be_is_what_users_expect(case: Case) -> None:
    """Differs: a key may have several segments, since it is a key and not a name."""
    definition = case.input["definition"]
    if case.expected == "ok" or definition == "asset(name='a/b')":
        assert _asset_of(definition).spec.key
        return
    with pytest.raises(pt.DefinitionError):
        _asset_of(definition)


@pytest.mark.parametrize(("key_length", "value_length", "is_fine"), [(63, 63, True), (64, 1, False), (1, 64, False)])
def test_a_tag_has_at_most_63_characters(key_length: int, value_length: int, is_fine: bool) -> None:
    definition = f"asset(tags={{'a': 'b'}}, keylen={key_length}, vallen={value_length})"

    if is_fine:
        assert _asset_of(definition).spec.tags
        return
    with pytest.raises(pt.DefinitionError):
        _asset_of(definition)


def _two_assets_with_one_key() -> pt.Repository:
    return pt.Repository("r", assets=[an_asset("a"), an_asset("a")])


def _a_missing_resource() -> pt.Repository:
    @pt.asset
    def needs(db: pt.Provided[int]) -> int: ...

    return pt.Repository("r", assets=[needs])


WHOLE = {
    "two assets with the same key in one Definitions": _two_assets_with_one_key,
    "asset requires resource key db that is not provided": _a_missing_resource,
}


@each_case("definition_validation", where=lambda case: not case.input["definition"].startswith("asset("))
def test_what_does_not_fit_together_is_refused(case: Case) -> None:
    with pytest.raises(pt.DefinitionError):
        WHOLE[case.input["definition"]]()


@each_case("node_name_dedup")
def test_repeated_ops_are_numbered(case: Case) -> None:
    @pt.op
    def rep() -> int: ...

    @pt.graph
    def body() -> None:
        for _ in range(3):
            rep()

    assert [node.name for node in body.spec.nodes] == case.expected
