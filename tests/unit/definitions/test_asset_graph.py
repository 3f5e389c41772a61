"""Assets and the edges between them."""

from __future__ import annotations

from itertools import pairwise

import pytest

import partita as pt
from partita.definitions.specs import CheckSpec


def a_graph(**deps: str) -> pt.AssetGraph:
    """`a_graph(b="a")`: b depends on a. Order of the arguments is order of definition."""
    return pt.AssetGraph([pt.AssetSpec(key, deps=upstream.split()) for key, upstream in deps.items()])


DIAMOND = a_graph(end="left right", left="start", right="start", start="")


def test_edges_go_both_ways() -> None:
    assert DIAMOND.upstream(pt.AssetKey("end")) == ("left", "right")
    assert DIAMOND.downstream(pt.AssetKey("start")) == ("left", "right")
    assert DIAMOND.downstream(pt.AssetKey("end")) == ()


def test_keys_keep_the_order_of_definition() -> None:
    assert DIAMOND.keys == ("end", "left", "right", "start")
    assert len(DIAMOND) == 4


def test_the_order_puts_every_asset_after_what_it_needs() -> None:
    assert DIAMOND.order == ("start", "left", "right", "end")


def test_the_order_is_that_of_definition_where_it_can_be() -> None:
    assert a_graph(c="", a="", b="c").order == ("c", "a", "b")


def test_ancestors_and_descendants_leave_the_start_out() -> None:
    start, end = pt.AssetKey("start"), pt.AssetKey("end")

    assert DIAMOND.ancestors([end]) == {"left", "right", "start"}
    assert DIAMOND.ancestors([end], depth=1) == {"left", "right"}
    assert DIAMOND.descendants([start]) == {"left", "right", "end"}
    assert DIAMOND.descendants([start, pt.AssetKey("left")]) == {"right", "end"}
    assert DIAMOND.descendants([start], depth=0) == set()


def test_assets_without_spec_keep_their_edges() -> None:
    graph = a_graph(b="elsewhere/a", c="b elsewhere/a")
    missing = pt.AssetKey("elsewhere/a")

    assert graph.missing == (missing,)
    assert missing not in graph
    assert graph.downstream(missing) == ("b", "c")
    assert graph.order == ("b", "c")
    with pytest.raises(pt.NotFoundError, match="'elsewhere/a'"):
        graph.spec(missing)


def test_an_unknown_asset_is_told_with_the_nearest() -> None:
    with pytest.raises(pt.NotFoundError, match="Did you mean 'start'"):
        DIAMOND.spec(pt.AssetKey("strat"))


def test_a_circle_is_named_in_the_order_of_its_edges_with_places() -> None:
    graph = a_graph(outside="b", a="c", b="a", c="b", behind="c")

    with pytest.raises(pt.CycleError) as caught:
        _ = graph.order

    circle = str(caught.value).split("circle: ")[1].rstrip(".").split(" -> ")
    names = [each.split(" ")[0] for each in circle]
    assert set(names) == {"a", "b", "c"}
    assert names[0] == names[-1]
    assert all(graph.upstream(pt.AssetKey(after)) == (before,) for before, after in pairwise(names))
    assert f"({__file__}:" in str(caught.value)
    assert caught.value.line is not None


def test_an_asset_that_depends_on_itself_is_a_circle() -> None:
    with pytest.raises(pt.CycleError, match=r"a \(.*\) -> a"):
        _ = a_graph(a="a").order


def test_checks_are_found_by_asset() -> None:
    checks = [CheckSpec(name=name, asset=pt.AssetKey(asset)) for name, asset in (("x", "a"), ("y", "b"), ("z", "a"))]
    graph = pt.AssetGraph([pt.AssetSpec("a"), pt.AssetSpec("b")], checks)

    assert [each.name for each in graph.checks_of(pt.AssetKey("a"))] == ["x", "z"]
    assert graph.checks_of(pt.AssetKey("nothing")) == ()


def test_of_two_specs_with_one_key_the_first_counts() -> None:
    graph = pt.AssetGraph([pt.AssetSpec("a", group="one"), pt.AssetSpec("a", group="two")])

    assert graph.spec(pt.AssetKey("a")).group == "one"
