"""One wish for many assets, cut into runs."""

from __future__ import annotations

from typing import Any

import pytest

import partita as pt
from partita.definitions.asset_graph import AssetGraph
from partita.errors import NotFoundError, RequestError, UnknownPartitionError
from partita.planning.cut import cut_assets
from support.running import NOW

DAYS = pt.DailyPartitions(start="2013-01-01", end="2013-04-01")
MONTHS = pt.MonthlyPartitions(start="2013-01-01", end="2013-04-01")
INGEST, ANALYTICS = ("here", "ingest"), ("there", "analytics")


def an_asset(key: str, *, deps: tuple[str, ...] = (), partitions: Any = None) -> pt.AssetSpec:
    return pt.AssetSpec(key, deps=deps, partitions=partitions, is_external=False)


SPECS = [
    an_asset("airports"),
    an_asset("flights", partitions=DAYS),
    an_asset("joined", deps=("flights", "airports"), partitions=DAYS),
    an_asset("monthly", deps=("joined",), partitions=MONTHS),
    an_asset("model", deps=("monthly",)),
    an_asset("feedback", deps=("model",)),
    pt.AssetSpec("outside"),
]
GRAPH = AssetGraph(SPECS)
OWNERS = {
    pt.AssetKey(key): owner
    for owner, keys in {INGEST: ["airports", "flights", "feedback"], ANALYTICS: ["joined", "monthly", "model"]}.items()
    for key in keys
}


def cut(*keys: str, partition_keys: tuple[str, ...] = (), **common: Any) -> list[tuple[str, list[str], tuple[str, ...]]]:
    wanted = {pt.AssetKey(key) for key in keys}
    requests = cut_assets(wanted, owners=OWNERS, graph=GRAPH, partition_keys=partition_keys, now=NOW, **common)
    return [(request.repository, [str(key) for key in request.assets], request.partition_keys) for request in requests]


def test_assets_of_one_repository_without_partitions_are_one_run() -> None:
    assert cut("airports") == [("ingest", ["airports"], ())]


def test_each_repository_and_partitioning_is_a_run_of_its_own_upstream_first() -> None:
    assert cut("model", "monthly", "joined", "airports", "flights", partition_keys=("2013-02-01",)) == [
        ("ingest", ["airports"], ()),
        ("ingest", ["flights"], ("2013-02-01",)),
        ("analytics", ["joined"], ("2013-02-01",)),
        ("analytics", ["monthly"], ("2013-02-01",)),
        ("analytics", ["model"], ()),
    ]


def test_each_partition_key_is_a_run() -> None:
    assert cut("flights", partition_keys=("2013-01-02", "2013-01-01")) == [
        ("ingest", ["flights"], ("2013-01-01",)),
        ("ingest", ["flights"], ("2013-01-02",)),
    ]


def test_a_repository_that_comes_before_and_after_another_runs_twice() -> None:
    assert [(repository, keys) for repository, keys, _ in cut("airports", "model", "feedback")] == [
        ("ingest", ["airports"]),
        ("analytics", ["model"]),
        ("ingest", ["feedback"]),
    ]


def test_an_asset_behind_one_that_is_not_wanted_still_comes_later() -> None:
    graph = AssetGraph([an_asset("a"), an_asset("b", deps=("a",)), an_asset("c", deps=("b",)), an_asset("d", deps=("c",))])
    owners = {pt.AssetKey("a"): INGEST, pt.AssetKey("b"): ANALYTICS, pt.AssetKey("c"): ANALYTICS, pt.AssetKey("d"): INGEST}
    wanted = {pt.AssetKey("a"), pt.AssetKey("b"), pt.AssetKey("d")}

    requests = cut_assets(wanted, owners=owners, graph=graph, now=NOW)

    assert [list(map(str, request.assets)) for request in requests] == [["a"], ["b"], ["d"]]


def test_what_is_common_goes_to_every_request() -> None:
    requests = cut_assets({pt.AssetKey("airports")}, owners=OWNERS, graph=GRAPH, now=NOW, tags={"team": "x"}, priority=3)

    assert [(request.tags, request.priority) for request in requests] == [({"team": "x"}, 3)]


def test_partitions_missing_or_out_of_place_are_refused() -> None:
    with pytest.raises(RequestError, match=r"Asset 'flights' is partitioned daily"):
        cut("airports", "flights")
    with pytest.raises(RequestError, match=r"None of these assets has partitions"):
        cut("airports", partition_keys=("2013-01-01",))
    with pytest.raises(UnknownPartitionError, match=r"Asset 'flights' has no partition '2012-01-01'"):
        cut("flights", partition_keys=("2012-01-01",))


def test_unknown_and_external_assets_are_refused() -> None:
    with pytest.raises(NotFoundError, match=r"There is no asset 'flighs'. Did you mean 'flights'\?"):
        cut("flighs")
    with pytest.raises(RequestError, match=r"Asset 'outside' is external: no code location computes it"):
        cut("outside")
