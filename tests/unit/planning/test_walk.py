"""Walking a plan: what is ready, and what an end means for those behind it."""

from __future__ import annotations

from time import process_time
from typing import Any

from partita.definitions.policies import ExecutorSpec
from partita.planning.plan import FromOutput, FromSeveral, Plan, Source, Step, StepInput, StepKind, StepOutput
from partita.planning.walk import Unreached, Walk
from partita.records.runs import StepStatus


def a_step(
    key: str, *, needs: dict[str, Source] | None = None, after: tuple[str, ...] = (), outputs: tuple[str, ...] = ("result",), **rest: Any
) -> Step:
    return Step(
        key=key,
        kind=StepKind.OP,
        definition=key,
        inputs=tuple(StepInput(name=name, source=source) for name, source in (needs or {}).items()),
        outputs=tuple(StepOutput(name=name, is_required=name == "result") for name in outputs),
        depends_on=after,
        **rest,
    )


def a_plan(*steps: Step) -> Plan:
    return Plan(repository="r", executor=ExecutorSpec(), steps=steps)


def ready(walk: Walk) -> list[str]:
    return [step.key for step in walk.ready()]


def test_steps_become_ready_when_all_they_depend_on_has_succeeded() -> None:
    walk = Walk(a_plan(a_step("a"), a_step("b"), a_step("c", after=("a", "b"))))
    walk.start("a")
    walk.succeed("a", produced=["result"])
    assert ready(walk) == ["b"]

    walk.start("b")
    walk.succeed("b", produced=["result"])

    assert ready(walk) == ["c"]


def test_a_started_step_is_no_longer_ready() -> None:
    walk = Walk(a_plan(a_step("a"), a_step("b")))

    walk.start("a")

    assert ready(walk) == ["b"]
    assert walk.status("a") is StepStatus.RUNNING


def test_higher_priority_comes_first_then_plan_order() -> None:
    walk = Walk(a_plan(a_step("a"), a_step("b"), a_step("urgent", priority=5)))

    assert ready(walk) == ["urgent", "a", "b"]
    assert [step.key for step in walk.ready(1)] == ["urgent"]


def test_everything_behind_a_failure_is_told_at_once_with_its_cause() -> None:
    walk = Walk(a_plan(a_step("a"), a_step("b", after=("a",)), a_step("c", after=("b",)), a_step("d")))
    walk.start("a")

    lost = walk.fail("a")

    assert lost == [Unreached("b", StepStatus.UPSTREAM_FAILED, ("a",)), Unreached("c", StepStatus.UPSTREAM_FAILED, ("a",))]
    assert ready(walk) == ["d"]
    assert walk.has_failed
    assert not walk.is_done


def test_a_failed_blocking_check_holds_back_what_it_blocks() -> None:
    walk = Walk(a_plan(a_step("base"), a_step("base:ck", after=("base",)), a_step("child", after=("base",), blocked_by=("base:ck",))))
    walk.start("base")
    walk.succeed("base", produced=["result"])
    assert ready(walk) == ["base:ck"]

    walk.start("base:ck")

    assert walk.fail("base:ck") == [Unreached("child", StepStatus.UPSTREAM_FAILED, ("base:ck",))]


def test_a_step_is_skipped_when_the_optional_output_it_needs_was_not_produced() -> None:
    split = a_step("split", outputs=("even", "odd"))
    even = a_step("on_even", needs={"x": FromOutput(step="split", output="even")}, after=("split",))
    behind = a_step("behind", needs={"x": FromOutput(step="on_even")}, after=("on_even",))
    walk = Walk(a_plan(split, even, behind))
    walk.start("split")

    skipped = walk.succeed("split", produced=["odd"])

    assert skipped == [Unreached("on_even", StepStatus.SKIPPED, ("split",)), Unreached("behind", StepStatus.SKIPPED, ("on_even",))]
    assert walk.is_done
    assert not walk.has_failed


def test_a_step_that_only_waits_for_a_skipped_one_is_skipped_too() -> None:
    split = a_step("split", outputs=("even", "odd"))
    even = a_step("on_even", needs={"x": FromOutput(step="split", output="even")}, after=("split",))
    walk = Walk(a_plan(split, even, a_step("later", after=("on_even",))))
    walk.start("split")

    assert [each.key for each in walk.succeed("split", produced=["odd"])] == ["on_even", "later"]


