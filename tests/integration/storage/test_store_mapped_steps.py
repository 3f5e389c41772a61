"""Steps that are added while a run goes on: they take the place of what was mapped, and nothing stays pending."""

from __future__ import annotations

import pytest

from partita.records.events import Event, StepSkipped, StepsMapped, StepStarted, StepSucceeded
from partita.records.runs import RunStatus, StepStatus
from partita.storage.store import Store
from support.stores import NOON, Writer, begin, claim, launch, plan, status


def mapped(step: str, **steps: tuple[str, ...]) -> StepsMapped:
    keys = next(iter(steps.values()), ())
    return StepsMapped(at=NOON, step=step, output="result", keys=tuple(key[-2] for key in keys), steps=steps)


def succeeded(step: str) -> list[Event]:
    return [StepStarted(at=NOON, step=step), StepSucceeded(at=NOON, step=step, duration=1)]


def rows(store: Store, run_id: str) -> list[tuple[str, int, str]]:
    return [(step.key, step.position, step.status.value) for step in store.runs.steps([run_id])[run_id]]


EXPANDED = mapped("shards", clean=("clean[a]", "clean[b]"), store=("store[a]", "store[b]"))
STORY: list[Event] = [*succeeded("shards"), EXPANDED, *succeeded("clean[b]")]


@pytest.mark.parametrize("cut", range(len(STORY) + 1))
def test_mapped_steps_take_the_place_of_what_was_mapped_however_events_are_batched(store: Store, cut: int) -> None:
    writer = begin(store, steps=["first", "shards", "clean", "store", "report"])

    for batch in (STORY[:cut], STORY[cut:]):
        if batch:
            writer.send(*batch)

    assert rows(store, writer.run_id) == [
        ("first", 0, "pending"),
        ("shards", 1, "succeeded"),
        ("clean[a]", 2, "pending"),
        ("clean[b]", 3, "succeeded"),
        ("store[a]", 4, "pending"),
        ("store[b]", 5, "pending"),
        ("report", 6, "pending"),
    ]


def test_a_plan_and_what_becomes_of_it_may_come_in_one_batch(store: Store) -> None:
    launch(store, "orders")
    [claimed] = claim(store)
    writer = Writer(store, claimed)

    writer.send(plan("shards", "clean", "store", "report", reused=["before"]), status(RunStatus.RUNNING), *STORY)

    assert [key for key, _, _ in rows(store, writer.run_id)] == ["before", "shards", "clean[a]", "clean[b]", "store[a]", "store[b]", "report"]


def test_two_fan_outs_do_not_get_into_each_others_way(store: Store) -> None:
    writer = begin(store, steps=["left", "right", "on_right", "on_left", "report"])

    writer.send(mapped("left", on_left=("on_left[a]", "on_left[b]", "on_left[c]")))
    writer.send(mapped("right", on_right=("on_right[a]", "on_right[b]")))

    found = rows(store, writer.run_id)
    assert [key for key, _, _ in found] == ["left", "right", "on_right[a]", "on_right[b]", "on_left[a]", "on_left[b]", "on_left[c]", "report"]
    assert [position for _, position, _ in found] == list(range(8))


def test_a_fan_out_over_nothing_leaves_its_steps_where_they_are(store: Store) -> None:
    writer = begin(store, steps=["shards", "clean", "report"])

    writer.send(*succeeded("shards"), mapped("shards"), StepSkipped(at=NOON, step="clean", reason="nothing"))

    assert rows(store, writer.run_id) == [("shards", 0, "succeeded"), ("clean", 1, "skipped"), ("report", 2, "pending")]


def test_a_mapped_step_is_counted_like_any_other(store: Store) -> None:
    writer = begin(store, steps=["shards", "clean", "store", "report"])

    writer.send(*STORY)

    assert store.runs.stats([writer.run_id])[writer.run_id].steps == {StepStatus.SUCCEEDED: 2, StepStatus.PENDING: 4}
