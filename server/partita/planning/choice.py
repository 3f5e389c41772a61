"""Which steps of a plan are executed, when not all: named by key, or by a selection over the plan's own graph."""

from __future__ import annotations

from collections.abc import Sequence

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.selection import Selection
from partita.definitions.specs import AssetSpec
from partita.errors import NotFoundError, RequestError
from partita.planning.plan import FromOutput, FromSeveral, Step, StepInput, StepKind


def choose_steps(steps: Sequence[Step], wanted: Sequence[str] | None, *, has_parent: bool) -> tuple[Step, ...]:
    """The steps that `wanted` names, in plan order; None means all.

    Args:
        steps: the whole plan.
        wanted: step keys, or selections such as `+report`.
        has_parent: an earlier run can give the outputs of steps that are left out.

    Raises:
        NotFoundError: there is no such step; names the nearest.
        SelectionError: a selection that cannot be read.
        RequestError: a step needs the output of one that is left out, and there is no earlier run to take it from.
    """
    if wanted is None:
        return tuple(steps)
    known = {step.key: step for step in steps}
    chosen = {key for text in wanted for key in ([text] if text in known else _select(text, known))}
    if not chosen:
        raise RequestError("The steps given are none, so there is nothing to run.")
    kept = tuple(step for step in steps if step.key in chosen)
    if not has_parent:
        _check_inputs(kept, chosen)
    return kept


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
                raise RequestError(
                    f"Step {step.key!r} needs the output of {missing[0]!r}, which is not among the steps to run. "
                    f"Add it, or re-execute a run that has it."
                )


def _sources(given: StepInput) -> tuple[str, ...]:
    match given.source:
        case FromOutput(step=step):
            return (step,)
        case FromSeveral(sources=sources):
            return tuple(source.step for source in sources)
        case _:
            return ()
