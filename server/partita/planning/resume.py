"""Going on from an earlier run: which of its steps count, and which are executed again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from partita.planning.mapped import MappingKeys, mapped_key, mapping_keys
from partita.planning.plan import Plan, Produced, Step
from partita.records.runs import StepStatus


class Resumption(NamedTuple):
    """What a run that resumes another executes, and what it takes over."""

    steps: tuple[str, ...]
    """To execute, in plan order; a template where its items are not known yet."""
    reused: tuple[str, ...]
    """Succeeded in the run before: their stored outputs count as this run's."""


def resume(plan: Plan, parent_steps: Mapping[str, StepStatus], produced: Iterable[Produced] = ()) -> Resumption:
    """Steps that did not succeed in the parent run are executed; a step that the parent did not know is too.

    Of a step with a dynamic output the items must be known, or it is executed again, with all that it is mapped to.

    Args:
        plan: the plan of the run that goes on.
        parent_steps: where the steps of the run before stand.
        produced: what they have put out, as far as it is remembered.
    """
    outputs = tuple(produced)
    known = {(each.step, each.output) for each in outputs}
    keys = mapping_keys(outputs)
    executed: list[str] = []
    reused: dict[str, None] = {}
    for step in plan.steps:
        are_known = all((step.key, output.name) in known for output in step.dynamic_outputs)
        for key in _keys_of(step, keys, reused):
            if are_known and parent_steps.get(key) is StepStatus.SUCCEEDED:
                reused[key] = None
            else:
                executed.append(key)
    return Resumption(steps=tuple(executed), reused=tuple(reused))


def _keys_of(step: Step, keys: MappingKeys, reused: Collection[str]) -> Sequence[str]:
    """The step, or what a template is replaced by."""
    axis = step.mapped_over
    if not step.is_template or axis is None or axis.step not in reused:
        return [step.key]
    return [mapped_key(step.key, key) for key in keys.get(axis, ())]
