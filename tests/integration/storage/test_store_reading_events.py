from __future__ import annotations

import pytest

from partita.errors import RequestError
from partita.records.events import LogLevel, StepFailed, StepStarted, StoredEvent, message_of
from partita.records.filters import EventFilter
from partita.records.pages import PageRequest
from partita.records.runs import RunStatus
from partita.storage.store import Store
from support.stores import BOOM, NOON, Writer, begin, log, materialized, status


def messages(events: list[StoredEvent]) -> list[str]:
    return [message_of(each.event) for each in events]


@pytest.fixture
def told(store: Store) -> Writer:
    """A run whose log has lines of several levels and steps."""
    writer = begin(store, "orders", "sales")
    writer.send(
        StepStarted(at=NOON, step="orders"),
        log("Reading 100% of the Orders", LogLevel.DEBUG, step="orders"),
        log('He said "stop\\go"\nand left', LogLevel.INFO, step="orders"),
        log("GR\u00dcSSE aus \u0130zmir", LogLevel.WARNING, step="sales"),
        materialized("orders", "mon"),
        log("orders_total is wrong", LogLevel.ERROR),
        StepFailed(at=NOON, step="orders", error=BOOM, duration=1),
        status(RunStatus.FAILED, error=BOOM),
    )
    return writer


EXPECTED_TEXTS = {
    "orders": ["Reading 100% of the Orders", "Materialized orders [mon]", "orders_total is wrong"],
    "ORDERS_TOTAL": ["orders_total is wrong"],
    "100%": ["Reading 100% of the Orders"],
    '"stop\\go"\nand': ['He said "stop\\go"\nand left'],
    "gr\u00fcsse": ["GR\u00dcSSE aus \u0130zmir"],
    "boom": ["Failed: ValueError: boom", "Run failed: ValueError: boom"],
    "attempt": [],
    "test": [],
}


@pytest.mark.parametrize("text", EXPECTED_TEXTS)
def test_a_text_is_sought_in_messages_without_regard_to_case(store: Store, told: Writer, text: str) -> None:
    where = EventFilter(text=text)

    assert messages(store.events.list(told.run_id, where=where).items) == EXPECTED_TEXTS[text]
    assert messages(store.events.after(told.run_id, seq=0, where=where)) == EXPECTED_TEXTS[text]
    assert store.events.count(told.run_id, where) == len(EXPECTED_TEXTS[text])


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (EventFilter(), 4 + 8),
        (EventFilter(levels=(LogLevel.DEBUG,)), 1),
        (EventFilter(levels=(LogLevel.ERROR, LogLevel.WARNING)), 4),
        (EventFilter(levels=()), 0),
        (EventFilter(steps=("orders",)), 5),
        (EventFilter(steps=("orders", "sales")), 6),
        (EventFilter(kinds=("log",)), 4),
        (EventFilter(kinds=("step_failed", "status")), 5),
        (EventFilter(kinds=("log",), steps=("orders",), levels=(LogLevel.INFO,)), 1),
        (EventFilter(kinds=("log",), text="orders"), 2),
    ],
)
def test_filters_narrow_pages_tails_and_counts_alike(store: Store, told: Writer, where: EventFilter, expected: int) -> None:
    assert len(store.events.list(told.run_id, where=where).items) == expected
    assert len(store.events.after(told.run_id, seq=0, where=where)) == expected
    assert store.events.count(told.run_id, where) == expected


@pytest.mark.parametrize("where", [EventFilter(), EventFilter(text="line")])
def test_pages_forward_and_backward_hold_every_event_once(store: Store, where: EventFilter) -> None:
    writer = begin(store, "orders")
    writer.send(*(log(f"line {number}") for number in range(10)))
    whole = store.events.list(writer.run_id, where=where, page=PageRequest(first=100))

    first = store.events.list(writer.run_id, where=where, page=PageRequest(first=4))
    rest = store.events.list(writer.run_id, where=where, page=PageRequest(first=100, after=first.cursors[-1]))
    tail = store.events.list(writer.run_id, where=where, page=PageRequest(last=3))
    before = store.events.list(writer.run_id, where=where, page=PageRequest(last=100, before=tail.cursors[0]))

    assert first.items + rest.items == before.items + tail.items == whole.items
    assert (first.has_next, first.has_previous, rest.has_next, rest.has_previous) == (True, False, False, True)
    assert (tail.has_next, tail.has_previous, before.has_next, before.has_previous) == (False, True, True, False)
    assert whole.cursors == [str(event.seq) for event in whole.items]


def test_following_goes_on_after_the_last_event_seen(store: Store) -> None:
    writer = begin(store, "orders")
    seen = store.events.after(writer.run_id, seq=0, limit=3)

    writer.send(log("new"))
    rest = store.events.after(writer.run_id, seq=seen[-1].seq)

    assert [each.seq for each in seen + rest] == [1, 2, 3, 4, 5]
    assert messages(rest)[-1] == "new"
    assert store.events.after(writer.run_id, seq=5) == []


def test_events_of_other_runs_stay_out(store: Store, told: Writer) -> None:
    other = begin(store, "orders")

    assert store.events.count(other.run_id) == 4
    assert store.events.after("run_gone", seq=0) == []
    assert store.events.count("run_gone") == 0


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "9" * 40, "\u0664"])
def test_a_bad_cursor_of_events_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(RequestError, match="is not a cursor of events"):
        store.events.list("run_gone", page=PageRequest(after=cursor))
