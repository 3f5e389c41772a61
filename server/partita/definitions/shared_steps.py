"""Steps that compute several assets: whose they are, that no two are called the same, and that none is asked for in part."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.definitions.problems import Problems, standing
from partita.definitions.specs import AssetSpec
from partita.definitions.walks import circle_among, in_turn
from partita.errors import CycleError, DuplicateNameError


def check_steps(assets: Iterable[Any], problems: Problems) -> None:
    """Two functions whose steps have one key are a problem of the second."""
    holders: dict[str, Any] = {}
    for each in assets:
        spec: AssetSpec = each.spec
        if not spec.is_executable:
            continue
        holder = holders.setdefault(spec.step_key, each)
        if holder is not each and getattr(holder, "function", None) is not getattr(each, "function", None):
            problems.add(
                f"its step {spec.step_key!r} is also that of asset {str(holder.spec.key)!r}{standing(holder.spec.source)}, and one step calls one "
                "function. Give one of them another name; several assets of one function are declared with @pt.multi_asset.",
                source=spec.source,
                subject=f"asset {str(spec.key)!r}",
                kind=DuplicateNameError,
            )


def check_step_circles(graph: AssetGraph, problems: Problems) -> None:
    """Steps that wait for each other in a circle are a problem, even where their assets do not."""
    try:
        turns(graph)
    except CycleError as error:
        shared = {spec.step_key: spec.source for spec in graph.specs.values()}
        problems.add(str(error), source=shared[str(error.keys[0])], subject=f"step {str(error.keys[0])!r}", kind=CycleError)


def turns(graph: AssetGraph, owners: Mapping[AssetKey, object] | None = None) -> Sequence[Sequence[AssetKey]]:
    """Every asset after all that its step needs; those of one step together, among themselves in the order of the graph.

    Args:
        graph: the assets.
        owners: where the assets are from several repositories, whose each is: names of steps are unique in one alone.

    Raises:
        CycleError: steps wait for each other in a circle, which it names.
    """
    of_step: dict[object, list[AssetKey]] = {}
    for key in graph.order:
        spec = graph.specs[key]
        of_step.setdefault(key if spec.step is None else ((owners or {}).get(key), spec.step), []).append(key)
    if len(of_step) == len(graph):
        return list(of_step.values())
    step_of = {key: number for number, keys in enumerate(of_step.values()) for key in keys}
    members = list(of_step.values())
    above = [{step_of[each] for key in keys for each in graph.upstream(key) if each in step_of} for keys in members]
    needs = [sorted(each - {number}) for number, each in enumerate(above)]
    ordered = in_turn(needs)
    if len(ordered) < len(members):
        raise _circle(graph, members, circle_among(needs, ordered))
    return [members[number] for number in ordered]


def _circle(graph: AssetGraph, members: Sequence[Sequence[AssetKey]], circle: Sequence[int]) -> CycleError:
    names = [graph.specs[members[each][0]].step_key for each in circle]
    told = " -> ".join(f"{name} (which writes {', '.join(members[each])})" for name, each in zip(names, circle, strict=True))
    error = CycleError(
        f"its step waits for itself: {told} -> {names[0]}. A step computes its assets in one call, so no asset between them may be another "
        "step's. Declare them with functions of their own."
    )
    error.keys = tuple(map(AssetKey, names))
    return error


def part_problem(specs: Collection[AssetSpec], chosen: Collection[AssetKey], *, owners: Mapping[AssetKey, object] | None = None) -> str | None:
    """Why `chosen` cannot be computed together: a step that computes all of its assets or none is asked for some.

    Args:
        specs: the assets that there are.
        chosen: those that are asked for.
        owners: where the assets are from several repositories, whose each is.
    """
    asked: dict[object, AssetKey] = {}
    left_out: dict[object, AssetKey] = {}
    for spec in specs:
        if spec.step is not None and not spec.can_subset:
            (asked if spec.key in chosen else left_out).setdefault(((owners or {}).get(spec.key), spec.step), spec.key)
    found = next((each for each in asked if each in left_out), None)
    if found is None:
        return None
    step = next(spec.step for spec in specs if spec.key == asked[found])
    return (
        f"step {step!r} computes asset {str(asked[found])!r} only together with {str(left_out[found])!r}. Choose all of its assets, or let its "
        "function compute some: @pt.multi_asset(can_subset=True), and context.selected_keys."
    )
