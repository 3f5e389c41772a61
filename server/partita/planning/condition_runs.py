"""Which runs the conditions of one evaluation come to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from partita.definitions.keys import AssetKey
from partita.definitions.partitions import Partitions
from partita.planning.condition_facts import WHOLE
from partita.planning.conditions import ConditionResult


class ConditionRun(NamedTuple):
    """A run that conditions ask for."""

    assets: tuple[AssetKey, ...]
    """Upstream first."""
    partition: str | None
    why: str
    """The conditions that ask for it, in words."""


def runs_of_conditions(results: Iterable[ConditionResult], *, among: Collection[AssetKey]) -> tuple[ConditionRun, ...]:
    """What is asked for, cut into runs: assets that are cut alike share the run of a partition, and those without partitions share one.

    Args:
        results: what the conditions came to, upstream first.
        among: the assets of one repository, as one run cannot write those of several.
    """
    by_cut: dict[Partitions, list[ConditionResult]] = {}
    for result in results:
        if result.requested and result.key in among:
            by_cut.setdefault(result.requested.partitions, []).append(result)
    return tuple(run for cut, asking in by_cut.items() for run in _runs_of(cut, asking))


def _runs_of(cut: Partitions, asking: list[ConditionResult]) -> list[ConditionRun]:
    if cut == WHOLE:
        return [_run(asking, None)]
    wanted = cut.none()
    for result in asking:
        wanted |= result.requested
    return [_run([result for result in asking if key in result.requested], key) for key in wanted]


def _run(asking: list[ConditionResult], partition: str | None) -> ConditionRun:
    why = "; ".join(f"{result.key}: {result.reason.why}" for result in asking)
    return ConditionRun(tuple(result.key for result in asking), partition, why)
