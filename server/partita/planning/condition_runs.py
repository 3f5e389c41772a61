"""Which runs the conditions of one evaluation come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from partita.definitions.keys import AssetKey
from partita.definitions.partitions import Partitions
from partita.definitions.specs import AssetSpec
from partita.planning.condition_facts import WHOLE
from partita.planning.conditions import ConditionResult

Mates = Mapping[AssetKey, list[AssetKey]]
"""Assets that a step computes together or not at all."""


class ConditionRun(NamedTuple):
    """A run that conditions ask for."""

    asked_by: tuple[AssetKey, ...]
    """The assets whose conditions ask for it, upstream first."""
    assets: tuple[AssetKey, ...]
    """What it is to write: these, and what their steps write besides."""
    partition: str | None
    why: str
    """The conditions that ask for it, in words."""


def runs_of_conditions(results: Iterable[ConditionResult], *, among: Mapping[AssetKey, AssetSpec]) -> tuple[ConditionRun, ...]:
    """What is asked for, cut into runs: assets that are cut alike share the run of a partition, and those without partitions share one.

    A step that computes several assets or none brings all of them into the run.

    Args:
        results: what the conditions came to, upstream first.
        among: the assets of one repository, as one run cannot write those of several.
    """
    steps: dict[str, list[AssetKey]] = {}
    for spec in among.values():
        if spec.step is not None and not spec.can_subset:
            steps.setdefault(spec.step, []).append(spec.key)
    mates = {key: keys for keys in steps.values() for key in keys}
    by_cut: dict[Partitions, list[ConditionResult]] = {}
    for result in results:
        if result.requested and result.key in among:
            by_cut.setdefault(result.requested.partitions, []).append(result)
    return tuple(run for cut, asking in by_cut.items() for run in _runs_of(cut, asking, mates))


def _runs_of(cut: Partitions, asking: list[ConditionResult], mates: Mates) -> list[ConditionRun]:
    if cut == WHOLE:
        return [_run(asking, None, mates)]
    wanted = cut.none()
    for result in asking:
        wanted |= result.requested
    return [_run([result for result in asking if key in result.requested], key, mates) for key in wanted]


def _run(asking: list[ConditionResult], partition: str | None, mates: Mates) -> ConditionRun:
    why = "; ".join(f"{result.key}: {result.reason.why}" for result in asking)
    assets = dict.fromkeys(key for result in asking for key in mates.get(result.key, [result.key]))
    return ConditionRun(tuple(result.key for result in asking), tuple(assets), partition, why)
