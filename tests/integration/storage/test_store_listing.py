from __future__ import annotations

from datetime import timedelta

import pytest

from partita.definitions.keys import AssetKey
from partita.errors import RequestError
from partita.records.filters import RunFilter, RunOrder, RunOrderField
from partita.records.pages import Direction, Page, PageRequest
from partita.records.runs import Run, RunStatus
from partita.storage.store import Store
from support.stores import LOCATION, Writer, claim, launch, plan, request, status


@pytest.fixture
def mixed(store: Store) -> list[Run]:
    """Nine runs: three are queued, three were planned, three ended, some at the same moment; their priorities repeat."""
    store.runs.launch([request("orders", priority=number % 3) for number in range(9)])
    for number, claimed in enumerate(claim(store, limit=6)):
        writer = Writer(store, claimed)
        writer.send(plan("orders"), status(RunStatus.RUNNING, number // 2))
        if number < 3:
            writer.send(status(RunStatus.SUCCEEDED, 10 - number // 2))
    return list(store.runs.get_many([run.id for run in store.runs.list().items]).values())


def expected_order(runs: list[Run], order: RunOrder) -> list[str]:
    def value(run: Run) -> object:
        return run.request.priority if order.field is RunOrderField.PRIORITY else getattr(run, order.field.value)

    rows = [(value(run), run.id) for run in runs]
    with_value = sorted((row for row in rows if row[0] is not None), reverse=order.direction is Direction.DESC)
    without = sorted((row for row in rows if row[0] is None), key=lambda row: row[1], reverse=order.direction is Direction.DESC)
    return [run_id for _, run_id in with_value + without]


ORDERS = [RunOrder(field=field, direction=direction) for field in RunOrderField for direction in Direction]


each_order = pytest.mark.parametrize("order", ORDERS, ids=lambda order: f"{order.field} {order.direction}")


def ids(page: Page[Run]) -> list[str]:
    return [run.id for run in page.items]


@each_order
def test_runs_are_sorted_with_those_without_a_value_last(store: Store, mixed: list[Run], order: RunOrder) -> None:
    assert ids(store.runs.list(order=order)) == expected_order(mixed, order)


@each_order
@pytest.mark.parametrize("size", [1, 2, 4, 9])
def test_pages_forward_hold_every_run_once(store: Store, mixed: list[Run], order: RunOrder, size: int) -> None:
    found: list[str] = []
    page = store.runs.list(order=order, page=PageRequest(first=size))
    while True:
        found += ids(page)
        assert page.has_next == (len(found) < 9)
        if not page.has_next:
            break
        page = store.runs.list(order=order, page=PageRequest(first=size, after=page.cursors[-1]))
        assert page.has_previous

    assert found == expected_order(mixed, order)


@each_order
@pytest.mark.parametrize("size", [1, 4])
def test_pages_backward_hold_every_run_once(store: Store, mixed: list[Run], order: RunOrder, size: int) -> None:
    found: list[str] = []
    page = store.runs.list(order=order, page=PageRequest(last=size))
    while True:
        found = ids(page) + found
        assert page.has_previous == (len(found) < 9)
        if not page.has_previous:
            break
        page = store.runs.list(order=order, page=PageRequest(last=size, before=page.cursors[0]))
        assert page.has_next

    assert found == expected_order(mixed, order)


@each_order
def test_a_page_can_lie_between_two_cursors(store: Store, mixed: list[Run], order: RunOrder) -> None:
    cursors = store.runs.list(order=order).cursors
    expected = expected_order(mixed, order)

    between = store.runs.list(order=order, page=PageRequest(first=50, after=cursors[1], before=cursors[7]))
    tail = store.runs.list(order=order, page=PageRequest(last=2, after=cursors[1], before=cursors[7]))

    assert ids(between) == expected[2:7]
    assert ids(tail) == expected[5:7]


def test_a_page_stays_where_it_was_when_runs_are_added(store: Store) -> None:
    old = [launch(store, "orders").id for _ in range(4)]
    first = store.runs.list(page=PageRequest(first=2))

    launch(store, "orders")
    second = store.runs.list(page=PageRequest(first=2, after=first.cursors[-1]))

    assert ids(first) + ids(second) == sorted(old, key=lambda run_id: (store.runs.get(run_id).created_at, run_id), reverse=True)


def test_a_page_of_nothing_says_whether_there_is_more(store: Store) -> None:
    assert store.runs.list(page=PageRequest(first=0)) == Page()

    launch(store, "orders")

    assert store.runs.list(page=PageRequest(first=0)) == Page(has_next=True)


@pytest.mark.parametrize("cursor", ["", "nonsense", "!!!", "WyJ4Il0", "bnVsbA", "\u2603", "WyJydW5zIGJ5IGNyZWF0ZWRfYXQgZGVzYyIsW10sMV0"])
@pytest.mark.parametrize("side", ["after", "before"])
def test_a_bad_cursor_is_refused(store: Store, cursor: str, side: str) -> None:
    with pytest.raises(RequestError, match="is not a cursor"):
        store.runs.list(page=PageRequest(after=cursor) if side == "after" else PageRequest(before=cursor))


def test_a_cursor_of_another_order_is_refused(store: Store) -> None:
    launch(store, "orders")
    cursor = store.runs.list().cursors[0]

    with pytest.raises(RequestError, match="sorted by runs by created_at desc, not by runs by priority desc"):
        store.runs.list(order=RunOrder(field=RunOrderField.PRIORITY), page=PageRequest(after=cursor))
    with pytest.raises(RequestError, match="not by runs by created_at asc"):
        store.runs.list(order=RunOrder(direction=Direction.ASC), page=PageRequest(after=cursor))


@pytest.mark.parametrize("page", [PageRequest(first=-1), PageRequest(last=-3)])
def test_a_negative_size_is_refused(store: Store, page: PageRequest) -> None:
    with pytest.raises(RequestError, match="ask for zero or more"):
        store.runs.list(page=page)


def test_every_filter_finds_its_runs_and_the_count_agrees(store: Store) -> None:
    sales = launch(store, "sales", tags={"team": "a", "env": "prod"}, partition_keys=("mon", "tue"))
    orders = launch(store, "orders", "sales", tags={"team": "a"}, repository="other")
    nightly = launch(store, job="nightly", location="elsewhere", tags={"team": "b"}, partition_keys=("mon",))
    retried = launch(store, job="nightly", parent_id=sales.id)
    store.runs.request_cancel(orders.id)
    every = {sales.id, orders.id, nightly.id, retried.id}
    cases: list[tuple[RunFilter, set[str]]] = [
        (RunFilter(), every),
        (RunFilter(ids=(sales.id, "run_gone")), {sales.id}),
        (RunFilter(ids=()), set()),
        (RunFilter(statuses=(RunStatus.QUEUED,)), every - {orders.id}),
        (RunFilter(statuses=(RunStatus.CANCELED, RunStatus.FAILED)), {orders.id}),
        (RunFilter(statuses=()), set()),
        (RunFilter(jobs=(("elsewhere", "main", "nightly"),)), {nightly.id}),
        (RunFilter(jobs=(("elsewhere", "main", "nightly"), (LOCATION, "main", "nightly"))), {nightly.id, retried.id}),
        (RunFilter(jobs=()), set()),
        (RunFilter(job_names=("nightly",)), {nightly.id, retried.id}),
        (RunFilter(assets=(AssetKey("sales"),)), {sales.id, orders.id}),
        (RunFilter(assets=(AssetKey("orders"), AssetKey("gone"))), {orders.id}),
        (RunFilter(tags=(("team", "a"),)), {sales.id, orders.id}),
        (RunFilter(tags=(("team", "a"), ("env", "prod"))), {sales.id}),
        (RunFilter(tags=(("team", "prod"),)), set()),
        (RunFilter(partition_keys=("mon",)), {sales.id, nightly.id}),
        (RunFilter(partition_keys=("tue", "sun")), {sales.id}),
        (RunFilter(root_id=sales.id), {sales.id, retried.id}),
        (RunFilter(created_after=sales.created_at), every - {sales.id}),
        (RunFilter(created_before=retried.created_at), every - {retried.id}),
        (RunFilter(created_after=sales.created_at - timedelta(seconds=1), created_before=sales.created_at + timedelta(microseconds=1)), {sales.id}),
        (RunFilter(assets=(AssetKey("sales"),), statuses=(RunStatus.QUEUED,), tags=(("team", "a"),)), {sales.id}),
    ]

    for where, expected in cases:
        assert {run.id for run in store.runs.list(where).items} == expected, where
        assert store.runs.count(where) == len(expected), where


def test_filters_hold_on_every_page(store: Store) -> None:
    store.runs.launch([request("orders" if number % 2 else "sales", tags={"n": str(number % 3)}) for number in range(30)])
    where = RunFilter(assets=(AssetKey("orders"),), tags=(("n", "1"),))

    first = store.runs.list(where, page=PageRequest(first=3))
    rest = store.runs.list(where, page=PageRequest(first=50, after=first.cursors[-1]))

    assert len(first.items) + len(rest.items) == store.runs.count(where) == 5
    assert {run.request.assets for run in first.items + rest.items} == {("orders",)}


def test_many_runs_are_read_at_once(store: Store) -> None:
    runs = store.runs.launch([request("orders") for _ in range(5)]).runs

    assert store.runs.get_many([run.id for run in runs] + ["run_gone"]) == {run.id: run for run in runs}
    assert store.runs.get_many([]) == {}
