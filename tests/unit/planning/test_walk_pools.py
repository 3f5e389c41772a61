"""Steps of one run that share a pool take turns."""

from __future__ import annotations

from partita.definitions.policies import ExecutorSpec
from partita.planning.plan import Plan, Step, StepKind
from partita.planning.walk import Walk


def a_walk(**pools: str | None) -> Walk:
    steps = tuple(Step(key=key, kind=StepKind.OP, definition="op", pool=pool) for key, pool in pools.items())
    return Walk(Plan(repository="r", executor=ExecutorSpec(), steps=steps))


def ready(walk: Walk, limit: int | None = None) -> list[str]:
    return [step.key for step in walk.ready(limit)]


def test_one_step_of_a_pool_is_ready_at_a_time() -> None:
    walk = a_walk(a="dbt", b="dbt", c=None, d="web", e=None)
    assert ready(walk) == ["a", "c", "d", "e"]

    walk.start("a")
    assert ready(walk) == ["c", "d", "e"]
    assert ready(walk, 2) == ["c", "d"]

    walk.succeed("a", produced=())
    assert ready(walk) == ["b", "c", "d", "e"]


def test_a_step_that_waits_for_its_retry_lets_others_have_the_pool() -> None:
    walk = a_walk(a="dbt", b="dbt")
    walk.start("a")
    walk.postpone("a")
    assert ready(walk) == ["b"]

    walk.start("b")
    walk.retry("a")
    assert ready(walk) == []

    walk.succeed("b", produced=())
    assert ready(walk) == ["a"]


def test_a_step_that_failed_leaves_the_pool() -> None:
    walk = a_walk(a="dbt", b="dbt")
    walk.start("a")
    walk.fail("a")

    assert ready(walk) == ["b"]