def test_fan_in_runs_with_what_was_produced() -> None:
    split = a_step("split", outputs=("even", "odd"))
    both = a_step("both", needs={"xs": FromSeveral(sources=(FromOutput(step="split", output="even"), FromOutput(step="split", output="odd")))})
    walk = Walk(a_plan(split, both))
    walk.start("split")

    assert walk.succeed("split", produced=["odd"]) == []
    assert ready(walk) == ["both"]


def test_fan_in_is_skipped_when_nothing_was_produced() -> None:
    split = a_step("split", outputs=("even", "odd"))
    both = a_step("both", needs={"xs": FromSeveral(sources=(FromOutput(step="split", output="even"), FromOutput(step="split", output="odd")))})
    walk = Walk(a_plan(split, both))
    walk.start("split")

    assert [each.status for each in walk.succeed("split", produced=[])] == [StepStatus.SKIPPED]


def test_fan_in_over_nothing_runs() -> None:
    walk = Walk(a_plan(a_step("both", needs={"xs": FromSeveral(sources=())})))

    assert ready(walk) == ["both"]


def test_a_failure_outweighs_a_skip() -> None:
    split = a_step("split", outputs=("even",))
    both = a_step("both", needs={"a": FromOutput(step="split", output="even"), "b": FromOutput(step="boom")}, after=("split", "boom"))
    walk = Walk(a_plan(split, a_step("boom"), both))
    walk.start("split")
    walk.start("boom")
    assert walk.succeed("split", produced=[]) == []

    assert [each.status for each in walk.fail("boom")] == [StepStatus.UPSTREAM_FAILED]


def test_a_step_to_be_tried_again_waits_until_it_is_called_back() -> None:
    walk = Walk(a_plan(a_step("a")))
    walk.start("a")

    walk.postpone("a")
    assert walk.status("a") is StepStatus.WAITING_RETRY
    assert ready(walk) == []
    assert not walk.is_done

    walk.retry("a")
    assert ready(walk) == ["a"]


def test_cancelling_ends_what_has_not_begun_and_leaves_what_runs() -> None:
    walk = Walk(a_plan(a_step("a"), a_step("b"), a_step("c", after=("a",)), a_step("d")))
    walk.start("a")
    walk.start("d")
    walk.postpone("d")

    assert walk.cancel_rest() == ["b", "c", "d"]
    assert ready(walk) == []
    assert not walk.is_done

    walk.cancel("a")
    assert walk.is_done


def test_reused_steps_count_as_succeeded_and_are_not_walked() -> None:
    walk = Walk(a_plan(a_step("a"), a_step("b", after=("a",))), reused=["a"])

    assert ready(walk) == ["b"]
    assert walk.keys == ("b",)
    assert walk.statuses == {"a": StepStatus.SUCCEEDED, "b": StepStatus.PENDING}
    assert walk.produced["a"] == {"result"}


def test_what_reused_steps_did_not_produce_is_skipped_before_anything_runs() -> None:
    split = a_step("split", outputs=("even", "odd"))
    even = a_step("on_even", needs={"x": FromOutput(step="split", output="even")}, after=("split",))
    odd = a_step("on_odd", needs={"x": FromOutput(step="split", output="odd")}, after=("split",))

    walk = Walk(a_plan(split, even, odd), reused=["split"], produced=[("split", "odd")])

    assert walk.unreached_at_start == [Unreached("on_even", StepStatus.SKIPPED, ("split",))]
    assert ready(walk) == ["on_odd"]


def test_only_the_steps_given_are_walked_and_what_lies_outside_is_satisfied() -> None:
    walk = Walk(a_plan(a_step("a"), a_step("b", after=("a",)), a_step("c", after=("b",))), steps=["b", "c"])

    assert ready(walk) == ["b"]
    assert walk.keys == ("b", "c")


def test_walking_a_thousand_steps_takes_milliseconds() -> None:
    plan = a_plan(*(a_step(f"s{number}", after=(f"s{number - 1}",) if number else ()) for number in range(1000)))

    began = process_time()
    walk = Walk(plan)
    while not walk.is_done:
        (step,) = walk.ready(1)
        walk.start(step.key)
        walk.succeed(step.key, produced=["result"])

    # about 5 ms on an idle machine; a quadratic walk takes seconds
    assert process_time() - began < 0.5
