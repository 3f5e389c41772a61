"""Whatever is mapped over whatever, and however steps end: each step of each item ends exactly once, and lists are whole and in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from partita.definitions.policies import ExecutorSpec
from partita.planning.plan import Axis, FromCollected, FromOutput, FromSeveral, Plan, Produced, Source, Step, StepInput, StepKind, StepOutput
from partita.planning.resume import resume
from partita.planning.walk import Unreached, Walk
from partita.records.runs import StepStatus

ENDED = {StepStatus.SUCCEEDED, StepStatus.SKIPPED}


@st.composite
def plans(draw: Any) -> Plan:
    """Plans of up to nine steps: dynamic ones, templates over them and over each other, and what collects or ignores these."""
    steps: list[Step] = []
    axes: dict[str, Axis] = {}
    for number in range(draw(st.integers(2, 9))):
        chosen = draw(st.lists(st.sampled_from(steps), max_size=3, unique_by=lambda step: step.key)) if steps else []
        axis: Axis | None = None
        inputs: list[StepInput] = []
        for before in chosen:
            over = axes.get(before.key) or (Axis(before.key, "items") if before.dynamic_outputs else None)
            is_mapped = over is not None and axis in (None, over) and draw(st.booleans())
            inputs.append(StepInput(name=before.key, source=source_of(before, over, is_mapped=is_mapped)))
            axis = over if is_mapped else axis
        if axis is not None:
            axes[f"s{number}"] = axis
        is_dynamic = axis is None and draw(st.booleans())
        outputs = StepOutput(name="items", is_dynamic=True) if is_dynamic else StepOutput(name="result", is_required=False)
        steps.append(
            Step(
                key=f"s{number}",
                kind=StepKind.OP,
                definition="op",
                inputs=tuple(inputs),
                outputs=(outputs,),
                depends_on=tuple(each.name for each in inputs),
                mapped_over=axis,
                priority=draw(st.integers(0, 1)),
            )
        )
    return Plan(repository="r", executor=ExecutorSpec(), steps=tuple(steps))


def source_of(before: Step, over: Axis | None, *, is_mapped: bool) -> Source:
    output = before.outputs[0].name
    if over is not None and not is_mapped:
        return FromCollected(step=before.key, output=output, over=over)
    return FromOutput(step=before.key, output=output, is_mapped=is_mapped)


@dataclass
class Journey:
    """What became of a plan."""

    walk: Walk
    begun: list[str] = field(default_factory=list)
    steps: dict[str, Step] = field(default_factory=dict)
    told: list[Unreached] = field(default_factory=list)
    at_begin: dict[str, dict[str, StepStatus]] = field(default_factory=dict)


def travel(walk: Walk, data: Any, *, ways: Sequence[str] = ("all", "none", "fail", "retry")) -> Journey:
    """Walk a plan with steps that end as drawn, several of them running at once."""
    journey = Journey(walk, told=list(walk.unreached_at_start))
    running: list[str] = []
    while not walk.is_done:
        ready = walk.ready()
        if ready and (not running or data.draw(st.booleans(), label="start")):
            step = ready[0]
            journey.at_begin[step.key] = walk.statuses
            walk.start(step.key)
            running.append(step.key)
            journey.begun.append(step.key)
            journey.steps[step.key] = step
            continue
        key = running.pop(data.draw(st.integers(0, len(running) - 1), label="ends"))
        way = data.draw(st.sampled_from(ways), label=f"{key} ends")
        if way == "retry":
            walk.postpone(key)
            walk.retry(key)
            walk.start(key)
        if way == "fail":
            journey.told += walk.fail(key)
            continue
        is_dynamic = bool(walk.step(key).dynamic_outputs)
        items = data.draw(st.lists(st.sampled_from("abc"), max_size=3, unique=True), label=f"{key} gives") if is_dynamic else []
        produced = [] if way == "none" else ["items" if is_dynamic else "result"]
        journey.told += walk.succeed(key, produced=produced, mapped={"items": items})
    return journey


@settings(max_examples=150)
@given(plans(), st.data())
def test_every_step_of_every_item_either_begins_or_is_told_why_not_and_never_both(plan: Plan, data: Any) -> None:
    journey = travel(Walk(plan), data)

    ended = [*journey.begun, *(each.key for each in journey.told)]
    assert sorted(ended) == sorted(journey.walk.keys)
    assert all(status.is_finished for status in journey.walk.statuses.values())


@settings(max_examples=150)
@given(plans(), st.data())
def test_a_template_gives_way_to_one_step_for_each_item_or_ends_itself(plan: Plan, data: Any) -> None:
    walk = travel(Walk(plan), data).walk

    for template in plan.steps:
        if template.mapped_over is None:
            continue
        keys = walk.mapping_keys.get(template.mapped_over, ())
        made = [f"{template.key}[{key}]" for key in keys]
        if template.key in walk:
            assert walk.status(template.key) in {StepStatus.SKIPPED, StepStatus.UPSTREAM_FAILED}
            assert not any(key in walk for key in made)
        else:
            assert made
            assert [key for key in walk.keys if key.partition("[")[0] == template.key] == made


@settings(max_examples=150)
@given(plans(), st.data())
def test_no_step_begins_before_all_that_it_takes_has_ended(plan: Plan, data: Any) -> None:
    journey = travel(Walk(plan), data)

    for key, step in journey.steps.items():
        assert not step.is_template
        before = journey.at_begin[key]
        for each in step.inputs:
            assert not isinstance(each.source, FromCollected)
            sources = each.source.sources if isinstance(each.source, FromSeveral) else (each.source,)
            for source in sources:
                assert isinstance(source, FromOutput)
                assert before[source.step] in ENDED


@settings(max_examples=150)
@given(plans(), st.data())
def test_a_list_holds_every_item_in_the_order_of_production(plan: Plan, data: Any) -> None:
    journey = travel(Walk(plan), data)

    for key, step in journey.steps.items():
        planned = plan.origin(key)
        assert planned is not None
        for before, now in zip(planned.inputs, step.inputs, strict=True):
            if not isinstance(before.source, FromCollected):
                continue
            assert isinstance(now.source, FromSeveral)
            keys = journey.walk.mapping_keys[before.source.over]
            is_item = before.source.step == before.source.over.step
            found = [source.mapping_key if is_item else source.step.partition("[")[2][:-1] for source in now.source.sources]
            assert found == list(keys)


@settings(max_examples=150)
@given(plans(), st.data())
def test_going_on_executes_what_did_not_succeed_and_nothing_else(plan: Plan, data: Any) -> None:
    first = travel(Walk(plan), data).walk
    produced = [Produced(step, output) for step, outputs in first.produced.items() for output in outputs]
    produced += [Produced(axis.step, axis.output, key) for axis, keys in first.mapping_keys.items() for key in keys]
    resumption = resume(plan, first.statuses, produced)

    second = travel(Walk(plan, reused=resumption.reused, produced=produced), data, ways=["all"])

    succeeded = {key for key, status in first.statuses.items() if status is StepStatus.SUCCEEDED}
    assert set(resumption.reused) == succeeded
    assert not succeeded & set(second.begun)
    assert set(second.begun) >= {key for key, status in first.statuses.items() if status is StepStatus.FAILED}
    assert second.walk.reused == tuple(key for key in second.walk.statuses if key in succeeded)
    assert set(second.walk.statuses.values()) <= ENDED
