"""Whatever the plan and however its steps end: every step ends exactly once, in an order and a way that its upstream explains."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from partita.definitions.policies import ExecutorSpec
from partita.planning.plan import FromOutput, FromSeveral, Plan, Step, StepInput, StepKind, StepOutput
from partita.planning.walk import Unreached, Walk
from partita.records.runs import StepStatus

OUTPUTS = ("always", "maybe")


@st.composite
def plans(draw: Any) -> Plan:
    """Plans of up to nine steps with data, fan-in and order between them."""
    steps: list[Step] = []
    for number in range(draw(st.integers(1, 9))):
        before = [step.key for step in steps]
        chosen = draw(st.lists(st.sampled_from(before), max_size=3, unique=True)) if before else []
        ways = [draw(st.sampled_from(["data", "several", "order"])) for _ in chosen]
        sources = {key: FromOutput(step=key, output=draw(st.sampled_from(OUTPUTS))) for key in chosen}
        several = tuple(sources[key] for key, way in zip(chosen, ways, strict=True) if way == "several")
        inputs = [StepInput(name=key, source=sources[key]) for key, way in zip(chosen, ways, strict=True) if way == "data"]
        if several:
            inputs.append(StepInput(name="xs", source=FromSeveral(sources=several)))
        steps.append(
            Step(
                key=f"s{number}",
                kind=StepKind.OP,
                definition="op",
                inputs=tuple(inputs),
                outputs=tuple(StepOutput(name=name, is_required=name == "always") for name in OUTPUTS),
                depends_on=tuple(chosen),
                priority=draw(st.integers(0, 2)),
            )
        )
    return Plan(repository="r", executor=ExecutorSpec(), steps=tuple(steps))


@dataclass
class Journey:
    """What became of a plan."""

    walk: Walk
    begun: list[str] = field(default_factory=list)
    told: list[Unreached] = field(default_factory=list)


def travel(plan: Plan, data: Any) -> Journey:
    """Walk a plan with steps that end as drawn, several of them running at once."""
    walk = Walk(plan)
    journey = Journey(walk, told=list(walk.unreached_at_start))
    running: list[str] = []
    while not walk.is_done:
        ready = walk.ready()
        if ready and (not running or data.draw(st.booleans(), label="start")):
            walk.start(ready[0].key)
            running.append(ready[0].key)
            journey.begun.append(ready[0].key)
            continue
        key = running.pop(data.draw(st.integers(0, len(running) - 1), label="ends"))
        match data.draw(st.sampled_from(["all", "part", "fail", "retry"]), label=f"{key} ends"):
            case "all":
                journey.told += walk.succeed(key, produced=OUTPUTS)
            case "part":
                journey.told += walk.succeed(key, produced=["always"])
            case "fail":
                journey.told += walk.fail(key)
            case "retry":
                walk.postpone(key)
                walk.retry(key)
                walk.start(key)
                journey.told += walk.succeed(key, produced=OUTPUTS)
    return journey


@settings(max_examples=60)
@given(plans(), st.data())
def test_every_step_either_begins_or_is_told_why_not_and_never_both(plan: Plan, data: Any) -> None:
    journey = travel(plan, data)

    assert sorted([*journey.begun, *(each.key for each in journey.told)]) == sorted(step.key for step in plan.steps)


@settings(max_examples=60)
@given(plans(), st.data())
def test_no_step_begins_before_what_it_depends_on_has_ended_well(plan: Plan, data: Any) -> None:
    journey = travel(plan, data)

    place = {key: number for number, key in enumerate(journey.begun)}
    for key in journey.begun:
        for need in plan.by_key[key].depends_on:
            assert journey.walk.status(need) in {StepStatus.SUCCEEDED, StepStatus.SKIPPED}
            assert place.get(need, -1) < place[key]


@settings(max_examples=60)
@given(plans(), st.data())
def test_a_step_is_lost_exactly_when_something_before_it_failed(plan: Plan, data: Any) -> None:
    journey = travel(plan, data)

    lost = {StepStatus.FAILED, StepStatus.UPSTREAM_FAILED}
    for step in plan.steps:
        status = journey.walk.status(step.key)
        is_behind = any(journey.walk.status(need) in lost for need in step.depends_on)
        # a skip that was decided before the failure happened stands
        assert status is StepStatus.UPSTREAM_FAILED or not is_behind
        assert is_behind or status is not StepStatus.UPSTREAM_FAILED


@settings(max_examples=60)
@given(plans(), st.data())
def test_a_step_is_skipped_exactly_when_it_is_left_without_an_input(plan: Plan, data: Any) -> None:
    journey = travel(plan, data)
    produced = journey.walk.produced

    for step in plan.steps:
        if journey.walk.status(step.key) not in {StepStatus.SKIPPED, StepStatus.SUCCEEDED, StepStatus.FAILED}:
            continue
        lacks = False
        by_data = set()
        for each in step.inputs:
            sources = each.source.sources if isinstance(each.source, FromSeveral) else (each.source,)
            assert all(isinstance(source, FromOutput) for source in sources)
            by_data |= {source.step for source in sources if isinstance(source, FromOutput)}
            lacks |= not any(source.output in produced[source.step] for source in sources if isinstance(source, FromOutput))
        lacks |= any(journey.walk.status(need) is StepStatus.SKIPPED for need in set(step.depends_on) - by_data)
        assert (journey.walk.status(step.key) is StepStatus.SKIPPED) == lacks


@settings(max_examples=60)
@given(plans(), st.data())
def test_resuming_executes_what_did_not_succeed_and_nothing_else(plan: Plan, data: Any) -> None:
    first = travel(plan, data).walk
    reused = [key for key, status in first.statuses.items() if status is StepStatus.SUCCEEDED]
    produced = [(key, output) for key in reused for output in first.produced[key]]

    second = Walk(plan, reused=reused, produced=produced)
    begun = []
    while not second.is_done:
        (step,) = second.ready(1)
        second.start(step.key)
        begun.append(step.key)
        second.succeed(step.key, produced=OUTPUTS)

    assert not set(begun) & set(reused)
    assert set(begun) >= {key for key, status in first.statuses.items() if status is StepStatus.FAILED}
    assert set(second.statuses.values()) <= {StepStatus.SUCCEEDED, StepStatus.SKIPPED}
