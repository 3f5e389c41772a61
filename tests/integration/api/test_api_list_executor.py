"""Long lists are completed a short way, and nobody can tell by the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from partita.api.authorize import LOCAL
from partita.api.context import Context
from partita.api.executor import WORTHWHILE, ListExecutor
from partita.api.schema import schema
from partita.api.server import Server
from partita.definitions.keys import AssetKey
from partita.definitions.metadata import MetadataEntry, MetadataKind
from partita.records.events import LogLevel, LogWritten, ProcessStarted, ProgressMade, StepFailed, StepStarted, StepSucceeded
from partita.records.failures import PythonError
from partita.records.runs import Run
from partita.storage.store import Store
from support.api import NOW, Api, fill, settings_of
from support.stores import NOON, at, checked, log, materialized, url_of

EVENT = "__typename cursor runId at level message stepKey attempt"
DOCUMENTS = [
    "{ runs(first: 100) { nodes { id } } }",
    "{ runs(first: 100) { nodes { __typename id jobName status priority attempt createdAt startedAt endedAt duration canCancel canRetry config } } }",
    "{ runs(first: 100) { nodes { mine: id tags { key value } again: tags { key } error { message } job { name repository { name } } } } }",
    "{ runs(first: 100) { edges { cursor node { id status } } pageInfo { endCursor } totalCount } }",
    "{ runs(first: 100) { nodes { id assets { key groupName kinds tags { key } } partitions { count range } codeLocation { name status } } } }",
    "{ runs(first: 100) { nodes { id steps { key status attempts error { className cause { message } } } stats { totalSteps } } } }",
    "{ runs(first: 100) { nodes { id ...more } } } fragment more on Run { status ... on Node { id } ... @include(if: false) { jobName } }",
    "query($yes: Boolean!) { runs(first: 100) { nodes { id @skip(if: $yes) status @include(if: $yes) } } }",
    f"query($id: ID!) {{ run(id: $id) {{ events(first: 500) {{ nodes {{ {EVENT} }} }} }} }}",
    f"query($id: ID!) {{ run(id: $id) {{ events(first: 500) {{ nodes {{ {EVENT}"
    " ... on StepEvent { kind duration retryAfter failure: error { message }"
    " metadata { label kind value } } ... on LogEvent { logger fields } ... on ProgressEvent { done total } ... on StatusEvent { status }"
    " ... on MaterializationEvent { materialization { id partitionKey metadata { label value } asset { key } } }"
    " ... on CheckEvent { result { passed severity } check { name asset { key } } } } } } }",
    "query($id: ID!) { run(id: $id) { events(first: 500) { edges { cursor node { ... on RunEvent { message } } } } } }",
    '{ asset(key: "raw/orders") { partitions { keys(first: 40) { nodes { key status startAt endAt } } } } }',
    '{ asset(key: "raw/orders") { partitions { keys(first: 40) { nodes { key latestRun { id } } } } } }',
    "{ nodes(ids: [" + '"x", ' * 10 + "]) { id } }",
]


def stored(directory: Path) -> tuple[Store, str]:
    """A store with runs of every kind, and the id of one with events of every kind."""
    store = Store(url_of(directory))
    fill(store)
    api = Api(store, settings_of(directory))
    for number in range(20):
        api.run(tags={"n": str(number), "é": "ü"}, priority=number)
        api.run(assets=(AssetKey("raw/orders"),), partition_keys=(f"2026-01-{number + 1:02}",))
    api.run(job="removed", repository="gone")
    boom = PythonError(class_name="E", message="m", cause=PythonError(class_name="C", message="c"))
    writer = api.begin("fetch", "report", assets=(AssetKey("raw/customers"),))
    rows = (MetadataEntry(label="rows", kind=MetadataKind.JSON, value={"deep": [1, None, 2.5]}),)
    writer.send(
        ProcessStarted(at=NOON, step="fetch", pid=1, host="box", how="fork", startup=0.1),
        StepStarted(at=at(1), step="fetch"),
        StepSucceeded(at=at(2), step="fetch", duration=1.0),
        StepFailed(at=at(3), step="report", error=boom, duration=0.5, retry_after=2.0),
        LogWritten(at=at(3), level=LogLevel.WARNING, logger="l", message="m", fields={"a": [1]}),
        ProgressMade(at=at(3), step="report", done=1, total=None),
        materialized("raw/customers", metadata=rows),
        checked("raw/customers", "not_empty", passed=False),
        *(log(f"line {number}") for number in range(20)),
    )
    return store, writer.run_id


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    directory = tmp_path_factory.mktemp("lists")
    store, run_id = stored(directory)
    with store:
        yield Server(store, settings_of(directory), clock=lambda: NOW), run_id


def answer(server: Server, document: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Data and errors, as the caller gets them."""

    async def ask() -> dict[str, Any]:
        fresh = Server(server.store, server.settings, clock=server.clock)
        result = await schema.execute(document, variable_values=variables, context_value=Context(server=fresh, caller=LOCAL))
        return {"data": result.data, "errors": [error.formatted for error in result.errors or []]}

    return asyncio.run(ask())


