"""Selections: the grammar, its errors, and what each part means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import partita as pt
from partita.definitions.partitions import StaticPartitions
from partita.errors import DefinitionError, PartitaError, RequestError


@pt.asset(key="stg/orders", group="stg", kinds=["sql"], tags={"tier": "1"}, owners=["team:data"])
def orders() -> int: ...


@pt.asset(key="stg/users", group="stg", kinds=["sql", "python"], partitions=StaticPartitions(["eu", "us"]))
def users() -> int: ...


@pt.asset(key="mart/revenue", group="mart", tags={"tier": "1", "pii": ""}, partitions=pt.DailyPartitions("2024-01-01"))
def revenue(orders: int, users: int) -> int: ...


@pt.asset(group="bi", tags={"tier": "2"}, owners=["ann@x.io"])
def dash(revenue: int) -> int: ...


@pt.asset(key="2024.x-1")
def odd_name() -> int: ...


@pt.asset(key="sinks")
def sinks() -> int: ...


FEED = pt.AssetSpec("raw/feed", group="raw", kinds=["csv"])
LATE = pt.AssetSpec("raw/late", group="raw", deps=["dash"])
ASSETS = [FEED, LATE, orders, users, revenue, dash, odd_name, sinks]


def chosen(selection: str) -> list[str]:
    return sorted(map(str, pt.select(selection, ASSETS)))


@pytest.mark.parametrize(
    ("selection", "keys"),
    [
        ("dash", "dash"),
        ("stg/orders", "stg/orders"),
        ("2024.x-1", "2024.x-1"),
        ('"sinks"', "sinks"),
        ("key:sinks", "sinks"),
        ("*", "2024.x-1 dash mart/revenue sinks stg/orders stg/users"),
        ('key:"stg/*"', "stg/orders stg/users"),
        ("key:*e*", "mart/revenue raw/feed raw/late stg/orders stg/users"),
        ("key:nothing", ""),
        ("group:stg", "stg/orders stg/users"),
        ("group:raw", "raw/feed raw/late"),
        ("kind:sql", "stg/orders stg/users"),
        ("kind:csv", "raw/feed"),
        ("kind:<null>", "2024.x-1 dash mart/revenue sinks"),
        ("owner:<null>", "2024.x-1 mart/revenue sinks stg/users"),
        ("tag:<null>", "2024.x-1 sinks stg/users"),
        ('owner:"ann@x.io"', "dash"),
        ("tag:tier", "dash mart/revenue stg/orders"),
        ("tag:tier=1", "mart/revenue stg/orders"),
        ('tag:"tier"="2"', "dash"),
        ('tag:pii=""', "mart/revenue"),
        ("partitions:time", "mart/revenue"),
        ("partitions:daily", "mart/revenue"),
        ("partitions:monthly", ""),
        ("partitions:static", "stg/users"),
        ("partitions:none", "2024.x-1 dash sinks stg/orders"),
        ("is:external", "raw/feed raw/late"),
        ("is:materializable and group:bi", "dash"),
        ("+dash", "dash mart/revenue stg/orders stg/users"),
        ("1+dash", "dash mart/revenue"),
        ("stg/users+", "dash mart/revenue stg/users"),
        ("stg/users+1", "mart/revenue stg/users"),
        ("+mart/revenue+", "dash mart/revenue stg/orders stg/users"),
        ("0+mart/revenue+1", "dash mart/revenue"),
        ("(stg/users or stg/orders)+1", "mart/revenue stg/orders stg/users"),
        ("+(*)", "2024.x-1 dash mart/revenue sinks stg/orders stg/users"),
        ("sinks(*)", "2024.x-1 dash sinks"),
        ("roots(+dash)", "stg/orders stg/users"),
        ("roots(dash or stg/users)", "stg/users"),
        ("sinks(dash or stg/users)", "dash"),
        ("roots(sinks(*))", "2024.x-1 dash sinks"),
        ("not group:stg", "2024.x-1 dash mart/revenue sinks"),
        ("not not dash", "dash"),
        ("not group:mart and kind:sql", "stg/orders stg/users"),
        ("dash or stg/users and kind:sql", "dash stg/users"),
        ("(dash or stg/users) and kind:sql", "stg/users"),
        ("dash OR stg/users", "dash stg/users"),
        ("key:* AND NOT is:materializable", "raw/feed raw/late"),
        ("key:* and not group:raw and not sinks(*)", "mart/revenue stg/orders stg/users"),
    ],
)
def test_what_a_selection_means(selection: str, keys: str) -> None:
    assert chosen(selection) == sorted(keys.split())


@pytest.mark.parametrize(
    ("selection", "column", "problem"),
    [
        ("", 1, "empty"),
        ("   ", 4, "empty"),
        ("+", 2, "too early"),
        ("dash and", 9, "too early"),
        ("dash and or dash", 10, "found 'or'"),
        ("and", 1, "found 'and'"),
        ("*+", 1, "everything already"),
        ("+*", 1, "everything already"),
        ("dash dash", 6, "Expected 'and', 'or' or the end"),
        ("dash,users", 5, "','"),
        ("(dash", 6, "Expected ')' for the '(' at column 1"),
        ("dash)", 5, "found ')'"),
        ("()", 2, "found ')'"),
        ("sinks", 1, "sinks(...)"),
        ("heads(*)", 1, "no function 'heads'"),
        ("grup:x", 1, "Did you mean 'group'?"),
        ("group:", 7, "needs a value"),
        ("group:)", 7, "found ')'"),
        ("tag:a=", 7, "needs a value"),
        ('key:"a', 5, "quote is not closed"),
        ("owner:ann@x.io", 10, "double quotes"),
        ("dash,users", 5, "write `or`"),
        ("status:stael", 8, "Did you mean 'stale'?"),
        ("is:nonsense", 4, "external, materializable"),
        ("partitions:dayly", 12, "Did you mean 'daily'?"),
        ("group:<null>", 7, "owner:<null>"),
        ("group:m*", 7, "patterns are for key: only"),
        ("*dash", 1, 'key:"*dash"'),
        ("dash+x", 6, "found 'x'"),
        ("not " * 200 + "dash", 401, "levels"),
        ("(" * 200 + "dash" + ")" * 200, 101, "levels"),
    ],
)
def test_an_error_points_at_the_column(selection: str, column: int, problem: str) -> None:
    with pytest.raises(pt.SelectionError) as caught:
        pt.Selection.parse(selection)

    assert problem in caught.value.problem
    assert caught.value.column == column


def test_an_error_shows_the_place() -> None:
    with pytest.raises(pt.SelectionError) as caught:
        pt.Selection.parse("dash and grup:x")

    assert str(caught.value).endswith("\n  dash and grup:x\n           ^")


def test_a_bare_name_must_exist() -> None:
    with pytest.raises(pt.NotFoundError, match=r"no asset 'stg/order'. Did you mean 'stg/orders'\?"):
        chosen("dash or stg/order")


@pytest.mark.parametrize("selection", ["location:here", "status:stale"])
def test_what_only_a_server_knows_is_refused_elsewhere(selection: str) -> None:
    with pytest.raises(pt.SelectionError, match="known to a server only"):
        chosen(selection)


def test_locations_and_states_are_looked_up_where_they_are_known() -> None:
    graph = pt.Repository("r", assets=ASSETS).graph
    locations = {key: "eu" if key.startswith("stg") else "us" for key in graph.keys}

    assert pt.Selection.parse("location:eu").resolve(graph, location_of=locations) == {"stg/orders", "stg/users"}
    assert pt.Selection.parse("status:stale").resolve(graph, status_of={orders.key: ("stale",)}) == {"stg/orders"}


def test_an_external_asset_is_not_reached_by_a_walk() -> None:
    assert "raw/late" not in chosen("dash+")
    assert chosen("raw/late+") == ["raw/late"]


def test_selections_are_put_together_as_objects() -> None:
    marts, stg = pt.Selection.parse("group:mart"), pt.Selection.parse("group:stg")

    def keys(selection: pt.Selection) -> list[str]:
        return sorted(map(str, pt.select(selection, ASSETS)))

    assert keys(marts | stg) == ["mart/revenue", "stg/orders", "stg/users"]
    assert keys(stg & pt.Selection.parse("kind:python")) == ["stg/users"]
    assert keys(stg - pt.Selection.keys("stg/users")) == ["stg/orders"]
    assert keys(~stg) == ["2024.x-1", "dash", "mart/revenue", "sinks"]
    assert keys(marts.upstream()) == ["mart/revenue", "stg/orders", "stg/users"]
    assert keys(marts.upstream(include_self=False)) == ["stg/orders", "stg/users"]
    assert keys(stg.downstream(1)) == ["mart/revenue", "stg/orders", "stg/users"]
    assert keys(pt.Selection.keys(dash, "stg/users").upstream(1).roots()) == ["stg/users"]
    assert keys((marts | stg).sinks()) == ["mart/revenue"]
    assert keys(pt.Selection.all() - marts.upstream()) == ["2024.x-1", "dash", "sinks"]


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "dash",
        '"and"',
        '"sinks"',
        "key:stg/*",
        'key:"a b"',
        "owner:<null>",
        'tag:pii=""',
        "not dash",
        "not (dash or stg/users)",
        "dash and (stg/users or stg/orders)",
        "dash or stg/users and stg/orders",
        "2+dash",
        "dash+1",
        "+(dash or stg/users)",
        "(+dash)+",
        "+(*)",
        "roots(sinks(*) and not dash)",
    ],
)
def test_a_selection_is_written_as_it_is_read(text: str) -> None:
    selection = pt.Selection.parse(text)

    assert str(selection) == text
    assert pt.Selection.parse(str(selection)) == selection


def test_a_selection_is_resolved_on_whatever_holds_assets() -> None:
    repository = pt.Repository("r", assets=ASSETS)

    assert pt.select("+dash", repository) == pt.select("+dash", repository.graph) == pt.select("+dash", repository.spec.assets)


MARTS: Any = pt.Selection.parse("group:mart")
ANY: Any = pt.select


@pytest.mark.parametrize(
    ("ask", "kind", "said"),
    [
        (lambda: ANY(5, ASSETS), RequestError, "5 is no selection: give text such as 'group:marts'."),
        (lambda: ANY(["1d"], ASSETS), RequestError, "['1d'] is no selection: give text such as 'group:marts'."),
        (lambda: ANY("dash", 5), DefinitionError, "5 holds no assets. Give a list of assets and pt.AssetSpecs."),
        (lambda: ANY("dash", ["1d"]), DefinitionError, "'1d' is neither an asset nor a pt.AssetSpec."),
        (lambda: MARTS & "1d", RequestError, "A selection is combined with another, not with '1d'. Give pt.Selection.parse('1d')."),
        (lambda: MARTS | 5, RequestError, "A selection is combined with another, not with 5. Give pt.Selection.keys(...)."),
        (lambda: MARTS - "dash", RequestError, "A selection is combined with another, not with 'dash'. Give pt.Selection.parse('dash')."),
        (lambda: MARTS.upstream("1"), RequestError, "'1' is no number of edges. Give one, such as 1, or nothing for all."),
        (lambda: MARTS.downstream(-1), RequestError, "-1 is no number of edges. Give one, such as 1, or nothing for all."),
    ],
)
def test_what_is_no_selection_is_named_with_what_to_give(ask: Callable[[], object], kind: type[PartitaError], said: str) -> None:
    with pytest.raises(kind) as caught:
        ask()

    assert str(caught.value) == said
