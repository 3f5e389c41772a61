"""The graph of a job with a fan-out, as the schema shows it."""

from __future__ import annotations

from collections.abc import Iterator

import partita as pt
from partita.api.entries import JobEntry
from partita.api.graphs import graph_of
from partita.workspace.catalog import Catalog
from partita.workspace.loader import describe


@pt.op(out=pt.DynamicOut())
def shards() -> Iterator[pt.DynamicOutput[str]]:
    yield pt.DynamicOutput("a", mapping_key="a")


@pt.op
def clean(x: str) -> str:
    return x


@pt.op
def store(x: str) -> str:
    return x


@pt.op
def report(xs: list[str], names: list[str]) -> int:
    return len(xs)


@pt.graph
def load_one(x: str) -> str:
    return store(clean(x))


@pt.job
def nightly() -> None:
    found = shards()
    report(found.map(load_one).collect(), found.collect())


def test_what_is_mapped_says_so_and_has_edges_like_the_rest() -> None:
    repository = pt.Repository("main", jobs=[nightly])
    catalog = Catalog({"here": describe("here", [repository])})

    graph = graph_of(JobEntry(location="here", repository="main", spec=repository.job("nightly").spec), catalog)

    assert {node.handle: node.is_dynamic for node in graph.nodes} == {
        "shards": False,
        "load_one": True,
        "load_one.clean": True,
        "load_one.store": True,
        "report": False,
    }
    assert [(edge.from_handle, edge.to_handle, edge.to_input) for edge in graph.edges] == [
        ("shards", "load_one.clean", "x"),
        ("load_one.clean", "load_one.store", "x"),
        ("load_one.store", "report", "xs"),
        ("shards", "report", "names"),
    ]
