"""However long a list is, it is read with the same few statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.definitions.keys import AssetKey
from partita.workspace.loader import describe
from support.api import Api, serving
from support.stores import materialized, statements, words

COUNT = 200


@dataclass
class Observed:
    """A served API, and every statement that its store is given."""

    api: Api
    seen: list[tuple[str, Any]]

    @contextmanager
    def reads(self) -> Iterator[list[str]]:
        """The reading statements that are sent meanwhile, each on one line."""
        start = len(self.seen)
        found: list[str] = []
        yield found
        found += [sql for sql in (words(sql) for sql, _ in self.seen[start:]) if sql.upper().startswith(("SELECT", "WITH"))]


@pytest.fixture
def observed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Observed]:
    with statements(monkeypatch) as seen, serving(tmp_path) as api:
        yield Observed(api, seen)


def a_chain(length: int) -> pt.Repository:
    """Assets of which each needs the one before."""

    def link(number: int) -> object:
        @pt.asset(key=f"chain/{number:03}", deps=[f"chain/{number - 1:03}"] if number else [])
        def made() -> None:
            return None

        return made

    return pt.Repository("chain", assets=[link(number) for number in range(length)])


def test_fifty_runs_with_their_steps_are_read_with_few_statements(observed: Observed) -> None:
    api = observed.api
    for number in range(50):
        api.begin("fetch", "report", tags={"n": str(number)})
    document = (
        "{ runs(first: 50) { totalCount nodes { id status tags { key value } job { name repository { name codeLocation { name } } }"
        " steps { key status } stats { totalSteps } parent { id } assets { key } } } }"
    )
    api.ask(document)

    with observed.reads() as seen:
        found = api.ask(document)["runs"]

    assert [len(each["steps"]) for each in found["nodes"]] == [2] * 50
    assert 3 <= len(seen) <= 9, "\n".join(seen)


def test_a_page_of_assets_with_their_neighbours_is_read_with_few_statements(observed: Observed) -> None:
    api = observed.api
    catalog = describe("broken", [a_chain(COUNT)])
    api.store.locations.publish("broken", catalog, python_version="3.11", library_version="0.1.0", start="fork")
    keys = [f"chain/{number:03}" for number in range(COUNT)]
    api.begin(*keys, assets=tuple(map(AssetKey, keys)), location="broken", repository="chain").send(*map(materialized, keys))
    document = (
        '{ assets(first: 200, filter: {selection: "key:chain/*"}) { nodes { key latestMaterialization { at run { id status } }'
        " upstream { key latestMaterialization { at } } checks { latestResult { passed } } } } }"
    )
    api.ask(document)

    with observed.reads() as seen:
        nodes = api.ask(document)["assets"]["nodes"]

    assert len(nodes) == COUNT
    assert all(each["latestMaterialization"]["run"]["status"] == "RUNNING" for each in nodes)
    assert [len(each["upstream"]) for each in nodes] == [0] + [1] * (COUNT - 1)
    assert 2 <= len(seen) <= 6, "\n".join(seen)


def test_a_total_is_counted_only_when_asked_for(observed: Observed) -> None:
    observed.api.run()
    with observed.reads() as without:
        observed.api.ask("{ runs { nodes { id } } }")
    with observed.reads() as with_total:
        observed.api.ask("{ runs { totalCount nodes { id } } }")

    assert not [each for each in without if "count(" in each.lower()]
    assert [each for each in with_total if "count(" in each.lower()]


def test_followers_of_one_run_share_its_reads(observed: Observed) -> None:
    writer = observed.api.begin("fetch")
    sockets = [observed.api.socket() for _ in range(10)]
    for socket in sockets:
        socket.subscribe("subscription($id: ID!) { runEvents(runId: $id) { cursor } }", id=writer.run_id)
        while int(socket.next()["runEvents"]["cursor"]) < 4:
            pass

    with observed.reads() as seen:
        writer.send(materialized("raw/customers"))
        for socket in sockets:
            assert socket.next()["runEvents"]["cursor"] == "5"

    events = [each for each in seen if "FROM run_events" in each]
    for socket in sockets:
        socket.connection.close()
    assert 1 <= len(events) < len(sockets), "\n".join(seen)