def ordinary(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, every list is completed item by item."""
    monkeypatch.setattr(schema, "execution_context_class", StrawberryGraphQLCoreExecutionContext)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_both_ways_give_the_same_answer(filled: tuple[Server, str], monkeypatch: pytest.MonkeyPatch, document: str) -> None:
    server, run_id = filled
    variables = {"id": run_id, "yes": True}
    used = {name: value for name, value in variables.items() if f"${name}" in document}
    short = answer(server, document, used)

    ordinary(monkeypatch)

    assert short == answer(server, document, used)
    assert short["errors"] == []


@pytest.mark.parametrize(
    "document",
    [
        "{ runs(first: 100) { nodes { id status } } }",
        "{ runs(first: 100) { nodes { id tags { key } job { name } duration } } }",
        "query($id: ID!) { run(id: $id) { events(first: 500) { nodes { cursor message ... on LogEvent { logger } } } } }",
    ],
)
def test_plain_lists_do_go_the_short_way(filled: tuple[Server, str], monkeypatch: pytest.MonkeyPatch, document: str) -> None:
    server, run_id = filled
    completed: list[object] = []

    def complete(_: ListExecutor, *rest: object) -> bool:
        completed.append(rest)
        return False

    monkeypatch.setattr(ListExecutor, "complete_list_item_value", complete)

    found = answer(server, document, {"id": run_id} if "$id" in document else {})

    assert found["errors"] == []
    assert completed == []


def test_a_broken_row_is_told_with_its_place_as_ever(filled: tuple[Server, str], monkeypatch: pytest.MonkeyPatch) -> None:
    server, _ = filled
    good = server.store.runs.list().items[: WORTHWHILE + 2]
    broken = [*good[:3], None, *good[4:]]

    def page(self: Context, *_: object, **__: object) -> Any:
        from partita.api.pages import ShownPage, counted
        from partita.records.pages import Page

        async def made() -> ShownPage[Run]:
            return ShownPage(page=Page(items=broken, cursors=["c"] * len(broken)), count=counted(0))  # type: ignore[arg-type]  # broken on purpose

        return made()

    monkeypatch.setattr(Context, "page_of_runs", page)
    short = answer(server, "{ runs { nodes { id status } } }", {})
    ordinary(monkeypatch)

    assert short["errors"][0]["path"] == ["runs", "nodes", 3]
    assert short["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert _without_request_id(short) == _without_request_id(answer(server, "{ runs { nodes { id status } } }", {}))


def _without_request_id(found: dict[str, Any]) -> dict[str, Any]:
    for error in found["errors"]:
        error["extensions"].pop("requestId", None)
    return found
