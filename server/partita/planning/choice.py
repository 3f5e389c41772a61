"""Which steps of a plan are executed, when not all: named by key, or by a selection over the plan's own graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.selection import Selection
from partita.definitions.specs import AssetSpec
from partita.errors import ChoiceError, NotFoundError
from partita.planning.plan import FromCollected, FromOutput, FromSeveral, Step, StepInput, StepKind


def choose_steps(steps: Sequence[Step], wanted: Sequence[str] | None, *, has_parent: bool) -> tuple[Step, ...]:
    """The steps that `wanted` names, in plan order; None means all.

    Args:
        steps: the whole plan.
        wanted: step keys, or selections such as `+report`. Of a step that is mapped over a dynamic output, `op` means all that
            it becomes, and `op[key]` the step for one item.
        has_parent: an earlier run can give the outputs of steps that are left out.

    Raises:
        NotFoundError: there is no such step; names the nearest.
        SelectionError: a selection that cannot be read.
        RequestError: a step needs the output of one that is left out, and there is no earlier run to take it from.
    """
    if wanted is None:
        return tuple(steps)
    known = {step.key: step for step in steps}
    items = _items(wanted, known)
    chosen = {key for text in wanted if text not in items for key in ([text] if text in known else _select(text, known))}
    only: dict[str, list[str]] = {}
    for template, item in items.values():
        if template not in chosen:
            only.setdefault(template, []).append(item)
    if not chosen and not only:
        raise ChoiceError("step", "The steps given are none, so there is nothing to run.")
    kept = tuple(_narrowed(step, only.get(step.key)) for step in steps if step.key in chosen or step.key in only)
    if not has_parent:
        _check_inputs(kept, chosen | only.keys())
    return kept


def steps_of_assets(steps: Sequence[Step], assets: Sequence[str], *, owner: str) -> tuple[str, ...]:
    """Keys of the steps that compute, observe or check these assets, in plan order.

    Args:
        steps: the whole plan.
        assets: keys of assets.
        owner: what the plan is of, for messages.

    Raises:
        NotFoundError: no step has to do with one of them; names the nearest that some have.
        ChoiceError: there are no assets to choose from, or none is chosen.
    """
    subjects = {step.key: _subjects(step) for step in steps}
    known = frozenset[str]().union(*subjects.values())
    if not known:
        raise ChoiceError("asset", f"{owner[:1].upper()}{owner[1:]} is made of ops; assets cannot be chosen from it.")
    if not assets:
        raise ChoiceError("asset", "The assets given are none, so there is nothing to run.")
    for key in assets:
        if key not in known:
            raise NotFoundError(f"asset of {owner}", key, known)
    return tuple(key for key, about in subjects.items() if not about.isdisjoint(assets))


def _subjects(step: Step) -> frozenset[str]:
    return frozenset(str(key) for key in (step.asset, step.part_of, *step.subjects) if key is not None)


def _items(wanted: Sequence[str], known: Mapping[str, Step]) -> dict[str, tuple[str, str]]:
    """Template and item of each text that names the step for one item."""
    found: dict[str, tuple[str, str]] = {}
    for text in wanted:
        template, bracket, item = text.partition("[")
        if text not in known and bracket and item.endswith("]") and template in known:
            if not known[template].is_template:
                raise NotFoundError("step", text, known)
            found[text] = (template, item[:-1])
    return found


def _narrowed(step: Step, only: Sequence[str] | None) -> Step:
    return step if only is None else msgspec.structs.replace(step, only_keys=tuple(only))


def _select(text: str, known: dict[str, Step]) -> set[str]:
    """Steps that a selection means; checks are not part of the graph and are named by key."""
    inner = [step for step in known.values() if step.kind is not StepKind.CHECK]
    graph = AssetGraph([AssetSpec(step.key, deps=step.depends_on, tags=dict(step.tags), is_external=False) for step in inner])
    try:
        return {str(key) for key in Selection.parse(text).resolve(graph)}
    except NotFoundError as error:
        raise NotFoundError("step", error.name, known) from error


def _check_inputs(kept: Sequence[Step], chosen: set[str]) -> None:
    for step in kept:
        for each in step.inputs:
            missing = [source for source in _sources(each) if source not in chosen]
            if missing:
                raise ChoiceError(
                    "step",
                    f"Step {step.key!r} needs the output of {missing[0]!r}, which is not among the steps to run. "
                    f"Add it, or re-execute a run that has it.",
                )


def _sources(given: StepInput) -> tuple[str, ...]:
    match given.source:
        case FromOutput(step=step) | FromCollected(step=step):
            return (step,)
        case FromSeveral(sources=sources):
            return tuple(source.step for source in sources)
        case _:
            return ()
