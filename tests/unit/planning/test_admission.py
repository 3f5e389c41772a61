"""Who of the queue may start, and what those who may not are told."""

from __future__ import annotations

from typing import Any

from partita.planning.admission import Candidate, Holder, choose, explain, held_slots
from partita.records.queue import Limits, TagLimit, WaitKind, WaitReason

ETL = TagLimit(key="team", value="etl", limit=1)


def run(name: str, *, priority: int = 0, pools: dict[str, int] | None = None, **tags: str) -> Candidate:
    return Candidate(name, priority, tags, pools or {})


def started(*queue: Candidate, active: tuple[Holder, ...] = (), **limits: Any) -> list[str]:
    return [each.run_id for each in choose(queue, active, Limits(**limits))]


def reasons(*queue: Candidate, active: tuple[Holder, ...] = (), **limits: Any) -> dict[str, WaitReason]:
    return explain(queue, active, Limits(**limits))


def test_without_limits_everybody_starts() -> None:
    assert started(run("a"), run("b", team="etl"), run("c", pools={"dbt": 3})) == ["a", "b", "c"]


def test_active_runs_count_against_the_maximum() -> None:
    assert started(run("a"), run("b"), active=(Holder(),), max_concurrent=2) == ["a"]


def test_a_tag_with_a_value_is_limited_for_that_value_alone() -> None:
    queue = (run("a", team="etl"), run("b", team="etl"), run("c", team="web"))

    assert started(*queue, tags=(ETL,)) == ["a", "c"]


def test_a_tag_without_a_value_is_limited_for_all_its_values_together() -> None:
    limit = TagLimit(key="team", value=None, limit=2)

    assert started(run("a", team="etl"), run("b", team="web"), run("c", team="ops"), run("d"), tags=(limit,)) == ["a", "b", "d"]


def test_whoever_waits_for_a_pool_holds_up_nobody_behind_it() -> None:
    queue = (run("a", pools={"dbt": 1}), run("b", pools={"dbt": 1}), run("c"), run("d", pools={"gpu": 1}))

    assert started(*queue, pools={"dbt": 1, "gpu": 1}) == ["a", "c", "d"]


def test_a_run_needs_room_in_every_pool_that_it_names() -> None:
    queue = (run("a", pools={"dbt": 1, "gpu": 1}), run("b", pools={"gpu": 1}))

    assert started(*queue, active=(Holder(pools={"dbt": 1}),), pools={"dbt": 1, "gpu": 1}) == ["b"]


def test_a_run_that_waits_for_several_slots_keeps_those_that_are_free() -> None:
    queue = (run("big", pools={"dbt": 3}), run("small", pools={"dbt": 1}))
    found = reasons(*queue, active=(Holder(pools={"dbt": 2}),), pools={"dbt": 4})

    assert found["big"] == WaitReason(kind=WaitKind.POOL, message="Pool 'dbt' has 2 of 4 slots taken, and it needs 3 (pools.dbt).")
    assert found["small"].kind is WaitKind.PRIORITY


def test_a_run_that_waits_for_something_else_besides_keeps_no_slots() -> None:
    queue = (run("big", pools={"dbt": 3, "gpu": 1}), run("small", pools={"dbt": 1}))
    active = (Holder(pools={"dbt": 2, "gpu": 1}),)

    assert started(*queue, active=active, pools={"dbt": 4, "gpu": 1}) == ["small"]


def test_a_run_that_wants_more_slots_than_there_are_takes_them_all() -> None:
    limits = Limits(pools={"dbt": 2})

    assert started(run("a", pools={"dbt": 5}), pools={"dbt": 2}) == ["a"]
    assert held_slots({"dbt": 5, "other": 5}, limits) == {"dbt": 2, "other": 5}


def test_a_pool_without_slots_is_closed() -> None:
    found = reasons(run("a", pools={"dbt": 1}), pools={"dbt": 0})

    assert found["a"] == WaitReason(kind=WaitKind.POOL, message="Pool 'dbt' is closed: it has no slots (pools.dbt = 0).")


def test_every_queued_run_is_told_why_it_waits() -> None:
    active = (Holder(tags={"team": "etl"}), Holder(pools={"dbt": 1}))
    queue = (run("a", team="etl"), run("b", pools={"dbt": 1}), run("c"), run("d"))
    found = reasons(*queue, active=active, tags=(ETL,), pools={"dbt": 1}, max_concurrent=3)

    assert {name: reason.kind for name, reason in found.items()} == {
        "a": WaitKind.TAG_LIMIT,
        "b": WaitKind.POOL,
        "c": WaitKind.NEXT,
        "d": WaitKind.PRIORITY,
    }
    assert found["a"].message == "1 run is active with the tag 'team=etl', and at most 1 may be (runs.limits)."
    assert found["d"].message == "Others come first by priority or age, and at most 3 runs may be active (runs.max_concurrent)."


def test_all_that_a_run_waits_for_is_told() -> None:
    active = (Holder(tags={"team": "etl"}, pools={"dbt": 1}),)
    [reason] = reasons(run("a", team="etl", pools={"dbt": 1}), active=active, tags=(ETL,), pools={"dbt": 1}, max_concurrent=1).values()

    assert reason.kind is WaitKind.CONCURRENCY
    assert "1 run is active, and at most 1 may be (runs.max_concurrent)." in reason.message
    assert "'team=etl'" in reason.message
    assert "Pool 'dbt' has 1 of 1 slots taken" in reason.message


def test_a_run_that_nobody_can_run_takes_no_room() -> None:
    gone = WaitReason(kind=WaitKind.LOCATION, message="There is no worker.")
    found = reasons(run("a")._replace(obstacle=gone), run("b"), max_concurrent=1)

    assert found["a"] is gone
    assert found["b"].kind is WaitKind.NEXT
