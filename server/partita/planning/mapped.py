"""Templates: from a step that stands for many to one step for each item of a dynamic output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from partita.errors import RequestError
from partita.planning.plan import Axis, FromCollected, FromOutput, FromSeveral, Plan, Produced, Source, Step, StepInput

MappingKeys = Mapping[Axis, Sequence[str]]
"""The items of dynamic outputs, in the order of production."""


def mapped_key(template: str, mapping_key: str) -> str:
    """Key of the step that is made from a template for one item."""
    return f"{template}[{mapping_key}]"


def wanted_keys(template: Step, keys: Sequence[str]) -> Sequence[str]:
    """The items that steps are made for."""
    if template.only_keys is None:
        return keys
    wanted = frozenset(template.only_keys)
    return [key for key in keys if key in wanted]


def expanded(template: Step, mapping_key: str) -> Step:
    """The step that is made from a template for one item."""
    siblings = _taken_one_by_one(template)
    return msgspec.structs.replace(
        template,
        key=mapped_key(template.key, mapping_key),
        inputs=tuple(_bound(each, mapping_key, template) for each in template.inputs),
        depends_on=tuple(mapped_key(each, mapping_key) if each in siblings else each for each in template.depends_on),
        only_keys=None,
        template=template.key,
        mapping_key=mapping_key,
    )


def gathered(source: FromCollected, keys: Sequence[str]) -> FromSeveral:
    """What a list of all items is made of, once they are known."""
    is_item = (source.step, source.output) == (source.over.step, source.over.output)
    plain = FromOutput(step=source.step, output=source.output, io_manager=source.io_manager, is_mapped=True)
    return FromSeveral(sources=tuple(_of_item(plain, key, is_item=is_item) for key in keys))


def mapping_keys(produced: Iterable[Produced]) -> dict[Axis, tuple[str, ...]]:
    """The items of the dynamic outputs among what has been produced."""
    found: dict[Axis, list[str]] = {}
    for step, output, key in produced:
        if key is not None:
            found.setdefault(Axis(step, output), []).append(key)
    return {axis: tuple(keys) for axis, keys in found.items()}


def check_collected(plan: Plan, produced: Iterable[Produced]) -> None:
    """Whether every list of items can be gathered where not all that make them are in `plan` themselves.

    Raises:
        RequestError: a step for an item did not succeed in the run that would have to give its output.
    """
    outside = [
        (step, each.source)
        for step in plan.steps
        for each in step.inputs
        if isinstance(each.source, FromCollected) and _is_partial(plan, each.source)
    ]
    if not outside:
        return
    there = {(each.step, each.output) for each in produced}
    keys = mapping_keys(produced)
    for step, collected in outside:
        maker = plan.by_key.get(collected.step)
        items = keys.get(collected.over, ())
        inside = frozenset(wanted_keys(maker, items)) if maker is not None else frozenset()
        for source in gathered(collected, [key for key in items if key not in inside]).sources:
            if (source.step, source.output) not in there:
                raise RequestError(
                    f"Step {step.key!r} needs the output of {source.step!r}, which the run before did not produce. Add it to the steps to run."
                )


def _is_partial(plan: Plan, collected: FromCollected) -> bool:
    maker = plan.by_key.get(collected.step)
    return maker is None or maker.only_keys is not None


def _taken_one_by_one(template: Step) -> set[str]:
    """The templates of which it takes the output for the same item."""
    sources = [part for each in template.inputs for part in (each.source.sources if isinstance(each.source, FromSeveral) else (each.source,))]
    taken = {source.step for source in sources if isinstance(source, FromOutput) and source.is_mapped}
    return taken - {template.mapped_over.step} if template.mapped_over is not None else taken


def _bound(given: StepInput, mapping_key: str, template: Step) -> StepInput:
    return StepInput(name=given.name, source=_source(given.source, mapping_key, template))


def _source(source: Source, mapping_key: str, template: Step) -> Source:
    match source:
        case FromOutput(is_mapped=True):
            axis = template.mapped_over
            is_item = axis is not None and (source.step, source.output) == (axis.step, axis.output)
            return _of_item(source, mapping_key, is_item=is_item)
        case FromSeveral(sources=sources):
            return FromSeveral(sources=tuple(each for part in sources if isinstance(each := _source(part, mapping_key, template), FromOutput)))
        case _:
            return source


def _of_item(source: FromOutput, mapping_key: str, *, is_item: bool) -> FromOutput:
    """The item itself, or the output of the step that was made for it."""
    if is_item:
        return FromOutput(step=source.step, output=source.output, io_manager=source.io_manager, mapping_key=mapping_key)
    return FromOutput(step=mapped_key(source.step, mapping_key), output=source.output, io_manager=source.io_manager)
